//! The memory of a program: one block of bytes, aligned for every vector register.

use cornu_graph::plan::ALIGNMENT;
use cornu_graph::{Error, Result};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Zeroed bytes at an address that is a multiple of [`ALIGNMENT`].
///
/// Zeroed because an output that is read before the first run must hold valid values.
pub(crate) struct Arena {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: an arena owns its bytes, as a box does.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

impl Arena {
    /// # Errors
    /// If there is not so much memory: a model may be given larger data than fit.
    pub(crate) fn new(bytes: usize) -> Result<Arena> {
        let too_large = || {
            Error::value(format!("there is no memory for the {bytes} bytes that a step takes"))
                .help("use smaller batches, or smaller data")
        };
        // At least one line, so that the size is never 0.
        let layout = Layout::from_size_align(bytes.max(ALIGNMENT), ALIGNMENT);
        let layout = layout.map_err(|_| too_large())?;
        // SAFETY: the size is not 0.
        let start = unsafe { alloc_zeroed(layout) };
        Ok(Arena { start: NonNull::new(start).ok_or_else(too_large)?, layout })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

//! The bytes of a file, of which only so much is given out.
//!
//! An index of a hostile file may point to itself, or a thousand names to the same long text: a
//! reader that follows takes forever, or all memory. All that `hdf5-pure` learns about a file it
//! reads through this, and keeps no more than a small multiple of it: a limit here ends everything.

use hdf5_pure::{FormatError, Source};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often each byte of a file may be read. Those of Keras's files come to 1 to 3.
const TIMES: u64 = 16;

/// What may be read of the smallest file.
const LEAST: u64 = 1 << 21;

/// What a read costs beyond its bytes.
const EACH: u64 = 32;

/// A file in memory and what may still be read of it. A clone is the same one.
#[derive(Clone)]
pub(super) struct Metered {
    bytes: Arc<Vec<u8>>,
    left: Arc<AtomicU64>,
}

impl Metered {
    pub fn new(bytes: Vec<u8>) -> Metered {
        let left = LEAST + TIMES * bytes.len() as u64;
        Metered { bytes: Arc::new(bytes), left: Arc::new(AtomicU64::new(left)) }
    }

    /// The bytes themselves, which cost nothing.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether more was asked for than is given.
    pub fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    fn spend(&self, bytes: u64) -> Result<(), FormatError> {
        let left = self.left.load(Ordering::Relaxed).saturating_sub(bytes + EACH);
        self.left.store(left, Ordering::Relaxed);
        match left {
            0 => Err(FormatError::Source("too much is read".into())),
            _ => Ok(()),
        }
    }
}

impl Source for Metered {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        self.spend(buffer.len() as u64)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(buffer.len());
        let found = self
            .bytes
            .get(start..end)
            .ok_or(FormatError::UnexpectedEof { expected: end, available: self.bytes.len() })?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

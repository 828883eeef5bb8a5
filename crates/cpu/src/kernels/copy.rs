//! The same bytes in another place.

use super::{Io, Kernel, Request};
use crate::threads::{Session, part};

/// The kernel of [`cornu_graph::Op::Reshape`] and of the copies that a plan adds.
pub(crate) struct Copy {
    bytes: usize,
    parts: usize,
}

impl Copy {
    /// The kernel for a request.
    pub(crate) fn new(request: &Request<'_>) -> Copy {
        let bytes = request.outputs[0].bytes();
        Copy { bytes, parts: request.crew.tasks(bytes / 16, bytes) }
    }
}

impl Kernel for Copy {
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        let (from, to) = (io.input::<u8>(0), io.output::<u8>(0));
        if from == to {
            return;
        }
        session.run(self.parts, &|index| {
            let bytes = part(self.bytes, self.parts, index);
            // SAFETY: by the contract of this function, the two are apart.
            unsafe {
                let to = io.output::<u8>(0).add(bytes.start);
                to.copy_from_nonoverlapping(io.input::<u8>(0).add(bytes.start), bytes.len());
            }
        });
    }
}

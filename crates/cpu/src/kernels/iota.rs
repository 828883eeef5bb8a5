//! Counting along an axis.

use super::{Io, Kernel, Request};
use crate::threads::Session;

/// The kernel of [`cornu_graph::Op::Iota`].
pub(crate) struct Iota {
    outer: usize,
    size: usize,
    inner: usize,
}

impl Iota {
    /// The kernel for a request with this axis.
    pub(crate) fn new(request: &Request<'_>, axis: usize) -> Iota {
        let sizes = request.output();
        Iota {
            outer: sizes[..axis].iter().product(),
            size: sizes[axis],
            inner: sizes[axis + 1..].iter().product(),
        }
    }
}

impl Kernel for Iota {
    unsafe fn run(&self, io: Io<'_>, _: &Session<'_>) {
        let mut to = io.output::<i32>(0);
        for _ in 0..self.outer {
            for k in 0..self.size {
                for _ in 0..self.inner {
                    // SAFETY: the output has outer · size · inner elements.
                    unsafe { to.write(k as i32) };
                    to = to.wrapping_add(1);
                }
            }
        }
    }
}

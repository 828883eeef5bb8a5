//! Rows read from a table, and rows added into one.

use super::{Io, Kernel, Request};
use crate::simd::{Instructions, Simd, instantiate, prefetch};
use crate::threads::{Session, part};
use std::ops::Range;

/// The kernel of [`cornu_graph::Op::Gather`].
pub(crate) struct Gather {
    /// The rows of the table.
    rows: usize,
    /// The bytes of a row.
    bytes: usize,
    /// How many indexes there are.
    count: usize,
    parts: usize,
}

impl Gather {
    /// The kernel for a request.
    pub(crate) fn new(request: &Request<'_>) -> Gather {
        let (table, dtype) = (request.input(0), request.inputs[0].dtype);
        let bytes = table[1..].iter().product::<usize>() * dtype.size();
        let count = request.input(1).iter().product();
        let parts = request.crew.tasks(count * (bytes / 32 + 20), count);
        Gather { rows: table[0], bytes, count, parts }
    }
}

/// How many bytes ahead rows are asked for: they are anywhere in memory, and the processor does not
/// see what comes next.
const AHEAD: usize = 4096;
/// The most bytes of a row that are asked for ahead: the processor sees the rest coming.
const BEGINNING: usize = 1024;

/// The row that an index means, if the table has it.
fn row(index: i32, rows: usize) -> Option<usize> {
    usize::try_from(index).ok().filter(|&row| row < rows)
}

impl Gather {
    /// Copies the rows of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn part(&self, io: Io<'_>, indexes: Range<usize>) {
        let (table, numbers, out) = (io.input::<u8>(0), io.input::<i32>(1), io.output::<u8>(0));
        let rows_ahead = AHEAD / self.bytes.max(1) + 1;
        // SAFETY: the rows are inside the table, their copies inside the output; bytes of 0 are
        // zero, or false, in every dtype.
        unsafe {
            for i in indexes.clone() {
                let ahead = (i + rows_ahead).min(indexes.end - 1);
                if let Some(row) = row(*numbers.add(ahead), self.rows) {
                    let from = table.add(row * self.bytes);
                    let lines = (0..self.bytes.min(BEGINNING)).step_by(64);
                    lines.for_each(|byte| prefetch(from.wrapping_add(byte)));
                }
                let to = out.add(i * self.bytes);
                match row(*numbers.add(i), self.rows) {
                    Some(row) => {
                        to.copy_from_nonoverlapping(table.add(row * self.bytes), self.bytes)
                    }
                    None => to.write_bytes(0, self.bytes),
                }
            }
        }
    }
}

impl Kernel for Gather {
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        session.run(self.parts, &|index| {
            // SAFETY: by the contract of this function.
            unsafe { self.part(io, part(self.count, self.parts, index)) }
        });
    }
}

/// Adds `width` numbers to others.
pub(crate) type Add = unsafe fn(*mut f32, *const f32, usize);

/// The kernel of [`cornu_graph::Op::ScatterAdd`].
///
/// Each thread owns some rows of the table and looks through all indexes in order, so that the
/// sums do not depend on the number of threads.
pub(crate) struct ScatterAdd {
    rows: usize,
    width: usize,
    count: usize,
    add: Add,
    parts: usize,
}

impl ScatterAdd {
    /// The kernel for a request with this many rows.
    pub(crate) fn new(request: &Request<'_>, rows: usize) -> ScatterAdd {
        let width = request.output()[1..].iter().product();
        let count = request.input(0).iter().product();
        let cycles = count * (width / 8 + 4) + rows * width / 16;
        ScatterAdd {
            rows,
            width,
            count,
            add: adder(request.instructions),
            parts: request.crew.tasks(cycles, rows),
        }
    }

    /// Adds up the rows of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn part(&self, io: Io<'_>, rows: Range<usize>) {
        let (indexes, values, to) = (io.input::<i32>(0), io.input::<f32>(1), io.output::<f32>(0));
        // SAFETY: by the contract of this function; each thread writes to its own rows.
        unsafe {
            to.add(rows.start * self.width).write_bytes(0, rows.len() * self.width);
            for i in 0..self.count {
                match row(*indexes.add(i), self.rows) {
                    Some(row) if rows.contains(&row) => {
                        let (to, value) = (to.add(row * self.width), values.add(i * self.width));
                        (self.add)(to, value, self.width);
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Kernel for ScatterAdd {
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        session.run(self.parts, &|index| unsafe {
            self.part(io, part(self.rows, self.parts, index));
        });
    }
}

/// The function that adds numbers to others.
pub(crate) fn adder(instructions: Instructions) -> Add {
    instantiate!(instructions, fn(to: *mut f32, from: *const f32, width: usize), s => {
        add(s, to, from, width)
    })
}

/// Adds `width` numbers to others.
///
/// # Safety
/// They can be read and written.
#[inline(always)]
pub(crate) unsafe fn add<S: Simd>(s: S, to: *mut f32, from: *const f32, width: usize) {
    // SAFETY: by the contract of this function.
    unsafe {
        for i in (0..width).step_by(S::LANES) {
            let n = S::LANES.min(width - i);
            let sum = s.add(s.load_n(to.add(i), n), s.load_n(from.add(i), n));
            s.store_n(to.add(i), sum, n);
        }
    }
}

//! Elements moved without calculation: transposition, slices, padding, concatenation.
//!
//! Each is a few moves of a strided block of elements to another. A move runs over its innermost
//! pair of axes with a copy of rows or a transposition of squares, and over the others by index.

use super::{Io, Kernel, Request};
use crate::simd::{Instructions, Simd, instantiate};
use crate::threads::{Session, part};
use cornu_graph::op::SliceRange;

/// An axis of a move: its size, and the strides in the source and in the target.
pub(crate) type Axis = (usize, usize, usize);

/// How many rows of the inner pair of axes a thread takes at least.
const ROWS: usize = 64;

/// A strided block of an input that goes to a strided block of the output.
struct Move {
    input: usize,
    from: usize,
    to: usize,
    outer: Vec<Axis>,
    rows: Axis,
    columns: Axis,
}

impl Move {
    /// A move along axes whose target strides descend.
    fn new(input: usize, from: usize, to: usize, axes: &[Axis]) -> Move {
        let mut joined: Vec<Axis> = vec![];
        for &(size, from, to) in axes.iter().filter(|axis| axis.0 != 1) {
            match joined.last_mut() {
                Some(last) if last.1 == from * size && last.2 == to * size => {
                    *last = (last.0 * size, from, to);
                }
                _ => joined.push((size, from, to)),
            }
        }
        let columns = joined.pop().unwrap_or((1, 1, 1));
        // Rows whose elements are neighbours in the source make a transposition.
        let neighbours = joined.iter().position(|axis| axis.1 == 1 && columns.1 != 1);
        let rows = match neighbours {
            Some(axis) => joined.remove(axis),
            None => joined.pop().unwrap_or((1, 0, 0)),
        };
        Move { input, from, to, outer: joined, rows, columns }
    }

    /// How many pieces threads can share out.
    fn units(&self) -> usize {
        self.outer.iter().map(|axis| axis.0).product::<usize>() * self.rows.0.div_ceil(ROWS)
    }
}

/// The inner pair of axes of a move: the source, the target, rows and columns.
pub(crate) type Inner = unsafe fn(*const u8, *mut u8, Axis, Axis);

/// The kernel of the ops that only move elements.
pub(crate) struct Layout {
    moves: Vec<Move>,
    inner: Inner,
    /// The bytes of an element.
    size: usize,
    /// The bytes to set to zero before.
    zeros: usize,
    parts: usize,
}

impl Layout {
    fn new(request: &Request<'_>, moves: Vec<Move>, zeros: usize) -> Layout {
        let size = request.outputs[0].dtype.size();
        let units = moves.iter().map(Move::units).sum();
        let cycles = request.outputs[0].len() / 2;
        let inner = inner(size, request.instructions);
        Layout { moves, inner, size, zeros, parts: request.crew.tasks(cycles, units) }
    }

    /// The kernel of [`cornu_graph::Op::Transpose`].
    pub(crate) fn transpose(request: &Request<'_>, permutation: &[usize]) -> Layout {
        let (from, to) = (strides(&request.input(0)), strides(&request.output()));
        let sizes = request.output();
        let axes: Vec<Axis> =
            permutation.iter().enumerate().map(|(i, &p)| (sizes[i], from[p], to[i])).collect();
        Layout::new(request, vec![Move::new(0, 0, 0, &axes)], 0)
    }

    /// The kernel of [`cornu_graph::Op::Slice`].
    pub(crate) fn slice(request: &Request<'_>, ranges: &[SliceRange]) -> Layout {
        let (from, sizes) = (strides(&request.input(0)), request.output());
        let to = strides(&sizes);
        let start = ranges.iter().zip(&from).map(|(range, stride)| range.start * stride).sum();
        let axes: Vec<Axis> =
            (0..sizes.len()).map(|i| (sizes[i], from[i] * ranges[i].step, to[i])).collect();
        Layout::new(request, vec![Move::new(0, start, 0, &axes)], 0)
    }

    /// The kernel of [`cornu_graph::Op::Pad`].
    pub(crate) fn pad(request: &Request<'_>, widths: &[(usize, usize)]) -> Layout {
        let (sizes, to) = (request.input(0), strides(&request.output()));
        let from = strides(&sizes);
        let start = widths.iter().zip(&to).map(|(width, stride)| width.0 * stride).sum();
        let axes: Vec<Axis> = (0..sizes.len()).map(|i| (sizes[i], from[i], to[i])).collect();
        Layout::new(request, vec![Move::new(0, 0, start, &axes)], request.outputs[0].bytes())
    }

    /// The kernel of [`cornu_graph::Op::Concat`].
    pub(crate) fn concat(request: &Request<'_>, axis: usize) -> Layout {
        let to = strides(&request.output());
        let mut start = 0;
        let mut moves = vec![];
        for input in 0..request.inputs.len() {
            let sizes = request.input(input);
            let from = strides(&sizes);
            let axes: Vec<Axis> = (0..sizes.len()).map(|i| (sizes[i], from[i], to[i])).collect();
            moves.push(Move::new(input, 0, start, &axes));
            start += sizes[axis] * to[axis];
        }
        Layout::new(request, moves, 0)
    }

    /// Runs one unit of a move.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn unit(&self, io: Io<'_>, step: &Move, unit: usize) {
        let blocks = step.rows.0.div_ceil(ROWS);
        let (mut rest, block) = (unit / blocks, unit % blocks);
        let first = block * ROWS;
        let mut from = step.from + first * step.rows.1;
        let mut to = step.to + first * step.rows.2;
        for &(size, from_stride, to_stride) in step.outer.iter().rev() {
            from += rest % size * from_stride;
            to += rest % size * to_stride;
            rest /= size;
        }
        let rows = (ROWS.min(step.rows.0 - first), step.rows.1, step.rows.2);
        // SAFETY: the strided blocks are inside the input and the output.
        unsafe {
            let from = io.input::<u8>(step.input).add(from * self.size);
            (self.inner)(from, io.output::<u8>(0).add(to * self.size), rows, step.columns);
        }
    }
}

impl Kernel for Layout {
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function; moves and units write to different elements.
        unsafe {
            if self.zeros > 0 {
                session.run(self.parts, &|index| {
                    let bytes = part(self.zeros, self.parts, index);
                    io.output::<u8>(0).add(bytes.start).write_bytes(0, bytes.len());
                });
            }
            session.run(self.parts, &|index| {
                for step in &self.moves {
                    for unit in part(step.units(), self.parts, index) {
                        self.unit(io, step, unit);
                    }
                }
            });
        }
    }
}

/// The distance between neighbours along each axis.
fn strides(sizes: &[usize]) -> Vec<usize> {
    (0..sizes.len()).map(|axis| sizes[axis + 1..].iter().product()).collect()
}

/// The function for elements of a size.
pub(crate) fn inner(size: usize, instructions: Instructions) -> Inner {
    if size == 4 {
        instantiate!(
            instructions,
            fn(from: *const u8, to: *mut u8, rows: Axis, columns: Axis),
            s => words(s, from.cast(), to.cast(), rows, columns)
        )
    } else {
        instantiate!(
            instructions,
            fn(from: *const u8, to: *mut u8, rows: Axis, columns: Axis),
            _s => elements(from, to, rows, columns)
        )
    }
}

/// Moves elements of four bytes (whose bits are kept, whatever they mean).
///
/// # Safety
/// The strided elements can be read and written.
#[inline(always)]
unsafe fn words<S: Simd>(s: S, from: *const f32, to: *mut f32, rows: Axis, columns: Axis) {
    // SAFETY: by the contract of this function.
    unsafe {
        if columns.1 == 1 && columns.2 == 1 {
            for row in 0..rows.0 {
                copy(s, to.add(row * rows.2), from.add(row * rows.1), columns.0);
            }
        } else if rows.1 == 1 && columns.2 == 1 {
            let whole = |n: usize| n / S::LANES * S::LANES;
            let (high, wide) = (whole(rows.0), whole(columns.0));
            for row in (0..high).step_by(S::LANES) {
                for column in (0..wide).step_by(S::LANES) {
                    let (from, to) = (from.add(column * columns.1), to.add(column));
                    s.transpose(from.add(row), columns.1, to.add(row * rows.2), rows.2);
                }
            }
            let right = (columns.0 - wide, columns.1, 1);
            let (bits_from, bits_to) = (from.cast::<u32>(), to.cast::<u32>());
            let high_rows = (high, 1, rows.2);
            elements(bits_from.add(wide * columns.1), bits_to.add(wide), high_rows, right);
            let low_rows = (rows.0 - high, 1, rows.2);
            elements(bits_from.add(high), bits_to.add(high * rows.2), low_rows, columns);
        } else {
            elements(from.cast::<u32>(), to.cast::<u32>(), rows, columns);
        }
    }
}

/// Copies neighbours.
///
/// # Safety
/// They can be read and written.
#[inline(always)]
pub(crate) unsafe fn copy<S: Simd>(s: S, to: *mut f32, from: *const f32, len: usize) {
    // SAFETY: by the contract of this function.
    unsafe {
        for i in (0..len).step_by(S::LANES) {
            let n = S::LANES.min(len - i);
            s.store_n(to.add(i), s.load_n(from.add(i), n), n);
        }
    }
}

/// Moves elements one by one.
///
/// # Safety
/// The strided elements can be read and written.
#[inline(always)]
unsafe fn elements<T: Copy>(from: *const T, to: *mut T, rows: Axis, columns: Axis) {
    // SAFETY: by the contract of this function.
    unsafe {
        for row in 0..rows.0 {
            let (from, to) = (from.add(row * rows.1), to.add(row * rows.2));
            if columns.1 == 1 && columns.2 == 1 {
                to.copy_from_nonoverlapping(from, columns.0);
            } else {
                for column in 0..columns.0 {
                    *to.add(column * columns.2) = *from.add(column * columns.1);
                }
            }
        }
    }
}

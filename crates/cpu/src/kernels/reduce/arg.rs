//! The place of the first largest or smallest element along an axis.

use super::float::{Fold, Max, Min, block};
use crate::kernels::{Io, Kernel, Request};
use crate::simd::{Instructions, Simd, instantiate};
use crate::threads::{Session, part};
use cornu_graph::DType;

/// How many neighbours are searched at once.
const WIDTH: usize = 32;

/// The kernel of [`cornu_graph::Op::ArgReduce`].
pub(crate) struct ArgReduce {
    dtype: DType,
    largest: bool,
    /// The sizes outside the axis, of the axis, and inside it.
    outer: usize,
    size: usize,
    inner: usize,
    parts: usize,
    instructions: Instructions,
}

impl ArgReduce {
    /// The kernel for a request with these attributes.
    pub(crate) fn new(request: &Request<'_>, largest: bool, axis: usize) -> ArgReduce {
        let sizes = request.input(0);
        let outer = sizes[..axis].iter().product();
        let (size, inner) = (sizes[axis], sizes[axis + 1..].iter().product());
        let parts = request.crew.tasks(4 * outer * size * inner, outer);
        let (dtype, instructions) = (request.inputs[0].dtype, request.instructions);
        ArgReduce { dtype, largest, outer, size, inner, parts, instructions }
    }

    /// Searches the outer indexes of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`], for an input of type `T`.
    unsafe fn part<T: Copy + PartialOrd + Default>(&self, io: Io<'_>, index: usize) {
        let (from, to) = (io.input::<T>(0), io.output::<i32>(0));
        for outer in part(self.outer, self.parts, index) {
            for start in (0..self.inner).step_by(WIDTH) {
                let width = WIDTH.min(self.inner - start);
                // SAFETY: the block is inside the input, its results inside the output.
                unsafe {
                    let from = from.add(outer * self.size * self.inner + start);
                    let to = to.add(outer * self.inner + start);
                    match self.largest {
                        true => self.block(from, to, width, |x: T, best: T| x > best),
                        false => self.block(from, to, width, |x: T, best: T| x < best),
                    }
                }
            }
        }
    }

    /// Searches the rows of one thread, where the elements along the axis are neighbours.
    ///
    /// # Safety
    /// As [`Kernel::run`], for an input of `f32`.
    unsafe fn rows(&self, io: Io<'_>, index: usize) {
        type Search = unsafe fn(*const f32, usize, usize, *mut i32);
        macro_rules! search {
            ($fold:ident) => {
                instantiate!(
                    self.instructions,
                    fn(from: *const f32, rows: usize, size: usize, to: *mut i32),
                    s => for row in 0..rows {
                        *to.add(row) = first_best::<_, $fold>(s, from.add(row * size), size) as i32;
                    }
                )
            };
        }
        let search: Search = if self.largest { search!(Max) } else { search!(Min) };
        let rows = part(self.outer, self.parts, index);
        // SAFETY: the rows are inside the input, their results inside the output.
        unsafe {
            let from = io.input::<f32>(0).add(rows.start * self.size);
            let to = io.output::<i32>(0).add(rows.start);
            search(from, rows.len(), self.size, to);
        }
    }

    /// Searches along the axis for `width` neighbours. NaN, which differs from itself, beats all.
    ///
    /// # Safety
    /// As [`ArgReduce::part`].
    #[inline(always)]
    unsafe fn block<T: Copy + PartialOrd + Default>(
        &self,
        from: *const T,
        to: *mut i32,
        width: usize,
        beats: impl Fn(T, T) -> bool,
    ) {
        let (mut best, mut place) = ([T::default(); WIDTH], [0i32; WIDTH]);
        let is_nan = |x: T| x.partial_cmp(&x).is_none();
        // SAFETY: by the contract of this function.
        unsafe {
            for k in 0..self.size {
                for j in 0..width {
                    let x = *from.add(k * self.inner + j);
                    let better = beats(x, best[j]) || (is_nan(x) && !is_nan(best[j]));
                    if k == 0 || better {
                        (best[j], place[j]) = (x, k as i32);
                    }
                }
            }
            to.copy_from_nonoverlapping(place.as_ptr(), width);
        }
    }
}

impl Kernel for ArgReduce {
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function; `false` is less than `true` as 0 is than 1.
        session.run(self.parts, &|index| unsafe {
            match self.dtype {
                DType::F32 if self.inner == 1 => self.rows(io, index),
                DType::F32 => self.part::<f32>(io, index),
                DType::I32 => self.part::<i32>(io, index),
                DType::U8 | DType::Bool => self.part::<u8>(io, index),
            }
        });
    }
}

/// The first place of the largest (or smallest) of some numbers; that of the first NaN if there is
/// one.
///
/// # Safety
/// `size` numbers can be read at `from`.
#[inline(always)]
unsafe fn first_best<S: Simd, F: Fold>(s: S, from: *const f32, size: usize) -> usize {
    let mut holds = [0; 16];
    // SAFETY: by the contract of this function; no vector has more than 16 lanes.
    unsafe {
        let best = block::<S, F>(s, from, size);
        for start in (0..size).step_by(S::LANES) {
            // What is behind the end may be as good, but is not the first.
            let x = match size - start {
                left if left < S::LANES => s.load_or(from.add(start), left, s.splat(F::NEUTRAL)),
                _ => s.load(from.add(start)),
            };
            let is_best = if best.is_nan() { s.ne(x, x) } else { s.eq(x, s.splat(best)) };
            s.store_mask(holds.as_mut_ptr(), is_best);
            let bits = u128::from_le_bytes(holds);
            if bits != 0 {
                return start + bits.trailing_zeros() as usize / 8;
            }
        }
    }
    0
}

//! Reductions of `f32`.
//!
//! Sums are taken in blocks, so that the error grows with the length of a block and the number of
//! blocks rather than with their product.

use super::{Join, Part, Pattern, Run, Shape};
use crate::simd::{Instructions, Simd, instantiate};
use cornu_graph::op::ReduceOp;

/// How many vectors of columns are reduced at once.
const WIDTH: usize = 4;
/// How many rows are added up before they are added to the total.
const ROWS: usize = 64;
/// How many elements of a run are added up in `f32` before they are added to the total in `f64`.
const BLOCK: usize = 4096;

/// One of the reductions.
pub(super) trait Fold {
    const NEUTRAL: f32;
    fn vectors<S: Simd>(s: S, a: S::F, b: S::F) -> S::F;
    fn numbers(a: f64, b: f64) -> f64;
}

struct Sum;
struct Prod;
pub(super) struct Max;
pub(super) struct Min;

impl Fold for Sum {
    const NEUTRAL: f32 = 0.0;
    #[inline(always)]
    fn vectors<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.add(a, b)
    }
    #[inline(always)]
    fn numbers(a: f64, b: f64) -> f64 {
        a + b
    }
}

impl Fold for Prod {
    const NEUTRAL: f32 = 1.0;
    #[inline(always)]
    fn vectors<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.mul(a, b)
    }
    #[inline(always)]
    fn numbers(a: f64, b: f64) -> f64 {
        a * b
    }
}

impl Fold for Max {
    const NEUTRAL: f32 = f32::NEG_INFINITY;
    #[inline(always)]
    fn vectors<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.max_nan(a, b)
    }
    #[inline(always)]
    fn numbers(a: f64, b: f64) -> f64 {
        if a.is_nan() || a > b { a } else { b }
    }
}

impl Fold for Min {
    const NEUTRAL: f32 = f32::INFINITY;
    #[inline(always)]
    fn vectors<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.min_nan(a, b)
    }
    #[inline(always)]
    fn numbers(a: f64, b: f64) -> f64 {
        if a.is_nan() || a < b { a } else { b }
    }
}

/// The functions for a reduction.
pub(super) fn functions(kind: ReduceOp, pattern: Pattern, i: Instructions) -> (Run, Join) {
    macro_rules! of {
        ($fold:ident) => {{
            let run: Run = match pattern {
                Pattern::Runs => instantiate!(
                    i,
                    fn(shape: &Shape, from: *const u8, to: *mut u8, part: &Part),
                    s => runs::<_, $fold>(s, shape, from.cast(), to.cast(), part)
                ),
                Pattern::Rows => instantiate!(
                    i,
                    fn(shape: &Shape, from: *const u8, to: *mut u8, part: &Part),
                    s => rows::<_, $fold>(s, shape, from.cast(), to.cast(), part)
                ),
            };
            let join: Join = instantiate!(
                i,
                fn(results: usize, parts: usize, from: *const u8, to: *mut u8),
                s => join::<_, $fold>(s, results, parts, from.cast(), to.cast())
            );
            (run, join)
        }};
    }
    match kind {
        ReduceOp::Sum => of!(Sum),
        ReduceOp::Prod => of!(Prod),
        ReduceOp::Max => of!(Max),
        ReduceOp::Min => of!(Min),
    }
}

/// Reduces runs to numbers.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn runs<S: Simd, F: Fold>(s: S, shape: &Shape, from: *const f32, to: *mut f32, part: &Part) {
    // SAFETY: by the contract of this function.
    unsafe {
        for kept in part.kept.clone() {
            let start = from.add(shape.kept.offset(kept) + part.run.start);
            let mut total = f64::from(F::NEUTRAL);
            for reduced in part.reduced.clone() {
                let run = start.add(shape.reduced.offset(reduced));
                let mut done = 0;
                while done < part.run.len() {
                    let len = (part.run.len() - done).min(BLOCK);
                    total = F::numbers(total, f64::from(block::<S, F>(s, run.add(done), len)));
                    done += len;
                }
            }
            *to.add(kept) = total as f32;
        }
    }
}

/// Reduces `len` neighbours.
///
/// # Safety
/// They can be read.
#[inline(always)]
pub(super) unsafe fn block<S: Simd, F: Fold>(s: S, from: *const f32, len: usize) -> f32 {
    let neutral = s.splat(F::NEUTRAL);
    let mut sums = [neutral; 4];
    let mut i = 0;
    // SAFETY: by the contract of this function.
    unsafe {
        while i + 4 * S::LANES <= len {
            for v in 0..4 {
                sums[v] = F::vectors(s, sums[v], s.load(from.add(i + v * S::LANES)));
            }
            i += 4 * S::LANES;
        }
        while i + S::LANES <= len {
            sums[0] = F::vectors(s, sums[0], s.load(from.add(i)));
            i += S::LANES;
        }
        if i < len {
            sums[1] = F::vectors(s, sums[1], s.load_or(from.add(i), len - i, neutral));
        }
        let sums = [F::vectors(s, sums[0], sums[1]), F::vectors(s, sums[2], sums[3])];
        across::<S, F>(s, F::vectors(s, sums[0], sums[1]))
    }
}

/// Reduces the lanes of a vector.
#[inline(always)]
fn across<S: Simd, F: Fold>(s: S, v: S::F) -> f32 {
    let mut lanes = [F::NEUTRAL; 16];
    // SAFETY: no vector has more than 16 lanes.
    unsafe { s.store(lanes.as_mut_ptr(), v) };
    let mut count = S::LANES;
    while count > 1 {
        count /= 2;
        for i in 0..count {
            lanes[i] = F::numbers(f64::from(lanes[i]), f64::from(lanes[i + count])) as f32;
        }
    }
    lanes[0]
}

/// Reduces rows to one row.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn rows<S: Simd, F: Fold>(s: S, shape: &Shape, from: *const f32, to: *mut f32, part: &Part) {
    // SAFETY: by the contract of this function.
    unsafe {
        for kept in part.kept.clone() {
            let from = from.add(shape.kept.offset(kept));
            let to = to.add(kept * shape.run);
            let mut column = part.run.start;
            while column < part.run.end {
                let left = part.run.end - column;
                let (from, to) = (from.add(column), to.add(column));
                column += if left >= WIDTH * S::LANES {
                    columns::<S, F, WIDTH>(s, shape, from, to, part, S::LANES)
                } else {
                    columns::<S, F, 1>(s, shape, from, to, part, left.min(S::LANES))
                };
            }
        }
    }
}

/// Reduces the columns of `W` vectors, of which the last holds `last` columns; returns how many
/// columns that are.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn columns<S: Simd, F: Fold, const W: usize>(
    s: S,
    shape: &Shape,
    from: *const f32,
    to: *mut f32,
    part: &Part,
    last: usize,
) -> usize {
    let neutral = s.splat(F::NEUTRAL);
    // Sums of a few rows, of a few of those, and of all.
    let (mut totals, mut blocks) = ([neutral; W], [neutral; W]);
    let mut row = part.reduced.start;
    // SAFETY: by the contract of this function.
    unsafe {
        while row < part.reduced.end {
            let end = part.reduced.end.min(row + ROWS);
            let mut sums = [neutral; W];
            for row in row..end {
                let from = from.add(shape.reduced.offset(row));
                for v in 0..W {
                    let n = if v == W - 1 { last } else { S::LANES };
                    sums[v] = F::vectors(s, sums[v], s.load_n(from.add(v * S::LANES), n));
                }
            }
            row = end;
            let is_full = (row - part.reduced.start).is_multiple_of(ROWS * ROWS);
            for v in 0..W {
                blocks[v] = F::vectors(s, blocks[v], sums[v]);
                if is_full || row == part.reduced.end {
                    totals[v] = F::vectors(s, totals[v], blocks[v]);
                    blocks[v] = neutral;
                }
            }
        }
        for v in 0..W {
            let n = if v == W - 1 { last } else { S::LANES };
            s.store_n(to.add(v * S::LANES), totals[v], n);
        }
    }
    (W - 1) * S::LANES + last
}

/// Joins the results of parts.
///
/// # Safety
/// See [`Join`].
#[inline(always)]
unsafe fn join<S: Simd, F: Fold>(
    s: S,
    results: usize,
    parts: usize,
    from: *const f32,
    to: *mut f32,
) {
    let stride = results.next_multiple_of(16);
    // SAFETY: by the contract of this function.
    unsafe {
        for i in (0..results).step_by(S::LANES) {
            let n = S::LANES.min(results - i);
            let mut total = s.load_n(from.add(i), n);
            for part in 1..parts {
                total = F::vectors(s, total, s.load_n(from.add(part * stride + i), n));
            }
            s.store_n(to.add(i), total, n);
        }
    }
}

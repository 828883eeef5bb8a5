//! Products of few rows with a B that is stored transposed: dot products of rows, without packing.

use super::block::{Matrices, Pointers};
use super::rounded::round;
use crate::simd::{Instructions, Simd, instantiate};
use std::ops::Range;

/// Up to this many rows of A this way is faster than packing B.
pub(crate) const MOST_ROWS: usize = 8;

/// Asks for what [`dots`] asks for.
pub(crate) type Dots = unsafe fn(&Matrices, Pointers, Range<usize>);

/// The function for an instruction set, for numbers as they are or rounded to bfloat16.
pub(crate) fn dots(instructions: Instructions, rounded: bool) -> Dots {
    if rounded {
        instantiate!(
            instructions,
            fn(matrices: &Matrices, p: Pointers, columns: Range<usize>),
            s => columns_of::<_, true>(s, matrices, p, columns)
        )
    } else {
        instantiate!(
            instructions,
            fn(matrices: &Matrices, p: Pointers, columns: Range<usize>),
            s => columns_of::<_, false>(s, matrices, p, columns)
        )
    }
}

/// Computes `columns` of C, four at a time, so that four rows of B stay in the L1 cache while the
/// rows of A pass.
///
/// # Safety
/// The matrices are where `p` and the strides say, A as rows and B as columns; nobody else writes
/// to these columns of C.
#[inline(always)]
unsafe fn columns_of<S: Simd, const ROUNDED: bool>(
    s: S,
    m: &Matrices,
    p: Pointers,
    columns: Range<usize>,
) {
    let mut j = columns.start;
    // SAFETY: by the contract of this function.
    unsafe {
        while j < columns.end {
            let wide = columns.end - j >= 4;
            let mut i = 0;
            while i < m.m {
                let tall = m.m - i >= 2;
                match (tall, wide) {
                    (true, true) => tile::<S, 2, 4, ROUNDED>(s, m, p, i, j),
                    (true, false) => tile::<S, 2, 1, ROUNDED>(s, m, p, i, j),
                    (false, true) => tile::<S, 1, 4, ROUNDED>(s, m, p, i, j),
                    (false, false) => tile::<S, 1, 1, ROUNDED>(s, m, p, i, j),
                }
                i += if tall { 2 } else { 1 };
            }
            j += if wide { 4 } else { 1 };
        }
    }
}

/// `MR` rows of A times `NR` stored rows of B, two vectors at a time.
///
/// # Safety
/// As [`columns_of`].
#[inline(always)]
unsafe fn tile<S: Simd, const MR: usize, const NR: usize, const ROUNDED: bool>(
    s: S,
    m: &Matrices,
    p: Pointers,
    i: usize,
    j: usize,
) {
    let read = |x| if ROUNDED { round(s, x) } else { x };
    // SAFETY: by the contract of this function.
    unsafe {
        let (a, b) = (p.a.add(i * m.a_stride), p.b.add(j * m.b_stride));
        let mut sums = [[[s.splat(0.0); 2]; NR]; MR];
        let mut k = 0;
        while k + 2 * S::LANES <= m.k {
            for half in 0..2 {
                let at = k + half * S::LANES;
                let mut x = [s.splat(0.0); MR];
                for r in 0..MR {
                    x[r] = read(s.load(a.add(r * m.a_stride + at)));
                }
                for c in 0..NR {
                    let y = read(s.load(b.add(c * m.b_stride + at)));
                    for r in 0..MR {
                        sums[r][c][half] = s.mul_add(x[r], y, sums[r][c][half]);
                    }
                }
            }
            k += 2 * S::LANES;
        }
        while k < m.k {
            let n = S::LANES.min(m.k - k);
            for c in 0..NR {
                let y = read(s.load_n(b.add(c * m.b_stride + k), n));
                for r in 0..MR {
                    let x = read(s.load_n(a.add(r * m.a_stride + k), n));
                    sums[r][c][0] = s.mul_add(x, y, sums[r][c][0]);
                }
            }
            k += n;
        }
        for r in 0..MR {
            for c in 0..NR {
                let c_at = p.c.add((i + r) * m.c_stride + j + c);
                let old = if m.add { *c_at } else { 0.0 };
                *c_at = old + s.sum(s.add(sums[r][c][0], sums[r][c][1]));
            }
        }
    }
}

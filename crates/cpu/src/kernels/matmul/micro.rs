//! The innermost loop of every matrix product: one tile of the result, held in registers.

use super::numbers::Numbers;
#[cfg(target_arch = "x86_64")]
use super::pairs::Pairs;
use super::rounded::round;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Instructions, Portable, Simd, prefetch};

/// How many places of the inner dimension ahead a kernel that skips asks for B.
pub(crate) const AHEAD: usize = 8;

/// What a micro-kernel computes: `C = A·B` or `C += A·B` for a tile of C of fixed size.
pub(crate) struct Tile {
    /// The inner dimension in words; how many of it are visited by kernels that skip.
    pub k: usize,
    /// Which of the inner dimension are visited, by kernels that skip; [`AHEAD`] more can be read.
    pub visited: *const u32,
    /// The first element of A.
    pub a: *const f32,
    /// Between rows of A ([`Layout::Rows`]) or between its columns ([`Layout::Columns`]).
    pub a_stride: usize,
    /// The first element of B, whose rows hold as many numbers as the tile is wide.
    pub b: *const f32,
    /// Between rows of B.
    pub b_stride: usize,
    /// The first element of C.
    pub c: *mut f32,
    /// Between rows of C.
    pub c_stride: usize,
    /// How many lanes of the last vector of a row belong to C.
    pub last: usize,
    /// Whether the product is added to C.
    pub add: bool,
}

/// In which direction the elements of A are neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Along a row: A is not transposed.
    Rows,
    /// Along a column: A is transposed, or packed.
    Columns,
}

/// A kernel for one size of tile. It asks for the reads and writes that [`Tile`] describes.
pub(crate) type Micro = unsafe fn(&Tile);

/// What a micro-kernel does with the words of A and B.
pub(super) trait Multiply<S: Simd>: Copy {
    /// `a · b + sum`
    fn multiply_add(self, s: S, a: S::F, b: S::F, sum: S::F) -> S::F;

    /// A vector of B as it is multiplied.
    #[inline(always)]
    fn read(self, _: S, b: S::F) -> S::F {
        b
    }
}

/// Each word is a number.
#[derive(Clone, Copy)]
struct Floats;

impl<S: Simd> Multiply<S> for Floats {
    #[inline(always)]
    fn multiply_add(self, s: S, a: S::F, b: S::F, sum: S::F) -> S::F {
        s.mul_add(a, b, sum)
    }
}

/// Each word is a number; those of B are rounded to bfloat16.
#[derive(Clone, Copy)]
struct Rounding;

impl<S: Simd> Multiply<S> for Rounding {
    #[inline(always)]
    fn multiply_add(self, s: S, a: S::F, b: S::F, sum: S::F) -> S::F {
        s.mul_add(a, b, sum)
    }

    #[inline(always)]
    fn read(self, s: S, b: S::F) -> S::F {
        round(s, b)
    }
}

/// The kernel of all micro-kernels.
///
/// # Safety
/// `t.k` columns of `MR` rows of A, `t.k` rows of `NV` vectors of B can be read (if it skips: those
/// that `t.visited` tells); `MR` rows of `(NV - 1) · LANES + t.last` numbers of C can be written,
/// and read if `t.add`.
#[inline(always)]
unsafe fn micro<
    S: Simd,
    N: Multiply<S>,
    const MR: usize,
    const NV: usize,
    const ROWS: bool,
    const SKIPS: bool,
>(
    s: S,
    numbers: N,
    t: &Tile,
) {
    let mut sums = [[s.splat(0.0); NV]; MR];
    // SAFETY: by the contract of this function.
    unsafe {
        let (mut a, mut b) = (t.a, t.b);
        for step in 0..t.k {
            if SKIPS {
                let at = *t.visited.add(step) as usize;
                let ahead = t.b.wrapping_add(*t.visited.add(step + AHEAD) as usize * t.b_stride);
                for v in 0..NV {
                    prefetch(ahead.wrapping_add(v * S::LANES));
                }
                (a, b) =
                    (t.a.add(if ROWS { at } else { at * t.a_stride }), t.b.add(at * t.b_stride));
            }
            let mut row = [s.splat(0.0); NV];
            for v in 0..NV {
                row[v] = numbers.read(s, s.load(b.add(v * S::LANES)));
            }
            for i in 0..MR {
                let x = s.splat(*a.add(if ROWS { i * t.a_stride } else { i }));
                for v in 0..NV {
                    sums[i][v] = numbers.multiply_add(s, x, row[v], sums[i][v]);
                }
            }
            if !SKIPS {
                a = a.wrapping_add(if ROWS { 1 } else { t.a_stride });
                b = b.wrapping_add(t.b_stride);
            }
        }
        finish(s, t, &sums);
    }
}

/// Writes the sums to C.
///
/// # Safety
/// As [`micro`].
#[inline(always)]
unsafe fn finish<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    t: &Tile,
    sums: &[[S::F; NV]; MR],
) {
    // SAFETY: by the contract of this function.
    unsafe {
        for i in 0..MR {
            for v in 0..NV {
                let c = t.c.add(i * t.c_stride + v * S::LANES);
                if v < NV - 1 || t.last == S::LANES {
                    let sum = if t.add { s.add(s.load(c), sums[i][v]) } else { sums[i][v] };
                    s.store(c, sum);
                } else {
                    let old = if t.add { s.load_n(c, t.last) } else { s.splat(0.0) };
                    s.store_n(c, s.add(old, sums[i][v]), t.last);
                }
            }
        }
    }
}

/// One micro-kernel compiled for one instruction set.
macro_rules! kernel {
    (Avx512 Pairs, $($sizes:tt)*) => {
        kernel!(@ Avx512::assume(), Pairs::assume(), #[target_feature(
            enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"
        )], $($sizes)*)
    };
    (Avx512 $numbers:ident, $($sizes:tt)*) => {
        kernel!(@ Avx512::assume(), $numbers, #[target_feature(
            enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
        )], $($sizes)*)
    };
    (Avx2 $numbers:ident, $($sizes:tt)*) => {
        kernel!(@ Avx2::assume(), $numbers, #[target_feature(enable = "avx2,fma")], $($sizes)*)
    };
    (Portable $numbers:ident, $($sizes:tt)*) => {
        kernel!(@ Portable, $numbers, #[inline(never)], $($sizes)*)
    };
    (@ $simd:expr, $numbers:expr, #[$attribute:meta], $mr:literal, $nv:literal, $rows:literal, $skips:literal) => {{
        #[$attribute]
        unsafe fn kernel(tile: &Tile) {
            // SAFETY: the caller knows that the machine has the instructions, and keeps the
            // contract of `micro`.
            #[allow(unused_unsafe)]
            unsafe {
                micro::<_, _, $mr, $nv, $rows, $skips>($simd, $numbers, tile)
            }
        }
        kernel as Micro
    }};
}

/// The kernels of one width, of heights 1, 2, 3, …, for each layout of A.
pub(crate) struct Family {
    /// The width in vectors.
    pub vectors: usize,
    floats: Kernels,
    /// Of low tiles alone.
    rounding: Kernels,
    pairs: Option<Kernels>,
}

impl Family {
    /// The height of the tallest tile.
    pub(crate) fn tallest(&self) -> usize {
        self.floats.rows.len()
    }

    /// The kernels for numbers in a form.
    pub(crate) fn kernels(&self, numbers: Numbers) -> &Kernels {
        match (&self.pairs, numbers) {
            (Some(pairs), Numbers::Pairs) => pairs,
            (_, Numbers::ReadRounded) => &self.rounding,
            _ => &self.floats,
        }
    }
}

/// The kernels of one width for numbers in one form.
pub(crate) struct Kernels {
    rows: &'static [Micro],
    columns: &'static [Micro],
    skipping_rows: &'static [Micro],
    skipping_columns: &'static [Micro],
}

impl Kernels {
    /// The kernel for a height.
    pub(crate) fn dense(&self, layout: Layout, height: usize) -> Micro {
        match layout {
            Layout::Rows => self.rows[height - 1],
            Layout::Columns => self.columns[height - 1],
        }
    }

    /// The kernel for a height up to [`LOW`] that visits only a part of the inner dimension.
    pub(crate) fn skipping(&self, layout: Layout, height: usize) -> Micro {
        match layout {
            Layout::Rows => self.skipping_rows[height - 1],
            Layout::Columns => self.skipping_columns[height - 1],
        }
    }
}

/// The height of the tallest tile that skips zeros: the lower, the more columns of it are zeros.
pub(crate) const LOW: usize = 6;

macro_rules! family {
    (Avx512, $nv:literal: $($sizes:tt)*) => {
        Family {
            vectors: $nv,
            floats: kernels!(Avx512 Floats, $nv: $($sizes)*),
            rounding: kernels!(Avx512 Rounding, $nv: 1 2; 1 2),
            pairs: Some(kernels!(Avx512 Pairs, $nv: $($sizes)*)),
        }
    };
    ($simd:ident, $nv:literal: $($sizes:tt)*) => {
        Family {
            vectors: $nv,
            floats: kernels!($simd Floats, $nv: $($sizes)*),
            rounding: kernels!($simd Rounding, $nv: 1 2; 1 2),
            pairs: None,
        }
    };
}

macro_rules! kernels {
    ($simd:ident $numbers:ident, $nv:literal: $($mr:literal)*; $($low:literal)*) => {
        Kernels {
            rows: &[$(kernel!($simd $numbers, $mr, $nv, true, false)),*],
            columns: &[$(kernel!($simd $numbers, $mr, $nv, false, false)),*],
            skipping_rows: &[$(kernel!($simd $numbers, $low, $nv, true, true)),*],
            skipping_columns: &[$(kernel!($simd $numbers, $low, $nv, false, true)),*],
        }
    };
}

// A tile needs a register for each vector of C, one for each vector of a row of B and one for an
// element of A: 31 of 32 with AVX-512, 15 of 16 with AVX2. Wide, low tiles are for products of few
// rows, where B is read once and at least 8 sums are needed to hide the latency of the additions.
#[cfg(target_arch = "x86_64")]
static AVX512: [Family; 4] = [
    family!(Avx512, 8: 1 2; 1 2),
    family!(Avx512, 4: 1 2 3 4 5 6; 1 2 3 4 5 6),
    family!(Avx512, 2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14; 1 2 3 4 5 6),
    family!(Avx512, 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14; 1 2 3 4 5 6),
];
#[cfg(target_arch = "x86_64")]
static AVX2: [Family; 4] = [
    family!(Avx2, 8: 1; 1),
    family!(Avx2, 4: 1 2; 1 2),
    family!(Avx2, 2: 1 2 3 4 5 6; 1 2 3 4 5 6),
    family!(Avx2, 1: 1 2 3 4 5 6; 1 2 3 4 5 6),
];
static PORTABLE: [Family; 1] = [family!(Portable, 1: 1 2 3 4; 1 2 3 4)];

/// The families of an instruction set, the widest first. The last is one vector wide.
pub(crate) fn families(instructions: Instructions) -> &'static [Family] {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => &AVX512,
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => &AVX2,
        _ => &PORTABLE,
    }
}

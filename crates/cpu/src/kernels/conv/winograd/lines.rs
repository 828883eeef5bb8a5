//! The transforms of F(4, 3) and F(3, 4) along one axis, on vectors.
//!
//! Both multiply polynomials by their values at six points: 0, ±3/4, ±3/2 and infinity. The usual
//! 0, ±1, ±2 make two to three times the error. The squares and cubes of these points are exact
//! in `f32`, so a transform rounds its sums only; the divisions are all in [`FromFilter`] and
//! [`ToFilter`].
//!
//! In the words of the literature (Lavin and Gray, 2015): [`FromPixels`] is `Bᵀ`, [`FromFilter`]
//! `G`, [`ToWindows`] `Aᵀ`; for the filters' gradient [`FromWindows`] is `A` and [`ToFilter`] `Gᵀ`.

use crate::simd::Simd;
use std::ops::Range;

/// The points: 0, P, -P, Q, -Q, infinity.
const P: f32 = 0.75;
const Q: f32 = 1.5;
const P2: f32 = P * P;
const Q2: f32 = Q * Q;
/// What the values of a filter are divided by: for each point the product of its distances to
/// the others.
const AT_ZERO: f32 = 1.0 / (P2 * Q2);
const AT_P: f32 = 1.0 / (2.0 * P2 * (P2 - Q2));
const AT_Q: f32 = 1.0 / (2.0 * Q2 * (Q2 - P2));

/// A transform of `A` vectors into `B`. Not a closure, because those are not inlined for certain, and
/// only what is inlined is compiled for the instructions.
pub(super) trait Line<const A: usize, const B: usize> {
    fn apply<S: Simd>(s: S, x: [S::F; A]) -> [S::F; B];
}

/// Of six pixels.
#[derive(Clone, Copy)]
pub(super) struct FromPixels;

impl Line<6, 6> for FromPixels {
    #[inline(always)]
    fn apply<S: Simd>(s: S, d: [S::F; 6]) -> [S::F; 6] {
        let (product, sum) = (s.splat(P2 * Q2), s.splat(-(P2 + Q2)));
        let even_p = s.mul_add(s.splat(-Q2), d[2], d[4]);
        let odd_p = s.mul_add(s.splat(-Q2), d[1], d[3]);
        let even_q = s.mul_add(s.splat(-P2), d[2], d[4]);
        let odd_q = s.mul_add(s.splat(-P2), d[1], d[3]);
        [
            s.mul_add(product, d[0], s.mul_add(sum, d[2], d[4])),
            s.mul_add(s.splat(P), odd_p, even_p),
            s.mul_add(s.splat(-P), odd_p, even_p),
            s.mul_add(s.splat(Q), odd_q, even_q),
            s.mul_add(s.splat(-Q), odd_q, even_q),
            s.mul_add(product, d[1], s.mul_add(sum, d[3], d[5])),
        ]
    }
}

/// Of the three weights of a filter.
#[derive(Clone, Copy)]
pub(super) struct FromFilter;

impl Line<3, 6> for FromFilter {
    #[inline(always)]
    fn apply<S: Simd>(s: S, w: [S::F; 3]) -> [S::F; 6] {
        let even_p = s.mul_add(s.splat(P2), w[2], w[0]);
        let even_q = s.mul_add(s.splat(Q2), w[2], w[0]);
        [
            s.mul(s.splat(AT_ZERO), w[0]),
            s.mul(s.splat(AT_P), s.mul_add(s.splat(P), w[1], even_p)),
            s.mul(s.splat(AT_P), s.mul_add(s.splat(-P), w[1], even_p)),
            s.mul(s.splat(AT_Q), s.mul_add(s.splat(Q), w[1], even_q)),
            s.mul(s.splat(AT_Q), s.mul_add(s.splat(-Q), w[1], even_q)),
            w[2],
        ]
    }
}

/// To the four windows whose products these are.
#[derive(Clone, Copy)]
pub(super) struct ToWindows;

impl Line<6, 4> for ToWindows {
    #[inline(always)]
    fn apply<S: Simd>(s: S, m: [S::F; 6]) -> [S::F; 4] {
        let (even_p, odd_p) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (even_q, odd_q) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        [
            s.add(m[0], s.add(even_p, even_q)),
            both(s, P, odd_p, Q, odd_q),
            both(s, P2, even_p, Q2, even_q),
            s.add(m[5], both(s, P * P2, odd_p, Q * Q2, odd_q)),
        ]
    }
}

/// Of the gradients of four windows.
#[derive(Clone, Copy)]
pub(super) struct FromWindows;

impl Line<4, 6> for FromWindows {
    #[inline(always)]
    fn apply<S: Simd>(s: S, g: [S::F; 4]) -> [S::F; 6] {
        let even_p = s.mul_add(s.splat(P2), g[2], g[0]);
        let odd_p = s.mul_add(s.splat(P2), g[3], g[1]);
        let even_q = s.mul_add(s.splat(Q2), g[2], g[0]);
        let odd_q = s.mul_add(s.splat(Q2), g[3], g[1]);
        [
            g[0],
            s.mul_add(s.splat(P), odd_p, even_p),
            s.mul_add(s.splat(-P), odd_p, even_p),
            s.mul_add(s.splat(Q), odd_q, even_q),
            s.mul_add(s.splat(-Q), odd_q, even_q),
            g[3],
        ]
    }
}

/// To the gradients of the three weights whose products these are.
#[derive(Clone, Copy)]
pub(super) struct ToFilter;

impl Line<6, 3> for ToFilter {
    #[inline(always)]
    fn apply<S: Simd>(s: S, m: [S::F; 6]) -> [S::F; 3] {
        let (even_p, odd_p) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (even_q, odd_q) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        [
            s.mul_add(s.splat(AT_ZERO), m[0], both(s, AT_P, even_p, AT_Q, even_q)),
            both(s, AT_P * P, odd_p, AT_Q * Q, odd_q),
            s.add(m[5], both(s, AT_P * P2, even_p, AT_Q * Q2, even_q)),
        ]
    }
}

/// `p·x + q·y`
#[inline(always)]
fn both<S: Simd>(s: S, p: f32, x: S::F, q: f32, y: S::F) -> S::F {
    s.mul_add(s.splat(p), x, s.mul(s.splat(q), y))
}

/// A square of vectors in memory.
#[derive(Clone)]
pub(super) struct Square {
    /// The first vector.
    pub start: *mut f32,
    /// From a row to the next.
    pub down: isize,
    /// From a column to the next.
    pub right: isize,
    /// The rows and columns that are there. Others read as 0 and are not written.
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    /// How many lanes of each vector are there.
    pub lanes: usize,
}

impl Square {
    /// A square of `side` rows and columns, all of which are there.
    #[inline(always)]
    pub(super) fn whole<S: Simd>(
        _: S,
        start: *mut f32,
        down: usize,
        right: usize,
        side: usize,
    ) -> Square {
        let (rows, columns) = (0..side, 0..side);
        let (down, right) = (down as isize, right as isize);
        Square { start, down, right, rows, columns, lanes: S::LANES }
    }

    #[inline(always)]
    fn is_whole<S: Simd>(&self, _: S, side: usize) -> bool {
        self.lanes == S::LANES && self.rows == (0..side) && self.columns == (0..side)
    }

    /// # Safety
    /// The vector can be read, if it is there.
    #[inline(always)]
    unsafe fn load<S: Simd, const WHOLE: bool>(&self, s: S, y: usize, x: usize) -> S::F {
        let p = self.start.wrapping_offset(y as isize * self.down + x as isize * self.right);
        // SAFETY: by the contract of this function.
        unsafe {
            if WHOLE {
                s.load(p)
            } else if self.has(y, x) {
                s.load_n(p, self.lanes)
            } else {
                s.splat(0.0)
            }
        }
    }

    /// # Safety
    /// The vector can be written, if it is there.
    #[inline(always)]
    unsafe fn store<S: Simd, const WHOLE: bool>(&self, s: S, y: usize, x: usize, v: S::F) {
        let p = self.start.wrapping_offset(y as isize * self.down + x as isize * self.right);
        // SAFETY: by the contract of this function.
        unsafe {
            if WHOLE {
                s.store(p, v);
            } else if self.has(y, x) {
                s.store_n(p, v, self.lanes);
            }
        }
    }

    #[inline(always)]
    fn has(&self, y: usize, x: usize) -> bool {
        (self.rows.start <= y && y < self.rows.end)
            && (self.columns.start <= x && x < self.columns.end)
    }
}

/// Transforms a square along both axes.
///
/// # Safety
/// What is there of `from` can be read, and of `to` be written.
#[inline(always)]
pub(super) unsafe fn transform<S: Simd, L: Line<A, B>, const A: usize, const B: usize>(
    s: S,
    _: L,
    from: &Square,
    to: &Square,
) {
    // SAFETY: by the contract of this function.
    unsafe {
        if from.is_whole(s, A) && to.is_whole(s, B) {
            both_axes::<S, L, A, B, true>(s, from, to);
        } else {
            both_axes::<S, L, A, B, false>(s, from, to);
        }
    }
}

/// # Safety
/// As [`transform`]; if `WHOLE`, all is there.
#[inline(always)]
unsafe fn both_axes<S: Simd, L: Line<A, B>, const A: usize, const B: usize, const WHOLE: bool>(
    s: S,
    from: &Square,
    to: &Square,
) {
    let mut half = [[s.splat(0.0); B]; A];
    // SAFETY: by the contract of this function.
    unsafe {
        for y in 0..A {
            let mut row = [s.splat(0.0); A];
            for x in 0..A {
                row[x] = from.load::<S, WHOLE>(s, y, x);
            }
            half[y] = L::apply(s, row);
        }
        for x in 0..B {
            let mut column = [s.splat(0.0); A];
            for y in 0..A {
                column[y] = half[y][x];
            }
            let column = L::apply(s, column);
            for y in 0..B {
                to.store::<S, WHOLE>(s, y, x, column[y]);
            }
        }
    }
}

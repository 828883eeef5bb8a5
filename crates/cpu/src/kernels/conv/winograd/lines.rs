//! The transforms of F(4, 3) and F(3, 4) along one axis, on vectors.
//!
//! Both multiply polynomials by their values at six points: 0, ±3/4, ±3/2 and infinity. The usual
//! 0, ±1, ±2 make two to three times the error. The squares and cubes of these points are exact
//! in `f32`, so a transform rounds its sums only; the divisions are all in [`from_filter`].
//!
//! In the words of the literature (Lavin and Gray, 2015): [`from_pixels`] is `Bᵀ`, [`from_filter`]
//! `G`, [`to_windows`] `Aᵀ`; for the filters' gradient [`from_windows`] is `A` and [`to_filter`]
//! `Gᵀ`.

use crate::simd::Simd;

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

/// Six pixels.
#[inline(always)]
pub(super) fn from_pixels<S: Simd>(s: S, d: [S::F; 6]) -> [S::F; 6] {
    let (p, q, p2, q2) = (s.splat(P), s.splat(Q), s.splat(-P2), s.splat(-Q2));
    let (product, sum) = (s.splat(P2 * Q2), s.splat(-(P2 + Q2)));
    let even_p = s.mul_add(q2, d[2], d[4]);
    let odd_p = s.mul_add(q2, d[1], d[3]);
    let even_q = s.mul_add(p2, d[2], d[4]);
    let odd_q = s.mul_add(p2, d[1], d[3]);
    [
        s.mul_add(product, d[0], s.mul_add(sum, d[2], d[4])),
        s.mul_add(p, odd_p, even_p),
        s.mul_add(s.splat(-P), odd_p, even_p),
        s.mul_add(q, odd_q, even_q),
        s.mul_add(s.splat(-Q), odd_q, even_q),
        s.mul_add(product, d[1], s.mul_add(sum, d[3], d[5])),
    ]
}

/// The three weights of a filter.
#[inline(always)]
pub(super) fn from_filter<S: Simd>(s: S, w: [S::F; 3]) -> [S::F; 6] {
    let even_p = s.mul_add(s.splat(P2), w[2], w[0]);
    let even_q = s.mul_add(s.splat(Q2), w[2], w[0]);
    let scaled = |x, scale| s.mul(x, s.splat(scale));
    [
        scaled(w[0], AT_ZERO),
        scaled(s.mul_add(s.splat(P), w[1], even_p), AT_P),
        scaled(s.mul_add(s.splat(-P), w[1], even_p), AT_P),
        scaled(s.mul_add(s.splat(Q), w[1], even_q), AT_Q),
        scaled(s.mul_add(s.splat(-Q), w[1], even_q), AT_Q),
        w[2],
    ]
}

/// The four windows whose products these are.
#[inline(always)]
pub(super) fn to_windows<S: Simd>(s: S, m: [S::F; 6]) -> [S::F; 4] {
    let (even_p, odd_p) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    let (even_q, odd_q) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
    let both = |p, of_p, q, of_q| s.mul_add(s.splat(p), of_p, s.mul(s.splat(q), of_q));
    [
        s.add(m[0], s.add(even_p, even_q)),
        both(P, odd_p, Q, odd_q),
        both(P2, even_p, Q2, even_q),
        s.add(m[5], both(P * P2, odd_p, Q * Q2, odd_q)),
    ]
}

/// The gradients of four windows.
#[inline(always)]
pub(super) fn from_windows<S: Simd>(s: S, g: [S::F; 4]) -> [S::F; 6] {
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

/// The gradients of the three weights whose products these are.
#[inline(always)]
pub(super) fn to_filter<S: Simd>(s: S, m: [S::F; 6]) -> [S::F; 3] {
    let (at_p, at_q) = (s.splat(AT_P), s.splat(AT_Q));
    let (even_p, odd_p) = (s.mul(at_p, s.add(m[1], m[2])), s.mul(at_p, s.sub(m[1], m[2])));
    let (even_q, odd_q) = (s.mul(at_q, s.add(m[3], m[4])), s.mul(at_q, s.sub(m[3], m[4])));
    let both = |p, of_p, q, of_q| s.mul_add(s.splat(p), of_p, s.mul(s.splat(q), of_q));
    [
        s.mul_add(s.splat(AT_ZERO), m[0], s.add(even_p, even_q)),
        both(P, odd_p, Q, odd_q),
        s.add(m[5], both(P2, even_p, Q2, even_q)),
    ]
}

/// Transforms a square along both axes.
///
/// `load` gives the element in a row and column, `store` takes one.
#[inline(always)]
pub(super) fn square<S: Simd, const A: usize, const B: usize>(
    s: S,
    line: impl Fn(S, [S::F; A]) -> [S::F; B],
    load: impl Fn(usize, usize) -> S::F,
    store: impl Fn(usize, usize, S::F),
) {
    let mut half = [[s.splat(0.0); B]; A];
    for y in 0..A {
        let mut row = [s.splat(0.0); A];
        for x in 0..A {
            row[x] = load(y, x);
        }
        half[y] = line(s, row);
    }
    for x in 0..B {
        let mut column = [s.splat(0.0); A];
        for y in 0..A {
            column[y] = half[y][x];
        }
        let column = line(s, column);
        for y in 0..B {
            store(y, x, column[y]);
        }
    }
}

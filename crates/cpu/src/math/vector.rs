//! Functions of `f32` vectors.

use crate::simd::Simd;
use std::f32::consts::{LOG2_E, SQRT_2};

/// ln 2 in two parts: the first has few digits, so that small multiples of it are exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `c[0] + c[1]·x + c[2]·x² + …`
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::F, c: [f32; N]) -> S::F {
    let mut sum = s.splat(c[N - 1]);
    for i in (0..N - 1).rev() {
        sum = s.mul_add(sum, x, s.splat(c[i]));
    }
    sum
}

/// `2ⁿ` for `n` from -126 to 127.
#[inline(always)]
fn power_of_two<S: Simd>(s: S, n: S::I) -> S::F {
    s.float_of_bits(s.shift_left::<23>(s.add_i(n, s.splat_i(127))))
}

/// `x = n·ln 2 + r` with `|r| ≤ ln 2 / 2`: n, r and `eʳ - 1`.
#[inline(always)]
fn reduced_expm1<S: Simd>(s: S, x: S::F) -> (S::I, S::F) {
    let n = s.round(s.mul(x, s.splat(LOG2_E)));
    let r = s.mul_add(n, s.splat(-LN2_HIGH), x);
    let r = s.mul_add(n, s.splat(-LN2_LOW), r);
    let q = polynomial(
        s,
        r,
        [0.5, 1.666_666_7e-1, 4.166_635_5e-2, 8.333_273e-3, 1.394_106_3e-3, 1.991_427_3e-4],
    );
    (s.to_int(n), s.mul_add(s.mul(q, r), r, r))
}

/// `x` between two bounds; NaN stays.
#[inline(always)]
fn clamp<S: Simd>(s: S, x: S::F, low: f32, high: f32) -> S::F {
    s.max(s.splat(low), s.min(s.splat(high), x))
}

/// `eˣ`
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    let (n, m) = reduced_expm1(s, clamp(s, x, -104.0, 89.0));
    // The power may be out of range: half of it, twice.
    let half = s.shift_right::<1>(n);
    let rest = s.sub_i(n, half);
    let y = s.mul(s.add(m, s.splat(1.0)), power_of_two(s, half));
    s.mul(y, power_of_two(s, rest))
}

/// `eˣ - 1`
#[inline(always)]
pub(crate) fn expm1<S: Simd>(s: S, x: S::F) -> S::F {
    let (n, m) = reduced_expm1(s, clamp(s, x, -25.0, 89.0));
    // 2ⁿ·(m + 1) - 1, in halves because 2¹²⁸ is out of range.
    let p = power_of_two(s, s.sub_i(n, s.splat_i(1)));
    let y = s.mul_add(p, m, s.sub(p, s.splat(0.5)));
    let y = s.add(y, y);
    // Keeps -0, and the digits of numbers so small that the product above would be flushed.
    s.select(s.lt(s.abs(x), s.splat(1e-30)), x, y)
}

/// `ln x`
#[inline(always)]
pub(crate) fn log<S: Simd>(s: S, x: S::F) -> S::F {
    // x = m·2ⁿ with m from √½ to √2.
    let offset = s.splat_i((SQRT_2 / 2.0).to_bits() as i32);
    let bits = s.sub_i(s.bits(x), offset);
    let n = s.shift_right::<23>(bits);
    let m = s.float_of_bits(s.add_i(s.sub_i(bits, s.shift_left::<23>(n)), offset));
    let (f, n) = (s.sub(m, s.splat(1.0)), s.to_float(n));
    let p = polynomial(
        s,
        f,
        [
            3.333_331e-1,
            -2.499_998_7e-1,
            2.000_221_8e-1,
            -1.666_924_8e-1,
            1.421_880_1e-1,
            -1.238_445_6e-1,
            1.187_213_7e-1,
            -1.178_894_9e-1,
            6.916_108e-2,
        ],
    );
    let square = s.mul(f, f);
    let low = s.mul_add(n, s.splat(LN2_LOW), s.mul(s.mul(p, f), square));
    let low = s.mul_add(square, s.splat(-0.5), low);
    let y = s.mul_add(n, s.splat(LN2_HIGH), s.add(f, low));
    // Zero, infinity, negative numbers and NaN.
    let y = s.select(s.lt(x, s.splat(f32::MIN_POSITIVE)), s.splat(f32::NEG_INFINITY), y);
    let y = s.select(s.lt(x, s.splat(0.0)), s.splat(f32::NAN), y);
    let special = s.lt(x, s.splat(f32::INFINITY));
    let y_special = s.select(s.eq(x, s.splat(f32::INFINITY)), x, s.splat(f32::NAN));
    s.select(special, y, y_special)
}

/// `ln(1 + x)`
#[inline(always)]
pub(crate) fn log1p<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let u = s.add(one, x);
    // What the sum has lost.
    let lost = s.div(s.sub(x, s.sub(u, one)), u);
    let y = log(s, u);
    let regular = s.lt(s.abs(y), s.splat(f32::INFINITY));
    let y = s.select(regular, s.add(y, lost), y);
    s.select(s.lt(s.abs(x), s.splat(1e-30)), x, y)
}

/// `tanh x`, from `e²ˣ - 1`.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    let a = s.abs(x);
    let m = expm1(s, s.min(s.splat(20.0), s.add(a, a)));
    s.with_sign(s.div(m, s.add(m, s.splat(2.0))), x)
}

/// `1 / (1 + e⁻ˣ)`
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    s.div(one, s.add(one, exp(s, s.neg(x))))
}

/// The error function.
#[inline(always)]
pub(crate) fn erf<S: Simd>(s: S, x: S::F) -> S::F {
    let (a, square) = (s.abs(x), s.mul(x, x));
    let near = polynomial(
        s,
        square,
        [
            1.283_791_7e-1,
            -3.761_263_5e-1,
            1.128_369_4e-1,
            -2.685_927e-2,
            5.200_634e-3,
            -8.137_438_6e-4,
            8.345_229e-5,
        ],
    );
    let near = s.mul_add(near, a, a);
    // 1 - e^(-t·q(t))
    let t = s.min(s.splat(4.0), a);
    let q = polynomial(
        s,
        t,
        [
            1.128_652_2,
            6.351_359e-1,
            1.062_631_46e-1,
            -2.378_534_9e-2,
            3.653_764_7e-3,
            -3.256_529e-4,
            1.152_230_7e-5,
        ],
    );
    let far = s.sub(s.splat(1.0), exp(s, s.neg(s.mul(t, q))));
    let y = s.select(s.lt(a, s.splat(0.925)), near, far);
    s.with_sign(y, x)
}

/// `sin 2πu` and `cos 2πu` for `u` from 0 to 1.
#[inline(always)]
pub(crate) fn sin_cos_turns<S: Simd>(s: S, u: S::F) -> (S::F, S::F) {
    // u = k/4 + f with |f| ≤ 1/8.
    let k = s.round(s.mul(u, s.splat(4.0)));
    let f = s.mul_add(k, s.splat(-0.25), u);
    let square = s.mul(f, f);
    let sine = polynomial(s, square, [6.283_185_5, -41.341_7, 81.605_2, -76.697_87, 41.472_95]);
    let sine = s.mul(sine, f);
    let cosine =
        polynomial(s, square, [1.0, -19.739_208, 64.939_39, -85.456_77, 60.238_464, -26.064_686]);
    // A quarter turn exchanges the two; k is 0, 1, 2, 3 or 4.
    let (minus_sine, minus_cosine) = (s.neg(sine), s.neg(cosine));
    (
        by_quarter(s, k, [sine, cosine, minus_sine, minus_cosine]),
        by_quarter(s, k, [cosine, minus_sine, minus_cosine, sine]),
    )
}

/// The vector at place `k`, in each lane; the first for a full turn.
#[inline(always)]
fn by_quarter<S: Simd>(s: S, k: S::F, v: [S::F; 4]) -> S::F {
    let mut y = v[0];
    for i in 1..4 {
        y = s.select(s.eq(k, s.splat(i as f32)), v[i], y);
    }
    y
}

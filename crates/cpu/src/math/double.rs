//! Functions of `f32` numbers calculated in `f64`, without branches, so that the compiler makes
//! vectors of them.

use std::f64::consts::{FRAC_2_PI, LN_2, SQRT_2};

/// Adding this to a number below 2⁵¹ leaves the nearest whole number in the lower bits.
const SHIFT: f64 = 6_755_399_441_055_744.0;

/// The nearest whole number, and its lower bits.
#[inline(always)]
fn nearest(x: f64) -> (f64, u64) {
    let shifted = x + SHIFT;
    (shifted - SHIFT, shifted.to_bits())
}

/// `c[0] + c[1]·x + c[2]·x² + …`
#[inline(always)]
fn polynomial<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum * x + c[i];
    }
    sum
}

/// `log₂ x` of a positive number to about 1e-12; of 0 about -1023.
#[inline(always)]
fn log2(x: f64) -> f64 {
    let offset = (SQRT_2 / 2.0).to_bits();
    let bits = x.to_bits().wrapping_sub(offset);
    // The exponent as a number: put into the digits of 2⁵², less what belongs to 2⁵².
    let exponent = ((bits as i64) >> 52).wrapping_add(1 << 51);
    let n = f64::from_bits(0x4330_0000_0000_0000 | exponent as u64 & ((1 << 52) - 1))
        - 6_755_399_441_055_744.0;
    let m = f64::from_bits((bits & ((1 << 52) - 1)).wrapping_add(offset));
    // The series of ln m in (m - 1) / (m + 1).
    let s = (m - 1.0) / (m + 1.0);
    let series = polynomial(
        s * s,
        [1.0, 1.0 / 3.0, 1.0 / 5.0, 1.0 / 7.0, 1.0 / 9.0, 1.0 / 11.0, 1.0 / 13.0, 1.0 / 15.0],
    );
    n + series * s * (2.0 / LN_2)
}

/// `2ˣ` for `x` between -1000 and 1000, to about 1e-12.
#[inline(always)]
fn exp2(x: f64) -> f64 {
    let (n, bits) = nearest(x);
    let power = f64::from_bits(bits.wrapping_add(1023) << 52);
    let series = polynomial(
        (x - n) * LN_2,
        [
            1.0,
            1.0,
            1.0 / 2.0,
            1.0 / 6.0,
            1.0 / 24.0,
            1.0 / 120.0,
            1.0 / 720.0,
            1.0 / 5040.0,
            1.0 / 40_320.0,
            1.0 / 362_880.0,
            1.0 / 3_628_800.0,
        ],
    );
    power * series
}

/// `aᵇ`, with the special cases of the standard library's `powf`.
#[inline(always)]
pub(crate) fn pow(a: f32, b: f32) -> f32 {
    let (x, y) = (f64::from(a), f64::from(b));
    let magnitude = x.abs();
    let logarithm = if magnitude == f64::INFINITY { f64::INFINITY } else { log2(magnitude) };
    let logarithm = if magnitude == 0.0 { f64::NEG_INFINITY } else { logarithm };
    let logarithm = if magnitude == 1.0 { 0.0 } else { logarithm };
    let product = y * logarithm;
    let product = if product > 500.0 { 500.0 } else { product };
    let product = if product < -500.0 { -500.0 } else { product };
    // Infinity times the logarithm of 1 is NaN, and so is an argument that is NaN.
    let one = magnitude == 1.0;
    let power = if one { 1.0 } else { exp2(product) };
    // All numbers of 2²⁴ and more are even.
    let small = y.abs() < 16_777_216.0;
    let (whole, bits) = nearest(if small { y } else { 0.0 });
    let is_whole = !small || whole == y;
    let odd = small && is_whole && bits & 1 == 1;
    let negative = x < 0.0 || (x == 0.0 && x.is_sign_negative());
    let signed = if negative && odd { -power } else { power };
    let finite = magnitude < f64::INFINITY;
    let signed = if x < 0.0 && finite && !is_whole { f64::NAN } else { signed };
    let nan = a.is_nan() || b.is_nan();
    let signed = if nan { f64::NAN } else { signed };
    (if b == 0.0 || a == 1.0 { 1.0 } else { signed }) as f32
}

/// Arguments up to this size are reduced fast.
pub(crate) const LARGE: f32 = 1_000_000.0;

/// `x = k·π/2 + r` with `|r| ≤ π/4`: r, and the lower bits of k.
#[inline(always)]
fn reduce(x: f64) -> (f64, u64) {
    let (k, bits) = nearest(x * FRAC_2_PI);
    // π/2 in two parts; the first has 33 digits, so that its products with k are exact.
    let r = x - k * 1.570_796_326_734_125_6 - k * 6.077_100_506_506_192e-11;
    (r, bits)
}

#[inline(always)]
fn sine(r: f64) -> f64 {
    let series = polynomial(
        r * r,
        [
            1.0,
            -1.0 / 6.0,
            1.0 / 120.0,
            -1.0 / 5040.0,
            1.0 / 362_880.0,
            -1.0 / 39_916_800.0,
            1.0 / 6_227_020_800.0,
        ],
    );
    series * r
}

#[inline(always)]
fn cosine(r: f64) -> f64 {
    polynomial(
        r * r,
        [
            1.0,
            -1.0 / 2.0,
            1.0 / 24.0,
            -1.0 / 720.0,
            1.0 / 40_320.0,
            -1.0 / 3_628_800.0,
            1.0 / 479_001_600.0,
            -1.0 / 87_178_291_200.0,
        ],
    )
}

/// The sine or cosine of `k` quarter turns and `r`.
#[inline(always)]
fn turned(r: f64, k: u64) -> f32 {
    let value = if k & 1 == 1 { cosine(r) } else { sine(r) };
    (if k & 2 == 2 { -value } else { value }) as f32
}

/// `sin x` for `|x| ≤` [`LARGE`].
#[inline(always)]
pub(crate) fn sin(x: f32) -> f32 {
    let (r, k) = reduce(f64::from(x));
    turned(r, k)
}

/// `cos x` for `|x| ≤` [`LARGE`].
#[inline(always)]
pub(crate) fn cos(x: f32) -> f32 {
    let (r, k) = reduce(f64::from(x));
    turned(r, k.wrapping_add(1))
}

/// `a - b·⌊a/b⌋`
#[inline(always)]
pub(crate) fn modulo(a: f32, b: f32) -> f32 {
    let (x, y) = (f64::from(a), f64::from(b));
    (x - y * (x / y).floor()) as f32
}

//! Every function against `f64`, over its range and at its edges, with all instruction sets.

use super::{double, vector};
use crate::simd::{Instructions, Simd, instantiate};

/// Applies a vector function to numbers.
macro_rules! apply {
    ($which:expr, $function:ident, $x:expr) => {{
        let x: &[f32] = $x;
        let mut padded = x.to_vec();
        padded.resize(x.len().next_multiple_of(16), 0.0);
        let mut y = padded.clone();
        let run = instantiate!($which, fn(x: &[f32], y: &mut [f32]), s => each(s, x, y, |v| {
            vector::$function(s, v)
        }));
        unsafe { run(&padded, &mut y) };
        y.truncate(x.len());
        y
    }};
}

#[inline(always)]
unsafe fn each<S: Simd>(s: S, x: &[f32], y: &mut [f32], f: impl Fn(S::F) -> S::F) {
    for i in (0..x.len()).step_by(S::LANES) {
        unsafe { s.store(y.as_mut_ptr().add(i), f(s.load(x.as_ptr().add(i)))) }
    }
}

const SPECIAL: [f32; 12] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-35,
    -1e-35,
    3e38,
    -3e38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    f32::MIN_POSITIVE,
];

/// Many numbers of a range, and the special ones.
fn numbers(low: f32, high: f32) -> Vec<f32> {
    let count = 200_003;
    let spread = (0..count).map(|i| low + (high - low) * (i as f32 / count as f32));
    let tiny = (-120..120).flat_map(|e| [2f32.powi(e) * 1.37, -(2f32.powi(e)) * 1.11]);
    let inside = |x: &f32| (low..=high).contains(x);
    spread.chain(tiny.filter(inside)).chain(SPECIAL).collect()
}

/// The distance in units in the last place of the correct result.
fn error(y: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if y == rounded || y.is_nan() && exact.is_nan() {
        return 0.0;
    }
    if rounded.abs() < f32::MIN_POSITIVE && y.abs() <= f32::MIN_POSITIVE {
        return 0.0;
    }
    let unit = f64::from(f32::from_bits((rounded.abs().to_bits()).max(0x0080_0000) + 1))
        - f64::from(f32::from_bits((rounded.abs().to_bits()).max(0x0080_0000)));
    (f64::from(y) - exact).abs() / unit
}

fn check(name: &str, which: Instructions, x: &[f32], y: &[f32], f: impl Fn(f64) -> f64, most: f64) {
    // Without fused multiplication and addition a little more is lost.
    let most = if which == Instructions::Portable { most + 0.7 } else { most };
    let mut worst = (0.0, 0.0, 0.0);
    for (&x, &y) in x.iter().zip(y) {
        let e = error(y, f(f64::from(x)));
        assert!(!e.is_nan(), "{name}({x:e}) = {y:e}, not {:e}", f(f64::from(x)));
        if e > worst.0 {
            worst = (e, x, y);
        }
    }
    let (e, x, y) = worst;
    assert!(e <= most, "{which:?} {name}({x:e}) = {y:e}: {e} units off");
}

macro_rules! check_vector {
    ($name:ident, $low:expr, $high:expr, $exact:expr, $most:expr) => {
        #[test]
        fn $name() {
            for which in Instructions::ALL.into_iter().filter(|i| i.available()) {
                let x = numbers($low, $high);
                let y = apply!(which, $name, &x);
                check(stringify!($name), which, &x, &y, $exact, $most);
            }
        }
    };
}

fn erf_exact(x: f64) -> f64 {
    cornu_graph::scalar::UnaryOp::Erf.apply(x)
}

check_vector!(exp, -110.0, 95.0, f64::exp, 1.2);
check_vector!(expm1, -30.0, 95.0, f64::exp_m1, 1.5);
check_vector!(log, -1.0, 4.0, f64::ln, 1.5);
check_vector!(log1p, -1.5, 4.0, f64::ln_1p, 2.0);
check_vector!(tanh, -11.0, 11.0, f64::tanh, 2.5);
check_vector!(sigmoid, -90.0, 90.0, |x| 1.0 / (1.0 + (-x).exp()), 2.5);
check_vector!(erf, -5.0, 5.0, erf_exact, 1.5);

#[test]
fn log_of_large_and_small_numbers() {
    for which in Instructions::ALL.into_iter().filter(|i| i.available()) {
        let x: Vec<f32> = (0x0080_0000..0x7f80_0000).step_by(9973).map(f32::from_bits).collect();
        check("log", which, &x, &apply!(which, log, &x), f64::ln, 1.2);
        check("log1p", which, &x, &apply!(which, log1p, &x), f64::ln_1p, 2.0);
    }
}

#[test]
fn sine_and_cosine() {
    let x: Vec<f32> = numbers(-50.0, 50.0)
        .into_iter()
        .chain(numbers(-900_000.0, 900_000.0))
        .filter(|x| x.abs() <= double::LARGE)
        .collect();
    let map = |f: fn(f32) -> f32| x.iter().map(|&x| f(x)).collect::<Vec<f32>>();
    check("sin", Instructions::Avx2, &x, &map(double::sin), f64::sin, 0.51);
    check("cos", Instructions::Avx2, &x, &map(double::cos), f64::cos, 0.51);
}

#[test]
fn turns() {
    let u: Vec<f32> = (0..1 << 16).map(|i| i as f32 / 65536.0).collect();
    let run = instantiate!(Instructions::best(), fn(u: &[f32], y: &mut [[f32; 2]]), s => {
        let mut lanes = [[0.0f32; 16]; 2];
        for i in (0..u.len()).step_by(16) {
            for part in (0..16).step_by(lanes_of(s)) {
                let (sine, cosine) = vector::sin_cos_turns(s, s.load(u.as_ptr().add(i + part)));
                s.store(lanes[0].as_mut_ptr().add(part), sine);
                s.store(lanes[1].as_mut_ptr().add(part), cosine);
            }
            for j in 0..16 {
                y[i + j] = [lanes[0][j], lanes[1][j]];
            }
        }
    });
    let mut y = vec![[0.0; 2]; u.len()];
    unsafe { run(&u, &mut y) };
    for (u, [sine, cosine]) in u.into_iter().zip(y) {
        let angle = std::f64::consts::TAU * f64::from(u);
        assert!((f64::from(sine) - angle.sin()).abs() < 1.3e-7, "{u} {sine}");
        assert!((f64::from(cosine) - angle.cos()).abs() < 1.3e-7, "{u} {cosine}");
    }
}

fn lanes_of<S: Simd>(_: S) -> usize {
    S::LANES
}

#[test]
fn powers() {
    let mut x: Vec<f32> = SPECIAL.to_vec();
    x.extend([2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1.5, 1e-3, 0.999, 1.001, 1e6, 123.4, 2.5e7]);
    x.extend((0..400).map(|i| (i as f32 * 0.37).exp2() * 1e-20));
    x.extend((-60..60).map(|i| i as f32 * 0.25));
    for &a in &x {
        for &b in &x {
            let (y, exact) = (double::pow(a, b), f64::from(a).powf(f64::from(b)));
            assert!(error(y, exact) < 0.51, "{a:e}^{b:e} = {y:e}, not {exact:e}");
            assert_eq!(y.is_nan(), exact.is_nan(), "{a:e}^{b:e} = {y:e}, not {exact:e}");
            assert!(y != 0.0 || y.is_sign_negative() == exact.is_sign_negative() || exact != 0.0);
        }
    }
}

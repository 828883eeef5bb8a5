//! The steps on `f32`, written in vectors.

use super::step::{BLOCK, Operands, Run, blocks1, blocks2};
use crate::math::{double, vector};
use crate::simd::{Instructions, Simd, instantiate};
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};

/// A function of one vector, over a tile.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn map<S: Simd>(s: S, o: &Operands, f: impl Fn(S::F) -> S::F) {
    let (mut a, mut out) = (o.arg::<f32>(0), o.out::<f32>());
    let stride = o.stride(0, S::LANES);
    let mut left = o.len;
    // SAFETY: by the contract of this function.
    unsafe {
        while left >= S::LANES {
            s.store(out, f(s.load(a)));
            a = a.wrapping_add(stride);
            out = out.wrapping_add(S::LANES);
            left -= S::LANES;
        }
        if left > 0 {
            s.store_n(out, f(s.load_n(a, left)), left);
        }
    }
}

/// A function of two vectors, over a tile.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn zip<S: Simd>(s: S, o: &Operands, f: impl Fn(S::F, S::F) -> S::F) {
    let (mut a, mut b, mut out) = (o.arg::<f32>(0), o.arg::<f32>(1), o.out::<f32>());
    let (a_stride, b_stride) = (o.stride(0, S::LANES), o.stride(1, S::LANES));
    let mut left = o.len;
    // SAFETY: by the contract of this function.
    unsafe {
        while left >= S::LANES {
            s.store(out, f(s.load(a), s.load(b)));
            a = a.wrapping_add(a_stride);
            b = b.wrapping_add(b_stride);
            out = out.wrapping_add(S::LANES);
            left -= S::LANES;
        }
        if left > 0 {
            s.store_n(out, f(s.load_n(a, left), s.load_n(b, left)), left);
        }
    }
}

/// A condition on two vectors, over a tile; gives bytes. The second operand may be the first.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn test<S: Simd>(s: S, o: &Operands, second: usize, f: impl Fn(S::F, S::F) -> S::M) {
    let (mut a, mut b, mut out) = (o.arg::<f32>(0), o.arg::<f32>(second), o.out::<u8>());
    let (a_stride, b_stride) = (o.stride(0, S::LANES), o.stride(second, S::LANES));
    let mut left = o.len;
    // SAFETY: by the contract of this function.
    unsafe {
        while left >= S::LANES {
            s.store_mask(out, f(s.load(a), s.load(b)));
            a = a.wrapping_add(a_stride);
            b = b.wrapping_add(b_stride);
            out = out.wrapping_add(S::LANES);
            left -= S::LANES;
        }
        if left > 0 {
            let mut bytes = [0u8; 64];
            s.store_mask(bytes.as_mut_ptr(), f(s.load_n(a, left), s.load_n(b, left)));
            out.copy_from_nonoverlapping(bytes.as_ptr(), left);
        }
    }
}

/// The second operand where the first is true, else the third; of elements of four bytes.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn choose<S: Simd>(s: S, o: &Operands) {
    let (mut c, mut out) = (o.arg::<u8>(0), o.out::<f32>());
    let (mut a, mut b) = (o.arg::<f32>(1), o.arg::<f32>(2));
    let strides = [o.stride(0, S::LANES), o.stride(1, S::LANES), o.stride(2, S::LANES)];
    let mut left = o.len;
    // SAFETY: by the contract of this function.
    unsafe {
        while left > 0 {
            let n = left.min(S::LANES);
            let mask = if n == S::LANES {
                s.load_mask(c)
            } else {
                let mut bytes = [0u8; 64];
                bytes.as_mut_ptr().copy_from_nonoverlapping(c, n);
                s.load_mask(bytes.as_ptr())
            };
            s.store_n(out, s.select(mask, s.load_n(a, n), s.load_n(b, n)), n);
            c = c.wrapping_add(strides[0]);
            a = a.wrapping_add(strides[1]);
            b = b.wrapping_add(strides[2]);
            out = out.wrapping_add(S::LANES);
            left -= n;
        }
    }
}

/// Sines or cosines of a block: fast, and again one by one where an argument is large.
#[inline(always)]
fn circular(
    x: [f32; BLOCK],
    fast: impl Fn(f32) -> f32,
    exact: impl Fn(f64) -> f64,
) -> [f32; BLOCK] {
    let mut y = [0.0; BLOCK];
    let mut large = false;
    for i in 0..BLOCK {
        y[i] = fast(x[i]);
        large |= x[i].abs() > double::LARGE;
    }
    if large {
        for i in 0..BLOCK {
            if x[i].abs() > double::LARGE {
                y[i] = exact(f64::from(x[i])) as f32;
            }
        }
    }
    y
}

/// Compiles a step for each instruction set.
macro_rules! step {
    ($which:expr, $s:ident, $o:ident => $body:expr) => {
        instantiate!($which, fn($o: &Operands), $s => $body)
    };
}

/// The function of a unary op, if it is one on `f32`.
pub(super) fn unary(op: UnaryOp, i: Instructions) -> Option<Run> {
    Some(match op {
        UnaryOp::Neg => step!(i, s, o => map(s, o, |x| s.neg(x))),
        UnaryOp::Abs => step!(i, s, o => map(s, o, |x| s.abs(x))),
        UnaryOp::Sign => step!(i, s, o => map(s, o, |x| {
            // Zero and NaN stay.
            let one = s.with_sign(s.splat(1.0), x);
            s.select(s.lt(s.splat(0.0), s.abs(x)), one, x)
        })),
        UnaryOp::Exp => step!(i, s, o => map(s, o, |x| vector::exp(s, x))),
        UnaryOp::Expm1 => step!(i, s, o => map(s, o, |x| vector::expm1(s, x))),
        UnaryOp::Log => step!(i, s, o => map(s, o, |x| vector::log(s, x))),
        UnaryOp::Log1p => step!(i, s, o => map(s, o, |x| vector::log1p(s, x))),
        UnaryOp::Sqrt => step!(i, s, o => map(s, o, |x| s.sqrt(x))),
        UnaryOp::Square => step!(i, s, o => map(s, o, |x| s.mul(x, x))),
        UnaryOp::Reciprocal => step!(i, s, o => map(s, o, |x| s.div(s.splat(1.0), x))),
        UnaryOp::Sin => step!(i, _s, o => blocks1(o, |x| circular(x, double::sin, f64::sin))),
        UnaryOp::Cos => step!(i, _s, o => blocks1(o, |x| circular(x, double::cos, f64::cos))),
        UnaryOp::Tanh => step!(i, s, o => map(s, o, |x| vector::tanh(s, x))),
        UnaryOp::Sigmoid => step!(i, s, o => map(s, o, |x| vector::sigmoid(s, x))),
        UnaryOp::Relu => step!(i, s, o => map(s, o, |x| s.max(s.splat(0.0), x))),
        UnaryOp::Erf => step!(i, s, o => map(s, o, |x| vector::erf(s, x))),
        UnaryOp::Floor => step!(i, s, o => map(s, o, |x| s.floor(x))),
        UnaryOp::Ceil => step!(i, s, o => map(s, o, |x| s.ceil(x))),
        UnaryOp::Round => step!(i, s, o => map(s, o, |x| s.round(x))),
        UnaryOp::IsFinite => step!(i, s, o => test(s, o, 0, |x, _| {
            s.lt(s.abs(x), s.splat(f32::INFINITY))
        })),
        UnaryOp::StopGradient => step!(i, s, o => map(s, o, |x| x)),
        UnaryOp::Not => return None,
    })
}

/// The function of a binary op, if it is one on `f32`.
pub(super) fn binary(op: BinaryOp, i: Instructions) -> Option<Run> {
    Some(match op {
        BinaryOp::Add => step!(i, s, o => zip(s, o, |x, y| s.add(x, y))),
        BinaryOp::Sub => step!(i, s, o => zip(s, o, |x, y| s.sub(x, y))),
        BinaryOp::Mul => step!(i, s, o => zip(s, o, |x, y| s.mul(x, y))),
        BinaryOp::Div => step!(i, s, o => zip(s, o, |x, y| s.div(x, y))),
        BinaryOp::Mod => step!(i, _s, o => blocks2(o, double::modulo)),
        BinaryOp::Pow => step!(i, _s, o => blocks2(o, double::pow)),
        BinaryOp::Max => step!(i, s, o => zip(s, o, |x, y| s.max_nan(x, y))),
        BinaryOp::Min => step!(i, s, o => zip(s, o, |x, y| s.min_nan(x, y))),
        BinaryOp::And | BinaryOp::Or => return None,
    })
}

/// The function of a comparison.
pub(super) fn compare(op: CompareOp, i: Instructions) -> Run {
    match op {
        CompareOp::Equal => step!(i, s, o => test(s, o, 1, |x, y| s.eq(x, y))),
        CompareOp::NotEqual => step!(i, s, o => test(s, o, 1, |x, y| s.ne(x, y))),
        CompareOp::Less => step!(i, s, o => test(s, o, 1, |x, y| s.lt(x, y))),
        CompareOp::LessEqual => step!(i, s, o => test(s, o, 1, |x, y| s.le(x, y))),
        CompareOp::Greater => step!(i, s, o => test(s, o, 1, |x, y| s.lt(y, x))),
        CompareOp::GreaterEqual => step!(i, s, o => test(s, o, 1, |x, y| s.le(y, x))),
    }
}

/// The choice between elements of four bytes.
pub(super) fn select(i: Instructions) -> Run {
    step!(i, s, o => choose(s, o))
}

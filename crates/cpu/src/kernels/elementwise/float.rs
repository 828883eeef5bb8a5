//! The steps on `f32`, written in vectors.

use super::step::{BLOCK, Operands, Run, blocks1, blocks2, each_block};
use crate::math::{double, vector};
use crate::simd::{Instructions, Simd, instantiate};
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};

/// A function of one vector, over a tile.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn map<S: Simd>(s: S, o: &Operands, f: impl Fn(S::F) -> S::F) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, S::LANES, [4], 4, |[a], out| s.store(out.cast(), f(s.load(a.cast()))));
    }
}

/// A function of two vectors, over a tile.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn zip<S: Simd>(s: S, o: &Operands, f: impl Fn(S::F, S::F) -> S::F) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, S::LANES, [4, 4], 4, |[a, b], out| {
            s.store(out.cast(), f(s.load(a.cast()), s.load(b.cast())));
        });
    }
}

/// A condition on one vector, over a tile; gives bytes.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn test<S: Simd>(s: S, o: &Operands, f: impl Fn(S::F) -> S::M) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, S::LANES, [4], 1, |[a], out| s.store_mask(out, f(s.load(a.cast()))));
    }
}

/// A condition on two vectors, over a tile; gives bytes.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn test2<S: Simd>(s: S, o: &Operands, f: impl Fn(S::F, S::F) -> S::M) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, S::LANES, [4, 4], 1, |[a, b], out| {
            s.store_mask(out, f(s.load(a.cast()), s.load(b.cast())));
        });
    }
}

/// The second operand where the first is true, else the third; of elements of four bytes.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn choose<S: Simd>(s: S, o: &Operands) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, S::LANES, [1, 4, 4], 4, |[c, a, b], out| {
            let chosen = s.select(s.load_mask(c), s.load(a.cast()), s.load(b.cast()));
            s.store(out.cast(), chosen);
        });
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
        UnaryOp::IsFinite => step!(i, s, o => test(s, o, |x| {
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
        CompareOp::Equal => step!(i, s, o => test2(s, o, |x, y| s.eq(x, y))),
        CompareOp::NotEqual => step!(i, s, o => test2(s, o, |x, y| s.ne(x, y))),
        CompareOp::Less => step!(i, s, o => test2(s, o, |x, y| s.lt(x, y))),
        CompareOp::LessEqual => step!(i, s, o => test2(s, o, |x, y| s.le(x, y))),
        CompareOp::Greater => step!(i, s, o => test2(s, o, |x, y| s.lt(y, x))),
        CompareOp::GreaterEqual => step!(i, s, o => test2(s, o, |x, y| s.le(y, x))),
    }
}

/// The choice between elements of four bytes.
pub(super) fn select(i: Instructions) -> Run {
    step!(i, s, o => choose(s, o))
}

//! The steps on whole numbers and truth values: plain loops over blocks, which the compiler turns
//! into vectors.

use super::step::{BLOCK, Operands, Run, blocks1, blocks2, each, each_block};
use crate::simd::{Instructions, instantiate};
use cornu_graph::DType;
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};

/// Compiles a step for each instruction set.
macro_rules! step {
    ($which:expr, $o:ident => $body:expr) => {
        instantiate!($which, fn($o: &Operands), _s => $body)
    };
}

/// The function of a unary op, if it is one on this dtype.
pub(super) fn unary(op: UnaryOp, of: DType, i: Instructions) -> Option<Run> {
    Some(match (op, of) {
        (UnaryOp::Neg, DType::I32) => step!(i, o => blocks1(o, each(i32::wrapping_neg))),
        (UnaryOp::Abs, DType::I32) => step!(i, o => blocks1(o, each(i32::wrapping_abs))),
        (UnaryOp::Sign, DType::I32) => step!(i, o => blocks1(o, each(i32::signum))),
        (UnaryOp::Square, DType::I32) => {
            step!(i, o => blocks1(o, each(|x: i32| x.wrapping_mul(x))))
        }
        (UnaryOp::Not, DType::Bool) => {
            step!(i, o => blocks1(o, each(|x: u8| u8::from(x == 0))))
        }
        _ => return None,
    })
}

/// `a / b` rounded down; 0 where `b` is 0.
#[inline(always)]
fn divide(a: i32, b: i32) -> i32 {
    // Double precision is exact here, and unlike whole numbers has a division of vectors.
    let quotient = (f64::from(a) / f64::from(b)).floor() as i64 as i32;
    if b == 0 { 0 } else { quotient }
}

/// The remainder with the sign of `b`; 0 where `b` is 0.
#[inline(always)]
fn modulo(a: i32, b: i32) -> i32 {
    if b == 0 { 0 } else { a.wrapping_sub(b.wrapping_mul(divide(a, b))) }
}

/// The function of a binary op, if it is one on this dtype.
pub(super) fn binary(op: BinaryOp, of: DType, i: Instructions) -> Option<Run> {
    Some(match (op, of) {
        (BinaryOp::Add, DType::I32) => step!(i, o => blocks2(o, i32::wrapping_add)),
        (BinaryOp::Sub, DType::I32) => step!(i, o => blocks2(o, i32::wrapping_sub)),
        (BinaryOp::Mul, DType::I32) => step!(i, o => blocks2(o, i32::wrapping_mul)),
        (BinaryOp::Div, DType::I32) => step!(i, o => blocks2(o, divide)),
        (BinaryOp::Mod, DType::I32) => step!(i, o => blocks2(o, modulo)),
        (BinaryOp::Max, DType::I32) => step!(i, o => blocks2(o, |x: i32, y| x.max(y))),
        (BinaryOp::Min, DType::I32) => step!(i, o => blocks2(o, |x: i32, y| x.min(y))),
        (BinaryOp::And, DType::Bool) => step!(i, o => blocks2(o, |x: u8, y| x & y)),
        (BinaryOp::Or, DType::Bool) => step!(i, o => blocks2(o, |x: u8, y| x | y)),
        _ => return None,
    })
}

/// The function of a comparison of whole numbers or truth values.
pub(super) fn compare(op: CompareOp, of: DType, i: Instructions) -> Run {
    macro_rules! test {
        ($x:ident, $y:ident => $holds:expr) => {
            if of == DType::I32 {
                step!(i, o => blocks2(o, |$x: i32, $y| u8::from($holds)))
            } else {
                step!(i, o => blocks2(o, |$x: u8, $y| u8::from($holds)))
            }
        };
    }
    match op {
        CompareOp::Equal => test!(x, y => x == y),
        CompareOp::NotEqual => test!(x, y => x != y),
        CompareOp::Less => test!(x, y => x < y),
        CompareOp::LessEqual => test!(x, y => x <= y),
        CompareOp::Greater => test!(x, y => x > y),
        CompareOp::GreaterEqual => test!(x, y => x >= y),
    }
}

/// The choice between elements of one byte.
pub(super) fn select(i: Instructions) -> Run {
    step!(i, o => choose(o))
}

/// The second operand where the first is true, else the third; of elements of one byte.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn choose(o: &Operands) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, BLOCK, [1, 1, 1], 1, |[c, a, b], out| {
            let [c, a, b] = [c, a, b].map(|p| p.cast::<[u8; BLOCK]>().read_unaligned());
            let mut block = [0; BLOCK];
            for i in 0..BLOCK {
                block[i] = if c[i] != 0 { a[i] } else { b[i] };
            }
            out.cast::<[u8; BLOCK]>().write_unaligned(block);
        });
    }
}

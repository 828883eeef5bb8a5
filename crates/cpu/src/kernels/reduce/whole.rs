//! Reductions of whole numbers, which wrap, and of truth values.

use super::{Join, Part, Pattern, Run, Shape};
use crate::simd::{Instructions, instantiate};
use cornu_graph::DType;
use cornu_graph::op::ReduceOp;

/// One of the reductions of a type.
trait Fold {
    type T: Copy;
    const NEUTRAL: Self::T;
    fn fold(a: Self::T, b: Self::T) -> Self::T;
}

/// Declares a reduction.
macro_rules! fold {
    ($name:ident, $type:ty, $neutral:expr, $a:ident, $b:ident => $value:expr) => {
        struct $name;
        impl Fold for $name {
            type T = $type;
            const NEUTRAL: $type = $neutral;
            #[inline(always)]
            fn fold($a: $type, $b: $type) -> $type {
                $value
            }
        }
    };
}

fold!(SumI32, i32, 0, a, b => a.wrapping_add(b));
fold!(ProdI32, i32, 1, a, b => a.wrapping_mul(b));
fold!(MaxI32, i32, i32::MIN, a, b => a.max(b));
fold!(MinI32, i32, i32::MAX, a, b => a.min(b));
fold!(SumU8, u8, 0, a, b => a.wrapping_add(b));
fold!(ProdU8, u8, 1, a, b => a.wrapping_mul(b));
fold!(MaxU8, u8, 0, a, b => a.max(b));
fold!(MinU8, u8, 255, a, b => a.min(b));
// Of truth values the sum and the maximum say whether any holds, the others whether all hold.
fold!(Any, u8, 0, a, b => a | b);
fold!(All, u8, 1, a, b => a & b);

/// The functions for a reduction of a dtype.
pub(super) fn functions(
    kind: ReduceOp,
    pattern: Pattern,
    dtype: DType,
    i: Instructions,
) -> (Run, Join) {
    macro_rules! of {
        ($fold:ident) => {{
            let run: Run = match pattern {
                Pattern::Runs => instantiate!(
                    i,
                    fn(shape: &Shape, from: *const u8, to: *mut u8, part: &Part),
                    _s => runs::<$fold>(shape, from.cast(), to.cast(), part)
                ),
                Pattern::Rows => instantiate!(
                    i,
                    fn(shape: &Shape, from: *const u8, to: *mut u8, part: &Part),
                    _s => rows::<$fold>(shape, from.cast(), to.cast(), part)
                ),
            };
            let join: Join = instantiate!(
                i,
                fn(results: usize, parts: usize, from: *const u8, to: *mut u8),
                _s => join::<$fold>(results, parts, from.cast(), to.cast())
            );
            (run, join)
        }};
    }
    match (dtype, kind) {
        (DType::I32, ReduceOp::Sum) => of!(SumI32),
        (DType::I32, ReduceOp::Prod) => of!(ProdI32),
        (DType::I32, ReduceOp::Max) => of!(MaxI32),
        (DType::I32, ReduceOp::Min) => of!(MinI32),
        (DType::U8, ReduceOp::Sum) => of!(SumU8),
        (DType::U8, ReduceOp::Prod) => of!(ProdU8),
        (DType::U8, ReduceOp::Max) => of!(MaxU8),
        (DType::U8, ReduceOp::Min) => of!(MinU8),
        (DType::Bool, ReduceOp::Sum | ReduceOp::Max) => of!(Any),
        (DType::Bool, ReduceOp::Prod | ReduceOp::Min) => of!(All),
        (DType::F32, _) => unreachable!("floats have reductions of their own"),
    }
}

/// Reduces runs to numbers.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn runs<F: Fold>(shape: &Shape, from: *const F::T, to: *mut F::T, part: &Part) {
    // SAFETY: by the contract of this function.
    unsafe {
        for kept in part.kept.clone() {
            let start = from.add(shape.kept.offset(kept));
            let mut total = F::NEUTRAL;
            for reduced in part.reduced.clone() {
                let run = start.add(shape.reduced.offset(reduced));
                for i in part.run.clone() {
                    total = F::fold(total, *run.add(i));
                }
            }
            *to.add(kept) = total;
        }
    }
}

/// Reduces rows to one row.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
unsafe fn rows<F: Fold>(shape: &Shape, from: *const F::T, to: *mut F::T, part: &Part) {
    // SAFETY: by the contract of this function.
    unsafe {
        for kept in part.kept.clone() {
            let from = from.add(shape.kept.offset(kept));
            let to = to.add(kept * shape.run);
            for column in part.run.clone() {
                *to.add(column) = F::NEUTRAL;
            }
            for row in part.reduced.clone() {
                let from = from.add(shape.reduced.offset(row));
                for column in part.run.clone() {
                    *to.add(column) = F::fold(*to.add(column), *from.add(column));
                }
            }
        }
    }
}

/// Joins the results of parts.
///
/// # Safety
/// See [`Join`].
#[inline(always)]
unsafe fn join<F: Fold>(results: usize, parts: usize, from: *const F::T, to: *mut F::T) {
    let stride = (results * size_of::<F::T>()).next_multiple_of(64) / size_of::<F::T>();
    // SAFETY: by the contract of this function.
    unsafe {
        for i in 0..results {
            let mut total = *from.add(i);
            for part in 1..parts {
                total = F::fold(total, *from.add(part * stride + i));
            }
            *to.add(i) = total;
        }
    }
}

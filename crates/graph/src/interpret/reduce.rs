//! Reductions and the search for the largest element.

use super::index::{broadcast_strides, each_index, offset};
use super::value::{Precision, Value, round};
use crate::DType;
use crate::op::ReduceOp;
use crate::scalar::BinaryOp;

/// The reduction of nothing.
fn neutral(kind: ReduceOp, dtype: DType) -> f64 {
    let (lowest, highest) = match dtype {
        DType::Bool => (0.0, 1.0),
        DType::U8 => (0.0, 255.0),
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::F32 => (f64::NEG_INFINITY, f64::INFINITY),
    };
    match kind {
        ReduceOp::Sum => 0.0,
        ReduceOp::Prod => 1.0,
        ReduceOp::Max => lowest,
        ReduceOp::Min => highest,
    }
}

/// A reduction over `axes`. Floats are rounded at the end only, whole numbers wrap at each step.
pub(super) fn reduce(kind: ReduceOp, x: &Value, axes: &[usize]) -> Vec<f64> {
    let mut kept = x.shape().to_vec();
    axes.iter().for_each(|&axis| kept[axis] = 1);
    let along = broadcast_strides(&kept, x.shape());
    let op = match kind {
        ReduceOp::Sum => BinaryOp::Add,
        ReduceOp::Prod => BinaryOp::Mul,
        ReduceOp::Max => BinaryOp::Max,
        ReduceOp::Min => BinaryOp::Min,
    };
    let mut result = vec![neutral(kind, x.dtype()); kept.iter().product()];
    let mut elements = x.data().iter();
    each_index(x.shape(), |index| {
        let total = &mut result[offset(index, &along)];
        let element = *elements.next().expect("one for each index");
        *total = round(op.apply(*total, element, x.dtype()), x.dtype(), Precision::F64);
    });
    result
}

/// The place of the first largest (or smallest) number; a NaN beats every other. 0 of nothing.
pub(super) fn first_extreme(numbers: impl IntoIterator<Item = f64>, largest: bool) -> usize {
    let mut best: Option<(usize, f64)> = None;
    for (i, x) in numbers.into_iter().enumerate() {
        let beats = match best {
            None => true,
            Some((_, y)) if y.is_nan() => false,
            Some((_, y)) => x.is_nan() || if largest { x > y } else { x < y },
        };
        if beats {
            best = Some((i, x));
        }
    }
    best.map_or(0, |(i, _)| i)
}

/// The index of the first largest (or smallest) element along `axis`.
pub(super) fn arg_reduce(x: &Value, largest: bool, axis: usize) -> Vec<f64> {
    let (before, after) = (&x.shape()[..axis], &x.shape()[axis + 1..]);
    let (outer, inner): (usize, usize) = (before.iter().product(), after.iter().product());
    let size = x.shape()[axis];
    let mut result = Vec::with_capacity(outer * inner);
    for i in 0..outer {
        for j in 0..inner {
            let along = (0..size).map(|k| x.data()[(i * size + k) * inner + j]);
            result.push(first_extreme(along, largest) as f64);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bools, floats, whole};
    use super::super::{constant, eval_op};
    use super::*;
    use crate::Op;

    fn op(kind: ReduceOp, axes: &[usize], keepdims: bool) -> Op {
        Op::Reduce { kind, axes: axes.to_vec(), keepdims }
    }

    #[test]
    fn reductions_over_rows_columns_and_all() {
        let x = floats([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, -6.0]);
        for (kind, rows, columns, all) in [
            (ReduceOp::Sum, [5.0, 7.0, -3.0], [6.0, 3.0], 9.0),
            (ReduceOp::Prod, [4.0, 10.0, -18.0], [6.0, -120.0], -720.0),
            (ReduceOp::Max, [4.0, 5.0, 3.0], [3.0, 5.0], 5.0),
            (ReduceOp::Min, [1.0, 2.0, -6.0], [1.0, -6.0], -6.0),
        ] {
            let reduced = |axes: &[usize], keep| constant(&op(kind, axes, keep), &[&x]).unwrap();
            assert_eq!(reduced(&[0], false), floats([3], &rows));
            assert_eq!(reduced(&[1], true), floats([2, 1], &columns));
            assert_eq!(reduced(&[0, 1], false), floats([], &[all]));
            assert_eq!(reduced(&[], false), x);
        }
    }

    #[test]
    fn reductions_of_nothing() {
        let reduced = |kind| constant(&op(kind, &[0], false), &[&floats([0], &[])]).unwrap();
        assert_eq!(reduced(ReduceOp::Sum).item().unwrap(), 0.0);
        assert_eq!(reduced(ReduceOp::Prod).item().unwrap(), 1.0);
        assert_eq!(reduced(ReduceOp::Max).item().unwrap(), f64::NEG_INFINITY);
        assert_eq!(reduced(ReduceOp::Min).item().unwrap(), f64::INFINITY);
        let lowest = constant(&op(ReduceOp::Max, &[0], false), &[&whole([0], &[])]).unwrap();
        assert_eq!(lowest, whole([], &[i32::MIN]));
    }

    #[test]
    fn whole_numbers_wrap_and_bools_meet() {
        let x = whole([3], &[i32::MAX, i32::MAX, 3]);
        let result = constant(&op(ReduceOp::Prod, &[0], false), &[&x]).unwrap();
        assert_eq!(result, whole([], &[3]));
        let x = bools([2, 2], &[true, true, false, false]);
        let reduced = |kind| constant(&op(kind, &[1], false), &[&x]).unwrap();
        assert_eq!(reduced(ReduceOp::Sum), bools([2], &[true, false]));
        assert_eq!(reduced(ReduceOp::Min), bools([2], &[true, false]));
    }

    #[test]
    fn sums_keep_small_parts() {
        let x = floats([3], &[16_777_216.0, 1.0, 1.0]);
        let result = constant(&op(ReduceOp::Sum, &[0], false), &[&x]).unwrap();
        assert_eq!(result.item().unwrap(), 16_777_218.0);
    }

    #[test]
    fn a_nan_is_never_hidden() {
        let x = floats([3], &[1.0, f32::NAN, 2.0]);
        for kind in [ReduceOp::Sum, ReduceOp::Prod, ReduceOp::Max, ReduceOp::Min] {
            let result = constant(&op(kind, &[0], false), &[&x]).unwrap();
            assert!(result.item().unwrap().is_nan(), "{kind:?}");
        }
        for largest in [true, false] {
            let result = constant(&Op::ArgReduce { largest, axis: 0 }, &[&x]).unwrap();
            assert_eq!(result, whole([], &[1]));
        }
    }

    #[test]
    fn the_first_of_equals_is_found() {
        let x = floats([2, 3], &[1.0, 3.0, 3.0, 0.0, 5.0, 0.0]);
        let arg = |largest, axis| constant(&Op::ArgReduce { largest, axis }, &[&x]).unwrap();
        assert_eq!(arg(true, 1), whole([2], &[1, 1]));
        assert_eq!(arg(false, 1), whole([2], &[0, 0]));
        assert_eq!(arg(true, 0), whole([3], &[0, 1, 0]));
        assert_eq!(arg(false, 0), whole([3], &[1, 0, 1]));
    }

    #[test]
    fn an_axis_that_is_not_there_is_an_error() {
        let x = Value::from(&floats([2], &[0.0; 2]));
        let bad = op(ReduceOp::Sum, &[1], false);
        assert!(eval_op(&bad, &[&x], Precision::F32).is_err());
    }
}

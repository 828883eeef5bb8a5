//! Rows of the reductions.

use super::{Case, Draw, EXACT, SUMMED, operand, small};
use crate::coverage::REDUCE;
use cornu_graph::op::ReduceOp;
use cornu_graph::{DType, Op};

/// Shapes and axes: every place of the axes, one element, none, and long rows and columns.
const REDUCTIONS: [(&[usize], &[usize]); 18] = [
    (&[], &[]),
    (&[7], &[0]),
    (&[1], &[0]),
    (&[0], &[0]),
    (&[3, 5], &[0]),
    (&[3, 5], &[1]),
    (&[3, 5], &[0, 1]),
    (&[3, 5], &[]),
    (&[0, 5], &[0]),
    (&[0, 5], &[1]),
    (&[3, 67], &[1]),
    (&[67, 3], &[0]),
    (&[2, 3, 4], &[0]),
    (&[2, 3, 4], &[1]),
    (&[2, 3, 4], &[2]),
    (&[2, 3, 4], &[0, 2]),
    (&[2, 3, 4, 3], &[0, 1, 2]),
    (&[2, 3, 4, 3], &[1, 3]),
];

pub fn add(cases: &mut Vec<Case>) {
    for &kind in REDUCE {
        floats(cases, kind);
        others(cases, kind);
    }
    arg_reduce(cases);
}

fn reduce(kind: ReduceOp, axes: &[usize], keepdims: bool) -> Op {
    Op::Reduce { kind, axes: axes.to_vec(), keepdims }
}

fn floats(cases: &mut Vec<Case>, kind: ReduceOp) {
    let (draw, tolerance) = match kind {
        ReduceOp::Sum => (Draw::Between(-2.0, 2.0), SUMMED),
        ReduceOp::Prod => (Draw::Between(0.5, 1.5), SUMMED),
        ReduceOp::Max | ReduceOp::Min => (Draw::Apart, EXACT),
    };
    for (shape, axes) in REDUCTIONS {
        for keepdims in [false, true] {
            let x = operand(DType::F32, shape, draw.clone());
            let case = Case::new(reduce(kind, axes, keepdims), vec![x]).within(tolerance);
            cases.push(if keepdims { case.named("keepdims") } else { case });
        }
    }
    for (shape, axes) in [(&[5, 1031][..], &[1][..]), (&[1031, 5], &[0]), (&[129, 65], &[0, 1])] {
        let x = operand(DType::F32, shape, draw.clone());
        let case = Case::new(reduce(kind, axes, false), vec![x]).within(10.0 * tolerance);
        cases.push(case.differentiable(&[]));
    }
    for edge in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let x = operand(DType::F32, [35], Draw::Given(vec![1.0, 2.0, edge, 1.5, 1.0]));
        let case = Case::new(reduce(kind, &[0], false), vec![x]);
        cases.push(case.named(&edge.to_string()).differentiable(&[]));
    }
}

fn others(cases: &mut Vec<Case>, kind: ReduceOp) {
    for (shape, axes) in REDUCTIONS {
        cases.push(Case::new(reduce(kind, axes, false), vec![small(DType::I32, shape)]));
    }
    if matches!(kind, ReduceOp::Max | ReduceOp::Min) {
        for dtype in [DType::Bool, DType::U8] {
            for (shape, axes) in [(&[3, 5][..], &[0][..]), (&[3, 5], &[1]), (&[0, 5], &[0])] {
                cases.push(Case::new(reduce(kind, axes, false), vec![small(dtype, shape)]));
            }
        }
    }
}

fn arg_reduce(cases: &mut Vec<Case>) {
    for largest in [true, false] {
        for (shape, axis) in [
            (&[7][..], 0),
            (&[1], 0),
            (&[3, 5], 0),
            (&[3, 5], 1),
            (&[0, 5], 1),
            (&[5, 67], 1),
            (&[67, 5], 0),
            (&[2, 3, 4], 1),
        ] {
            let op = Op::ArgReduce { largest, axis };
            cases.push(Case::new(op.clone(), vec![operand(DType::F32, shape, Draw::Apart)]));
            let ties = operand(DType::F32, shape, Draw::Whole(0, 3));
            cases.push(Case::new(op.clone(), vec![ties]).named("ties"));
            cases.push(Case::new(op, vec![small(DType::I32, shape)]));
        }
        let nan = Draw::Given(vec![1.0, f64::INFINITY, f64::NAN, f64::NEG_INFINITY, f64::NAN]);
        let x = operand(DType::F32, [4, 5], nan);
        cases.push(Case::new(Op::ArgReduce { largest, axis: 1 }, vec![x]).named("NaN"));
    }
}

//! Rows of the poolings and their gradients: each configuration gives both.

use super::{APPROXIMATE, Case, Draw, EXACT, floats, operand};
use crate::coverage::POOL;
use cornu_graph::infer::infer;
use cornu_graph::op::{Pool2d, PoolKind};
use cornu_graph::{DType, Op, TensorType};

pub fn add(cases: &mut Vec<Case>) {
    for &kind in POOL {
        let none = [(0, 0); 2];
        for (window, strides, padding, image) in [
            ([1, 1], [1, 1], none, [1, 1, 1, 1]),
            ([2, 2], [2, 2], none, [2, 4, 6, 3]),
            ([2, 2], [2, 2], none, [1, 5, 7, 2]),
            ([3, 3], [1, 1], [(1, 1); 2], [1, 4, 5, 2]),
            ([3, 2], [2, 1], [(1, 2), (0, 1)], [2, 5, 4, 1]),
            ([2, 3], [3, 4], none, [1, 7, 8, 2]),
            ([4, 5], [1, 1], none, [2, 4, 5, 3]),
            ([3, 3], [2, 2], [(0, 1); 2], [1, 6, 6, 17]),
            ([2, 2], [2, 2], [(1, 1); 2], [1, 1, 1, 2]),
            ([2, 2], [2, 2], none, [0, 4, 4, 2]),
            ([2, 2], [2, 2], none, [3, 14, 14, 33]),
        ] {
            two(cases, Pool2d { kind, window, strides, padding }, image);
        }
    }
}

fn two(cases: &mut Vec<Case>, pool: Pool2d, image: [usize; 4]) {
    let ty = TensorType::new(DType::F32, image);
    let output = infer(&Op::Pool2d(pool), &[&ty]).expect("a case is well typed").shape;
    let op = Op::Pool2dGrad { pool, input: ty.shape.clone() };
    let apart = || operand(DType::F32, image, Draw::Apart);
    let tied = || operand(DType::F32, image, Draw::Whole(-2, 0));
    match pool.kind {
        PoolKind::Max => {
            cases.push(Case::new(Op::Pool2d(pool), vec![apart()]).within(EXACT));
            let grad = |x| {
                // `grad` has no rule for the gradient of max pooling.
                let case = Case::new(op.clone(), vec![x, floats(output.clone())]);
                case.within(APPROXIMATE).differentiable(&[])
            };
            cases.push(grad(apart()));
            cases.push(grad(tied()).named("ties"));
        }
        PoolKind::Average => {
            cases.push(Case::new(Op::Pool2d(pool), vec![floats(image)]).within(APPROXIMATE));
            cases.push(Case::new(op, vec![floats(output)]).within(APPROXIMATE));
        }
    }
}

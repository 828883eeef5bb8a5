//! Rows of the ops without operands, and of random numbers.

use super::{APPROXIMATE, Case, Draw, EXACT, operand};
use crate::coverage::DISTRIBUTION;
use cornu_graph::op::Distribution;
use cornu_graph::{Array, DType, Op};

pub fn add(cases: &mut Vec<Case>) {
    let numbers = Array::new([2, 3], vec![1.5f32, -2.0, 0.0, 4.0, 5.0, f32::NAN]);
    cases.push(Case::new(Op::Constant(numbers.expect("six numbers")), vec![]));
    for array in [
        Array::scalar(3i32),
        Array::scalar(true),
        Array::scalar(255u8),
        Array::zeros([0, 2], DType::F32),
    ] {
        let label = array.ty().to_string();
        cases.push(Case::new(Op::Constant(array), vec![]).named(&label));
    }
    for (shape, axis) in [
        (vec![1], 0),
        (vec![0], 0),
        (vec![67], 0),
        (vec![3, 5], 0),
        (vec![3, 5], 1),
        (vec![2, 3, 4], 1),
        (vec![2, 0, 4], 2),
    ] {
        cases.push(Case::new(Op::Iota { shape: shape.into(), axis }, vec![]));
    }
    for &distribution in DISTRIBUTION {
        random(cases, distribution);
    }
}

fn random(cases: &mut Vec<Case>, distribution: Distribution) {
    let tolerance = match distribution {
        Distribution::Uniform => EXACT,
        Distribution::Normal => APPROXIMATE,
    };
    for (shape, stream) in [
        (vec![], 0),
        (vec![0], 0),
        (vec![1], 1),
        (vec![7], 2),
        (vec![3, 5], u32::MAX),
        (vec![1027], 3),
        (vec![33, 129], 4),
    ] {
        let state = operand(DType::I32, [3], Draw::Whole(i32::MIN / 2, i32::MAX / 2));
        let op = Op::Random { distribution, shape: shape.into(), stream };
        cases.push(Case::new(op, vec![state]).within(tolerance));
    }
}

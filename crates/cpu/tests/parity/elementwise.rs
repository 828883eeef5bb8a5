//! Elementwise ops, one by one: all dtypes, edges of vectors and tiles, special numbers,
//! broadcasts.

use crate::support::*;
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{Array, DType, Op};

const SIZES: [usize; 8] = [0, 1, 7, 16, 33, 512, 1009, 3000];
const DTYPES: [DType; 4] = [DType::F32, DType::I32, DType::U8, DType::Bool];

const UNARY: [UnaryOp; 22] = [
    UnaryOp::Neg,
    UnaryOp::Abs,
    UnaryOp::Sign,
    UnaryOp::Exp,
    UnaryOp::Expm1,
    UnaryOp::Log,
    UnaryOp::Log1p,
    UnaryOp::Sqrt,
    UnaryOp::Square,
    UnaryOp::Reciprocal,
    UnaryOp::Sin,
    UnaryOp::Cos,
    UnaryOp::Tanh,
    UnaryOp::Sigmoid,
    UnaryOp::Relu,
    UnaryOp::Erf,
    UnaryOp::Floor,
    UnaryOp::Ceil,
    UnaryOp::Round,
    UnaryOp::Not,
    UnaryOp::IsFinite,
    UnaryOp::StopGradient,
];

const BINARY: [BinaryOp; 10] = [
    BinaryOp::Add,
    BinaryOp::Sub,
    BinaryOp::Mul,
    BinaryOp::Div,
    BinaryOp::Mod,
    BinaryOp::Pow,
    BinaryOp::Max,
    BinaryOp::Min,
    BinaryOp::And,
    BinaryOp::Or,
];

const COMPARE: [CompareOp; 6] = [
    CompareOp::Equal,
    CompareOp::NotEqual,
    CompareOp::Less,
    CompareOp::LessEqual,
    CompareOp::Greater,
    CompareOp::GreaterEqual,
];

/// Numbers at the edges of every function.
fn special() -> Vec<f32> {
    let mut x = vec![0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    x.extend([1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.0, 2.5, 3.5, -2.5, 1e-30, -1e-30, 1e30, -1e30]);
    x.extend([3e38, -3e38, 88.0, 89.0, -87.0, -104.0, 1e6, -1e6, 1e9, 16_777_217.0, 4e9, -3e9]);
    x
}

#[test]
fn unary_ops() {
    let mut rng = random(1);
    for op in UNARY {
        for dtype in DTYPES.into_iter().filter(|&d| op.result(d).is_some()) {
            for size in SIZES {
                check_op(Op::Unary(op), &[array(&mut rng, dtype, &[size])], CLOSE);
            }
        }
    }
}

#[test]
fn unary_ops_on_special_numbers() {
    let x = Array::new([special().len()], special()).unwrap();
    for op in UNARY.into_iter().filter(|op| op.result(DType::F32).is_some()) {
        check_op(Op::Unary(op), std::slice::from_ref(&x), CLOSE);
    }
    let x = Array::new([5], vec![0, 1, -1, i32::MIN, i32::MAX]).unwrap();
    for op in UNARY.into_iter().filter(|op| op.result(DType::I32).is_some()) {
        check_op(Op::Unary(op), std::slice::from_ref(&x), CLOSE);
    }
}

#[test]
fn binary_ops() {
    let mut rng = random(2);
    for op in BINARY {
        for dtype in DTYPES.into_iter().filter(|&d| op.result(d).is_some()) {
            for size in SIZES {
                let inputs = [0, 1].map(|_| array(&mut rng, dtype, &[size]));
                check_op(Op::Binary(op), &inputs, CLOSE);
            }
        }
    }
}

/// All pairs of some elements.
fn pairs<T: Copy>(x: &[T]) -> (Vec<T>, Vec<T>) {
    x.iter().flat_map(|&a| x.iter().map(move |&b| (a, b))).unzip()
}

#[test]
fn binary_ops_and_comparisons_on_special_numbers() {
    let (a, b) = pairs(&special());
    let floats = [a, b].map(|v| Array::new([v.len()], v).unwrap());
    let (a, b) = pairs(&[0, 1, -1, 2, -2, 7, -7, i32::MIN, i32::MIN + 1, i32::MAX]);
    let whole = [a, b].map(|v| Array::new([v.len()], v).unwrap());
    for (dtype, inputs) in [(DType::F32, &floats), (DType::I32, &whole)] {
        for op in BINARY.into_iter().filter(|op| op.result(dtype).is_some()) {
            // The remainder of a huge quotient has no digits left in f64.
            if op != BinaryOp::Mod || dtype == DType::I32 {
                check_op(Op::Binary(op), inputs, CLOSE);
            }
        }
        for op in COMPARE {
            check_op(Op::Compare(op), inputs, CLOSE);
        }
    }
}

#[test]
fn comparisons_and_selection() {
    let mut rng = random(3);
    for dtype in DTYPES {
        for size in SIZES {
            let inputs = [0, 1].map(|_| array(&mut rng, dtype, &[size]));
            for op in COMPARE {
                check_op(Op::Compare(op), &inputs, CLOSE);
            }
            let condition = array(&mut rng, DType::Bool, &[size]);
            let [a, b] = inputs;
            check_op(Op::Select, &[condition, a, b], CLOSE);
        }
    }
}

#[test]
fn casts() {
    let mut rng = random(4);
    let x = Array::new([special().len()], special()).unwrap();
    let finite: Vec<f32> = special().into_iter().filter(|x| x.abs() < 1e15).collect();
    for to in DTYPES {
        for from in DTYPES {
            for size in SIZES {
                check_op(Op::Cast(to), &[array(&mut rng, from, &[size])], CLOSE);
            }
        }
        check_op(Op::Cast(to), std::slice::from_ref(&x), CLOSE);
        let x = Array::new([finite.len()], finite.clone()).unwrap();
        check_op(Op::Cast(to), &[x], CLOSE);
        let x = Array::new([4], vec![i32::MIN, i32::MAX, 16_777_217, -1]).unwrap();
        check_op(Op::Cast(to), &[x], CLOSE);
    }
}

#[test]
fn broadcasts() {
    let mut rng = random(5);
    for (from, to) in [
        (&[][..], &[5, 3][..]),
        (&[1], &[2000]),
        (&[3], &[5, 3]),
        (&[5, 1], &[5, 3]),
        (&[1, 700], &[4, 700]),
        (&[4, 1], &[4, 700]),
        (&[2, 1, 3, 1], &[2, 4, 3, 5]),
        (&[7, 1, 30], &[7, 40, 30]),
        (&[0, 1], &[0, 3]),
        (&[1, 3], &[0, 3]),
        (&[6, 600], &[6, 600]),
    ] {
        for dtype in DTYPES {
            check_op(Op::Broadcast(to.into()), &[array(&mut rng, dtype, from)], CLOSE);
        }
    }
}

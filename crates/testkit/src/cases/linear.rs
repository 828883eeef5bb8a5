//! Rows of the matrix product, also in bfloat16.

use super::{Case, Draw, Operand, SUMMED, floats};
use cornu_graph::op::Precision;
use cornu_graph::{DType, Op, TensorType};

/// Every kind of number in bfloat16, each alone in its row: halves to even down and up, what is near
/// them, the largest numbers, which become infinite, and what is not a number or hardly one.
fn specials() -> Case {
    let tie = 1.0 / 256.0;
    let numbers = vec![
        1.0 + tie,
        1.0 + 3.0 * tie,
        -1.0 - 1.01 * tie,
        3.4028234663852886e38,
        3.38e38,
        f64::NEG_INFINITY,
        f64::NAN,
        1e-40,
        -0.0,
    ];
    let a = Operand { ty: TensorType::new(DType::F32, [9, 1]), draw: Draw::Given(numbers) };
    let b = Operand {
        ty: TensorType::new(DType::F32, [1, 3]),
        draw: Draw::Given(vec![1.0, -0.5, 0.0]),
    };
    let (transpose_a, transpose_b, precision) = (false, false, Precision::BFloat16);
    let op = Op::MatMul { transpose_a, transpose_b, precision };
    Case::new(op, vec![a, b]).named("specials").within(SUMMED).differentiable(&[])
}

pub fn add(cases: &mut Vec<Case>) {
    cases.push(specials());
    for (batch, m, k, n) in [
        (&[][..], 1, 1, 1),
        (&[], 2, 3, 4),
        (&[], 1, 5, 7),
        (&[], 7, 5, 1),
        (&[], 3, 1, 3),
        (&[], 0, 3, 2),
        (&[], 2, 0, 3),
        (&[], 2, 3, 0),
        (&[], 17, 33, 19),
        (&[], 65, 130, 49),
        (&[], 5, 300, 257),
        (&[3], 2, 3, 4),
        (&[2, 3], 1, 2, 3),
        (&[0], 2, 3, 4),
        (&[1], 33, 7, 18),
    ] {
        for (transpose_a, transpose_b) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let stored = |rows, columns, transposed: bool| {
                let (rows, columns) = if transposed { (columns, rows) } else { (rows, columns) };
                floats([batch, &[rows, columns]].concat())
            };
            let operands = vec![stored(m, k, transpose_a), stored(k, n, transpose_b)];
            for precision in [Precision::Float32, Precision::BFloat16] {
                let op = Op::MatMul { transpose_a, transpose_b, precision };
                cases.push(Case::new(op, operands.clone()).within(SUMMED));
            }
        }
    }
}

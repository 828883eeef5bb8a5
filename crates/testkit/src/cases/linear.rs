//! Rows of the matrix product.

use super::{Case, SUMMED, floats};
use cornu_graph::Op;

pub fn add(cases: &mut Vec<Case>) {
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
            let op = Op::MatMul { transpose_a, transpose_b };
            cases.push(Case::new(op, operands).within(SUMMED));
        }
    }
}

//! Rows of gather and scatter-add, with indexes inside and outside the table.

use super::{APPROXIMATE, Case, Draw, floats, operand, small};
use crate::coverage::DTYPES;
use cornu_graph::{DType, Op};

pub fn add(cases: &mut Vec<Case>) {
    for &dtype in DTYPES {
        for (table, indexes) in [
            (&[4][..], &[7][..]),
            (&[4, 3], &[5]),
            (&[4, 3], &[]),
            (&[4, 3], &[2, 3]),
            (&[1, 3], &[2]),
            (&[4, 2, 3], &[5]),
            (&[0, 3], &[2]),
            (&[4, 3], &[0]),
            (&[4, 0], &[2]),
            (&[9, 67], &[33]),
        ] {
            let indexes = operand(DType::I32, indexes, Draw::Whole(-1, table[0] as i32 + 1));
            cases.push(Case::new(Op::Gather, vec![small(dtype, table), indexes]));
        }
    }
    let far = Draw::Given(vec![0.0, f64::from(i32::MAX), f64::from(i32::MIN), 2.0]);
    let indexes = || operand(DType::I32, [4], far.clone());
    cases.push(Case::new(Op::Gather, vec![floats([3, 2]), indexes()]).named("far outside"));
    let op = Op::ScatterAdd { rows: 3 };
    cases.push(Case::new(op, vec![indexes(), floats([4, 2])]).named("far outside"));
    for (rows, indexes, row) in [
        (4, &[7][..], &[][..]),
        (4, &[5], &[3]),
        (4, &[], &[3]),
        (4, &[2, 3], &[2]),
        (1, &[9], &[3]),
        (0, &[2], &[3]),
        (4, &[0], &[3]),
        (9, &[67], &[33]),
    ] {
        let values = floats([indexes, row].concat());
        let indexes = operand(DType::I32, indexes, Draw::Whole(-1, rows as i32 + 1));
        cases.push(Case::new(Op::ScatterAdd { rows }, vec![indexes, values]).within(APPROXIMATE));
    }
}

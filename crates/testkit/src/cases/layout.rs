//! Rows of the ops that move elements about.

use super::{Case, small};
use crate::coverage::DTYPES;
use cornu_graph::op::SliceRange;
use cornu_graph::{DType, Op};

pub fn add(cases: &mut Vec<Case>) {
    for &dtype in DTYPES {
        reshape(cases, dtype);
        transpose(cases, dtype);
        broadcast(cases, dtype);
        slice(cases, dtype);
        pad(cases, dtype);
        concat(cases, dtype);
    }
}

fn reshape(cases: &mut Vec<Case>, dtype: DType) {
    for (from, to) in [
        (&[][..], &[1, 1][..]),
        (&[6], &[2, 3]),
        (&[2, 3, 4], &[4, 6]),
        (&[3, 0], &[0, 5]),
        (&[1, 7, 1], &[7]),
    ] {
        cases.push(Case::new(Op::Reshape(to.into()), vec![small(dtype, from)]));
    }
}

fn transpose(cases: &mut Vec<Case>, dtype: DType) {
    for (shape, permutation) in [
        (&[][..], &[][..]),
        (&[5], &[0]),
        (&[3, 5], &[1, 0]),
        (&[33, 67], &[1, 0]),
        (&[1, 7], &[1, 0]),
        (&[0, 7], &[1, 0]),
        (&[2, 3, 4], &[0, 2, 1]),
        (&[2, 3, 4], &[1, 0, 2]),
        (&[2, 3, 4], &[1, 2, 0]),
        (&[2, 3, 4], &[2, 0, 1]),
        (&[2, 3, 4], &[2, 1, 0]),
        (&[2, 3, 4, 5], &[0, 3, 1, 2]),
        (&[2, 3, 4, 5], &[0, 2, 3, 1]),
        (&[2, 3, 4, 5], &[0, 2, 1, 3]),
        (&[2, 3, 1, 2, 3], &[4, 2, 0, 3, 1]),
    ] {
        cases.push(Case::new(Op::Transpose(permutation.to_vec()), vec![small(dtype, shape)]));
    }
}

fn broadcast(cases: &mut Vec<Case>, dtype: DType) {
    for (from, to) in [
        (&[][..], &[][..]),
        (&[], &[67]),
        (&[1], &[0]),
        (&[5], &[3, 5]),
        (&[3, 1], &[3, 5]),
        (&[1, 1], &[3, 5]),
        (&[2, 1, 4], &[2, 3, 4]),
        (&[3, 1, 1], &[2, 3, 4, 5]),
        (&[1, 33], &[17, 33]),
        (&[0, 1], &[2, 0, 3]),
    ] {
        cases.push(Case::new(Op::Broadcast(to.into()), vec![small(dtype, from)]));
    }
}

fn slice(cases: &mut Vec<Case>, dtype: DType) {
    let all = SliceRange::ALL;
    let range = |start, end, step| SliceRange { start, end: Some(end), step };
    for (shape, ranges) in [
        (&[][..], vec![]),
        (&[7], vec![all]),
        (&[7], vec![range(2, 5, 1)]),
        (&[7], vec![range(3, 3, 1)]),
        (&[7], vec![range(7, 7, 2)]),
        (&[7], vec![range(0, 7, 3)]),
        (&[7], vec![SliceRange { start: 1, end: None, step: 2 }]),
        (&[7], vec![range(2, 6, 9)]),
        (&[4, 5], vec![range(1, 3, 1), all]),
        (&[4, 5], vec![all, range(1, 4, 2)]),
        (&[33, 67], vec![range(1, 32, 2), range(3, 66, 1)]),
        (&[3, 4, 5], vec![range(0, 3, 2), range(1, 2, 1), range(0, 5, 2)]),
        (&[0, 5], vec![all, range(1, 4, 1)]),
    ] {
        cases.push(Case::new(Op::Slice(ranges), vec![small(dtype, shape)]));
    }
}

fn pad(cases: &mut Vec<Case>, dtype: DType) {
    for (shape, widths) in [
        (&[][..], &[][..]),
        (&[5], &[(0, 0)]),
        (&[5], &[(2, 3)]),
        (&[0], &[(1, 2)]),
        (&[3, 4], &[(0, 1), (2, 0)]),
        (&[2, 3, 4], &[(1, 0), (0, 2), (1, 1)]),
        (&[1, 3, 3, 2], &[(0, 0), (1, 1), (1, 2), (0, 0)]),
    ] {
        cases.push(Case::new(Op::Pad(widths.to_vec()), vec![small(dtype, shape)]));
    }
}

fn concat(cases: &mut Vec<Case>, dtype: DType) {
    for (axis, shapes) in [
        (0, &[&[5][..]][..]),
        (0, &[&[5], &[1], &[0], &[3]]),
        (0, &[&[2, 3], &[4, 3]]),
        (1, &[&[2, 3], &[2, 4], &[2, 1]]),
        (1, &[&[2, 3, 2], &[2, 1, 2]]),
        (2, &[&[2, 3, 2], &[2, 3, 5]]),
        (1, &[&[0, 3], &[0, 4]]),
    ] {
        let operands = shapes.iter().map(|&shape| small(dtype, shape)).collect();
        cases.push(Case::new(Op::Concat { axis }, operands));
    }
}

//! Ops that move elements, tables, random numbers and counting.

use crate::support::*;
use cornu_graph::op::{Distribution, SliceRange};
use cornu_graph::{Array, DType, Op};

const DTYPES: [DType; 4] = [DType::F32, DType::I32, DType::U8, DType::Bool];

#[test]
fn transpositions() {
    let mut rng = random(1);
    for (shape, permutation) in [
        (&[][..], &[][..]),
        (&[5], &[0]),
        (&[3, 4], &[1, 0]),
        (&[70, 150], &[1, 0]),
        (&[16, 64], &[1, 0]),
        (&[2, 3, 4], &[2, 0, 1]),
        (&[2, 3, 4], &[0, 2, 1]),
        (&[5, 17, 33], &[0, 2, 1]),
        (&[5, 17, 33], &[2, 1, 0]),
        (&[2, 6, 3, 40], &[0, 2, 1, 3]),
        (&[2, 3, 4, 5], &[3, 1, 0, 2]),
        (&[1, 3, 1, 5], &[3, 2, 1, 0]),
        (&[0, 3], &[1, 0]),
    ] {
        for dtype in DTYPES {
            let x = array(&mut rng, dtype, shape);
            check_op(Op::Transpose(permutation.to_vec()), &[x], CLOSE);
        }
    }
}

fn range(start: usize, end: usize, step: usize) -> SliceRange {
    SliceRange { start, end: Some(end), step }
}

#[test]
fn slices() {
    let mut rng = random(2);
    for (shape, ranges) in [
        (&[10][..], vec![range(2, 9, 3)]),
        (&[10], vec![range(4, 4, 1)]),
        (&[6, 7], vec![range(1, 6, 2), SliceRange::ALL]),
        (&[6, 7], vec![SliceRange::ALL, range(2, 7, 2)]),
        (&[6, 70], vec![range(3, 5, 1), range(5, 65, 1)]),
        (&[300, 3], vec![SliceRange::ALL, range(1, 3, 1)]),
        (&[2, 3, 4, 5], vec![range(1, 2, 1), range(0, 3, 2), SliceRange::ALL, range(1, 4, 2)]),
    ] {
        for dtype in DTYPES {
            check_op(Op::Slice(ranges.clone()), &[array(&mut rng, dtype, shape)], CLOSE);
        }
    }
}

#[test]
fn padding() {
    let mut rng = random(3);
    for (shape, widths) in [
        (&[3][..], vec![(2, 1)]),
        (&[3, 40], vec![(0, 2), (1, 0)]),
        (&[200, 3], vec![(1, 1), (1, 1)]),
        (&[2, 3, 3, 4], vec![(0, 0), (1, 1), (2, 0), (0, 0)]),
        (&[0, 2], vec![(1, 1), (0, 0)]),
        (&[], vec![]),
    ] {
        for dtype in DTYPES {
            check_op(Op::Pad(widths.clone()), &[array(&mut rng, dtype, shape)], CLOSE);
        }
    }
}

#[test]
fn concatenation() {
    let mut rng = random(4);
    for (shapes, axis) in [
        (&[&[3][..], &[1], &[4]][..], 0),
        (&[&[2, 30], &[3, 30]], 0),
        (&[&[70, 3], &[70, 1], &[70, 0], &[70, 17]], 1),
        (&[&[2, 3, 4], &[2, 1, 4]], 1),
        (&[&[2, 3]], 0),
    ] {
        for dtype in DTYPES {
            let inputs: Vec<Array> = shapes.iter().map(|s| array(&mut rng, dtype, s)).collect();
            check_op(Op::Concat { axis }, &inputs, CLOSE);
        }
    }
}

#[test]
fn tables() {
    let mut rng = random(5);
    for (table, indexes) in [
        (&[7, 5][..], &[20][..]),
        (&[7], &[20]),
        (&[7, 2, 3], &[4, 5]),
        (&[7, 100], &[]),
        (&[7, 3], &[0]),
        (&[0, 3], &[4]),
        (&[7, 0], &[4]),
    ] {
        // Some indexes are outside the table.
        let indexes = whole(&mut rng, indexes, -2, 8);
        for dtype in DTYPES {
            let table = array(&mut rng, dtype, table);
            check_op(Op::Gather, &[table, indexes.clone()], CLOSE);
        }
        let rows = [indexes.shape(), &table[1..]].concat();
        let values = floats(&mut rng, &rows);
        check_op(Op::ScatterAdd { rows: table[0] }, &[indexes, values], SUMS);
    }
}

#[test]
fn random_numbers() {
    let state = Array::new([3], vec![123, -456, 7]).unwrap();
    for (distribution, tolerance) in [
        (Distribution::Uniform, Tolerance::Absolute(0.0)),
        (Distribution::Normal, Tolerance::Absolute(1e-6)),
    ] {
        for shape in [&[][..], &[0], &[3], &[64], &[100, 7], &[4000]] {
            let op = Op::Random { distribution, shape: shape.into(), stream: 9 };
            check_op(op, std::slice::from_ref(&state), tolerance);
        }
    }
}

#[test]
fn counting() {
    for (shape, axis) in [(&[5][..], 0), (&[3, 4], 0), (&[3, 4], 1), (&[2, 3, 4], 1), (&[0, 2], 0)]
    {
        check_op(Op::Iota { shape: shape.into(), axis }, &[], CLOSE);
    }
}

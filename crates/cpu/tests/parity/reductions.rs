//! Reductions, the search for extremes, pooling.

use crate::support::*;
use cornu_graph::infer::infer;
use cornu_graph::op::{Pool2d, PoolKind, ReduceOp};
use cornu_graph::{Array, DType, Op};

const KINDS: [ReduceOp; 4] = [ReduceOp::Sum, ReduceOp::Prod, ReduceOp::Max, ReduceOp::Min];
const DTYPES: [DType; 4] = [DType::F32, DType::I32, DType::U8, DType::Bool];

fn reduce(kind: ReduceOp, x: &Array, axes: &[usize], keepdims: bool) {
    let tolerance = if kind == ReduceOp::Sum { SUMS } else { Tolerance::Relative(1e-5) };
    check_op(
        Op::Reduce { kind, axes: axes.to_vec(), keepdims },
        std::slice::from_ref(x),
        tolerance,
    );
}

#[test]
fn all_kinds_and_types() {
    let mut rng = random(1);
    for (shape, axes) in [
        (&[][..], &[][..]),
        (&[1], &[0]),
        (&[5], &[]),
        (&[37], &[0]),
        (&[3, 70], &[0]),
        (&[3, 70], &[1]),
        (&[70, 3], &[0]),
        (&[0, 3], &[0]),
        (&[0, 3], &[1]),
        (&[3, 0], &[1]),
        (&[4, 5, 6], &[1]),
        (&[4, 5, 6], &[0, 2]),
        (&[2, 3, 4, 5], &[1, 3]),
        (&[2, 3, 4, 5], &[0, 1, 2]),
        (&[2, 1, 4, 1], &[1, 2]),
    ] {
        for kind in KINDS {
            for dtype in DTYPES {
                reduce(kind, &array(&mut rng, dtype, shape), axes, shape.len() % 2 == 0);
            }
        }
    }
}

#[test]
fn long_sums() {
    let mut rng = random(2);
    for (shape, axes) in [
        (&[30_011][..], &[0][..]),
        (&[2, 9001], &[1]),
        (&[900, 33], &[0]),
        (&[130, 512], &[0]),
        (&[200, 5, 30], &[0, 2]),
        (&[200, 5, 30], &[1]),
        (&[7, 50, 80], &[0, 1]),
    ] {
        for kind in [ReduceOp::Sum, ReduceOp::Max, ReduceOp::Min] {
            reduce(kind, &floats(&mut rng, shape), axes, false);
        }
        reduce(ReduceOp::Sum, &whole(&mut rng, shape, i32::MIN / 2, i32::MAX / 2), axes, false);
    }
}

#[test]
fn sums_of_equal_signs_keep_their_digits() {
    let x = Array::new([100_000], vec![0.1f32; 100_000]).unwrap();
    reduce(ReduceOp::Sum, &x, &[0], false);
    let x = Array::new([50_000, 4], vec![0.1f32; 200_000]).unwrap();
    reduce(ReduceOp::Sum, &x, &[0], false);
}

#[test]
fn nan_and_infinity() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for place in [0, 3, 18, 39, 40] {
            let mut x = vec![1.5f32; 41];
            x[place] = bad;
            for shape in [&[41][..], &[41, 1], &[1, 41]] {
                let x = Array::new(shape, x.clone()).unwrap();
                for kind in KINDS {
                    let axes: Vec<usize> = (0..shape.len()).collect();
                    check_op(
                        Op::Reduce { kind, axes, keepdims: false },
                        std::slice::from_ref(&x),
                        Tolerance::Relative(1e-5),
                    );
                }
            }
        }
    }
}

#[test]
fn places_of_extremes() {
    let mut rng = random(3);
    for (shape, axis) in [
        (&[10][..], 0),
        (&[6, 10], 1),
        (&[9, 75], 1),
        (&[10, 6], 0),
        (&[3, 5, 40], 1),
        (&[0, 3], 1),
        (&[3, 0], 0),
    ] {
        for largest in [true, false] {
            for dtype in DTYPES {
                // Few different numbers: the first of equals is wanted.
                let x = array(&mut rng, dtype, shape);
                let x = if dtype == DType::F32 { x.cast(DType::I32).cast(dtype) } else { x };
                check_op(Op::ArgReduce { largest, axis }, &[x], CLOSE);
            }
        }
    }
}

/// Rows of few different numbers, of which some are special, in whole vectors and in parts.
#[test]
fn places_of_special_extremes() {
    const INFINITY: f32 = f32::INFINITY;
    let mut rng = random(4);
    for (lowest, size) in (0..8).flat_map(|lowest| (1..50).map(move |size| (lowest, size))) {
        let numbers = [f32::NAN, -INFINITY, INFINITY, -0.0, 0.0, 1.0, 2.0, -INFINITY];
        // More and more of them are left out; at last rows are all alike.
        let which = || numbers[lowest + rng.below(numbers.len() - lowest)];
        let x =
            Array::new([8, size], std::iter::repeat_with(which).take(8 * size).collect::<Vec<_>>());
        let x = x.unwrap();
        for largest in [true, false] {
            let op = Op::ArgReduce { largest, axis: 1 };
            check_op(op, std::slice::from_ref(&x), CLOSE);
        }
    }
}

fn pool(image: [usize; 4], pool: Pool2d, seed: u64) {
    let mut rng = random(seed);
    // Whole numbers, so that there are equals.
    let x = whole(&mut rng, &image, -4, 4).cast(DType::F32);
    let y = infer(&Op::Pool2d(pool), &[&x.ty()]).unwrap();
    let g = floats(&mut rng, &y.shape.sizes());
    check_op(Op::Pool2d(pool), std::slice::from_ref(&x), CLOSE);
    let inputs = match pool.kind {
        PoolKind::Max => vec![x, g],
        PoolKind::Average => vec![g],
    };
    check_op(Op::Pool2dGrad { pool, input: image.into() }, &inputs, Tolerance::Absolute(1e-5));
}

#[test]
fn pooling() {
    for kind in [PoolKind::Max, PoolKind::Average] {
        for (i, (image, window, strides, padding)) in [
            ([2, 4, 6, 3], [2, 2], [2, 2], [(0, 0); 2]),
            ([3, 7, 5, 17], [3, 2], [2, 1], [(1, 1), (0, 1)]),
            ([1, 5, 5, 33], [3, 3], [1, 1], [(1, 1); 2]),
            ([2, 3, 3, 1], [3, 3], [1, 1], [(0, 0); 2]),
            ([2, 4, 4, 2], [1, 1], [2, 2], [(0, 0); 2]),
            ([0, 4, 4, 2], [2, 2], [2, 2], [(0, 0); 2]),
            ([5, 6, 6, 0], [2, 2], [2, 2], [(0, 0); 2]),
        ]
        .into_iter()
        .enumerate()
        {
            pool(image, Pool2d { kind, window, strides, padding }, i as u64);
        }
    }
}

#[test]
fn pooling_with_nan() {
    let mut x = vec![1.0f32; 16];
    (x[1], x[4]) = (f32::NAN, f32::NAN);
    (x[10], x[15]) = (f32::NEG_INFINITY, f32::INFINITY);
    let x = Array::new([1, 4, 4, 1], x).unwrap();
    let g = Array::new([1, 2, 2, 1], vec![1.0f32, 2.0, 3.0, 4.0]).unwrap();
    let pool =
        Pool2d { kind: PoolKind::Max, window: [2, 2], strides: [2, 2], padding: [(0, 0); 2] };
    check_op(Op::Pool2d(pool), std::slice::from_ref(&x), CLOSE);
    check_op(Op::Pool2dGrad { pool, input: [1, 4, 4, 1].into() }, &[x, g], CLOSE);
}

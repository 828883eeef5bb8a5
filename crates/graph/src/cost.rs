//! What an op costs at least: arithmetic, and memory that is read and written.
//!
//! This is the work that the op's definition asks for, whatever a kernel makes of it: a convolution
//! that is computed by Winograd's method costs what the plain one does, and may so seem faster than
//! the machine's arithmetic.

use crate::fused::ScalarOp;
use crate::op::{Op, Pool2d};
use crate::scalar::UnaryOp;
use crate::{Shape, TensorType};
use std::ops::{Add, AddAssign};

/// What an op costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Operations on numbers. A multiplication with an addition counts 2; every other function of
    /// a number counts 1, comparisons and conversions too, and also `exp` and its like, which take a
    /// processor some twenty.
    pub flops: u64,
    /// Bytes read: each operand once, and of a table only the rows that are chosen.
    pub bytes_read: u64,
    /// Bytes written: each result once.
    pub bytes_written: u64,
}

impl Cost {
    /// Bytes read and written.
    pub fn bytes(self) -> u64 {
        self.bytes_read + self.bytes_written
    }
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            flops: self.flops + other.flops,
            bytes_read: self.bytes_read + other.bytes_read,
            bytes_written: self.bytes_written + other.bytes_written,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        *self = *self + other;
    }
}

/// What an op costs on inputs of these types (all sizes known), with results of those.
pub fn cost(op: &Op, inputs: &[&TensorType], outputs: &[TensorType]) -> Cost {
    let is_moved =
        !matches!(op, Op::Input { .. } | Op::Variable { .. } | Op::Constant(_) | Op::Project(_));
    if !is_moved {
        return Cost::default();
    }
    let written: usize = outputs.iter().map(TensorType::bytes).sum();
    Cost {
        flops: flops(op, inputs, outputs) as u64,
        bytes_read: bytes_read(op, inputs, written) as u64,
        bytes_written: written as u64,
    }
}

fn flops(op: &Op, inputs: &[&TensorType], outputs: &[TensorType]) -> usize {
    let results = || outputs[0].len();
    match op {
        Op::Input { .. }
        | Op::Variable { .. }
        | Op::Constant(_)
        | Op::Project(_)
        | Op::Iota { .. }
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Slice(_)
        | Op::Pad(_)
        | Op::Concat { .. }
        | Op::Gather => 0,
        Op::Random { .. } | Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Cast(_) => results(),
        Op::Unary(op) => results() * scalar_flops(ScalarOp::Unary(*op)),
        Op::Fused(kernel) => {
            let product = kernel.product.map_or(0, |product| flops(&product.op(), inputs, outputs));
            let steps: usize = kernel.steps.iter().map(|step| scalar_flops(step.op)).sum();
            product + steps * size(&kernel.shape)
        }
        Op::Reduce { .. } | Op::ArgReduce { .. } => inputs[0].len(),
        Op::ScatterAdd { .. } => inputs[1].len(),
        Op::MatMul { transpose_a, .. } => {
            let sizes = inputs[0].shape.sizes();
            let inner = sizes[sizes.len() - if *transpose_a { 2 } else { 1 }];
            2 * results() * inner
        }
        // Zeros of the padding count as numbers. The three go over the same pairs of numbers.
        Op::Conv2d(_) => 2 * results() * window(&inputs[1].shape),
        Op::Conv2dInputGrad { .. } => 2 * inputs[0].len() * window(&inputs[1].shape),
        Op::Conv2dFilterGrad { filter, .. } => 2 * inputs[1].len() * window(filter),
        Op::Pool2d(pool) => results() * pooled(pool, &inputs[0].shape),
        Op::Pool2dGrad { pool, input } => inputs[inputs.len() - 1].len() * pooled(pool, input),
    }
}

fn bytes_read(op: &Op, inputs: &[&TensorType], written: usize) -> usize {
    match op {
        Op::Slice(_) => written,
        Op::Gather => inputs[1].bytes() + written,
        _ => inputs.iter().map(|ty| ty.bytes()).sum(),
    }
}

/// What a function of single numbers counts.
fn scalar_flops(op: ScalarOp) -> usize {
    match op {
        ScalarOp::Constant(_) | ScalarOp::Unary(UnaryOp::StopGradient) => 0,
        ScalarOp::Unary(_)
        | ScalarOp::Binary(_)
        | ScalarOp::Compare(_)
        | ScalarOp::Select
        | ScalarOp::Cast => 1,
    }
}

/// The numbers of a filter `(kh, kw, c / groups, f)` that one result depends on.
fn window(filter: &Shape) -> usize {
    filter.sizes()[..3].iter().product()
}

/// The pixels of images `(n, h, w, c)` that one result depends on: a window may be larger than they.
fn pooled(pool: &Pool2d, images: &Shape) -> usize {
    pool.window.iter().zip(&images.sizes()[1..]).map(|(&window, &size)| window.min(size)).product()
}

fn size(shape: &Shape) -> usize {
    shape.sizes().iter().product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fused::{Kernel, Step};
    use crate::op::{Conv2d, PoolKind, ReduceOp, SliceRange};
    use crate::scalar::BinaryOp;
    use crate::{DType, infer};

    /// The cost of an op on `float32` inputs of these shapes, but for `int32` indexes.
    fn of(op: &Op, shapes: &[&[usize]]) -> (u64, u64, u64) {
        let ty = |(i, shape): (usize, &&[usize])| {
            let index =
                matches!(op, Op::Gather) && i == 1 || matches!(op, Op::ScatterAdd { .. }) && i == 0;
            TensorType::new(if index { DType::I32 } else { DType::F32 }, *shape)
        };
        let types: Vec<TensorType> = shapes.iter().enumerate().map(ty).collect();
        let types: Vec<&TensorType> = types.iter().collect();
        let output = infer::infer(op, &types).unwrap();
        let Cost { flops, bytes_read, bytes_written } = cost(op, &types, &[output]);
        (flops, bytes_read, bytes_written)
    }

    #[test]
    fn products_count_multiplications_and_additions() {
        let matmul = Op::matmul;
        // 3 · 5 results of 4 products each, summed; four bytes a number.
        let expected = (2 * 3 * 5 * 4, 4 * (12 + 20), 4 * 15);
        assert_eq!(of(&matmul(false, false), &[&[3, 4], &[4, 5]]), expected);
        assert_eq!(of(&matmul(true, true), &[&[4, 3], &[5, 4]]), expected);
        let seven = (7 * 2 * 3 * 5 * 4, 7 * 4 * (12 + 20), 7 * 4 * 15);
        assert_eq!(of(&matmul(true, false), &[&[7, 4, 3], &[7, 4, 5]]), seven);
    }

    #[test]
    fn a_convolution_costs_as_much_as_each_of_its_gradients() {
        let conv = Conv2d { strides: [1, 1], padding: [(0, 0); 2], dilation: [1, 1], groups: 2 };
        let (images, filter): (&[usize], &[usize]) = (&[2, 6, 5, 4], &[3, 2, 2, 8]);
        let results: &[usize] = &[2, 4, 4, 8];
        let flops = 2 * (2 * 4 * 4 * 8) * (3 * 2 * 2);
        let bytes = |shape: &[usize]| 4 * shape.iter().product::<usize>() as u64;
        let (a, b, c) = (bytes(images), bytes(filter), bytes(results));
        assert_eq!(of(&Op::Conv2d(conv), &[images, filter]), (flops, a + b, c));
        let op = Op::Conv2dInputGrad { conv, input: images.into() };
        assert_eq!(of(&op, &[results, filter]), (flops, c + b, a));
        let op = Op::Conv2dFilterGrad { conv, filter: filter.into() };
        assert_eq!(of(&op, &[images, results]), (flops, a + c, b));
    }

    #[test]
    fn loops_count_their_steps() {
        let (shape, f32) = (Shape::from([10, 3]), DType::F32);
        let step = |op, args: &[usize]| Step { op, args: args.to_vec(), dtype: f32 };
        let kernel = Kernel {
            product: None,
            shape,
            inputs: vec![f32, f32],
            steps: vec![
                step(ScalarOp::Constant(2.0), &[]),
                step(ScalarOp::Binary(BinaryOp::Mul), &[0, 2]),
                step(ScalarOp::Unary(UnaryOp::Exp), &[3]),
                step(ScalarOp::Unary(UnaryOp::StopGradient), &[4]),
                step(ScalarOp::Binary(BinaryOp::Add), &[5, 1]),
            ],
            outputs: vec![6, 4],
        };
        let (whole, row) = (TensorType::new(f32, [10, 3]), TensorType::new(f32, [3]));
        let op = Op::Fused(Box::new(kernel));
        let cost = cost(&op, &[&whole, &row], &[whole.clone(), whole.clone()]);
        // Three steps count; a row of three numbers is read once, however often it is used.
        assert_eq!(cost, Cost { flops: 90, bytes_read: 120 + 12, bytes_written: 240 });
    }

    #[test]
    fn moving_costs_no_arithmetic_and_what_it_touches() {
        let rows = SliceRange { start: 0, end: Some(2), step: 1 };
        assert_eq!(of(&Op::Slice(vec![rows, SliceRange::ALL]), &[&[9, 5]]), (0, 40, 40));
        assert_eq!(of(&Op::Transpose(vec![1, 0]), &[&[9, 5]]), (0, 180, 180));
        assert_eq!(of(&Op::Broadcast([9, 5].into()), &[&[5]]), (0, 20, 180));
        // Of a table of 100 rows, 3 are read.
        assert_eq!(of(&Op::Gather, &[&[100, 5], &[3]]), (0, 12 + 60, 60));
        assert_eq!(of(&Op::ScatterAdd { rows: 100 }, &[&[3], &[3, 5]]), (15, 12 + 60, 2000));
    }

    #[test]
    fn reductions_and_pooling_count_what_they_look_at() {
        let reduce = Op::Reduce { kind: ReduceOp::Max, axes: vec![0], keepdims: false };
        assert_eq!(of(&reduce, &[&[9, 5]]), (45, 180, 20));
        assert_eq!(of(&Op::ArgReduce { largest: true, axis: 1 }, &[&[9, 5]]), (45, 180, 36));
        let pool =
            Pool2d { kind: PoolKind::Max, window: [2, 2], strides: [2, 2], padding: [(0, 0); 2] };
        let (images, results): (&[usize], &[usize]) = (&[1, 4, 4, 3], &[1, 2, 2, 3]);
        assert_eq!(of(&Op::Pool2d(pool), &[images]), (48, 192, 48));
        let grad = Op::Pool2dGrad { pool, input: images.into() };
        assert_eq!(of(&grad, &[images, results]), (48, 240, 192));
    }
}

//! Rows of fused loops: several results, broadcast operands, mixed dtypes.

use super::{APPROXIMATE, Case, Draw, Operand, floats, operand, small};
use cornu_graph::fused::{Kernel, Product, ScalarOp, Step};
use cornu_graph::op::Precision;
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{DType, Op};

const ADD: ScalarOp = ScalarOp::Binary(BinaryOp::Add);
const MUL: ScalarOp = ScalarOp::Binary(BinaryOp::Mul);

pub fn add(cases: &mut Vec<Case>) {
    for shape in [&[4, 7][..], &[1, 1], &[0, 7], &[2, 3, 67]] {
        cases.push(bias_and_relu(shape));
        cases.push(momentum(shape));
        cases.push(mixed_types(shape));
    }
    for (a, b) in [
        (&[3, 1, 5][..], &[4, 1][..]),
        (&[3, 1, 1], &[1, 4, 5]),
        (&[], &[3, 4, 5]),
        (&[1, 4, 1], &[3, 1, 5]),
    ] {
        let product = vec![step(MUL, &[0, 1], DType::F32)];
        cases.push(case(&[3, 4, 5], vec![floats(a), floats(b)], product, &[2]));
    }
    cases.push(case(&[], vec![floats(&[][..])], vec![step(MUL, &[0, 0], DType::F32)], &[1]));
    cases.push(long_chain());
    for (m, n, k) in [(5, 7, 3), (40, 130, 9), (50, 33, 14), (3, 200, 0), (1, 20, 6), (20, 1, 6)] {
        for (transpose_a, transpose_b) in [(false, false), (true, false), (false, true)] {
            for precision in [Precision::Float32, Precision::BFloat16] {
                let of = Product { transpose_a, transpose_b, precision };
                cases.push(product([m, n], k, of));
            }
        }
    }
}

fn step(op: ScalarOp, args: &[usize], dtype: DType) -> Step {
    Step { op, args: args.to_vec(), dtype }
}

fn case(shape: &[usize], operands: Vec<Operand>, steps: Vec<Step>, outputs: &[usize]) -> Case {
    let inputs = operands.iter().map(|o| o.ty.dtype).collect();
    let kernel =
        Kernel { product: None, shape: shape.into(), inputs, steps, outputs: outputs.to_vec() };
    Case::new(Op::Fused(Box::new(kernel)), operands).within(APPROXIMATE).differentiable(&[])
}

/// A product whose elements get a bias, and update a slot: rows of their own and one for all.
fn product([m, n]: [usize; 2], k: usize, product: Product) -> Case {
    let stored =
        |rows, columns, swapped: bool| if swapped { [columns, rows] } else { [rows, columns] };
    let (a, b) = (stored(m, k, product.transpose_a), stored(k, n, product.transpose_b));
    let operands = vec![
        floats(&a[..]),
        floats(&b[..]),
        floats(&[n][..]),
        floats(&[m, n][..]),
        floats(&[m, 1][..]),
    ];
    let steps = vec![
        step(ADD, &[0, 1], DType::F32),
        step(MUL, &[2, 3], DType::F32),
        step(ADD, &[4, 5], DType::F32),
    ];
    let kernel = Kernel {
        product: Some(product),
        shape: [m, n].into(),
        inputs: vec![DType::F32; 4],
        steps,
        outputs: vec![6, 0],
    };
    let name = format!("product {m}x{n}x{k} {}{}", product.transpose_a, product.transpose_b);
    let op = Op::Fused(Box::new(kernel));
    Case::new(op, operands).within(APPROXIMATE).differentiable(&[]).named(&name)
}

/// A bias of the last axis, and an activation.
fn bias_and_relu(shape: &[usize]) -> Case {
    let operands = vec![floats(shape), floats(&shape[shape.len() - 1..])];
    let steps = vec![
        step(ADD, &[0, 1], DType::F32),
        step(ScalarOp::Unary(UnaryOp::Relu), &[2], DType::F32),
    ];
    case(shape, operands, steps, &[3]).named("bias and relu")
}

/// An optimizer's update: a new slot and a new weight.
fn momentum(shape: &[usize]) -> Case {
    let operands = vec![floats(shape), floats(shape), floats(shape), floats(&[][..])];
    let steps = vec![
        step(ScalarOp::Constant(0.875), &[], DType::F32),
        step(MUL, &[2, 4], DType::F32),
        step(MUL, &[1, 3], DType::F32),
        step(ScalarOp::Binary(BinaryOp::Sub), &[5, 6], DType::F32),
        step(ADD, &[0, 7], DType::F32),
    ];
    case(shape, operands, steps, &[7, 8]).named("momentum")
}

/// Comparison, selection, casts and whole numbers in one loop; one result for each dtype.
fn mixed_types(shape: &[usize]) -> Case {
    let whole = operand(DType::I32, shape, Draw::Whole(-3, 4));
    let operands = vec![floats(shape), whole, small(DType::U8, shape)];
    let steps = vec![
        step(ScalarOp::Cast, &[1], DType::F32),
        step(ScalarOp::Compare(CompareOp::Less), &[0, 3], DType::Bool),
        step(ScalarOp::Select, &[4, 0, 3], DType::F32),
        step(ScalarOp::Cast, &[2], DType::I32),
        step(MUL, &[1, 6], DType::I32),
        step(ScalarOp::Constant(-3.0), &[], DType::I32),
        step(ScalarOp::Binary(BinaryOp::Mod), &[7, 8], DType::I32),
        step(ScalarOp::Unary(UnaryOp::Not), &[4], DType::Bool),
        step(ScalarOp::Cast, &[9], DType::U8),
    ];
    case(shape, operands, steps, &[5, 9, 10, 11]).named("mixed types")
}

/// More values than registers.
fn long_chain() -> Case {
    let mut steps = vec![step(ADD, &[0, 1], DType::F32)];
    for value in 3..60 {
        let op = if value % 3 == 0 { ScalarOp::Unary(UnaryOp::Tanh) } else { ADD };
        let args = if value % 3 == 0 { vec![value - 1] } else { vec![value - 1, value % 2] };
        steps.push(step(op, &args, DType::F32));
    }
    let outputs: Vec<usize> = (2..60).step_by(7).collect();
    case(&[5, 33], vec![floats([5, 33]), floats([5, 1])], steps, &outputs).named("long chain")
}

//! How much memory kernels ask for.

use super::*;
use crate::executor::Winograd;
use crate::simd::Instructions;
use crate::threads::Crew;
use cornu_graph::DType;
use cornu_graph::scalar::{BinaryOp, UnaryOp};

/// A loop over 4 inputs that keeps as many values until its end as asked for, and gives out
/// others before, while all inputs are still to be read.
fn kernel(kept: usize, given: usize) -> fused::Kernel {
    let (inputs, mut steps) = (4, vec![]);
    let mut step = |op, args: &[usize]| {
        steps.push(fused::Step { op, args: args.to_vec(), dtype: DType::F32 });
        inputs + steps.len() - 1
    };
    let kept: Vec<usize> =
        (0..kept).map(|i| step(ScalarOp::Unary(UnaryOp::Exp), &[i % inputs])).collect();
    let mut outputs: Vec<usize> =
        (0..given).map(|i| step(ScalarOp::Unary(UnaryOp::Log), &[i % inputs])).collect();
    let all = (0..inputs).chain(kept);
    let sum = all.reduce(|a, b| step(ScalarOp::Binary(BinaryOp::Add), &[a, b]));
    outputs.push(sum.unwrap());
    fused::Kernel {
        product: None,
        shape: [60, 60].into(),
        inputs: vec![DType::F32; inputs],
        steps,
        outputs,
    }
}

/// A plan has the memory that a kernel wants if all its operands may share theirs.
#[test]
fn operands_that_share_less_memory_need_no_more_scratch() {
    let cases = (0..8).flat_map(|kept| (0..6).map(move |given| (kept, given)));
    for ((kept, given), instructions) in
        cases.flat_map(|case| [Instructions::Portable, Instructions::best()].map(|i| (case, i)))
    {
        let kernel = kernel(kept, given);
        let ty = TensorType::new(DType::F32, kernel.shape.clone());
        let (inputs, outputs) = (vec![&ty; 4], vec![ty.clone(); kernel.outputs.len()]);
        let scratch = |shared: &[(usize, usize)]| {
            let crew = Crew { threads: 2, handover: 0 };
            let (op, inputs, outputs) = (&Op::Select, &inputs[..], &outputs[..]);
            let winograd = Winograd::Auto;
            let request = Request { op, inputs, outputs, shared, instructions, crew, winograd };
            Elementwise::from_kernel(&kernel, &request, Cut::Anywhere).scratch()
        };
        let pairs = (0..4).flat_map(|i| (0..outputs.len()).map(move |o| (i, o)));
        let pairs: Vec<(usize, usize)> = pairs.collect();
        let planned = scratch(&pairs);
        for n in 0..pairs.len() {
            let wanted = scratch(&pairs[n..]).max(scratch(&pairs[..n]));
            assert!(wanted <= planned, "{wanted} > {planned}: {kept} kept, {given} given, {n}");
        }
    }
}

//! What an op is called in a line: name and shapes in short.

use cornu_graph::fused::{Kernel, Product, ScalarOp};
use cornu_graph::op::{Precision, ReduceOp};
use cornu_graph::plan::{Buffer, Step, StepKind};
use cornu_graph::{Graph, Op, TensorType, print};

/// The op with the shapes that it is about, the most telling first: lines are cut at their end.
pub fn label(graph: &Graph, step: &Step) -> String {
    let StepKind::Node(id) = step.kind else {
        return format!("copy {}", shapes(&step.inputs));
    };
    match &graph.node(id).op {
        Op::Fused(kernel) => {
            let over = match kernel.product {
                Some(product) => matmul(&step.inputs, product),
                None => format!("loop {}", short(&step.outputs[0].ty)),
            };
            format!("{over}: {}", steps(kernel).join(" "))
        }
        &Op::MatMul { transpose_a, transpose_b, precision } => {
            matmul(&step.inputs, Product { transpose_a, transpose_b, precision })
        }
        Op::Conv2d(_) => format!("conv2d {}", shapes(&step.inputs)),
        Op::Conv2dInputGrad { .. } => format!("conv2d_input_grad {}", shapes(&step.inputs)),
        Op::Conv2dFilterGrad { .. } => format!("conv2d_filter_grad {}", shapes(&step.inputs)),
        Op::Pool2d(_) => format!("pool2d {}", shapes(&step.inputs)),
        Op::Pool2dGrad { .. } => format!("pool2d_grad {}", shapes(&step.inputs)),
        Op::Random { .. } => format!("random {}", short(&step.outputs[0].ty)),
        Op::Iota { .. } => format!("iota {}", short(&step.outputs[0].ty)),
        Op::Reduce { kind, axes, .. } => {
            let kind = match kind {
                ReduceOp::Sum => "sum",
                ReduceOp::Prod => "prod",
                ReduceOp::Max => "max",
                ReduceOp::Min => "min",
            };
            format!("{kind} {} over {axes:?}", shapes(&step.inputs))
        }
        op => format!("{} {}", print::name(op), shapes(&step.inputs)),
    }
}

fn matmul(operands: &[Buffer], product: Product) -> String {
    let rounded = match product.precision {
        Precision::Float32 => "",
        Precision::BFloat16 => " bf16",
    };
    let flag = |set| if set { "ᵀ" } else { "" };
    let [a, b] = [0, 1].map(|operand| short(&operands[operand].ty));
    format!("matmul{rounded} {a}{} {b}{}", flag(product.transpose_a), flag(product.transpose_b))
}

/// The different steps of a loop.
fn steps(kernel: &Kernel) -> Vec<String> {
    let mut steps: Vec<String> = vec![];
    for step in &kernel.steps {
        let name = match step.op {
            ScalarOp::Constant(_) => continue,
            op => print::scalar_name(op),
        };
        if !steps.contains(&name) {
            steps.push(name);
        }
    }
    steps
}

fn shapes(operands: &[Buffer]) -> String {
    operands.iter().map(|operand| short(&operand.ty)).collect::<Vec<_>>().join(" ")
}

/// `128x784`; a single number is `1`.
pub fn short(ty: &TensorType) -> String {
    let sizes: Vec<String> = ty.shape.sizes().iter().map(usize::to_string).collect();
    if sizes.is_empty() { "1".into() } else { sizes.join("x") }
}

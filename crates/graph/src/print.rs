//! The text form of a graph, for golden tests and curious people.
//!
//! ```text
//! %0 = input 0 : float32(2, 3)
//! %1 = variable 0 : float32(3, 4)
//! %2 = matmul %0, %1 : float32(2, 4)
//! output %2
//! ```

use crate::fused::{Kernel, ScalarOp};
use crate::op::{Op, Precision};
use crate::{Array, Graph, Shape};
use std::fmt;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in self.ids() {
            let node = self.node(id);
            write!(f, "%{} = {}", id.0, name(&node.op))?;
            for (i, input) in node.inputs.iter().enumerate() {
                write!(f, "{} %{}", if i == 0 { "" } else { "," }, input.0)?;
            }
            write!(f, " : {}", node.ty)?;
            match &node.origin {
                Some(origin) => writeln!(f, "  // {origin}")?,
                None => writeln!(f)?,
            }
            if let Op::Fused(kernel) = &node.op {
                write!(f, "{kernel}")?;
            }
        }
        for output in &self.outputs {
            writeln!(f, "output %{}", output.0)?;
        }
        for update in &self.updates {
            writeln!(f, "update {} = %{}", update.variable, update.value.0)?;
        }
        Ok(())
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            write!(f, "     .{} = {}", self.inputs.len() + i, scalar_name(step.op))?;
            for (j, arg) in step.args.iter().enumerate() {
                write!(f, "{} .{arg}", if j == 0 { "" } else { "," })?;
            }
            writeln!(f, " : {}", step.dtype)?;
        }
        let outputs: Vec<String> = self.outputs.iter().map(|o| format!(".{o}")).collect();
        writeln!(f, "     return {}", outputs.join(", "))
    }
}

/// The name of an op with its attributes.
pub fn name(op: &Op) -> String {
    match op {
        Op::Input { index, .. } => format!("input {index}"),
        Op::Variable { index, .. } => format!("variable {index}"),
        Op::Constant(array) => format!("constant {}", constant(array)),
        Op::Iota { axis, .. } => format!("iota axis={axis}"),
        Op::Random { distribution, stream, .. } => {
            format!("random_{} stream={stream}", lower(distribution))
        }
        Op::Unary(op) => lower(op),
        Op::Binary(op) => lower(op),
        Op::Compare(op) => lower(op),
        Op::Select => "select".into(),
        Op::Cast(_) => "cast".into(),
        Op::Reshape(_) => "reshape".into(),
        Op::Transpose(permutation) => format!("transpose {permutation:?}"),
        Op::Broadcast(_) => "broadcast".into(),
        Op::Slice(ranges) => {
            let ranges = ranges.iter().map(|r| {
                let end = r.end.map(|e| e.to_string()).unwrap_or_default();
                let step = if r.step == 1 { String::new() } else { format!(":{}", r.step) };
                format!("{}:{end}{step}", r.start)
            });
            format!("slice [{}]", ranges.collect::<Vec<_>>().join(", "))
        }
        Op::Pad(widths) => format!("pad {widths:?}"),
        Op::Concat { axis } => format!("concat axis={axis}"),
        Op::Reduce { kind, axes, .. } => format!("reduce_{} {axes:?}", lower(kind)),
        Op::ArgReduce { largest, axis } => {
            format!("{} axis={axis}", if *largest { "argmax" } else { "argmin" })
        }
        Op::MatMul { transpose_a, transpose_b, precision } => {
            let flag = |set, text| if set { text } else { "" };
            let rounded = flag(*precision == Precision::BFloat16, " bfloat16");
            format!("matmul{}{}{rounded}", flag(*transpose_a, " aT"), flag(*transpose_b, " bT"))
        }
        Op::Conv2d(conv) => format!("conv2d {conv:?}"),
        Op::Conv2dInputGrad { conv, .. } => format!("conv2d_input_grad {conv:?}"),
        Op::Conv2dFilterGrad { conv, .. } => format!("conv2d_filter_grad {conv:?}"),
        Op::Pool2d(pool) => format!("pool2d {pool:?}"),
        Op::Pool2dGrad { pool, .. } => format!("pool2d_grad {pool:?}"),
        Op::Gather => "gather".into(),
        Op::ScatterAdd { rows } => format!("scatter_add rows={rows}"),
        Op::Fused(kernel) => match kernel.product {
            Some(product) => {
                format!("fused over {} of {} as .0", kernel.shape, name(&product.op()))
            }
            None => format!("fused over {}", kernel.shape),
        },
        Op::Project(index) => format!("project {index}"),
    }
}

/// The name of a step of a fused loop.
pub fn scalar_name(op: ScalarOp) -> String {
    match op {
        ScalarOp::Unary(op) => lower(op),
        ScalarOp::Binary(op) => lower(op),
        ScalarOp::Compare(op) => lower(op),
        ScalarOp::Select => "select".into(),
        ScalarOp::Cast => "cast".into(),
        ScalarOp::Constant(value) => format!("constant {value}"),
    }
}

/// `LessEqual` becomes `less_equal`.
fn lower(variant: impl fmt::Debug) -> String {
    let mut text = String::new();
    for (i, c) in format!("{variant:?}").chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

fn constant(array: &Array) -> String {
    match array.item() {
        Ok(value) => value.to_string(),
        Err(_) => format!("of shape {}", Shape::from(array.shape())),
    }
}

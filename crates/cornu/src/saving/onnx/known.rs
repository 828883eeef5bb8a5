//! Functions that ONNX knows by name and computes in the same way. All others are exported as what
//! they are made of.

use super::builder::{Attribute, Setting};
use cornu_graph::op::ReduceOp;
use cornu_graph::scalar::{BinaryOp, UnaryOp};
use cornu_graph::{DType, Graph, NodeId, Op};

/// A function in ONNX's words.
pub(super) struct Known {
    pub op: &'static str,
    pub attributes: Vec<Attribute>,
    /// Whether each element of the result depends on one element alone.
    pub elementwise: bool,
}

/// The operator for a public function of one tensor, whose expansion ends at the node `body`. What
/// was asked of the function is read from the expansion.
pub(super) fn known(graph: &Graph, name: &str, body: NodeId) -> Option<Known> {
    if graph.ty(body).dtype != DType::F32 {
        return None;
    }
    let along_axis = |op| {
        let axis = normalized_axis(graph, body)?;
        Some(Known { op, attributes: vec![("axis", axis)], elementwise: false })
    };
    let elementwise = |op, attributes| Some(Known { op, attributes, elementwise: true });
    match name {
        "Softmax" => along_axis("Softmax"),
        "LogSoftmax" => along_axis("LogSoftmax"),
        "Softplus" => elementwise("Softplus", vec![]),
        "Softsign" => elementwise("Softsign", vec![]),
        "Selu" => elementwise("Selu", vec![]),
        "HardSilu" => elementwise("HardSwish", vec![]),
        "HardSigmoid" => {
            let (alpha, beta) = (Setting::Float(1.0 / 6.0), Setting::Float(0.5));
            elementwise("HardSigmoid", vec![("alpha", alpha), ("beta", beta)])
        }
        "LeakyRelu" => elementwise("LeakyRelu", vec![("alpha", slope(graph, body)?)]),
        "Elu" => elementwise("Elu", vec![("alpha", slope(graph, body)?)]),
        _ => None,
    }
}

/// The axis of `e / sum(e)` and of `x - log(sum(e))`.
fn normalized_axis(graph: &Graph, body: NodeId) -> Option<Setting> {
    let mut total = source(graph, *graph.node(body).inputs.get(1)?);
    if let Op::Unary(UnaryOp::Log) = graph.node(total).op {
        total = graph.node(total).inputs[0];
    }
    match &graph.node(total).op {
        Op::Reduce { kind: ReduceOp::Sum, axes, .. } if axes.len() == 1 => {
            Some(Setting::Int(axes[0] as i64))
        }
        _ => None,
    }
}

/// The factor of `where(x > 0, x, f(x) · factor)`.
fn slope(graph: &Graph, body: NodeId) -> Option<Setting> {
    let below = graph.node(*graph.node(body).inputs.get(2)?);
    let (Op::Binary(BinaryOp::Mul), [_, factor]) = (&below.op, &below.inputs[..]) else {
        return None;
    };
    match &graph.node(source(graph, *factor)).op {
        Op::Constant(array) => Some(Setting::Float(array.item().ok()? as f32)),
        _ => None,
    }
}

/// What a node repeats, or the node itself.
pub(super) fn source(graph: &Graph, id: NodeId) -> NodeId {
    match &graph.node(id).op {
        Op::Broadcast(_) => graph.node(id).inputs[0],
        _ => id,
    }
}

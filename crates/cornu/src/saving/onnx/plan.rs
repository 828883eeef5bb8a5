//! Which nodes of Cornu's graph are exported, and as what.

use super::known::{Known, known, source};
use crate::tensor::lower::Lowerer;
use cornu_graph::scalar::BinaryOp;
use cornu_graph::{Dim, Graph, NodeId, Op, Shape};

/// How a node is said in ONNX, and of which nodes.
pub(super) struct Step {
    pub saying: Saying,
    pub inputs: Vec<NodeId>,
}

pub(super) enum Saying {
    /// As the primitive op that it is.
    Primitive,
    /// As the function whose expansion ends here.
    Known(Known),
    /// As this convolution, with a bias as a third input.
    Biased(NodeId),
}

/// A step for each node that the outputs need.
pub(super) fn plan(lowerer: &Lowerer) -> Vec<Option<Step>> {
    let graph = &lowerer.graph;
    let mut uses = vec![0; graph.nodes().len()];
    graph.nodes().iter().flat_map(|node| &node.inputs).for_each(|input| uses[input.0] += 1);
    graph.outputs.iter().for_each(|output| uses[output.0] += 1);
    let mut needed = vec![false; graph.nodes().len()];
    graph.outputs.iter().for_each(|output| needed[output.0] = true);
    let mut steps: Vec<Option<Step>> = needed.iter().map(|_| None).collect();
    for id in graph.ids().rev() {
        if needed[id.0] {
            let step = step(lowerer, &uses, id);
            step.inputs.iter().for_each(|input| needed[input.0] = true);
            steps[id.0] = Some(step);
        }
    }
    steps
}

fn step(lowerer: &Lowerer, uses: &[usize], id: NodeId) -> Step {
    let graph = &lowerer.graph;
    if let Some(composed) = lowerer.composites.get(&id)
        && let &[input] = &composed.inputs[..]
        && graph.ty(input) == graph.ty(id)
        && let Some(known) = known(graph, composed.name, id)
    {
        return Step { saying: Saying::Known(known), inputs: vec![input] };
    }
    let inputs = unrepeated(graph, id);
    if let Some((conv, bias)) = biased(graph, uses, id, &inputs) {
        let mut inputs = graph.node(conv).inputs.clone();
        inputs.push(bias);
        return Step { saying: Saying::Biased(conv), inputs };
    }
    Step { saying: Saying::Primitive, inputs }
}

/// The inputs of a node, without the repetition that ONNX's operators do by themselves.
fn unrepeated(graph: &Graph, id: NodeId) -> Vec<NodeId> {
    let mut inputs = graph.node(id).inputs.clone();
    for i in 0..inputs.len() {
        let repeated = inputs[i];
        inputs[i] = source(graph, repeated);
        if !repeats_itself(graph, id, &inputs) {
            inputs[i] = repeated;
        }
    }
    inputs
}

/// Whether the operator for a node repeats these inputs to the shape of the node's result.
fn repeats_itself(graph: &Graph, id: NodeId, inputs: &[NodeId]) -> bool {
    let node = graph.node(id);
    let shapes = || inputs.iter().map(|input| graph.ty(*input).shape.dims());
    match &node.op {
        Op::Binary(_) | Op::Compare(_) | Op::Select => meet(shapes(), node.ty.shape.dims()),
        Op::MatMul { .. } => {
            // The matrices stay; the dimensions before them meet.
            let split = |dims: &'_ [Dim]| dims.len().checked_sub(2);
            let kept = inputs.iter().zip(&node.inputs).all(|(new, old)| {
                let (new, old) = (graph.ty(*new).shape.dims(), graph.ty(*old).shape.dims());
                split(new).is_some_and(|at| old.ends_with(&new[at..]))
            });
            let outer = |dims: &'_ [Dim]| split(dims).unwrap_or_default();
            let result = node.ty.shape.dims();
            kept && meet(shapes().map(|dims| &dims[..outer(dims)]), &result[..outer(result)])
        }
        _ => false,
    }
}

/// Whether shapes broadcast to this one.
fn meet<'a>(shapes: impl Iterator<Item = &'a [Dim]>, result: &[Dim]) -> bool {
    let mut shapes = shapes.map(|dims| Shape::from(dims.to_vec()));
    let met = shapes.try_fold(Shape::scalar(), |all, shape| all.broadcast(&shape));
    met.is_some_and(|met| met.dims() == result)
}

/// The convolution and the bias whose sum a node is, if nothing else needs the convolution.
fn biased(
    graph: &Graph,
    uses: &[usize],
    id: NodeId,
    inputs: &[NodeId],
) -> Option<(NodeId, NodeId)> {
    let (Op::Binary(BinaryOp::Add), &[a, b]) = (&graph.node(id).op, inputs) else { return None };
    let is_conv =
        |id: NodeId| matches!(graph.node(id).op, Op::Conv2d(_) | Op::Conv2dInputGrad { .. });
    let (conv, bias) = if is_conv(a) { (a, b) } else { (b, a) };
    let channels = graph.ty(conv).shape.dims().last();
    let fits = is_conv(conv)
        && uses[conv.0] == 1
        && graph.ty(bias).shape.rank() == 1
        && graph.ty(bias).shape.dims().first() == channels;
    fits.then_some((conv, bias))
}

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
    let node = graph.node(id);
    let meet = |inputs: &[NodeId]| {
        let mut shapes = inputs.iter().map(|input| graph.ty(*input).shape.clone());
        let first = shapes.next()?;
        shapes.try_fold(first, |all, shape| all.broadcast(&shape))
    };
    let fits = |inputs: &[NodeId]| match &node.op {
        Op::MatMul { .. } => {
            let is_matrix = |input: &NodeId| graph.ty(*input).shape.rank() >= 2;
            let kept = inputs.iter().zip(&node.inputs).all(|(new, old)| {
                is_matrix(new) && matrix(&graph.ty(*new).shape) == matrix(&graph.ty(*old).shape)
            });
            let outer = |input: &NodeId| {
                let dims = graph.ty(*input).shape.dims();
                Shape::from(dims[..dims.len().saturating_sub(2)].to_vec())
            };
            let dims = node.ty.shape.dims();
            kept && outer(&inputs[0]).broadcast(&outer(&inputs[1]))
                == Some(Shape::from(dims[..dims.len() - 2].to_vec()))
        }
        Op::Binary(_) | Op::Compare(_) | Op::Select => {
            meet(inputs).as_ref() == Some(&node.ty.shape)
        }
        _ => false,
    };
    let mut inputs = node.inputs.clone();
    for i in 0..inputs.len() {
        let repeated = std::mem::replace(&mut inputs[i], source(graph, node.inputs[i]));
        if !fits(&inputs) {
            inputs[i] = repeated;
        }
    }
    inputs
}

/// The last two dimensions.
fn matrix(shape: &Shape) -> &[Dim] {
    &shape.dims()[shape.rank().saturating_sub(2)..]
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

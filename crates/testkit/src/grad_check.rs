//! Gradients against finite differences, in `f64`.

use crate::cases::Case;
use cornu_graph::grad::gradients;
use cornu_graph::interpret::{self, Value};
use cornu_graph::op::ReduceOp;
use cornu_graph::philox::Philox;
use cornu_graph::scalar::{BinaryOp, UnaryOp};
use cornu_graph::{Array, DType, ErrorKind, Graph, NodeId, Op};

/// Distance of the points at which the loss is taken.
const STEP: f64 = 1e-5;
/// Largest difference, relative to `max(1, |gradient|)`.
const TOLERANCE: f64 = 1e-6;
/// At most so many elements of each leaf are tried.
const PROBES: usize = 16;
/// Cases with more elements than this are tried at fewer elements, and not for second derivatives.
const SMALL: usize = 200;

/// Checks the first derivatives of a case and, of a small one, the second.
///
/// # Errors
/// A description of the first gradient that is wrong.
pub fn check_case(case: &Case) -> Result<(), String> {
    if case.differentiable.is_empty() {
        return Ok(());
    }
    let built = case.build();
    let wrt: Vec<NodeId> = case.differentiable.iter().map(|&i| built.operands[i]).collect();
    let mut graph = built.graph;
    let loss = loss(&mut graph);
    let elements: usize = graph.nodes().iter().map(|node| node.ty.len()).sum();
    let check = Check {
        inputs: values(&built.inputs),
        variables: values(&built.variables),
        probes: (PROBES * SMALL / elements.max(1)).clamp(2, PROBES),
    };
    check.first(&graph, loss, &wrt)?;
    if elements <= SMALL { check.second(&graph, loss, &wrt) } else { Ok(()) }
}

/// Checks the gradients of a graph's loss with respect to some of its inputs and variables.
///
/// # Errors
/// A description of the first gradient that is wrong.
pub fn check_graph(
    graph: &Graph,
    loss: NodeId,
    wrt: &[NodeId],
    inputs: &[Array],
    variables: &[Array],
) -> Result<(), String> {
    let (inputs, variables) = (values(inputs), values(variables));
    Check { inputs, variables, probes: PROBES }.first(graph, loss, wrt)
}

/// Makes a scalar of a graph's `float32` outputs: the sum of all elements, each times its own
/// random number, so that no two errors cancel.
pub fn loss(graph: &mut Graph) -> NodeId {
    let mut random = Philox::new(99);
    let mut total = graph.constant(Array::scalar(0.0f32));
    for output in graph.outputs.clone() {
        let ty = graph.ty(output).clone();
        if ty.dtype == DType::F32 {
            let weights = (0..ty.len()).map(|_| random.uniform() as f32 + 0.5).collect();
            let weights = Array::new(ty.shape.sizes(), weights).expect("a weight each");
            let weights = graph.constant(weights);
            let product = graph.binary(BinaryOp::Mul, output, weights);
            let sum = sum_all(graph, product);
            total = graph.binary(BinaryOp::Add, total, sum);
        }
    }
    total
}

fn sum_all(graph: &mut Graph, x: NodeId) -> NodeId {
    let axes = (0..graph.ty(x).shape.rank()).collect();
    graph.reduce(ReduceOp::Sum, x, axes, false)
}

fn values(arrays: &[Array]) -> Vec<Value> {
    arrays.iter().map(Value::from).collect()
}

/// Where to take the gradients.
struct Check {
    inputs: Vec<Value>,
    variables: Vec<Value>,
    probes: usize,
}

impl Check {
    fn first(&self, graph: &Graph, loss: NodeId, wrt: &[NodeId]) -> Result<(), String> {
        let mut graph = graph.clone();
        let found = gradients(&mut graph, loss, wrt).map_err(|e| e.to_string())?;
        self.compare(graph, loss, wrt, &found)
    }

    /// The gradient of the sum of all squared gradients, where the ops allow it.
    fn second(&self, graph: &Graph, loss: NodeId, wrt: &[NodeId]) -> Result<(), String> {
        let mut graph = graph.clone();
        let found = gradients(&mut graph, loss, wrt).map_err(|e| e.to_string())?;
        let mut total = graph.constant(Array::scalar(0.0f32));
        for gradient in found.into_iter().flatten() {
            let square = graph.unary(UnaryOp::Square, gradient);
            let sum = sum_all(&mut graph, square);
            total = graph.binary(BinaryOp::Add, total, sum);
        }
        match gradients(&mut graph, total, wrt) {
            Ok(found) => {
                let compared = self.compare(graph, total, wrt, &found);
                compared.map_err(|e| format!("second derivative: {e}"))
            }
            Err(e) if e.kind() == ErrorKind::Unsupported => Ok(()),
            Err(e) => Err(format!("second derivative: {e}")),
        }
    }

    /// Holds the gradients against finite differences; no gradient counts as 0.
    fn compare(
        &self,
        mut graph: Graph,
        loss: NodeId,
        wrt: &[NodeId],
        found: &[Option<NodeId>],
    ) -> Result<(), String> {
        graph.updates.clear();
        graph.outputs = found.iter().flatten().copied().collect();
        let outcome = interpret::run_f64(&graph, &self.inputs, &self.variables);
        let mut computed = outcome.map_err(|e| e.to_string())?.outputs.into_iter();
        graph.outputs = vec![loss];
        for (&leaf, found) in wrt.iter().zip(found) {
            let computed = found.and_then(|_| computed.next());
            let ty = graph.ty(leaf);
            if let Some(wrong) = computed.as_ref().filter(|value| value.ty() != *ty) {
                return Err(format!("the gradient of {ty} is {}", wrong.ty()));
            }
            for element in probes(ty.len(), self.probes) {
                let expected = self.difference(&graph, leaf, element)?;
                let given = computed.as_ref().map_or(0.0, |value| value.data()[element]);
                let scale = expected.abs().max(given.abs()).max(1.0);
                let error = (expected - given).abs() / scale;
                if error.is_nan() || error > TOLERANCE {
                    return Err(format!(
                        "%{} [{element}]: gradient {given}, finite difference {expected}",
                        leaf.0
                    ));
                }
            }
        }
        Ok(())
    }

    /// The slope of the loss along one element, from four points.
    fn difference(&self, graph: &Graph, leaf: NodeId, element: usize) -> Result<f64, String> {
        let at = |shift: f64| {
            let (mut inputs, mut variables) = (self.inputs.clone(), self.variables.clone());
            match graph.node(leaf).op {
                Op::Input { index, .. } => inputs[index].data_mut()[element] += shift,
                Op::Variable { index, .. } => variables[index].data_mut()[element] += shift,
                ref op => return Err(format!("{op:?} is no input or variable")),
            }
            let outcome = interpret::run_f64(graph, &inputs, &variables);
            Ok(outcome.map_err(|e| e.to_string())?.outputs[0].data()[0])
        };
        let near = at(STEP)? - at(-STEP)?;
        let far = at(2.0 * STEP)? - at(-2.0 * STEP)?;
        Ok((8.0 * near - far) / (12.0 * STEP))
    }
}

/// All elements if there are few, else a random choice.
fn probes(elements: usize, most: usize) -> Vec<usize> {
    if elements <= most {
        return (0..elements).collect();
    }
    let mut random = Philox::new(elements as u64);
    (0..most).map(|_| random.below(elements)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cornu_graph::TensorType;

    /// `y = x` in the forward pass, but with a gradient of 2: through a rounding that is not there.
    #[test]
    fn a_wrong_gradient_is_found() {
        let mut graph = Graph::new();
        let ty = TensorType::new(DType::F32, [2]);
        let x = graph.add(Op::Input { index: 0, ty }, &[]);
        let round = graph.unary(UnaryOp::Round, x);
        let floor = graph.unary(UnaryOp::Floor, x);
        let jump = graph.binary(BinaryOp::Sub, round, floor);
        graph.outputs = vec![x, jump];
        let loss = loss(&mut graph);
        let check = |x: [f32; 2]| {
            let x = Array::new([2], x.to_vec()).expect("two numbers");
            check_graph(&graph, loss, &[NodeId(0)], &[x], &[])
        };
        assert_eq!(check([0.3, 0.7]), Ok(()));
        let message = check([0.3, 0.5]).unwrap_err();
        assert!(message.starts_with("%0 [1]: gradient 1."), "{message}");
    }
}

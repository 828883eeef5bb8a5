//! Gradients of plain expressions.

use super::lower::{Lowerer, Mode};
use super::{Kind, Tensor};
use crate::backend;
use crate::variable::Variables;
use cornu_graph::{Array, Error, NodeId, Result};

/// The gradients of a scalar expression with respect to tensors it is made of: arrays or variables,
/// not inputs of a model. Zeros where the expression does not depend on one.
///
/// ```
/// use cornu::prelude::*;
///
/// let x = Tensor::from([1.0f32, 2.0, 3.0]);
/// let loss = ops::sum(x.square(), Axis::ALL);
/// assert_eq!(cornu::gradients(&loss, &[&x])?[0].as_slice::<f32>()?, [2.0, 4.0, 6.0]);
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If the expression has a mistake, is no `float32` scalar, or has an op without gradient.
pub fn gradients(loss: &Tensor, wrt: &[&Tensor]) -> Result<Vec<Array>> {
    let mut lowerer = Lowerer::new(Mode::Predict, 1);
    let mut fed = Vec::new();
    // Arrays are fed rather than constant, so that the passes cannot fold them away. Computed
    // tensors are computed: the loss depends on them, and they on the arrays.
    for tensor in wrt {
        if let Kind::Constant(value) = tensor.kind()
            && !lowerer.is_bound(tensor)
        {
            let node = lowerer.input(value.ty());
            lowerer.bind(tensor, node);
            fed.push(value.clone());
        }
    }
    let nodes = wrt.iter().map(|t| lowerer.lower(t)).collect::<Result<Vec<NodeId>>>()?;
    let loss = lowerer.lower(loss)?;
    if lowerer.graph.ty(loss).shape.rank() != 0 {
        return Err(Error::shape(format!(
            "gradients are taken of one number, not of {}; use ops::sum or ops::mean",
            lowerer.graph.ty(loss)
        )));
    }
    let gradients = cornu_graph::grad::gradients(&mut lowerer.graph, loss, &nodes)?;
    let graph = &mut lowerer.graph;
    let mut outputs = Vec::new();
    for (gradient, node) in gradients.into_iter().zip(nodes) {
        let ty = graph.ty(node).clone();
        outputs.push(gradient.unwrap_or_else(|| graph.fill(ty.dtype, &ty.shape, 0.0)));
    }
    graph.outputs = outputs;
    let mut program = backend::compile(lowerer.graph)?;
    let variables = Variables::new(lowerer.variables);
    let fed: Vec<&Array> = fed.iter().collect();
    variables.lend(|variables| program.run(&fed, variables))?;
    Ok((0..wrt.len()).map(|i| program.output(i)).collect())
}

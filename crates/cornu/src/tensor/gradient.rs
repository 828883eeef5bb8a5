//! Gradients of plain expressions.

use super::lower::{Lowerer, Mode};
use super::{Kind, Tensor};
use crate::backend;
use crate::variable::Variables;
use cornu_graph::{Array, Error, NodeId, Op, Result};

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
    let (mut values, mut fed) = (Vec::new(), Vec::new());
    let mut nodes = Vec::new();
    for tensor in wrt {
        if let Kind::Variable(variable) = tensor.kind() {
            nodes.push(lowerer.variable(variable));
            values.push(variable.value());
            continue;
        }
        // Fed rather than constant, so that the passes cannot fold them away.
        let value = tensor.eval()?;
        let node = lowerer.input(value.ty());
        lowerer.bind(tensor, node);
        values.push(value.clone());
        fed.push(value);
        nodes.push(node);
    }
    let loss = lowerer.lower(loss)?;
    if lowerer.graph.ty(loss).shape.rank() != 0 {
        return Err(Error::shape(format!(
            "gradients are taken of one number, not of {}; use ops::sum or ops::mean",
            lowerer.graph.ty(loss)
        )));
    }
    let gradients = cornu_graph::grad::gradients(&mut lowerer.graph, loss, &nodes)?;
    let graph = &mut lowerer.graph;
    let outputs: Vec<NodeId> = gradients
        .into_iter()
        .zip(&values)
        .map(|(gradient, value)| {
            let ty = value.ty();
            gradient.unwrap_or_else(|| {
                graph.add(Op::Constant(Array::zeros(value.shape(), ty.dtype)), &[])
            })
        })
        .collect();
    graph.outputs = outputs;
    let mut program = backend::compile(lowerer.graph)?;
    let variables = Variables::new(lowerer.variables);
    variables.run(program.as_mut(), &fed.iter().collect::<Vec<_>>())?;
    Ok((0..wrt.len()).map(|i| program.output(i)).collect())
}

//! The invariants of a graph, checked after every stage in debug builds and tests.

use crate::fused::ScalarOp;
use crate::infer::{infer, project};
use crate::op::Op;
use crate::{Error, Graph, NodeId, Result, TensorType};

/// Checks a graph: inputs come first, every type is what inference says, fused kernels are well
/// typed, and updates have the type of their variable.
///
/// # Errors
/// A description of the first node that is wrong.
pub fn verify(graph: &Graph) -> Result<()> {
    for id in graph.ids() {
        check_node(graph, id).map_err(|e| e.within(format!("%{}", id.0)))?;
    }
    for &output in &graph.outputs {
        check_exists(graph, output)?;
    }
    for (i, update) in graph.updates.iter().enumerate() {
        check_exists(graph, update.value)?;
        if graph.updates[..i].iter().any(|earlier| earlier.variable == update.variable) {
            return Err(Error::value(format!("variable {} is updated twice", update.variable)));
        }
        let variable = graph.nodes().iter().find_map(|node| match &node.op {
            Op::Variable { index, ty } if *index == update.variable => Some(ty),
            _ => None,
        });
        let Some(ty) = variable else {
            return Err(Error::value(format!(
                "variable {} is updated, but there is no such node",
                update.variable
            )));
        };
        if ty != graph.ty(update.value) {
            return Err(Error::shape(format!(
                "variable {} is updated with a {}",
                update.variable,
                graph.ty(update.value)
            )));
        }
    }
    Ok(())
}

fn check_exists(graph: &Graph, id: NodeId) -> Result<()> {
    if id.0 < graph.nodes().len() {
        Ok(())
    } else {
        Err(Error::value(format!("no node %{}", id.0)))
    }
}

fn check_node(graph: &Graph, id: NodeId) -> Result<()> {
    let node = graph.node(id);
    if let Some(late) = node.inputs.iter().find(|input| input.0 >= id.0) {
        return Err(Error::value(format!("uses %{}, which is not earlier", late.0)));
    }
    let types: Vec<&TensorType> = node.inputs.iter().map(|&i| graph.ty(i)).collect();
    let ty = match &node.op {
        Op::Project(index) => match node.inputs.first().map(|&fused| &graph.node(fused).op) {
            Some(Op::Fused(kernel)) => project(kernel, *index)?,
            _ => return Err(Error::value("projects a node that is no fused loop")),
        },
        op => infer(op, &types)?,
    };
    if ty != node.ty {
        return Err(Error::shape(format!("is marked {} but is {ty}", node.ty)));
    }
    check_kernel(&node.op)
}

fn check_kernel(op: &Op) -> Result<()> {
    let Op::Fused(kernel) = op else { return Ok(()) };
    for (i, step) in kernel.steps.iter().enumerate() {
        let value = kernel.inputs.len() + i;
        if step.args.iter().any(|&a| a >= value) {
            return Err(Error::value(format!("value .{value} uses a later one")));
        }
        let args: Vec<TensorType> =
            step.args.iter().map(|&a| TensorType::new(kernel.dtype(a), &kernel.shape)).collect();
        let op = match step.op {
            ScalarOp::Constant(_) => continue,
            ScalarOp::Unary(op) => Op::Unary(op),
            ScalarOp::Binary(op) => Op::Binary(op),
            ScalarOp::Compare(op) => Op::Compare(op),
            ScalarOp::Select => Op::Select,
            ScalarOp::Cast => Op::Cast(step.dtype),
        };
        if infer(&op, &args.iter().collect::<Vec<_>>())?.dtype != step.dtype {
            return Err(Error::dtype(format!("value .{value} is not {}", step.dtype)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Array, DType, graph::Update};

    #[test]
    fn an_update_must_fit_its_variable() {
        let mut graph = Graph::new();
        let ty = TensorType::new(DType::F32, [2]);
        let variable = graph.add(Op::Variable { index: 0, ty }, &[]);
        let scalar = graph.constant(Array::scalar(1.0f32));
        graph.updates.push(Update { variable: 0, value: variable });
        assert!(verify(&graph).is_ok());
        graph.updates[0].value = scalar;
        assert!(verify(&graph).unwrap_err().to_string().contains("variable 0"));
        graph.updates = vec![Update { variable: 0, value: variable }; 2];
        assert!(verify(&graph).unwrap_err().to_string().contains("twice"));
        graph.updates = vec![Update { variable: 1, value: variable }];
        assert!(verify(&graph).unwrap_err().to_string().contains("no such node"));
    }
}

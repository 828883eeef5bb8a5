//! Common subexpressions: equal ops on equal inputs become one node.

use super::rebuild;
use crate::op::Op;
use crate::{Graph, NodeId, print};
use std::collections::HashMap;

/// Larger constants are not compared: two equal ones are rare, and comparing costs their size.
const MOST_CONSTANT: usize = 64;

pub fn run(graph: &Graph) -> Graph {
    let mut seen: HashMap<String, NodeId> = HashMap::new();
    rebuild(graph, |rewrite, id| {
        let Some(key) = key(graph, id, &rewrite.inputs(id)) else { return rewrite.keep(id) };
        if let Some(&same) = seen.get(&key) {
            return same;
        }
        let new = rewrite.keep(id);
        seen.insert(key, new);
        new
    })
}

/// A text that is equal exactly for equal computations.
fn key(graph: &Graph, id: NodeId, inputs: &[NodeId]) -> Option<String> {
    let node = graph.node(id);
    let op = match &node.op {
        Op::Constant(array) if array.len() > MOST_CONSTANT => return None,
        // Bits, so that 0 and -0 stay apart.
        Op::Constant(array) => {
            let bits: Vec<u64> = array.values().to_f64().iter().map(|x| x.to_bits()).collect();
            format!("constant {bits:?}")
        }
        Op::Fused(_) | Op::Project(_) => return None,
        op => print::name(op),
    };
    Some(format!("{op} {inputs:?} {}", node.ty))
}

#[cfg(test)]
mod tests {
    use crate::op::Precision;
    use crate::scalar::{BinaryOp, UnaryOp};
    use crate::{DType, Graph, Op, TensorType, passes, passes::Pass};

    #[test]
    fn computes_equal_things_once() {
        let mut graph = Graph::new();
        let ty = TensorType::new(DType::F32, [2]);
        let x = graph.add(Op::Input { index: 0, ty }, &[]);
        let a = graph.unary(UnaryOp::Exp, x);
        let b = graph.unary(UnaryOp::Exp, x);
        let sum = graph.binary(BinaryOp::Add, a, b);
        graph.outputs.push(sum);
        assert_eq!(
            passes::run(graph, &[Pass::Cse, Pass::Dead]).to_string(),
            "%0 = input 0 : float32(2,)\n\
             %1 = exp %0 : float32(2,)\n\
             %2 = add %1, %1 : float32(2,)\n\
             output %2\n"
        );
    }

    #[test]
    fn products_of_different_precision_are_different() {
        let mut graph = Graph::new();
        let ty = TensorType::new(DType::F32, [2, 2]);
        let x = graph.add(Op::Input { index: 0, ty }, &[]);
        let precisions = [Precision::Float32, Precision::BFloat16, Precision::BFloat16];
        graph.outputs = precisions
            .map(|precision| {
                let op = Op::MatMul { transpose_a: false, transpose_b: false, precision };
                graph.add(op, &[x, x])
            })
            .to_vec();
        let text = passes::run(graph, &[Pass::Cse, Pass::Dead]).to_string();
        assert_eq!(text.matches("matmul").count(), 2, "{text}");
    }
}

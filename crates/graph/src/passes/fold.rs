//! Constant folding: computes small nodes whose inputs are all constants, with the interpreter.

use super::rebuild;
use crate::interpret;
use crate::op::Op;
use crate::{Array, Graph};

/// Results above this size stay computed: a constant takes memory for the program's life.
const MOST_BYTES: usize = 4096;
/// So do results of operands above this size: the interpreter is slow, and no gain for one run.
const MOST_READ: usize = 65536;

pub fn run(graph: &Graph) -> Graph {
    rebuild(graph, |rewrite, id| {
        let node = graph.node(id);
        // A repeated constant stays a broadcast, which a fused loop reads as a single number.
        let foldable = !node.inputs.is_empty()
            && node.ty.bytes() <= MOST_BYTES
            && !matches!(node.op, Op::Broadcast(_) | Op::Fused(_) | Op::Project(_));
        let inputs = rewrite.inputs(id);
        let read: usize = inputs.iter().map(|&i| rewrite.new.ty(i).bytes()).sum();
        let foldable = foldable && read <= MOST_READ;
        let constants: Option<Vec<Array>> =
            inputs.iter().map(|&i| rewrite.constant(i).cloned()).collect();
        let value = constants.filter(|_| foldable).and_then(|arrays| {
            interpret::constant(&node.op, &arrays.iter().collect::<Vec<_>>()).ok()
        });
        match value {
            Some(value) => rewrite.add(id, Op::Constant(value), &[]),
            None => rewrite.keep(id),
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::scalar::BinaryOp;
    use crate::{Array, Graph, passes, passes::Pass};

    #[test]
    fn computes_what_is_known() {
        let mut graph = Graph::new();
        let two = graph.constant(Array::scalar(2.0f32));
        let three = graph.constant(Array::scalar(3.0f32));
        let six = graph.binary(BinaryOp::Mul, two, three);
        let all = graph.broadcast(six, &[2, 2].into());
        graph.outputs.push(all);
        assert_eq!(
            passes::run(graph, &[Pass::Fold, Pass::Dead]).to_string(),
            "%0 = constant 6 : float32()\n%1 = broadcast %0 : float32(2, 2)\noutput %1\n"
        );
    }
}

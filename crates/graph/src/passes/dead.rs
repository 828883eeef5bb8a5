//! Dead code: drops the nodes that no output and no update needs.
//!
//! Inputs and variables stay, so that a program's signature does not depend on what it uses.

use super::rewrite::Rewrite;
use crate::{Graph, op::Op};

pub fn run(graph: &Graph) -> Graph {
    let live = graph.live();
    let mut rewrite = Rewrite::new(graph);
    for id in graph.ids() {
        let leaf = matches!(graph.node(id).op, Op::Input { .. } | Op::Variable { .. });
        if live[id.0] || leaf {
            let new = rewrite.keep(id);
            rewrite.put(id, new);
        }
    }
    rewrite.finish()
}

#[cfg(test)]
mod tests {
    use crate::scalar::UnaryOp;
    use crate::{DType, Graph, Op, TensorType, passes::Pass};

    #[test]
    fn keeps_what_is_needed_and_every_input() {
        let mut graph = Graph::new();
        let input = |index| Op::Input { index, ty: TensorType::new(DType::F32, [2]) };
        let x = graph.add(input(0), &[]);
        let unused = graph.add(input(1), &[]);
        graph.unary(UnaryOp::Exp, unused);
        let y = graph.unary(UnaryOp::Log, x);
        graph.outputs.push(y);
        assert_eq!(
            Pass::Dead.apply(&graph).to_string(),
            "%0 = input 0 : float32(2,)\n\
             %1 = input 1 : float32(2,)\n\
             %2 = log %0 : float32(2,)\n\
             output %2\n"
        );
    }
}

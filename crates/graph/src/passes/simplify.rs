//! Identities that hold exactly in floating point, NaN and infinities included. Runs after the
//! gradients: what stopped one has done its work.

use super::rebuild;
use super::rewrite::Rewrite;
use crate::op::Op;
use crate::scalar::{BinaryOp, UnaryOp};
use crate::{Graph, NodeId};

pub fn run(graph: &Graph) -> Graph {
    rebuild(graph, |rewrite, id| {
        let op = graph.node(id).op.clone();
        let inputs = rewrite.inputs(id);
        same_as_input(rewrite, id, &op, &inputs)
            .or_else(|| through_layout(rewrite, id, &op, &inputs))
            .or_else(|| broadcast_later(rewrite, id, &op, &inputs))
            .unwrap_or_else(|| rewrite.add(id, op, &inputs))
    })
}

/// Ops that give back one of their inputs.
fn same_as_input(rewrite: &Rewrite<'_>, id: NodeId, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
    let ty = rewrite.old.ty(id);
    let number = |i: usize| rewrite.uniform(inputs[i]);
    let same = match op {
        // -0 + 0 is 0, so adding 0 is no identity for floats; subtracting it is, and -0 is not.
        Op::Binary(BinaryOp::Sub) => {
            number(1).is_some_and(|n| n == 0.0 && n.is_sign_positive()).then_some(0)
        }
        Op::Binary(BinaryOp::Mul) if number(0) == Some(1.0) => Some(1),
        Op::Binary(BinaryOp::Mul | BinaryOp::Div | BinaryOp::Pow) => {
            (number(1) == Some(1.0)).then_some(0)
        }
        Op::Select => number(0).map(|condition| if condition != 0.0 { 1 } else { 2 }),
        Op::Reshape(_) | Op::Broadcast(_) | Op::Cast(_) => {
            (rewrite.new.ty(inputs[0]) == ty).then_some(0)
        }
        Op::Unary(UnaryOp::StopGradient) => Some(0),
        Op::Transpose(permutation) => permutation.is_sorted().then_some(0),
        Op::Slice(ranges) => {
            let whole = ranges.iter().all(|r| r.step == 1) && rewrite.new.ty(inputs[0]) == ty;
            whole.then_some(0)
        }
        Op::Pad(widths) => widths.iter().all(|w| *w == (0, 0)).then_some(0),
        Op::Concat { .. } => (inputs.len() == 1).then_some(0),
        _ => None,
    };
    same.map(|i| inputs[i])
}

/// Ops that cancel or join with the layout op before them.
fn through_layout(
    rewrite: &mut Rewrite<'_>,
    id: NodeId,
    op: &Op,
    inputs: &[NodeId],
) -> Option<NodeId> {
    let &first = inputs.first()?;
    let (inner_op, inner_inputs) = {
        let node = rewrite.new.node(first);
        (node.op.clone(), node.inputs.clone())
    };
    match (op, &inner_op) {
        (Op::Reshape(_), Op::Reshape(_)) | (Op::Broadcast(_), Op::Broadcast(_)) => {
            Some(once(rewrite, id, op.clone(), &inner_inputs))
        }
        (Op::Transpose(outer), Op::Transpose(inner)) => {
            let joined = Op::Transpose(outer.iter().map(|&p| inner[p]).collect());
            Some(once(rewrite, id, joined, &inner_inputs))
        }
        (Op::Unary(UnaryOp::Neg), Op::Unary(UnaryOp::Neg)) => Some(inner_inputs[0]),
        // Reducing axes of size 1 moves nothing (but a sum turns -0 to 0, which no one sees who
        // does not divide by it).
        (Op::Reduce { axes, .. }, _) => {
            let sizes = rewrite.new.ty(first).shape.sizes();
            let shape = rewrite.old.ty(id).shape.clone();
            axes.iter()
                .all(|&a| sizes[a] == 1)
                .then(|| rewrite.add(id, Op::Reshape(shape), &[first]))
        }
        (Op::MatMul { .. }, _) => matmul_of_transposed(rewrite, id, op, inputs),
        _ => None,
    }
}

/// Adds a joined layout op, unless it moves nothing.
fn once(rewrite: &mut Rewrite<'_>, id: NodeId, op: Op, inputs: &[NodeId]) -> NodeId {
    same_as_input(rewrite, id, &op, inputs).unwrap_or_else(|| rewrite.add(id, op, inputs))
}

/// A matrix product reads a transposed operand where it lies.
fn matmul_of_transposed(
    rewrite: &mut Rewrite<'_>,
    id: NodeId,
    op: &Op,
    inputs: &[NodeId],
) -> Option<NodeId> {
    let &Op::MatMul { mut transpose_a, mut transpose_b, precision } = op else { return None };
    let swaps_matrix = |operand: NodeId| match rewrite.op(operand) {
        Op::Transpose(p) => {
            let rank = p.len();
            rank >= 2
                && p[..rank - 2].iter().copied().eq(0..rank - 2)
                && (p[rank - 2], p[rank - 1]) == (rank - 1, rank - 2)
        }
        _ => false,
    };
    let (a, b) = (swaps_matrix(inputs[0]), swaps_matrix(inputs[1]));
    if !a && !b {
        return None;
    }
    let source = |operand: NodeId, swapped: bool| {
        if swapped { rewrite.new.node(operand).inputs[0] } else { operand }
    };
    let operands = [source(inputs[0], a), source(inputs[1], b)];
    transpose_a ^= a;
    transpose_b ^= b;
    Some(rewrite.add(id, Op::MatMul { transpose_a, transpose_b, precision }, &operands))
}

/// An elementwise op on values that are all repeated from one smaller shape works on that shape.
fn broadcast_later(
    rewrite: &mut Rewrite<'_>,
    id: NodeId,
    op: &Op,
    inputs: &[NodeId],
) -> Option<NodeId> {
    if !op.is_elementwise() {
        return None;
    }
    let sources: Option<Vec<NodeId>> = inputs
        .iter()
        .map(|&i| match rewrite.op(i) {
            Op::Broadcast(_) => Some(rewrite.new.node(i).inputs[0]),
            _ => None,
        })
        .collect();
    let sources = sources?;
    let shape = &rewrite.new.ty(sources[0]).shape;
    if !sources.iter().all(|&s| rewrite.new.ty(s).shape == *shape) {
        return None;
    }
    let target = rewrite.old.ty(id).shape.clone();
    let small = rewrite.add(id, op.clone(), &sources);
    Some(rewrite.add(id, Op::Broadcast(target), &[small]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Precision;
    use crate::{DType, TensorType, passes, passes::Pass};

    fn simplified(build: impl FnOnce(&mut Graph, NodeId) -> NodeId) -> String {
        let mut graph = Graph::new();
        let ty = TensorType::new(DType::F32, [2, 3]);
        let x = graph.add(Op::Input { index: 0, ty }, &[]);
        let y = build(&mut graph, x);
        graph.outputs.push(y);
        passes::run(graph, &[Pass::Simplify, Pass::Fold, Pass::Dead]).to_string()
    }

    const UNCHANGED: &str = "%0 = input 0 : float32(2, 3)\noutput %0\n";

    #[test]
    fn what_changes_nothing_goes() {
        assert_eq!(simplified(|g, x| g.binary_scalar(BinaryOp::Mul, x, 1.0)), UNCHANGED);
        assert_eq!(simplified(|g, x| g.binary_scalar(BinaryOp::Sub, x, 0.0)), UNCHANGED);
        assert_eq!(
            simplified(|g, x| {
                let t = g.add(Op::Transpose(vec![1, 0]), &[x]);
                g.add(Op::Transpose(vec![1, 0]), &[t])
            }),
            UNCHANGED
        );
        assert_eq!(
            simplified(|g, x| {
                let flat = g.reshape(x, &[6].into());
                g.reshape(flat, &[2, 3].into())
            }),
            UNCHANGED
        );
    }

    #[test]
    fn adding_zero_stays_because_of_minus_zero() {
        assert!(simplified(|g, x| g.binary_scalar(BinaryOp::Add, x, 0.0)).contains("add"));
        assert!(simplified(|g, x| g.binary_scalar(BinaryOp::Sub, x, -0.0)).contains("sub"));
    }

    #[test]
    fn matmul_takes_transposed_operands_as_they_lie() {
        let text = simplified(|g, x| {
            let t = g.add(Op::Transpose(vec![1, 0]), &[x]);
            let (transpose_a, transpose_b, precision) = (false, false, Precision::BFloat16);
            g.add(Op::MatMul { transpose_a, transpose_b, precision }, &[x, t])
        });
        assert!(text.contains("matmul bT bfloat16 %0, %0"), "{text}");
    }

    #[test]
    fn repeated_numbers_are_computed_once() {
        let text = simplified(|g, x| {
            let shape = g.ty(x).shape.clone();
            let a = g.fill(DType::F32, &shape, 2.0);
            let b = g.fill(DType::F32, &shape, 4.0);
            let product = g.binary(BinaryOp::Mul, a, b);
            g.binary(BinaryOp::Mul, x, product)
        });
        assert!(text.contains("constant 8"), "{text}");
        assert_eq!(text.matches(" mul ").count(), 1, "{text}");
    }
}

//! Which ops work on each row, a slice along the first axis, by itself: calls of a shared network are
//! joined by it ([`crate::passes`]), and large batches cut ([`crate::cut`]).

use crate::op::Op;
use crate::{Dim, Graph, NodeId, Shape, TensorType};

/// Which operands of an op bring their rows.
#[derive(Clone, Copy)]
pub enum Carriers {
    All,
    /// This one; the others are the same for all rows.
    Only(usize),
}

impl Carriers {
    pub fn has(self, operand: usize) -> bool {
        match self {
            Carriers::All => true,
            Carriers::Only(one) => one == operand,
        }
    }
}

/// The operands whose rows become the rows of the result; `None` if a row of the result needs
/// several.
pub fn carriers(graph: &Graph, id: NodeId) -> Option<Carriers> {
    let node = graph.node(id);
    let &first = node.inputs.first()?;
    let (from, to) = (&graph.ty(first).shape, &node.ty.shape);
    if from.rank() == 0 || to.rank() == 0 {
        return None;
    }
    let by_row = match &node.op {
        op if op.is_elementwise() => true,
        Op::MatMul { transpose_a, .. } if from.rank() == 2 => {
            return (!transpose_a).then_some(Carriers::Only(0));
        }
        Op::Conv2d(_) | Op::Conv2dInputGrad { .. } => return Some(Carriers::Only(0)),
        Op::Gather => {
            let indexes = graph.ty(node.inputs[1]).shape.rank();
            return (indexes > 0).then_some(Carriers::Only(1));
        }
        // One after another in memory, rows stay so in every shape.
        Op::Reshape(_) => true,
        Op::MatMul { .. } | Op::Pool2d(_) | Op::Pool2dGrad { .. } => true,
        Op::Broadcast(_) => from.rank() == to.rank() && from.dims()[0] == to.dims()[0],
        Op::Transpose(permutation) => permutation[0] == 0,
        Op::Slice(ranges) => ranges[0].step == 1 && from.dims()[0] == to.dims()[0],
        Op::Pad(widths) => widths[0] == (0, 0),
        Op::Concat { axis } | Op::ArgReduce { axis, .. } => *axis != 0,
        Op::Reduce { axes, .. } => !axes.contains(&0),
        _ => false,
    };
    by_row.then_some(Carriers::All)
}

/// The op that gives this many rows.
pub fn with_rows(op: &Op, rows: usize) -> Op {
    let mut op = op.clone();
    match &mut op {
        Op::Input { ty, .. } => ty.shape = shape_with_rows(&ty.shape, rows),
        Op::Reshape(shape)
        | Op::Broadcast(shape)
        | Op::Iota { shape, .. }
        | Op::Conv2dInputGrad { input: shape, .. }
        | Op::Pool2dGrad { input: shape, .. } => *shape = shape_with_rows(shape, rows),
        Op::Slice(ranges) => ranges[0] = crate::op::SliceRange::ALL,
        _ => {}
    }
    op
}

pub fn shape_with_rows(shape: &Shape, rows: usize) -> Shape {
    let mut dims = shape.dims().to_vec();
    dims[0] = Dim::Known(rows);
    dims.into()
}

/// How many rows a value has.
pub fn count(graph: &Graph, id: NodeId) -> usize {
    graph.ty(id).shape.dims()[0].known().expect("passes work on programs")
}

/// Whether values differ in the number of their rows at most.
pub fn same_rows(a: &TensorType, b: &TensorType) -> bool {
    let (x, y) = (a.shape.dims(), b.shape.dims());
    a.dtype == b.dtype && x.len() == y.len() && !x.is_empty() && x[1..] == y[1..]
}

/// The small value that is repeated for every row of this one.
pub fn repeated(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let node = graph.node(id);
    let source = match node.op {
        Op::Broadcast(_) => node.inputs[0],
        _ => id,
    };
    let dims = graph.ty(source).shape.dims();
    let rank = node.ty.shape.rank();
    (dims.len() < rank || dims.first() == Some(&Dim::Known(1))).then_some(source)
}

//! Reductions and matrix products.

use super::builder::{Builder, Setting, Value};
use super::proto::type_number;
use cornu_graph::DType;
use cornu_graph::op::ReduceOp;

impl Builder {
    /// A reduction over axes, which remain with size 1 if `keepdims`.
    pub fn reduce(
        &mut self,
        kind: ReduceOp,
        x: Value,
        (axes, keepdims): (&[usize], bool),
        dtype: DType,
    ) -> Value {
        if axes.is_empty() {
            return x;
        }
        let op = match kind {
            ReduceOp::Sum => "ReduceSum",
            ReduceOp::Prod => "ReduceProd",
            ReduceOp::Max => "ReduceMax",
            ReduceOp::Min => "ReduceMin",
        };
        let axes = self.sizes(axes.iter().map(|&axis| axis as i64).collect());
        let x = self.computable(x, dtype);
        let keepdims = vec![("keepdims", Setting::Int(keepdims.into()))];
        let result = self.node_with(op, &[x, axes], keepdims);
        self.back(result, dtype)
    }

    /// `int32` index of the first largest or smallest element along an axis.
    pub fn arg_reduce(&mut self, largest: bool, x: Value, axis: usize, dtype: DType) -> Value {
        let x = self.computable(x, dtype);
        let op = if largest { "ArgMax" } else { "ArgMin" };
        let attributes = vec![("axis", Setting::Int(axis as i64)), ("keepdims", Setting::Int(0))];
        let index = self.node_with(op, &[x], attributes);
        self.convert(index, type_number(DType::I32))
    }

    /// A product of two tensors of these ranks, each stored with its last two dimensions the other
    /// way round or not.
    pub fn matmul(&mut self, operands: [(Value, bool); 2], ranks: [usize; 2]) -> Value {
        let operands = [0, 1].map(|i| match operands[i] {
            (x, false) => x,
            (x, true) => {
                let mut permutation: Vec<usize> = (0..ranks[i]).collect();
                permutation.swap(ranks[i] - 2, ranks[i] - 1);
                self.transpose(x, &permutation)
            }
        });
        self.node("MatMul", &operands)
    }
}

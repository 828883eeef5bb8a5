//! A matrix product that only one elementwise loop reads becomes the loop's first input: the loop
//! works on its rows while they are in the cache, and the product is never written to memory. So a
//! bias and an activation follow the product that they belong to, and a weight is updated as its
//! gradient comes.

use super::rewrite::Rewrite;
use crate::fused::{Kernel, Product, ScalarOp, Step};
use crate::op::Op;
use crate::{Graph, NodeId};

pub fn run(graph: &Graph) -> Graph {
    // A dead node would count as a reader.
    let graph = &super::dead::run(graph);
    let users = graph.users();
    super::rebuild(graph, |rewrite, id| {
        let found = largest_product(graph, &users, id);
        let joined = found.and_then(|input| join(graph, rewrite, id, input));
        joined.unwrap_or_else(|| rewrite.keep(id))
    })
}

/// The input of a loop that is a product of the loop's shape with no other reader; of several the
/// one of most multiplications.
fn largest_product(graph: &Graph, users: &[Vec<NodeId>], id: NodeId) -> Option<usize> {
    let node = graph.node(id);
    let shape = match &node.op {
        Op::Fused(kernel) if kernel.product.is_none() => &kernel.shape,
        op if op.is_elementwise() => &node.ty.shape,
        _ => return None,
    };
    let fits = |&index: &usize| {
        let input = node.inputs[index];
        let is_product = matches!(graph.node(input).op, Op::MatMul { .. });
        let ty = graph.ty(input);
        is_product
            && ty.shape.rank() == 2
            && ty.shape == *shape
            && users[input.0] == [id]
            && !graph.outputs.contains(&input)
            && !graph.updates.iter().any(|update| update.value == input)
    };
    let depth = |&index: &usize| {
        let product = graph.node(node.inputs[index]);
        product.inputs.iter().map(|&operand| graph.ty(operand).len()).sum::<usize>()
    };
    (0..node.inputs.len()).filter(fits).max_by_key(depth)
}

/// The loop with the product in it.
fn join(graph: &Graph, rewrite: &mut Rewrite<'_>, id: NodeId, input: usize) -> Option<NodeId> {
    let node = graph.node(id);
    let product = graph.node(node.inputs[input]);
    let &Op::MatMul { transpose_a, transpose_b, precision } = &product.op else { return None };
    let kernel = match &node.op {
        Op::Fused(kernel) => (**kernel).clone(),
        op => single(graph, id, op)?,
    };
    let mut kernel = first(kernel, input);
    kernel.product = Some(Product { transpose_a, transpose_b, precision });
    let mut inputs: Vec<NodeId> = product.inputs.clone();
    inputs.extend(node.inputs.iter().enumerate().filter(|(i, _)| *i != input).map(|(_, id)| id));
    let inputs: Vec<NodeId> = inputs.into_iter().map(|id| rewrite.get(id)).collect();
    // It counts for the layer and the phase of the product, which is most of the work.
    Some(rewrite.add(node.inputs[input], Op::Fused(Box::new(kernel)), &inputs))
}

/// A loop of one op whose operands are all different.
fn single(graph: &Graph, id: NodeId, op: &Op) -> Option<Kernel> {
    let node = graph.node(id);
    let scalar = match op {
        Op::Unary(op) => ScalarOp::Unary(*op),
        Op::Binary(op) => ScalarOp::Binary(*op),
        Op::Compare(op) => ScalarOp::Compare(*op),
        Op::Select => ScalarOp::Select,
        Op::Cast(_) => ScalarOp::Cast,
        _ => return None,
    };
    let inputs: Vec<_> = node.inputs.iter().map(|&i| graph.ty(i).dtype).collect();
    let step = Step { op: scalar, args: (0..inputs.len()).collect(), dtype: node.ty.dtype };
    let outputs = vec![inputs.len()];
    Some(Kernel { shape: node.ty.shape.clone(), product: None, inputs, steps: vec![step], outputs })
}

/// A loop with one of its inputs put before the others.
fn first(mut kernel: Kernel, input: usize) -> Kernel {
    let moved = |value: usize| match value {
        _ if value == input => 0,
        _ if value < input => value + 1,
        _ => value,
    };
    let dtype = kernel.inputs.remove(input);
    kernel.inputs.insert(0, dtype);
    kernel.steps.iter_mut().flat_map(|step| &mut step.args).for_each(|arg| *arg = moved(*arg));
    kernel.outputs.iter_mut().for_each(|value| *value = moved(*value));
    kernel
}

#[cfg(test)]
mod tests {
    use crate::scalar::{BinaryOp, UnaryOp};
    use crate::{DType, Graph, NodeId, Op, TensorType, passes, passes::Pass};

    fn input(graph: &mut Graph, index: usize, shape: [usize; 2]) -> NodeId {
        graph.add(Op::Input { index, ty: TensorType::new(DType::F32, shape) }, &[])
    }

    fn product(graph: &mut Graph) -> NodeId {
        let (a, b) = (input(graph, 0, [4, 3]), input(graph, 1, [3, 4]));
        graph.add(Op::matmul(false, false), &[a, b])
    }

    fn joined(graph: Graph) -> String {
        passes::run(graph, &[Pass::Fuse, Pass::Epilogue, Pass::Dead]).to_string()
    }

    #[test]
    fn a_loop_takes_the_product_that_it_alone_reads() {
        let mut graph = Graph::new();
        let y = product(&mut graph);
        let other = input(&mut graph, 2, [4, 4]);
        let sum = graph.binary(BinaryOp::Sub, other, y);
        let y = graph.unary(UnaryOp::Relu, sum);
        graph.outputs.push(y);
        assert_eq!(
            joined(graph),
            "%0 = input 0 : float32(4, 3)\n\
             %1 = input 1 : float32(3, 4)\n\
             %2 = input 2 : float32(4, 4)\n\
             %3 = fused over (4, 4) of matmul as .0 %0, %1, %2 : float32(4, 4)\n     \
                  .2 = sub .1, .0 : float32\n     \
                  .3 = relu .2 : float32\n     \
                  return .3\n\
             output %3\n"
        );
    }

    #[test]
    fn a_product_that_others_read_stays() {
        let mut graph = Graph::new();
        let y = product(&mut graph);
        let doubled = graph.binary(BinaryOp::Add, y, y);
        graph.outputs.extend([doubled, y]);
        assert!(!joined(graph).contains("as .0"));
    }
}

//! What is joined, what is not, and what it then looks like.

use crate::grad::gradients;
use crate::op::ReduceOp;
use crate::passes::{self, Pass};
use crate::scalar::{BinaryOp, UnaryOp};
use crate::{DType, Graph, NodeId, Op, TensorType, interpret};

fn float(graph: &mut Graph, index: usize, sizes: [usize; 2]) -> NodeId {
    graph.add(Op::Input { index, ty: TensorType::new(DType::F32, sizes) }, &[])
}

fn dense(graph: &mut Graph, x: NodeId, w: NodeId) -> NodeId {
    let product = graph.add(Op::matmul(false, false), &[x, w]);
    graph.unary(UnaryOp::Tanh, product)
}

fn joined(graph: Graph) -> Graph {
    passes::run(graph, &[Pass::Join, Pass::Dead])
}

fn count(graph: &Graph, op: &str) -> usize {
    graph.to_string().matches(&format!("= {op}")).count()
}

#[test]
fn rows_of_all_calls_are_gathered_and_multiplied_at_once() {
    let mut graph = Graph::new();
    let table = float(&mut graph, 0, [9, 64]);
    let w = float(&mut graph, 1, [64, 64]);
    let calls = [(2, 3), (3, 1)].map(|(index, rows)| {
        let ty = TensorType::new(DType::I32, [rows]);
        let indexes = graph.add(Op::Input { index, ty }, &[]);
        let x = graph.add(Op::Gather, &[table, indexes]);
        let x = graph.binary_scalar(BinaryOp::Mul, x, 2.0);
        dense(&mut graph, x, w)
    });
    graph.outputs.extend(calls);
    let graph = passes::run(graph, &[Pass::Cse]);
    assert_eq!(
        joined(graph).to_string(),
        "%0 = input 0 : float32(9, 64)\n\
         %1 = input 1 : float32(64, 64)\n\
         %2 = input 2 : int32(3,)\n\
         %3 = input 3 : int32(1,)\n\
         %4 = concat axis=0 %2, %3 : int32(4,)\n\
         %5 = gather %0, %4 : float32(4, 64)\n\
         %6 = constant 2 : float32()\n\
         %7 = broadcast %6 : float32(4, 64)\n\
         %8 = mul %5, %7 : float32(4, 64)\n\
         %9 = matmul %8, %1 : float32(4, 64)\n\
         %10 = tanh %9 : float32(4, 64)\n\
         %11 = slice [0:3, 0:] %10 : float32(3, 64)\n\
         %12 = slice [3:4, 0:] %10 : float32(1, 64)\n\
         output %11\n\
         output %12\n"
    );
}

/// The gradients of two layers that two calls share, `sizes` wide.
fn twins(rows: usize, size: usize) -> Graph {
    let mut graph = Graph::new();
    let x = [0, 1].map(|index| float(&mut graph, index, [rows, size]));
    let w = [2, 3].map(|index| float(&mut graph, index, [size, size]));
    let calls = x.map(|x| w.iter().fold(x, |x, &w| dense(&mut graph, x, w)));
    let difference = graph.binary(BinaryOp::Sub, calls[0], calls[1]);
    let square = graph.unary(UnaryOp::Square, difference);
    let loss = graph.reduce(ReduceOp::Sum, square, vec![0, 1], false);
    let found = gradients(&mut graph, loss, &w).unwrap();
    graph.outputs.extend(found.into_iter().flatten());
    passes::run(graph, &[Pass::Simplify, Pass::Cse, Pass::Dead])
}

#[test]
fn the_gradient_of_a_shared_weight_is_one_product() {
    let graph = twins(4, 64);
    assert_eq!(count(&graph, "matmul"), 4 + 2 + 4);
    let joined = joined(graph);
    assert_eq!(count(&joined, "matmul"), 2 + 1 + 2, "{joined}");
    // The inputs, and the gradients that come from the difference.
    assert_eq!(count(&joined, "concat"), 2, "{joined}");
    assert_eq!(count(&joined, "slice"), 2, "{joined}");
}

#[test]
fn copies_that_cost_more_than_they_save_are_not_made() {
    let graph = twins(2000, 8);
    assert_eq!(joined(graph.clone()).to_string(), graph.to_string());
}

#[test]
fn calls_that_depend_on_each_other_stay_apart() {
    let mut graph = Graph::new();
    let x = float(&mut graph, 0, [4, 64]);
    let w = float(&mut graph, 1, [64, 64]);
    let first = dense(&mut graph, x, w);
    let second = dense(&mut graph, first, w);
    graph.outputs.push(second);
    assert_eq!(joined(graph.clone()).to_string(), graph.to_string());
}

/// The second call's rows come from the first call's, so the op on them cannot be one op.
#[test]
fn what_would_wait_for_itself_stays_apart() {
    let mut graph = Graph::new();
    let x = float(&mut graph, 0, [4, 64]);
    let w = float(&mut graph, 1, [64, 64]);
    let once = graph.unary(UnaryOp::Tanh, x);
    let twice = graph.unary(UnaryOp::Tanh, once);
    let calls = [once, twice].map(|x| dense(&mut graph, x, w));
    graph.outputs.extend(calls);
    let joined = joined(graph.clone());
    assert_eq!((count(&joined, "matmul"), count(&joined, "tanh")), (2, 4), "{joined}");
    let arrays = [[4, 64], [64, 64]].map(|sizes: [usize; 2]| {
        let numbers = (0..sizes[0] * sizes[1]).map(|i| (i as f32).sin() * 0.1).collect();
        crate::Array::new(sizes, numbers).unwrap()
    });
    let run = |graph| interpret::run(graph, &arrays, &[]).unwrap().outputs;
    assert_eq!(run(&joined), run(&graph));
}

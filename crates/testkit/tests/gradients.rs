//! The gradient of every op against finite differences, and its value where they do not exist.

use cornu_graph::grad::gradients;
use cornu_graph::op::ReduceOp;
use cornu_graph::scalar::{BinaryOp, UnaryOp};
use cornu_graph::{Array, DType, Graph, NodeId, Op, TensorType, interpret};
use cornu_testkit::random_graph::random_graph;
use cornu_testkit::{cases, grad_check};

fn report(failures: &[String]) {
    let shown = failures.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} failures\n{shown}", failures.len());
}

#[test]
fn every_case_has_the_right_gradient() {
    let check = |case: cases::Case| {
        grad_check::check_case(&case).err().map(|message| format!("{}: {message}", case.name))
    };
    report(&cases::all().into_iter().filter_map(check).collect::<Vec<_>>());
}

#[test]
fn gradients_of_random_graphs() {
    let stops = |graph: &Graph| {
        graph.nodes().iter().any(|node| node.op == Op::Unary(UnaryOp::StopGradient))
    };
    let check = |seed| {
        let random = random_graph(seed);
        if stops(&random.graph) {
            return None;
        }
        let leaves = random.float_leaves();
        let mut graph = random.graph;
        let loss = grad_check::loss(&mut graph);
        let checked =
            grad_check::check_graph(&graph, loss, &leaves, &random.inputs, &random.variables);
        checked.err().map(|message| format!("random graph {seed}: {message}\n{graph}"))
    };
    report(&(0..60).filter_map(check).collect::<Vec<_>>());
}

/// The gradient of the sum of `f(x)`, and the gradient of the sum of that.
fn derivatives(x: &[f32], f: impl Fn(&mut Graph, NodeId) -> NodeId) -> [Vec<f64>; 2] {
    let mut graph = Graph::new();
    let ty = TensorType::new(DType::F32, [x.len()]);
    let leaf = graph.add(Op::Input { index: 0, ty }, &[]);
    let mut y = f(&mut graph, leaf);
    for _ in 0..2 {
        let axes = (0..graph.ty(y).shape.rank()).collect();
        let loss = graph.reduce(ReduceOp::Sum, y, axes, false);
        let gradient = gradients(&mut graph, loss, &[leaf]).unwrap()[0];
        y = gradient.unwrap_or_else(|| graph.fill(DType::F32, &[x.len()].into(), 0.0));
        graph.outputs.push(y);
    }
    let x = Array::new([x.len()], x.to_vec()).unwrap();
    let outputs = interpret::run(&graph, &[x], &[]).unwrap().outputs;
    [outputs[0].values().to_f64(), outputs[1].values().to_f64()]
}

#[test]
fn gradients_at_kinks_are_defined() {
    for op in [UnaryOp::Sqrt, UnaryOp::Relu, UnaryOp::Abs, UnaryOp::Sign, UnaryOp::Floor] {
        let [first, _] = derivatives(&[0.0, 4.0], |g, x| g.unary(op, x));
        assert_eq!(first[0], 0.0, "{op:?}");
    }
}

#[test]
fn the_second_derivative_of_sqrt_at_zero_is_no_nan() {
    let [_, second] = derivatives(&[0.0, 4.0], |g, x| g.unary(UnaryOp::Sqrt, x));
    assert_eq!(second, [0.0, -0.03125]);
}

#[test]
fn the_second_derivative_of_a_weighted_sqrt_at_zero_is_no_nan() {
    let [_, second] = derivatives(&[0.0, 4.0], |g, x| {
        let weight = g.binary_scalar(BinaryOp::Add, x, 1.0);
        let root = g.unary(UnaryOp::Sqrt, x);
        g.binary(BinaryOp::Mul, weight, root)
    });
    assert_eq!(second, [0.0, 0.34375]);
}

#[test]
fn a_product_with_zeros_has_a_gradient() {
    let product =
        |x: &[f32]| derivatives(x, |g, x| g.reduce(ReduceOp::Prod, x, vec![0], false))[0].clone();
    assert_eq!(product(&[2.0, 3.0, 4.0]), [12.0, 8.0, 6.0]);
    assert_eq!(product(&[2.0, 0.0, 4.0]), [0.0, 8.0, 0.0]);
    assert_eq!(product(&[0.0, 0.0, 4.0]), [0.0, 0.0, 0.0]);
}

#[test]
fn equal_elements_share_or_the_first_takes_all() {
    let [shared, _] =
        derivatives(&[3.0, 1.0, 3.0], |g, x| g.reduce(ReduceOp::Max, x, vec![0], false));
    assert_eq!(shared, [0.5, 0.0, 0.5]);
    let [sum, _] = derivatives(&[3.0], |g, x| g.binary(BinaryOp::Max, x, x));
    assert_eq!(sum, [1.0]);
}

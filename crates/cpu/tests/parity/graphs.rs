//! Whole graphs, rewritten and planned: fused loops, values in place, variables.

use crate::support::*;
use cornu_graph::op::{Distribution, ReduceOp};
use cornu_graph::philox::Philox;
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{Array, DType, Graph, NodeId, Op, Shape, graph::Update, passes, plan};

const OPTIONS: [plan::Options; 3] = [
    plan::Options { in_place: true, reuse: true },
    plan::Options { in_place: false, reuse: true },
    plan::Options { in_place: false, reuse: false },
];

/// A random graph of elementwise ops, whose results are the same on every machine.
struct Generator {
    rng: Philox,
    graph: Graph,
    shape: Vec<usize>,
    /// Values of the full shape.
    floats: Vec<NodeId>,
    whole: Vec<NodeId>,
    bools: Vec<NodeId>,
}

impl Generator {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.below(from.len())]
    }

    /// A value, or a smaller one repeated.
    fn float(&mut self, small: &[NodeId]) -> NodeId {
        if !small.is_empty() && self.rng.below(3) == 0 {
            let node = self.pick(small);
            return self.graph.broadcast(node, &Shape::from(self.shape.as_slice()));
        }
        let floats = self.floats.clone();
        self.pick(&floats)
    }

    fn add(&mut self, op: Op, inputs: &[NodeId]) {
        let node = self.graph.add(op, inputs);
        match self.graph.ty(node).dtype {
            DType::F32 => self.floats.push(node),
            DType::I32 => self.whole.push(node),
            _ => self.bools.push(node),
        }
    }

    fn step(&mut self, small: &[NodeId]) {
        let (a, b) = (self.float(small), self.float(small));
        let whole = self.whole.clone();
        let (i, j) = (self.pick(&whole), self.pick(&whole));
        let bools = self.bools.clone();
        let (c, d) = (self.pick(&bools), self.pick(&bools));
        let exact = [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Max, BinaryOp::Min];
        match self.rng.below(12) {
            0..4 => {
                let op = self.pick(&exact);
                self.add(Op::Binary(op), &[a, b]);
            }
            4 | 5 => {
                let op = self.pick(&[UnaryOp::Neg, UnaryOp::Abs, UnaryOp::Relu, UnaryOp::Sign]);
                self.add(Op::Unary(op), &[a]);
            }
            6 => self.add(Op::Compare(CompareOp::Less), &[a, b]),
            7 => self.add(Op::Select, &[c, a, b]),
            8 => {
                let op = self.pick(&exact);
                self.add(Op::Binary(op), &[i, j]);
            }
            9 => self.add(Op::Compare(CompareOp::Equal), &[i, j]),
            10 => self.add(Op::Binary(BinaryOp::Or), &[c, d]),
            _ => {
                let scalar = self.graph.binary_scalar(BinaryOp::Mul, a, 0.5);
                self.floats.push(scalar);
            }
        }
    }
}

/// Small arrays that can be repeated to a shape.
fn small_shapes(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut column = shape.to_vec();
    *column.last_mut().unwrap() = 1;
    let mut first = vec![1; shape.len()];
    first[0] = shape[0];
    vec![vec![], shape[shape.len() - 1..].to_vec(), column, first]
}

#[test]
fn random_elementwise_graphs() {
    let shapes =
        [&[1][..], &[37], &[600], &[3, 10], &[40, 33], &[2, 700], &[4, 3, 5], &[3, 1, 300]];
    for seed in 0..120 {
        let mut rng = random(seed);
        let shape = shapes[rng.below(shapes.len())];
        let mut inputs = vec![
            floats(&mut rng, shape),
            whole(&mut rng, shape, -50, 50),
            array(&mut rng, DType::Bool, shape),
        ];
        inputs.extend(small_shapes(shape).iter().map(|s| floats(&mut rng, s)));
        let variables = [floats(&mut rng, shape), floats(&mut rng, shape), floats(&mut rng, shape)];
        let mut graph = Graph::new();
        let nodes = add_inputs(&mut graph, &inputs);
        let mut values = add_variables(&mut graph, &variables);
        values.push(nodes[0]);
        let (whole, bools) = (vec![nodes[1]], vec![nodes[2]]);
        let mut g = Generator { rng, graph, shape: shape.to_vec(), floats: values, whole, bools };
        for _ in 0..g.rng.below(25) + 1 {
            g.step(&nodes[3..]);
        }
        for variable in 0..3 {
            let floats = g.floats.clone();
            let value = g.pick(&floats);
            g.graph.updates.push(Update { variable, value });
        }
        for _ in 0..g.rng.below(3) + 1 {
            let all = [g.floats.clone(), g.whole.clone(), g.bools.clone()].concat();
            let output = g.pick(&all);
            g.graph.outputs.push(output);
        }
        let optimized = passes::optimize(g.graph.clone());
        for options in OPTIONS {
            check_against(&g.graph, &g.graph, &inputs, &variables, CLOSE, options);
            check_against(&g.graph, &optimized, &inputs, &variables, CLOSE, options);
        }
    }
}

/// What a training step of a small network is fed and keeps: images of bytes, which of them, and
/// labels; two layers' weights, a slot and the random state.
fn training_data(batch: usize, [inner, hidden, classes]: [usize; 3]) -> (Vec<Array>, Vec<Array>) {
    let mut rng = random(9);
    let inputs = vec![
        array(&mut rng, DType::U8, &[20, inner]),
        whole(&mut rng, &[batch], 0, 19),
        whole(&mut rng, &[batch], 0, classes as i32 - 1),
    ];
    let mut weight = |shape: &[usize]| {
        let scale = 0.1 / (shape[0] as f32).sqrt();
        let w = floats(&mut rng, shape);
        let w = w.as_slice::<f32>().unwrap().iter().map(|x| x * scale).collect::<Vec<f32>>();
        Array::new(shape, w).unwrap()
    };
    let variables = vec![
        weight(&[inner, hidden]),
        weight(&[hidden]),
        weight(&[hidden, classes]),
        Array::zeros([inner, hidden], DType::F32),
        Array::new([3], vec![1, 2, 3]).unwrap(),
    ];
    (inputs, variables)
}

fn matmul(g: &mut Graph, a: NodeId, b: NodeId, transpose_a: bool, transpose_b: bool) -> NodeId {
    g.add(Op::matmul(transpose_a, transpose_b), &[a, b])
}

/// The classes' probabilities, and the sums they were divided by.
fn softmax(g: &mut Graph, logits: NodeId) -> (NodeId, NodeId) {
    let wide = g.ty(logits).shape.clone();
    let largest = g.reduce(ReduceOp::Max, logits, vec![1], true);
    let largest = g.broadcast(largest, &wide);
    let shifted = g.binary(BinaryOp::Sub, logits, largest);
    let e = g.unary(UnaryOp::Exp, shifted);
    let sum = g.reduce(ReduceOp::Sum, e, vec![1], true);
    let sums = g.broadcast(sum, &wide);
    (g.binary(BinaryOp::Div, e, sums), sum)
}

/// The gradient of the cross entropy for the logits.
fn cross_entropy_gradient(g: &mut Graph, p: NodeId, labels: NodeId) -> NodeId {
    let wide = g.ty(p).shape.clone();
    let rows = wide.sizes()[0];
    let column = g.reshape(labels, &Shape::from([rows, 1]));
    let column = g.broadcast(column, &wide);
    let classes = g.add(Op::Iota { shape: wide, axis: 1 }, &[]);
    let hit = g.compare(CompareOp::Equal, classes, column);
    let target = g.cast(hit, DType::F32);
    g.binary(BinaryOp::Sub, p, target)
}

/// A forward pass with dropout, a loss, its gradient, and an update with momentum.
fn training_graph(inputs: &[Array], variables: &[Array]) -> Graph {
    let mut g = Graph::new();
    let (i, v) = (add_inputs(&mut g, inputs), add_variables(&mut g, variables));
    let rows = g.add(Op::Gather, &[i[0], i[1]]);
    let x = g.cast(rows, DType::F32);
    let x = g.binary_scalar(BinaryOp::Mul, x, 1.0 / 255.0);
    let z = matmul(&mut g, x, v[0], false, false);
    let shape = g.ty(z).shape.clone();
    let bias = g.broadcast(v[1], &shape);
    let z = g.binary(BinaryOp::Add, z, bias);
    let h = g.unary(UnaryOp::Tanh, z);
    let draw = Op::Random { distribution: Distribution::Uniform, shape, stream: 1 };
    let draw = g.add(draw, &[v[4]]);
    let keep = g.compare_scalar(CompareOp::Less, draw, 0.8);
    let h = g.select_or_zero(keep, h);
    let logits = matmul(&mut g, h, v[2], false, false);
    let (p, sum) = softmax(&mut g, logits);
    let log_sum = g.unary(UnaryOp::Log, sum);
    let loss = g.reduce(ReduceOp::Sum, log_sum, vec![0, 1], false);
    let dlogits = cross_entropy_gradient(&mut g, p, i[2]);
    let dh = matmul(&mut g, dlogits, v[2], false, true);
    let dh = g.select_or_zero(keep, dh);
    let square = g.unary(UnaryOp::Square, h);
    let one = g.fill(DType::F32, &g.ty(h).shape.clone(), 1.0);
    let slope = g.binary(BinaryOp::Sub, one, square);
    let dz = g.binary(BinaryOp::Mul, dh, slope);
    let decayed = g.binary_scalar(BinaryOp::Mul, v[3], 0.9);
    let dw1 = matmul(&mut g, x, dz, true, false);
    let momentum = g.binary(BinaryOp::Add, decayed, dw1);
    let db = g.reduce(ReduceOp::Sum, dz, vec![0], false);
    let dw2 = matmul(&mut g, h, dlogits, true, false);
    for (variable, gradient) in [(0, momentum), (1, db), (2, dw2)] {
        let step = g.binary_scalar(BinaryOp::Mul, gradient, 0.01);
        let value = g.binary(BinaryOp::Sub, v[variable], step);
        g.updates.push(Update { variable, value });
    }
    g.updates.push(Update { variable: 3, value: momentum });
    let counter = g.constant(Array::new([3], vec![0, 0, 1]).unwrap());
    let state = g.binary(BinaryOp::Add, v[4], counter);
    g.updates.push(Update { variable: 4, value: state });
    let best = g.add(Op::ArgReduce { largest: true, axis: 1 }, &[logits]);
    let right = g.compare(CompareOp::Equal, best, i[2]);
    g.outputs.extend([loss, right, p]);
    g
}

#[test]
fn a_training_step() {
    for (batch, sizes) in [(1, [3, 2, 2]), (32, [50, 20, 10]), (13, [784, 70, 10])] {
        let (inputs, variables) = training_data(batch, sizes);
        let graph = training_graph(&inputs, &variables);
        let optimized = passes::optimize(graph.clone());
        for options in OPTIONS {
            let close = Tolerance::Absolute(3e-5);
            check_against(&graph, &graph, &inputs, &variables, close, options);
            check_against(&graph, &optimized, &inputs, &variables, close, options);
        }
    }
}

/// A thread that is alone computes products in other parts.
#[test]
fn who_works_does_not_change_a_bit() {
    for (batch, sizes) in [(1, [300, 70, 10]), (40, [784, 128, 10]), (130, [1500, 300, 33])] {
        let (inputs, variables) = training_data(batch, sizes);
        let graph = passes::optimize(training_graph(&inputs, &variables));
        for backend in backends() {
            let run = || run(backend, &graph, &inputs, &variables, plan::Options::default());
            let together = run();
            let lent: Vec<_> = (1..backend.threads()).map(|_| backend.lend_core()).collect();
            assert!(run() == together, "{batch} {sizes:?}, {} threads", backend.threads());
            drop(lent);
            assert!(run() == together);
        }
    }
}

fn positive(rng: &mut Philox) -> Array {
    let values = floats(rng, &[1009]).as_slice::<f32>().unwrap().iter().map(|x| x.abs()).collect();
    Array::new([1009], values).unwrap()
}

/// `c / √(a + b)` is one step, and not computed as the three are.
#[test]
fn quotients_by_roots_of_sums() {
    let special = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0, -1.0, 1e-30];
    let more = [1e-7, 0.3, 2.0, 1e30, 3e38, f32::MAX, f32::MIN_POSITIVE];
    let special: Vec<f32> = special.into_iter().chain(more).collect();
    let all = || special.iter().flat_map(|&a| special.iter().map(move |&c| (a, c)));
    let of = |values: Vec<f32>| Array::new([values.len()], values).unwrap();
    let mut rng = random(11);
    let usual = [0, 1, 2].map(|_| positive(&mut rng));
    let edges = [
        of(all().map(|(a, _)| a).collect()),
        of(all().map(|(a, _)| if a == 0.0 { a } else { 0.0 }).collect()),
        of(all().map(|(_, c)| c).collect()),
    ];
    for inputs in [usual, edges] {
        let mut graph = Graph::new();
        let [a, b, c] = add_inputs(&mut graph, &inputs)[..] else { panic!("three inputs") };
        let sum = graph.binary(BinaryOp::Add, a, b);
        let root = graph.unary(UnaryOp::Sqrt, sum);
        let quotient = graph.binary(BinaryOp::Div, c, root);
        graph.outputs.push(quotient);
        let fused = passes::optimize(graph.clone());
        assert!(fused.nodes().iter().any(|node| matches!(node.op, Op::Fused(_))));
        check_against(&graph, &fused, &inputs, &[], Tolerance::Relative(3.6e-7), OPTIONS[0]);
    }
}

#[test]
fn results_that_are_inputs_or_constants() {
    let mut rng = random(3);
    let inputs = [floats(&mut rng, &[5]), floats(&mut rng, &[5])];
    let variables = [floats(&mut rng, &[5]), floats(&mut rng, &[5])];
    let mut graph = Graph::new();
    let i = add_inputs(&mut graph, &inputs);
    let v = add_variables(&mut graph, &variables);
    let constant = graph.constant(Array::new([2, 2], vec![true, false, true, true]).unwrap());
    let reshaped = graph.reshape(i[0], &[1, 5].into());
    graph.outputs.extend([i[0], v[1], constant, constant, reshaped]);
    // The two variables change places.
    graph.updates.push(Update { variable: 0, value: v[1] });
    graph.updates.push(Update { variable: 1, value: v[0] });
    for options in OPTIONS {
        check_against(&graph, &graph, &inputs, &variables, CLOSE, options);
    }
}

//! Times of the other ops: overhead of an instruction, elementwise loops, reductions, random
//! numbers, moves, convolutions.
//!
//!     cargo run --release -p cornu-cpu --example op_bench                # all
//!     cargo run --release -p cornu-cpu --example op_bench convolutions   # a section
//!
//! The best of many short samples is shown, so that other processes disturb little.

use cornu_cpu::{Cpu, Options};
use cornu_graph::op::{Conv2d, Distribution, Pool2d, PoolKind, ReduceOp};
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{
    Array, DType, Executor, Graph, NodeId, Op, Plan, Program, Shape, TensorType, graph::Update,
    passes, plan,
};
use std::time::{Duration, Instant};

fn main() {
    let threads = Options::default().threads;
    println!("{:44} 1 thread    {threads} threads", "");
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let sections: [(&str, fn()); 7] = [
        ("overhead", overhead),
        ("elementwise", elementwise),
        ("functions", functions),
        ("reductions", reductions),
        ("moves", moves),
        ("convolutions", convolutions),
        ("pooling", pooling),
    ];
    for (name, section) in sections {
        if chosen.is_empty() || chosen.iter().any(|c| c == name) {
            section();
        }
    }
}

/// The best time of one call, in seconds.
fn best_time(mut call: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    let start = Instant::now();
    let mut calls = 1;
    while start.elapsed() < Duration::from_millis(200) {
        let sample = Instant::now();
        (0..calls).for_each(|_| call());
        let time = sample.elapsed().as_secs_f64();
        best = best.min(time / f64::from(calls));
        if time < 100e-6 {
            calls *= 2;
        }
    }
    best
}

/// Times a graph with 1 thread and with all, and shows it: the time divided by `count`, and the
/// rate for `amount` in units of 1e9.
fn bench(name: &str, graph: Graph, count: f64, amount: f64, unit: &str) {
    let graph = passes::optimize(graph);
    let mut line = format!("{name:44}");
    for threads in [1, Options::default().threads] {
        let cpu = Cpu::new(Options { threads, ..Options::default() }).expect("available");
        let plan = Plan::new(graph.clone(), plan::Options::default(), |node, types| {
            cpu.scratch(node, types)
        });
        let zeros = |types: &[TensorType]| -> Vec<Array> {
            types.iter().map(|ty| Array::zeros(ty.shape.sizes(), ty.dtype)).collect()
        };
        let (inputs, mut variables) = (zeros(plan.inputs()), zeros(plan.variables()));
        let mut program = cpu.load(plan).expect("supported");
        let inputs: Vec<&Array> = inputs.iter().collect();
        let mut variables: Vec<&mut Array> = variables.iter_mut().collect();
        let time = best_time(|| program.run(&inputs, &mut variables).expect("the types fit"));
        line += &format!("{:9.3} µs", time / count * 1e6);
        if amount > 0.0 {
            line += &format!(" {:7.1} {unit}", amount / time / 1e9);
        }
    }
    println!("{line}");
}

fn input(graph: &mut Graph, dtype: DType, shape: impl Into<Shape>) -> NodeId {
    let index = graph.input_count();
    graph.add(Op::Input { index, ty: TensorType::new(dtype, shape) }, &[])
}

fn variable(graph: &mut Graph, shape: impl Into<Shape>) -> NodeId {
    let index = graph.variable_count();
    graph.add(Op::Variable { index, ty: TensorType::new(DType::F32, shape) }, &[])
}

/// A graph with inputs of these shapes and one output.
fn graph(shapes: &[&[usize]], build: impl Fn(&mut Graph, &[NodeId]) -> NodeId) -> Graph {
    let mut graph = Graph::new();
    let inputs: Vec<NodeId> = shapes.iter().map(|&s| input(&mut graph, DType::F32, s)).collect();
    let output = build(&mut graph, &inputs);
    graph.outputs.push(output);
    graph
}

fn overhead() {
    let one = graph(&[&[1]], |g, i| g.unary(UnaryOp::Neg, i[0]));
    bench("run of one tiny instruction", one, 1.0, 0.0, "");
    let many = graph(&[&[2, 3]], |g, i| {
        (0..1000).fold(i[0], |x, k| {
            let x = g.reduce(ReduceOp::Sum, x, vec![k % 2], true);
            g.broadcast(x, &[2, 3].into())
        })
    });
    bench("one of 2000 tiny instructions", many, 2000.0, 0.0, "");
    let cpu = Cpu::default().with_handover(0);
    let tiny = graph(&[&[2048]], |g, i| (0..100).fold(i[0], |x, _| g.unary(UnaryOp::Neg, x)));
    let plan = Plan::new(tiny, plan::Options::default(), |node, types| cpu.scratch(node, types));
    let mut program = cpu.load(plan).expect("supported");
    let x = Array::zeros([2048], DType::F32);
    let time = best_time(|| program.run(&[&x], &mut []).expect("the types fit"));
    println!(
        "{:60}{:9.3} µs",
        "a job of 0.1 µs handed to all threads and back",
        time / 100.0 * 1e6
    );
}

fn elementwise() {
    for (count, name) in
        [(1 << 12, "16 kB"), (1 << 16, "256 kB"), (1 << 18, "1 MB"), (1 << 22, "16 MB")]
    {
        let add = graph(&[&[count], &[count]], |g, i| g.binary(BinaryOp::Add, i[0], i[1]));
        bench(&format!("a + b of {name}"), add, 1.0, 12.0 * count as f64, "GB/s");
    }
    let layer = graph(&[&[128, 512], &[512]], |g, i| {
        let bias = g.broadcast(i[1], &[128, 512].into());
        let z = g.binary(BinaryOp::Add, i[0], bias);
        g.unary(UnaryOp::Relu, z)
    });
    bench("bias and relu of (128, 512)", layer, 1.0, 8.0 * 65536.0, "GB/s");
    let small = graph(&[&[128, 10], &[10], &[128, 1]], |g, i| {
        let bias = g.broadcast(i[1], &[128, 10].into());
        let z = g.binary(BinaryOp::Add, i[0], bias);
        let largest = g.broadcast(i[2], &[128, 10].into());
        let z = g.binary(BinaryOp::Sub, z, largest);
        g.unary(UnaryOp::Exp, z)
    });
    bench("exp(x + row - column) of (128, 10)", small, 1.0, 0.0, "");
    bench("Adam on 669706 weights", adam(669_706), 1.0, 28.0 * 669_706.0, "GB/s");
    bench("Adam on 5130 weights", adam(5130), 1.0, 28.0 * 5130.0, "GB/s");
    let mut scale = Graph::new();
    let x = input(&mut scale, DType::U8, [128, 784]);
    let x = scale.cast(x, DType::F32);
    let x = scale.binary_scalar(BinaryOp::Mul, x, 1.0 / 255.0);
    scale.outputs.push(x);
    bench("u8 to f32, scaled, (128, 784)", scale, 1.0, 5.0 * 100_352.0, "GB/s");
}

/// Adam's update of a weight and its two averages.
fn adam(count: usize) -> Graph {
    let mut g = Graph::new();
    let gradient = input(&mut g, DType::F32, [count]);
    let rate = input(&mut g, DType::F32, [] as [usize; 0]);
    let rate = g.broadcast(rate, &[count].into());
    let [w, m, v] = [0; 3].map(|_| variable(&mut g, [count]));
    let average = |g: &mut Graph, old, new, keep: f64| {
        let difference = g.binary(BinaryOp::Sub, new, old);
        let step = g.binary_scalar(BinaryOp::Mul, difference, 1.0 - keep);
        g.binary(BinaryOp::Add, old, step)
    };
    let square = g.unary(UnaryOp::Square, gradient);
    let (m2, v2) = (average(&mut g, m, gradient, 0.9), average(&mut g, v, square, 0.999));
    let root = g.unary(UnaryOp::Sqrt, v2);
    let root = g.binary_scalar(BinaryOp::Add, root, 1e-7);
    let step = g.binary(BinaryOp::Mul, m2, rate);
    let step = g.binary(BinaryOp::Div, step, root);
    let w2 = g.binary(BinaryOp::Sub, w, step);
    for (variable, value) in [(0, w2), (1, m2), (2, v2)] {
        g.updates.push(Update { variable, value });
    }
    g
}

fn functions() {
    use UnaryOp::*;
    let count = 1 << 16;
    for op in [Neg, Sqrt, Exp, Expm1, Log, Log1p, Tanh, Sigmoid, Erf, Sin] {
        let one = graph(&[&[count]], |g, i| g.unary(op, i[0]));
        bench(&format!("{op:?} of 65536"), one, 1.0, count as f64, "G/s");
    }
    for op in [BinaryOp::Div, BinaryOp::Max, BinaryOp::Pow, BinaryOp::Mod] {
        let one = graph(&[&[count], &[count]], |g, i| g.binary(op, i[0], i[1]));
        bench(&format!("{op:?} of 65536"), one, 1.0, count as f64, "G/s");
    }
    let keep = graph(&[&[count], &[count]], |g, i| {
        let keep = g.compare_scalar(CompareOp::Less, i[0], 0.5);
        g.select_or_zero(keep, i[1])
    });
    bench("compare and select of 65536", keep, 1.0, count as f64, "G/s");
}

fn reductions() {
    for (shape, axes) in [
        (&[128, 512][..], &[0][..]),
        (&[128, 512], &[1]),
        (&[128, 512], &[0, 1]),
        (&[128, 10], &[0]),
        (&[128, 10], &[1]),
        (&[128, 28, 28, 32], &[0, 1, 2]),
        (&[4_000_000], &[0]),
    ] {
        let bytes = 4.0 * shape.iter().product::<usize>() as f64;
        for kind in [ReduceOp::Sum, ReduceOp::Max] {
            let one = graph(&[shape], |g, i| g.reduce(kind, i[0], axes.to_vec(), false));
            bench(&format!("{kind:?} of {shape:?} over {axes:?}"), one, 1.0, bytes, "GB/s");
        }
    }
    let best =
        graph(&[&[128, 10]], |g, i| g.add(Op::ArgReduce { largest: true, axis: 1 }, &[i[0]]));
    bench("ArgReduce of (128, 10) over 1", best, 1.0, 0.0, "");
}

fn moves() {
    for distribution in [Distribution::Uniform, Distribution::Normal] {
        let mut g = Graph::new();
        let state = input(&mut g, DType::I32, [3]);
        let op = Op::Random { distribution, shape: [128, 512].into(), stream: 0 };
        let draw = g.add(op, &[state]);
        g.outputs.push(draw);
        bench(&format!("Random {distribution:?} of 65536"), g, 1.0, 65536.0, "G/s");
    }
    let mut g = Graph::new();
    let (table, rows) = (input(&mut g, DType::U8, [60_000, 784]), input(&mut g, DType::I32, [128]));
    let rows = g.add(Op::Gather, &[table, rows]);
    g.outputs.push(rows);
    bench("Gather of 128 rows of 784 u8", g, 1.0, 2.0 * 100_352.0, "GB/s");
    for shape in [[784, 512], [1024, 1024], [128, 10]] {
        let bytes = 8.0 * (shape[0] * shape[1]) as f64;
        let turn = graph(&[&shape], |g, i| g.add(Op::Transpose(vec![1, 0]), &[i[0]]));
        bench(&format!("Transpose of {shape:?}"), turn, 1.0, bytes, "GB/s");
    }
    let join = graph(&[&[128, 512], &[128, 256]], |g, i| g.add(Op::Concat { axis: 1 }, i));
    bench("Concat of (128, 512) and (128, 256)", join, 1.0, 8.0 * 128.0 * 768.0, "GB/s");
    let repeat = graph(&[&[512]], |g, i| g.broadcast(i[0], &[128, 512].into()));
    bench("Broadcast of (512) to (128, 512)", repeat, 1.0, 4.0 * 65536.0, "GB/s");
}

/// What a network of small images is made of: (images, filters, padding).
const CONVOLUTIONS: [([usize; 4], usize, usize); 7] = [
    ([128, 28, 28, 1], 64, 0),
    ([128, 26, 26, 64], 128, 0),
    ([1, 26, 26, 64], 128, 0),
    ([128, 14, 14, 32], 64, 1),
    ([32, 32, 32, 16], 16, 1),
    ([32, 32, 32, 64], 64, 1),
    ([16, 14, 14, 256], 256, 1),
];

fn convolutions() {
    for (image, f, pad) in CONVOLUTIONS {
        let conv =
            Conv2d { strides: [1, 1], padding: [(pad, pad); 2], dilation: [1, 1], groups: 1 };
        let [n, h, w, c] = image;
        let (h, w) = (h + 2 * pad - 2, w + 2 * pad - 2);
        let (filter, output) = ([3, 3, c, f], [n, h, w, f]);
        let flops = 2.0 * (n * h * w * 9 * c * f) as f64;
        let name = format!("{image:?}, {f} filters");
        let one = graph(&[&image, &filter], |g, i| g.add(Op::Conv2d(conv), i));
        bench(&format!("Conv2d {name}"), one, 1.0, flops, "GFLOP/s");
        let op = Op::Conv2dInputGrad { conv, input: image.into() };
        let one = graph(&[&output, &filter], |g, i| g.add(op.clone(), i));
        bench(&format!("InputGrad {name}"), one, 1.0, flops, "GFLOP/s");
        let op = Op::Conv2dFilterGrad { conv, filter: filter.into() };
        let one = graph(&[&image, &output], |g, i| g.add(op.clone(), i));
        bench(&format!("FilterGrad {name}"), one, 1.0, flops, "GFLOP/s");
    }
}

/// Pooling and the other work between convolutions.
fn pooling() {
    let (image, output) = ([128, 24, 24, 128], [128, 12, 12, 128]);
    let pool =
        Pool2d { kind: PoolKind::Max, window: [2, 2], strides: [2, 2], padding: [(0, 0); 2] };
    let bytes = 4.0 * image.iter().product::<usize>() as f64;
    let one = graph(&[&image], |g, i| g.add(Op::Pool2d(pool), i));
    bench(&format!("MaxPool of {image:?}"), one, 1.0, 1.25 * bytes, "GB/s");
    let one =
        graph(&[&image, &output], |g, i| g.add(Op::Pool2dGrad { pool, input: image.into() }, i));
    bench(&format!("MaxPool gradient of {image:?}"), one, 1.0, 2.25 * bytes, "GB/s");
}

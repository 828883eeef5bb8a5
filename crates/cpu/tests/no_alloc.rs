//! A run allocates nothing: counted by the allocator itself.
//!
//! This is a program of its own (`harness = false`): the threads of the test harness allocate.

use cornu_cpu::{Cpu, Instructions, Options, Winograd};
use cornu_graph::op::{Conv2d, Distribution, Pool2d, PoolKind, Precision, ReduceOp};
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{
    Array, DType, Executor, Graph, NodeId, Op, Plan, Program, Shape, TensorType, graph::Update,
    passes, plan,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// The system's allocator, counting.
struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all work is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, SeqCst);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        COUNT.fetch_add(1, SeqCst);
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn input(graph: &mut Graph, index: usize, dtype: DType, shape: impl Into<Shape>) -> NodeId {
    graph.add(Op::Input { index, ty: TensorType::new(dtype, shape) }, &[])
}

fn variable(graph: &mut Graph, index: usize, dtype: DType, shape: impl Into<Shape>) -> NodeId {
    graph.add(Op::Variable { index, ty: TensorType::new(dtype, shape) }, &[])
}

/// Something of everything: gather, convolution, pooling, dense layers, dropout, loss, gradients,
/// updates, metrics.
fn training_like() -> Graph {
    let mut g = Graph::new();
    let images = input(&mut g, 0, DType::U8, [100, 12, 12, 1]);
    let rows = input(&mut g, 1, DType::I32, [32]);
    let filter = variable(&mut g, 0, DType::F32, [3, 3, 1, 8]);
    let weight = variable(&mut g, 1, DType::F32, [200, 10]);
    let state = variable(&mut g, 2, DType::I32, [3]);
    let x = g.add(Op::Gather, &[images, rows]);
    let x = g.cast(x, DType::F32);
    let x = g.binary_scalar(BinaryOp::Mul, x, 1.0 / 255.0);
    let conv = Conv2d { strides: [1, 1], padding: [(0, 0); 2], dilation: [1, 1], groups: 1 };
    let y = g.add(Op::Conv2d(conv), &[x, filter]);
    let y = g.unary(UnaryOp::Relu, y);
    let pool =
        Pool2d { kind: PoolKind::Max, window: [2, 2], strides: [2, 2], padding: [(0, 0); 2] };
    let p = g.add(Op::Pool2d(pool), &[y]);
    let flat = g.reshape(p, &Shape::from([32, 200]));
    let shape = g.ty(flat).shape.clone();
    let draw = Op::Random { distribution: Distribution::Normal, shape, stream: 1 };
    let draw = g.add(draw, &[state]);
    let keep = g.compare_scalar(CompareOp::Less, draw, 1.0);
    let flat = g.select_or_zero(keep, flat);
    let (transpose_a, transpose_b, precision) = (false, false, Precision::BFloat16);
    let rounded = Op::MatMul { transpose_a, transpose_b, precision };
    let logits = g.add(rounded, &[flat, weight]);
    let e = g.unary(UnaryOp::Exp, logits);
    let sum = g.reduce(ReduceOp::Sum, e, vec![1], true);
    let sum = g.broadcast(sum, &[32, 10].into());
    let d = g.binary(BinaryOp::Div, e, sum);
    let dw = g.add(Op::matmul(true, false), &[flat, d]);
    let dflat = g.add(Op::matmul(false, true), &[d, weight]);
    let dp = g.reshape(dflat, &Shape::from([32, 5, 5, 8]));
    let dy = g.add(Op::Pool2dGrad { pool, input: [32, 10, 10, 8].into() }, &[y, dp]);
    let df = g.add(Op::Conv2dFilterGrad { conv, filter: [3, 3, 1, 8].into() }, &[x, dy]);
    let dx = g.add(Op::Conv2dInputGrad { conv, input: [32, 12, 12, 1].into() }, &[dy, filter]);
    for (index, value, gradient) in [(0, filter, df), (1, weight, dw)] {
        let step = g.binary_scalar(BinaryOp::Mul, gradient, 0.01);
        let value = g.binary(BinaryOp::Sub, value, step);
        g.updates.push(Update { variable: index, value });
    }
    let one = g.constant(Array::new([3], vec![0, 0, 1]).unwrap());
    let next = g.binary(BinaryOp::Add, state, one);
    g.updates.push(Update { variable: 2, value: next });
    let best = g.add(Op::ArgReduce { largest: true, axis: 1 }, &[logits]);
    let turned = g.add(Op::Transpose(vec![1, 0]), &[logits]);
    let scattered = g.add(Op::ScatterAdd { rows: 100 }, &[rows, flat]);
    let total = g.reduce(ReduceOp::Sum, dx, vec![0, 1, 2, 3], false);
    g.outputs.extend([best, turned, scattered, total]);
    g
}

fn main() {
    let inputs = [
        Array::new([100, 12, 12, 1], vec![100u8; 14_400]).unwrap(),
        Array::new([32], (0..32).collect::<Vec<i32>>()).unwrap(),
    ];
    let mut variables = [
        Array::new([3, 3, 1, 8], vec![0.1f32; 72]).unwrap(),
        Array::new([200, 10], vec![0.1f32; 2000]).unwrap(),
        Array::new([3], vec![1, 2, 3]).unwrap(),
    ];
    for instructions in Instructions::ALL.into_iter().filter(|i| i.available()) {
        let ways = [(1, Winograd::Never), (2, Winograd::Never), (2, Winograd::Always)];
        for (threads, winograd) in ways {
            let options = Options { threads, instructions, winograd };
            let cpu = Cpu::new(options).unwrap().with_handover(0);
            let graph = passes::optimize(training_like());
            let plan =
                Plan::new(graph, plan::Options::default(), |node, types| cpu.scratch(node, types));
            let mut program = cpu.load(plan).unwrap();
            let inputs: Vec<&Array> = inputs.iter().collect();
            let mut variables: Vec<&mut Array> = variables.iter_mut().collect();
            let mut total = Array::scalar(0.0f32);
            let before = COUNT.load(SeqCst);
            for _ in 0..5 {
                program.run(&inputs, &mut variables).unwrap();
                program.read_output(3, &mut total).unwrap();
            }
            assert_eq!(COUNT.load(SeqCst) - before, 0, "{instructions:?}, {threads} threads");
        }
    }
    println!("a run allocates nothing");
}

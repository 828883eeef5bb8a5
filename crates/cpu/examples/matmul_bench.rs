//! GFLOP/s of matrix products of the shapes that training uses, beside the machine's peak.
//!
//!     cargo run --release -p cornu-cpu --example matmul_bench [bfloat16]
//!
//! With `bfloat16` the operands are rounded to it; the peak is that of `float32` all the same.
//! The best of many short samples is shown, so that other processes disturb little.

use cornu_cpu::{Cpu, CpuProgram, Options};
use cornu_graph::op::Precision;
use cornu_graph::{Array, DType, Graph, Op, Plan, Program, TensorType, plan};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rows, columns, inner dimension, which operands are transposed, and what it is.
const SHAPES: &[(usize, usize, usize, bool, bool, &str)] = &[
    (128, 512, 784, false, false, "batch 128: x W1"),
    (784, 512, 128, true, false, "xT dy"),
    (128, 512, 512, false, false, "x W2"),
    (128, 512, 512, false, true, "dy WT"),
    (512, 512, 128, true, false, "xT dy"),
    (128, 10, 512, false, false, "x W3"),
    (512, 10, 128, true, false, "xT dy"),
    (128, 512, 10, false, true, "dy WT"),
    (32, 512, 784, false, false, "batch 32: x W1"),
    (784, 512, 32, true, false, "xT dy"),
    (32, 256, 512, false, false, "x W2"),
    (512, 256, 32, true, false, "xT dy"),
    (32, 512, 256, false, true, "dy WT"),
    (32, 128, 256, false, false, "x W3"),
    (256, 128, 32, true, false, "xT dy"),
    (32, 256, 128, false, true, "dy WT"),
    (64, 512, 784, false, false, "batch 32 of twins: x W1"),
    (784, 512, 64, true, false, "xT dy"),
    (64, 256, 512, false, false, "x W2"),
    (64, 512, 256, false, true, "dy WT"),
    (512, 256, 64, true, false, "xT dy"),
    (10_000, 512, 784, false, false, "test set"),
    (1024, 1024, 1024, false, false, "square"),
    (1, 512, 784, false, false, "one sample"),
    (1, 512, 784, false, true, "one sample, WT"),
    (8, 512, 784, false, true, "few samples, WT"),
    (128, 1, 512, false, false, "one column"),
];

fn main() {
    let precision = match std::env::args().nth(1).as_deref() {
        Some("bfloat16") => Precision::BFloat16,
        _ => Precision::Float32,
    };
    let best = Options::default();
    let peak = peak();
    println!("{precision:?}, {best:?}; peak of one thread {peak:.0} GFLOP/s\n");
    println!("{:>18} {:21} 1 thread {:>9} threads", "m x n x k", "", best.threads);
    let single = Cpu::new(Options { threads: 1, ..best }).expect("available");
    let several = Cpu::default();
    for &(m, n, k, ta, tb, name) in SHAPES {
        let flops = 2.0 * (m * n * k) as f64;
        let bytes = 4.0 * (m * k + k * n + m * n) as f64;
        let mut line = String::new();
        let mut fastest = f64::MAX;
        for (cpu, threads) in [(&single, 1), (&several, best.threads)] {
            let time = best_product(cpu, (m, n, k, ta, tb, precision), numbers(m * k));
            fastest = fastest.min(time);
            let rate = flops / time / 1e9;
            line += &format!("{rate:8.1} {:3.0} %  ", 100.0 * rate / peak / threads as f64);
        }
        let letters = [(ta, 'T'), (tb, 'T')].map(|(t, c)| if t { c } else { 'N' });
        let memory = bytes / fastest / 1e9;
        println!(
            "{m:>6} x{n:4} x{k:4} {}{} {name:15} {line} {:8.1} µs {memory:6.1} GB/s",
            letters[0],
            letters[1],
            fastest * 1e6
        );
    }
    skipping(&single, precision);
}

type Shape = (usize, usize, usize, bool, bool, Precision);

/// Shapes whose A is an image, or its transpose, and how much of the inner dimension is not zero
/// for six rows of A.
const SPARSE: &[(usize, usize, usize, bool)] =
    &[(128, 512, 784, false), (784, 512, 128, true), (32, 512, 784, false), (128, 512, 512, false)];
const SHARES: &[usize] = &[100, 90, 80, 70, 60, 50, 40, 30];

fn skipping(cpu: &Cpu, precision: Precision) {
    println!("\nµs on one thread, by the percentage of A that is there for six rows at once");
    for &(m, n, k, ta) in SPARSE {
        let mut line = String::new();
        for &share in SHARES {
            let there = |row: usize, k: usize| (row / 6 * 31 + k) * 7919 % 100 < share;
            let mut a = numbers(m * k);
            for (i, x) in a.iter_mut().enumerate() {
                let (row, k) = if ta { (i % m, i / m) } else { (i / k, i % k) };
                *x = if there(row, k) { *x } else { 0.0 };
            }
            let time = best_product(cpu, (m, n, k, ta, false, precision), a);
            line += &format!(" {:7.1}", 1e6 * time);
        }
        println!("{m:>6} x{n:4} x{k:4} {}N {line}", if ta { 'T' } else { 'N' });
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1000) as f32 / 1000.0 - 0.5).collect()
}

/// The best time of one call, in seconds.
fn best_time(mut call: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    let start = Instant::now();
    let mut calls = 1;
    while start.elapsed() < Duration::from_millis(400) {
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

/// The best time of a product, in seconds.
fn best_product(cpu: &Cpu, (m, n, k, ta, tb, precision): Shape, a: Vec<f32>) -> f64 {
    let shape = |r, c, t| if t { [c, r] } else { [r, c] };
    let a = Array::new(shape(m, k, ta), a).expect("fits");
    let b = Array::new(shape(k, n, tb), numbers(k * n)).expect("fits");
    let op = Op::MatMul { transpose_a: ta, transpose_b: tb, precision };
    let mut program = product(cpu, &a.ty(), &b.ty(), op);
    best_time(|| program.run(&[&a, &b], &mut []).expect("the types fit"))
}

fn product(cpu: &Cpu, a: &TensorType, b: &TensorType, op: Op) -> CpuProgram {
    let mut graph = Graph::new();
    assert_eq!(a.dtype, DType::F32);
    let a = graph.add(Op::Input { index: 0, ty: a.clone() }, &[]);
    let b = graph.add(Op::Input { index: 1, ty: b.clone() }, &[]);
    let c = graph.add(op, &[a, b]);
    graph.outputs.push(c);
    let scratch = |node: &_, types: &[&_]| cornu_graph::Executor::scratch(cpu, node, types);
    let plan = Plan::new(graph, plan::Options::default(), scratch);
    cpu.load(plan).expect("supported")
}

/// The GFLOP/s of one thread that does nothing but multiply and add in registers.
fn peak() -> f64 {
    const CALLS: usize = 4000;
    /// Ten sums, so that none waits for its last addition.
    #[allow(unused_macros)]
    macro_rules! sums {
        ($zero:expr, $next:expr, $result:expr) => {{
            let [mut a, mut b, mut c, mut d, mut e] = [$zero; 5];
            let [mut f, mut g, mut h, mut i, mut j] = [$zero; 5];
            for _ in 0..CALLS {
                (a, b, c, d, e) = ($next(a), $next(b), $next(c), $next(d), $next(e));
                (f, g, h, i, j) = ($next(f), $next(g), $next(h), $next(i), $next(j));
            }
            [a, b, c, d, e, f, g, h, i, j].map($result).iter().sum()
        }};
    }
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::*;
        #[target_feature(enable = "avx512f")]
        fn wide() -> f32 {
            let (x, y) = (_mm512_set1_ps(black_box(0.5)), _mm512_set1_ps(black_box(1.0)));
            let zero = _mm512_setzero_ps();
            sums!(zero, |s| _mm512_fmadd_ps(x, s, y), |s| _mm512_reduce_add_ps(s))
        }
        #[target_feature(enable = "avx2,fma")]
        fn narrow() -> f32 {
            let (x, y) = (_mm256_set1_ps(black_box(0.5)), _mm256_set1_ps(black_box(1.0)));
            let zero = _mm256_setzero_ps();
            sums!(zero, |s| _mm256_fmadd_ps(x, s, y), |s| _mm256_cvtss_f32(s))
        }
        if is_x86_feature_detected!("avx512f") {
            let time = best_time(|| {
                // SAFETY: the machine has the instructions.
                black_box(unsafe { wide() });
            });
            return (CALLS * 10 * 32) as f64 / time / 1e9;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            let time = best_time(|| {
                // SAFETY: the machine has the instructions.
                black_box(unsafe { narrow() });
            });
            return (CALLS * 10 * 16) as f64 / time / 1e9;
        }
    }
    f64::NAN
}

//! Matrix products, in `float32` and in bfloat16, whose sums are as exact; convolutions.

use crate::support::*;
use cornu_graph::fused::{Kernel, Product, ScalarOp, Step};
use cornu_graph::infer::infer;
use cornu_graph::op::{Conv2d, Precision};
use cornu_graph::philox::Philox;
use cornu_graph::scalar::BinaryOp;
use cornu_graph::{Array, DType, Graph, Op, Values, plan};

const PRECISIONS: [Precision; 2] = [Precision::Float32, Precision::BFloat16];

fn matmul(seed: u64, batch: &[usize], m: usize, n: usize, k: usize) {
    let mut rng = random(seed);
    for transpose_a in [false, true] {
        for transpose_b in [false, true] {
            let shape = |rows, columns, transposed| {
                let [r, c] = if transposed { [columns, rows] } else { [rows, columns] };
                [batch, &[r, c]].concat()
            };
            let a = floats(&mut rng, &shape(m, k, transpose_a));
            let b = floats(&mut rng, &shape(k, n, transpose_b));
            check_product(transpose_a, transpose_b, &[a, b]);
        }
    }
}

fn check_product(transpose_a: bool, transpose_b: bool, operands: &[Array]) {
    for precision in PRECISIONS {
        check_op(Op::MatMul { transpose_a, transpose_b, precision }, operands, SUMS);
    }
}

#[test]
fn matmul_of_small_sizes() {
    for m in [0, 1, 2, 5, 14, 15] {
        for n in [0, 1, 2, 17, 40] {
            for k in [0, 1, 3, 18] {
                matmul((m * 1000 + n * 10 + k) as u64, &[], m, n, k);
            }
        }
    }
}

#[test]
fn matmul_of_every_tile_height() {
    for m in 1..=31 {
        matmul(m as u64, &[], m, 67, 9);
    }
}

#[test]
fn matmul_of_every_width() {
    for n in 1..=140 {
        matmul(n as u64, &[], 3, n, 5);
    }
}

#[test]
fn matmul_beyond_the_blocks() {
    matmul(1, &[], 50, 33, 1100);
    matmul(2, &[], 47, 530, 520);
    matmul(3, &[], 130, 10, 64);
}

/// An A of many zeros, as images have: whole columns of several rows, and the rows' ends.
#[test]
fn matmul_that_skips_zeros() {
    for (seed, (m, n, k)) in
        [(32, 64, 40), (47, 130, 100), (200, 70, 21), (19, 300, 1100), (1, 300, 90), (2, 130, 1100)]
            .into_iter()
            .enumerate()
    {
        let mut rng = random(seed as u64);
        for transpose_a in [false, true] {
            for transpose_b in [false, true] {
                let mut a = floats(&mut rng, &if transpose_a { [k, m] } else { [m, k] });
                let Values::F32(numbers) = a.values_mut() else { unreachable!("floats are f32") };
                for (i, x) in numbers.iter_mut().enumerate() {
                    let (row, column) = if transpose_a { (i % m, i / m) } else { (i / k, i % k) };
                    if column % 3 > 0 || column > k - 5 || (row / 8 + column) % 4 == 0 {
                        *x = if row % 2 == 0 { 0.0 } else { -0.0 };
                    }
                }
                let b = floats(&mut rng, &if transpose_b { [n, k] } else { [k, n] });
                check_product(transpose_a, transpose_b, &[a, b]);
            }
        }
    }
}

/// A loop that adds a bias, or a whole matrix, to the elements of a product, and gives out both.
fn product_loop(seed: u64, [m, n, k]: [usize; 3], added: &[usize]) {
    for precision in PRECISIONS {
        for (transpose_a, transpose_b) in [(false, false), (true, false), (false, true)] {
            let product = Product { transpose_a, transpose_b, precision };
            product_loop_of(seed, [m, n, k], added, product);
        }
    }
}

fn product_loop_of(seed: u64, [m, n, k]: [usize; 3], added: &[usize], product: Product) {
    let mut rng = random(seed);
    let Product { transpose_a, transpose_b, .. } = product;
    let shape = |r, c, transposed| if transposed { [c, r] } else { [r, c] };
    let (a, b) = (shape(m, k, transpose_a), shape(k, n, transpose_b));
    let operands = [&a[..], &b[..], added].map(|shape| floats(&mut rng, shape));
    let add = ScalarOp::Binary(BinaryOp::Add);
    let kernel = Kernel {
        product: Some(product),
        shape: [m, n].into(),
        inputs: vec![DType::F32; 2],
        steps: vec![Step { op: add, args: vec![0, 1], dtype: DType::F32 }],
        outputs: vec![2, 0],
    };
    let mut graph = Graph::new();
    let nodes = add_inputs(&mut graph, &operands);
    let fused = graph.add(Op::Fused(Box::new(kernel)), &nodes);
    graph.outputs = [0, 1].map(|i| graph.add(Op::Project(i), &[fused])).to_vec();
    let options = plan::Options::default();
    check_against(&graph, &graph, &operands, &[], SUMS, options);
}

#[test]
fn loops_over_products() {
    product_loop(1, [50, 300, 70], &[300]);
    product_loop(2, [50, 300, 70], &[50, 300]);
    product_loop(3, [130, 140, 1100], &[50 + 80, 1]);
    product_loop(4, [75, 150, 2100], &[75, 150]);
    product_loop(5, [60, 9, 20], &[60, 9]);
    product_loop(6, [1, 600, 33], &[600]);
    product_loop(7, [7, 300, 40], &[7, 300]);
}

#[test]
fn matmul_of_batches() {
    matmul(1, &[5], 7, 9, 4);
    matmul(2, &[2, 3], 1, 20, 30);
    matmul(3, &[4], 20, 1, 30);
    matmul(4, &[0], 2, 3, 4);
    matmul(5, &[2], 33, 35, 3);
}

struct Shape {
    image: [usize; 4],
    filter: [usize; 4],
    conv: Conv2d,
}

fn conv(
    strides: [usize; 2],
    padding: [(usize, usize); 2],
    dilation: [usize; 2],
    groups: usize,
) -> Conv2d {
    Conv2d { strides, padding, dilation, groups }
}

fn shapes() -> Vec<Shape> {
    let plain = conv([1, 1], [(0, 0); 2], [1, 1], 1);
    let same = conv([1, 1], [(1, 1); 2], [1, 1], 1);
    let shape = |image, filter, conv| Shape { image, filter, conv };
    vec![
        shape([2, 5, 6, 1], [3, 3, 1, 4], plain),
        shape([3, 6, 5, 3], [3, 3, 3, 17], same),
        shape([1, 7, 7, 16], [1, 1, 16, 20], plain),
        shape([2, 4, 4, 6], [1, 1, 2, 9], conv([1, 1], [(0, 0); 2], [1, 1], 3)),
        shape([2, 9, 8, 4], [3, 2, 4, 5], conv([2, 3], [(1, 0), (0, 1)], [1, 1], 1)),
        shape([2, 9, 9, 2], [3, 3, 2, 3], conv([1, 1], [(2, 2); 2], [2, 2], 1)),
        shape([2, 6, 6, 4], [3, 3, 1, 8], conv([1, 1], [(1, 1); 2], [1, 1], 4)),
        shape([3, 8, 8, 6], [3, 3, 3, 4], conv([2, 2], [(0, 1); 2], [1, 2], 2)),
        shape([2, 3, 3, 2], [5, 5, 2, 3], conv([1, 1], [(3, 3); 2], [1, 1], 1)),
        shape([2, 4, 4, 3], [1, 1, 3, 2], conv([2, 2], [(0, 0); 2], [1, 1], 1)),
        shape([0, 4, 4, 3], [2, 2, 3, 2], plain),
        shape([1, 30, 30, 8], [5, 5, 8, 12], same),
        shape([2, 40, 40, 33], [3, 3, 33, 3], same),
        shape([1, 130, 131, 1], [3, 3, 1, 5], same),
    ]
}

/// Checks a convolution and its gradients.
fn check_convolution(rng: &mut Philox, shape: &Shape, check: impl Fn(Op, &[Array])) {
    let &Shape { image, filter, conv } = shape;
    let (x, w) = (floats(rng, &image), floats(rng, &filter));
    let y = infer(&Op::Conv2d(conv), &[&x.ty(), &w.ty()]).unwrap();
    let g = floats(rng, &y.shape.sizes());
    check(Op::Conv2d(conv), &[x.clone(), w.clone()]);
    check(Op::Conv2dInputGrad { conv, input: image.into() }, &[g.clone(), w]);
    check(Op::Conv2dFilterGrad { conv, filter: filter.into() }, &[x, g]);
}

#[test]
fn convolutions_and_their_gradients() {
    let mut rng = random(7);
    for shape in shapes() {
        check_convolution(&mut rng, &shape, |op, inputs| check_op(op, inputs, SUMS));
    }
}

/// Convolutions for Winograd's transforms: tiles cut by every edge, all kinds of padding, few and many
/// channels, several chunks of filters, many tiles.
fn winograd_shapes() -> Vec<Shape> {
    let shape = |image, filters, padding| {
        let [_, _, _, channels] = image;
        Shape { image, filter: [3, 3, channels, filters], conv: conv([1, 1], padding, [1, 1], 1) }
    };
    vec![
        shape([1, 3, 3, 1], 1, [(0, 0); 2]),
        shape([1, 1, 1, 2], 3, [(1, 1); 2]),
        shape([2, 5, 6, 1], 4, [(0, 0); 2]),
        shape([3, 6, 5, 3], 17, [(1, 1); 2]),
        shape([1, 7, 9, 16], 16, [(0, 1), (1, 0)]),
        shape([2, 4, 4, 5], 2, [(3, 4), (5, 2)]),
        shape([2, 8, 11, 33], 70, [(1, 1); 2]),
        shape([1, 10, 10, 70], 33, [(2, 2); 2]),
        shape([5, 17, 18, 8], 24, [(0, 0); 2]),
        shape([1, 50, 47, 4], 5, [(1, 1); 2]),
        shape([1, 6, 6, 530], 9, [(0, 0); 2]),
    ]
}

#[test]
fn winograd_convolutions_and_their_gradients() {
    let mut rng = random(8);
    for shape in winograd_shapes() {
        check_convolution(&mut rng, &shape, |op, inputs| {
            check_op_on(winograd_backends(), op, inputs, SUMS_OF_TILES);
        });
    }
}

//! Graphs that call one random network several times, as siamese networks do.

use super::{Builder, RandomGraph};
use cornu_graph::op::{Conv2d, Distribution, ReduceOp};
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{Array, DType, NodeId, Op, Shape, TensorType};

/// The random graph of a seed: two or three calls of one network, on gathered or fed rows, mostly
/// equally many.
pub fn shared_calls(seed: u64) -> RandomGraph {
    let mut builder = Builder::new(seed);
    let mut calls = builder.begin();
    for _ in 0..2 + builder.random.below(5) {
        builder.layer(&mut calls);
    }
    let mut random = builder.finish();
    random.graph.outputs.extend(&calls);
    // Half of them want nothing of single calls.
    if seed.is_multiple_of(2) && random.graph.ty(calls[0]) == random.graph.ty(calls[1]) {
        let difference = random.graph.binary(BinaryOp::Sub, calls[0], calls[1]);
        random.graph.outputs = vec![random.graph.unary(UnaryOp::Square, difference)];
    }
    random
}

impl Builder {
    /// What each call is given.
    fn begin(&mut self) -> Vec<NodeId> {
        let features = 2 + self.random.below(5);
        let rows = 1 + self.random.below(4);
        let more = if self.random.below(4) == 0 { 2 } else { 0 };
        let table = self.leaf_of(TensorType::new(DType::F32, [6, features]), true);
        let gathers = self.random.below(2) == 0;
        (0..2 + self.random.below(2))
            .map(|call| {
                let rows = rows + call * more;
                if !gathers {
                    return self.leaf_of(TensorType::new(DType::F32, [rows, features]), true);
                }
                let indexes = self.leaf_of(TensorType::new(DType::I32, [rows]), true);
                self.graph.add(Op::Gather, &[table, indexes])
            })
            .collect()
    }

    fn layer(&mut self, calls: &mut [NodeId]) {
        match self.random.below(10) {
            0..5 => self.dense(calls),
            5 => self.dropout(calls),
            6 => self.conv(calls),
            7 => self.normalize(calls, 0),
            8 => self.normalize(calls, 1),
            _ => {
                let op = [UnaryOp::Tanh, UnaryOp::Sigmoid, UnaryOp::Square][self.random.below(3)];
                calls.iter_mut().for_each(|x| *x = self.graph.unary(op, *x));
            }
        }
    }

    fn weight(&mut self, shape: &[usize]) -> NodeId {
        let weight = self.leaf_of(TensorType::new(DType::F32, shape), false);
        self.graph.binary_scalar(BinaryOp::Mul, weight, 0.3)
    }

    fn dense(&mut self, calls: &mut [NodeId]) {
        let features = self.graph.ty(calls[0]).shape.sizes()[1];
        let units = 1 + self.random.below(6);
        let transpose_b = self.random.below(3) == 0;
        let shape = if transpose_b { [units, features] } else { [features, units] };
        let (weight, bias) = (self.weight(&shape), self.weight(&[units]));
        let has_bias = self.random.below(4) > 0;
        for x in calls {
            let g = &mut self.graph;
            *x = g.add(Op::matmul(false, transpose_b), &[*x, weight]);
            if has_bias {
                let bias = g.broadcast(bias, &g.ty(*x).shape.clone());
                *x = g.binary(BinaryOp::Add, *x, bias);
            }
            *x = g.unary(UnaryOp::Relu, *x);
        }
    }

    /// Each call draws its own numbers.
    fn dropout(&mut self, calls: &mut [NodeId]) {
        let state = self.graph.constant(Array::new([3], vec![1, 2, 3]).expect("three numbers"));
        for x in calls {
            let shape = self.graph.ty(*x).shape.clone();
            let stream = self.random.next_u32();
            let op = Op::Random { distribution: Distribution::Uniform, shape, stream };
            let draw = self.graph.add(op, &[state]);
            let keep = self.graph.compare_scalar(CompareOp::Greater, draw, 0.3);
            *x = self.graph.select_or_zero(keep, *x);
        }
    }

    /// A convolution of the features as images of one row.
    fn conv(&mut self, calls: &mut [NodeId]) {
        let filter = self.weight(&[1, 2, 1, 2]);
        let padding = [(0, 0), (1, 0)];
        let conv = Conv2d { strides: [1, 1], padding, dilation: [1, 1], groups: 1 };
        for x in calls {
            let sizes = self.graph.ty(*x).shape.sizes();
            let image = self.graph.reshape(*x, &[sizes[0], 1, sizes[1], 1].into());
            let image = self.graph.add(Op::Conv2d(conv), &[image, filter]);
            *x = self.graph.reshape(image, &[sizes[0], 2 * sizes[1]].into());
        }
    }

    /// Takes away the sum over the rows of the call, or over the features of each row.
    fn normalize(&mut self, calls: &mut [NodeId], axis: usize) {
        for x in calls {
            let shape: Shape = self.graph.ty(*x).shape.clone();
            let sum = self.graph.reduce(ReduceOp::Sum, *x, vec![axis], true);
            let share = self.graph.binary_scalar(BinaryOp::Mul, sum, 0.2);
            let share = self.graph.broadcast(share, &shape);
            *x = self.graph.binary(BinaryOp::Sub, *x, share);
        }
    }
}

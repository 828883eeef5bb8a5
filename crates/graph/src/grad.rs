//! Gradients: one rule an op, in one exhaustive match, appended to the same graph.
//!
//! The rules are written with ordinary ops, so no pass and no backend knows that training exists,
//! and gradients of gradients come for free.

use crate::graph::{NodeId, Phase};
use crate::op::{Op, PoolKind, Precision, ReduceOp, SliceRange};
use crate::scalar::{BinaryOp, CompareOp, UnaryOp};
use crate::{DType, Error, ErrorKind, Graph, Result, Shape};
use std::f64::consts::FRAC_2_SQRT_PI;

/// Appends the gradients of a scalar node with respect to `wrt`. `None` where no path of
/// differentiable ops leads from the loss to that node.
///
/// # Errors
/// If the loss is no float32 scalar, or an op on the way has no gradient.
pub fn gradients(graph: &mut Graph, loss: NodeId, wrt: &[NodeId]) -> Result<Vec<Option<NodeId>>> {
    let ty = graph.ty(loss).clone();
    if ty.shape.rank() != 0 || !ty.dtype.is_float() {
        return Err(Error::shape(format!("gradients are taken of a float32 scalar, not of {ty}")));
    }
    let reached = reached_from(graph, wrt);
    let phase = graph.set_phase(Phase::Gradient);
    let mut sums: Vec<Option<NodeId>> = vec![None; loss.0 + 1];
    sums[loss.0] = Some(graph.fill(DType::F32, &Shape::scalar(), 1.0));
    for id in (0..=loss.0).rev().map(NodeId) {
        let Some(gradient) = sums[id.0].filter(|_| reached[id.0]) else { continue };
        let node = graph.node(id).clone();
        let origin = graph.set_origin(node.origin.clone());
        let contributions =
            Rule { graph, id, inputs: &node.inputs, dy: gradient, reached: &reached }
                .apply(&node.op)?;
        for (input, contribution) in node.inputs.iter().zip(contributions) {
            let Some(contribution) = contribution.filter(|_| reached[input.0]) else { continue };
            sums[input.0] = Some(match sums[input.0] {
                Some(sum) => graph.binary(BinaryOp::Add, sum, contribution),
                None => contribution,
            });
        }
        graph.set_origin(origin);
    }
    graph.set_phase(phase);
    Ok(wrt.iter().map(|id| sums.get(id.0).copied().flatten()).collect())
}

/// Which nodes depend on one of `roots` through floating-point values.
fn reached_from(graph: &Graph, roots: &[NodeId]) -> Vec<bool> {
    let mut reached = vec![false; graph.nodes().len()];
    for id in graph.ids() {
        let node = graph.node(id);
        reached[id.0] = node.ty.dtype.is_float()
            && (roots.contains(&id) || node.inputs.iter().any(|i| reached[i.0]));
    }
    reached
}

/// The gradient of one node's inputs, from the gradient `dy` of its result.
struct Rule<'a> {
    graph: &'a mut Graph,
    id: NodeId,
    inputs: &'a [NodeId],
    dy: NodeId,
    reached: &'a [bool],
}

type Contributions = Vec<Option<NodeId>>;

impl Rule<'_> {
    fn apply(mut self, op: &Op) -> Result<Contributions> {
        let dy = self.dy;
        Ok(match op {
            Op::Input { .. }
            | Op::Variable { .. }
            | Op::Constant(_)
            | Op::Iota { .. }
            | Op::Random { .. }
            | Op::Compare(_)
            | Op::ArgReduce { .. } => vec![None; self.inputs.len()],
            Op::Unary(op) => vec![self.unary(*op)],
            Op::Binary(op) => self.binary(*op),
            Op::Select => {
                let zero = self.zeros_like(dy);
                let (condition, g) = (self.inputs[0], &mut self.graph);
                vec![None, Some(g.select(condition, dy, zero)), Some(g.select(condition, zero, dy))]
            }
            Op::Cast(_) => {
                let from = self.graph.ty(self.inputs[0]).dtype;
                vec![from.is_float().then_some(dy)]
            }
            Op::Reshape(_) => {
                let shape = self.shape(0);
                vec![Some(self.graph.reshape(dy, &shape))]
            }
            Op::Transpose(permutation) => {
                let mut inverse = vec![0; permutation.len()];
                permutation.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
                vec![Some(self.graph.add(Op::Transpose(inverse), &[dy]))]
            }
            Op::Broadcast(_) => {
                let shape = self.shape(0);
                vec![Some(sum_to(self.graph, dy, &shape))]
            }
            Op::Slice(ranges) => vec![Some(self.slice(ranges)?)],
            Op::Pad(widths) => vec![Some(self.pad(widths))],
            Op::Concat { axis } => self.concat(*axis),
            Op::Reduce { kind, axes, .. } => vec![Some(self.reduce(*kind, axes))],
            Op::MatMul { transpose_a, transpose_b, precision } => {
                self.matmul(*transpose_a, *transpose_b, *precision)
            }
            Op::Conv2d(conv) => {
                let (input, filter) = (self.shape(0), self.shape(1));
                let (x, w) = (self.inputs[0], self.inputs[1]);
                let input_grad = Op::Conv2dInputGrad { conv: *conv, input };
                let filter_grad = Op::Conv2dFilterGrad { conv: *conv, filter };
                vec![self.wanted(0, input_grad, &[dy, w]), self.wanted(1, filter_grad, &[x, dy])]
            }
            Op::Conv2dInputGrad { conv, .. } => {
                let (output_gradient, w) = (self.inputs[0], self.inputs[1]);
                let filter_grad = Op::Conv2dFilterGrad { conv: *conv, filter: self.shape(1) };
                vec![
                    self.wanted(0, Op::Conv2d(*conv), &[dy, w]),
                    self.wanted(1, filter_grad, &[dy, output_gradient]),
                ]
            }
            Op::Conv2dFilterGrad { conv, .. } => {
                let (x, output_gradient) = (self.inputs[0], self.inputs[1]);
                let input_grad = Op::Conv2dInputGrad { conv: *conv, input: self.shape(0) };
                vec![
                    self.wanted(0, input_grad, &[output_gradient, dy]),
                    self.wanted(1, Op::Conv2d(*conv), &[x, dy]),
                ]
            }
            Op::Pool2d(pool) => {
                let grad = Op::Pool2dGrad { pool: *pool, input: self.shape(0) };
                let x = self.inputs[0];
                vec![Some(match pool.kind {
                    PoolKind::Max => self.graph.add(grad, &[x, dy]),
                    PoolKind::Average => self.graph.add(grad, &[dy]),
                })]
            }
            Op::Pool2dGrad { pool, .. } => match pool.kind {
                PoolKind::Average => vec![Some(self.graph.add(Op::Pool2d(*pool), &[dy]))],
                PoolKind::Max => return Err(no_gradient("the gradient of max pooling")),
            },
            Op::Gather => {
                let indexes = self.inputs[1];
                let rows = self.shape(0).sizes()[0];
                vec![Some(self.graph.add(Op::ScatterAdd { rows }, &[indexes, dy])), None]
            }
            Op::ScatterAdd { .. } => {
                let indexes = self.inputs[0];
                vec![None, Some(self.graph.add(Op::Gather, &[dy, indexes]))]
            }
            Op::Fused(_) | Op::Project(_) => {
                return Err(no_gradient("a fused loop (gradients come before fusion)"));
            }
        })
    }

    fn shape(&self, input: usize) -> Shape {
        self.graph.ty(self.inputs[input]).shape.clone()
    }

    fn zeros_like(&mut self, x: NodeId) -> NodeId {
        let ty = self.graph.ty(x).clone();
        self.graph.fill(ty.dtype, &ty.shape, 0.0)
    }

    /// Adds an op for an expensive contribution only if its input leads to what is asked for.
    fn wanted(&mut self, input: usize, op: Op, inputs: &[NodeId]) -> Option<NodeId> {
        self.reached[self.inputs[input].0].then(|| self.graph.add(op, inputs))
    }

    fn unary(&mut self, op: UnaryOp) -> Option<NodeId> {
        let (x, y, dy) = (self.inputs[0], self.id, self.dy);
        let g = &mut *self.graph;
        let slope = match op {
            UnaryOp::Neg => return Some(g.unary(UnaryOp::Neg, dy)),
            UnaryOp::Abs => g.unary(UnaryOp::Sign, x),
            UnaryOp::Exp => y,
            UnaryOp::Expm1 => g.binary_scalar(BinaryOp::Add, y, 1.0),
            UnaryOp::Log => return Some(g.binary(BinaryOp::Div, dy, x)),
            UnaryOp::Log1p => {
                let shifted = g.binary_scalar(BinaryOp::Add, x, 1.0);
                return Some(g.binary(BinaryOp::Div, dy, shifted));
            }
            UnaryOp::Sqrt => {
                // 0 at 0 by definition, where the true slope is infinite.
                let shape = g.ty(y).shape.clone();
                let twice = g.binary_scalar(BinaryOp::Mul, y, 2.0);
                let at_zero = g.compare_scalar(CompareOp::Equal, y, 0.0);
                let one = g.fill(DType::F32, &shape, 1.0);
                let safe = g.select(at_zero, one, twice);
                let quotient = g.binary(BinaryOp::Div, dy, safe);
                let zero = g.fill(DType::F32, &shape, 0.0);
                return Some(g.select(at_zero, zero, quotient));
            }
            UnaryOp::Square => g.binary_scalar(BinaryOp::Mul, x, 2.0),
            UnaryOp::Reciprocal => {
                let square = g.unary(UnaryOp::Square, y);
                g.unary(UnaryOp::Neg, square)
            }
            UnaryOp::Sin => g.unary(UnaryOp::Cos, x),
            UnaryOp::Cos => {
                let sin = g.unary(UnaryOp::Sin, x);
                g.unary(UnaryOp::Neg, sin)
            }
            UnaryOp::Tanh => {
                let square = g.unary(UnaryOp::Square, y);
                one_minus(g, square)
            }
            UnaryOp::Sigmoid => {
                let rest = one_minus(g, y);
                g.binary(BinaryOp::Mul, y, rest)
            }
            UnaryOp::Relu => {
                // Of y, not of x: then x need not be kept for the backward pass.
                let positive = g.compare_scalar(CompareOp::Greater, y, 0.0);
                return Some(g.select_or_zero(positive, dy));
            }
            UnaryOp::Erf => {
                let square = g.unary(UnaryOp::Square, x);
                let exponent = g.unary(UnaryOp::Neg, square);
                let bell = g.unary(UnaryOp::Exp, exponent);
                g.binary_scalar(BinaryOp::Mul, bell, FRAC_2_SQRT_PI)
            }
            UnaryOp::Sign
            | UnaryOp::Floor
            | UnaryOp::Ceil
            | UnaryOp::Round
            | UnaryOp::Not
            | UnaryOp::IsFinite
            | UnaryOp::StopGradient => return None,
        };
        Some(g.binary(BinaryOp::Mul, dy, slope))
    }

    fn binary(&mut self, op: BinaryOp) -> Contributions {
        let (a, b, y, dy) = (self.inputs[0], self.inputs[1], self.id, self.dy);
        let g = &mut *self.graph;
        match op {
            BinaryOp::Add => vec![Some(dy), Some(dy)],
            BinaryOp::Sub => vec![Some(dy), Some(g.unary(UnaryOp::Neg, dy))],
            BinaryOp::Mul => {
                vec![Some(g.binary(BinaryOp::Mul, dy, b)), Some(g.binary(BinaryOp::Mul, dy, a))]
            }
            BinaryOp::Div => {
                let da = g.binary(BinaryOp::Div, dy, b);
                let product = g.binary(BinaryOp::Mul, da, y);
                vec![Some(da), Some(g.unary(UnaryOp::Neg, product))]
            }
            BinaryOp::Mod => {
                // a - b·⌊a/b⌋, where the floor is constant almost everywhere.
                let quotient = g.binary(BinaryOp::Div, a, b);
                let floor = g.unary(UnaryOp::Floor, quotient);
                let product = g.binary(BinaryOp::Mul, dy, floor);
                vec![Some(dy), Some(g.unary(UnaryOp::Neg, product))]
            }
            BinaryOp::Pow => pow(g, a, b, y, dy),
            BinaryOp::Max | BinaryOp::Min => {
                // Equal elements: all of it goes to the first, as TensorFlow has it.
                let first = if op == BinaryOp::Max {
                    CompareOp::GreaterEqual
                } else {
                    CompareOp::LessEqual
                };
                let takes_first = g.compare(first, a, b);
                let zero = g.fill(DType::F32, &g.ty(dy).shape.clone(), 0.0);
                vec![Some(g.select(takes_first, dy, zero)), Some(g.select(takes_first, zero, dy))]
            }
            BinaryOp::And | BinaryOp::Or => vec![None, None],
        }
    }

    fn slice(&mut self, ranges: &[SliceRange]) -> Result<NodeId> {
        let sizes = self.shape(0).sizes();
        let mut dy = self.dy;
        let mut widths = Vec::new();
        for (axis, (range, &size)) in ranges.iter().zip(&sizes).enumerate() {
            dy = spread(self.graph, dy, axis, range.step);
            let length = self.graph.ty(dy).shape.sizes()[axis];
            widths.push((range.start, size - range.start - length));
        }
        Ok(self.graph.add(Op::Pad(widths), &[dy]))
    }

    fn pad(&mut self, widths: &[(usize, usize)]) -> NodeId {
        let sizes = self.shape(0).sizes();
        let ranges = widths.iter().zip(sizes).map(|(&(before, _), size)| SliceRange {
            start: before,
            end: Some(before + size),
            step: 1,
        });
        let op = Op::Slice(ranges.collect());
        self.graph.add(op, &[self.dy])
    }

    fn concat(&mut self, axis: usize) -> Contributions {
        let rank = self.graph.ty(self.dy).shape.rank();
        let mut start = 0;
        let mut contributions = Vec::new();
        for (i, input) in self.inputs.iter().enumerate() {
            let end = start + self.shape(i).sizes()[axis];
            let mut ranges = vec![SliceRange::ALL; rank];
            ranges[axis] = SliceRange { start, end: Some(end), step: 1 };
            start = end;
            let wanted = self.reached[input.0];
            contributions.push(wanted.then(|| self.graph.add(Op::Slice(ranges), &[self.dy])));
        }
        contributions
    }

    fn reduce(&mut self, kind: ReduceOp, axes: &[usize]) -> NodeId {
        let shape = self.shape(0);
        let (x, y, dy) = (self.inputs[0], self.id, self.dy);
        let dy = self.restore_axes(dy, axes, &shape);
        if kind == ReduceOp::Sum {
            return dy;
        }
        let y = self.restore_axes(y, axes, &shape);
        let g = &mut *self.graph;
        match kind {
            ReduceOp::Sum => dy,
            ReduceOp::Prod => {
                let at_zero = g.compare_scalar(CompareOp::Equal, x, 0.0);
                let one = g.fill(DType::F32, &shape, 1.0);
                let safe = g.select(at_zero, one, x);
                let product = g.reduce(ReduceOp::Prod, safe, axes.to_vec(), true);
                let product = g.broadcast(product, &shape);
                let zeros = g.cast(at_zero, DType::F32);
                let zeros = g.reduce(ReduceOp::Sum, zeros, axes.to_vec(), true);
                let zeros = g.broadcast(zeros, &shape);
                let own = g.cast(at_zero, DType::F32);
                let alone = g.compare(CompareOp::Equal, zeros, own);
                let others = g.binary(BinaryOp::Div, product, safe);
                let others = g.select_or_zero(alone, others);
                g.binary(BinaryOp::Mul, dy, others)
            }
            ReduceOp::Max | ReduceOp::Min => {
                // Equal elements share it.
                let hit = g.compare(CompareOp::Equal, x, y);
                let hits = g.cast(hit, DType::F32);
                let count = g.reduce(ReduceOp::Sum, hits, axes.to_vec(), true);
                let count = g.broadcast(count, &shape);
                let share = g.binary(BinaryOp::Div, dy, count);
                g.select_or_zero(hit, share)
            }
        }
    }

    /// Gives a reduced value its axes back and repeats it along them.
    fn restore_axes(&mut self, value: NodeId, axes: &[usize], shape: &Shape) -> NodeId {
        let mut dims = shape.dims().to_vec();
        axes.iter().for_each(|&a| dims[a] = 1.into());
        let kept = self.graph.reshape(value, &Shape::from(dims));
        self.graph.broadcast(kept, shape)
    }

    fn matmul(
        &mut self,
        transpose_a: bool,
        transpose_b: bool,
        precision: Precision,
    ) -> Contributions {
        let (a, b, dy) = (self.inputs[0], self.inputs[1], self.dy);
        let product = |transpose_a, transpose_b| Op::MatMul { transpose_a, transpose_b, precision };
        let da = match transpose_a {
            false => self.wanted(0, product(false, !transpose_b), &[dy, b]),
            true => self.wanted(0, product(transpose_b, true), &[b, dy]),
        };
        let db = match transpose_b {
            false => self.wanted(1, product(!transpose_a, false), &[a, dy]),
            true => self.wanted(1, product(true, transpose_a), &[dy, a]),
        };
        vec![da, db]
    }
}

fn no_gradient(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} has no gradient"))
}

fn one_minus(g: &mut Graph, x: NodeId) -> NodeId {
    let one = g.fill(DType::F32, &g.ty(x).shape.clone(), 1.0);
    g.binary(BinaryOp::Sub, one, x)
}

/// `d aᵇ = b·aᵇ⁻¹ da + aᵇ·ln a db`, with 0 for the second where `a` is not positive.
fn pow(g: &mut Graph, a: NodeId, b: NodeId, y: NodeId, dy: NodeId) -> Contributions {
    let exponent = g.binary_scalar(BinaryOp::Sub, b, 1.0);
    let power = g.binary(BinaryOp::Pow, a, exponent);
    let slope = g.binary(BinaryOp::Mul, b, power);
    let constant = g.compare_scalar(CompareOp::Equal, b, 0.0);
    let zero = g.fill(DType::F32, &g.ty(b).shape.clone(), 0.0);
    let slope = g.select(constant, zero, slope);
    let positive = g.compare_scalar(CompareOp::Greater, a, 0.0);
    let one = g.fill(DType::F32, &g.ty(a).shape.clone(), 1.0);
    let base = g.select(positive, a, one);
    let log = g.unary(UnaryOp::Log, base);
    let db = g.binary(BinaryOp::Mul, y, log);
    vec![Some(g.binary(BinaryOp::Mul, dy, slope)), Some(g.binary(BinaryOp::Mul, dy, db))]
}

/// Sums a broadcast value back to the shape it came from.
fn sum_to(g: &mut Graph, x: NodeId, shape: &Shape) -> NodeId {
    let from = g.ty(x).shape.clone();
    let extra = from.rank() - shape.rank();
    let repeated = |i: usize| i < extra || shape.dims()[i - extra] != from.dims()[i];
    let axes: Vec<usize> = (0..from.rank()).filter(|&i| repeated(i)).collect();
    let sum = g.reduce(ReduceOp::Sum, x, axes, true);
    g.reshape(sum, shape)
}

/// Puts `step - 1` zeros between the elements along an axis.
fn spread(g: &mut Graph, x: NodeId, axis: usize, step: usize) -> NodeId {
    let mut sizes = g.ty(x).shape.sizes();
    if step == 1 || sizes[axis] == 0 {
        return x;
    }
    let length = sizes[axis];
    sizes.insert(axis + 1, 1);
    let column = g.reshape(x, &Shape::from(sizes.clone()));
    let mut widths = vec![(0, 0); sizes.len()];
    widths[axis + 1] = (0, step - 1);
    let padded = g.add(Op::Pad(widths), &[column]);
    sizes.remove(axis + 1);
    sizes[axis] = length * step;
    let flat = g.reshape(padded, &Shape::from(sizes.clone()));
    let mut ranges = vec![SliceRange::ALL; sizes.len()];
    ranges[axis].end = Some((length - 1) * step + 1);
    g.add(Op::Slice(ranges), &[flat])
}

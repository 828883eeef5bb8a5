//! Reductions along axes.

use super::layout::or_error;
use super::{Axis, cast, convert, exp, float, log, square, where_};
use crate::tensor::{Operation, Tensor};
use cornu_graph::op::ReduceOp;
use cornu_graph::scalar::UnaryOp;
use cornu_graph::{DType, Dim, Error, Op, Result};

#[track_caller]
fn reduce(name: &'static str, kind: ReduceOp, x: &Tensor, axis: &Axis) -> Tensor {
    if x.is_error() {
        return x.clone();
    }
    or_error(axis.resolve(x.rank()).map(|axes| {
        let keepdims = axis.keeps_dims();
        let y = match axes.is_empty() {
            true => x.clone(),
            false => Tensor::op(Op::Reduce { kind, axes, keepdims }, &[x]),
        };
        Tensor::named(Operation::new(name).along(axis), &[x], y)
    }))
}

/// Small integers are added up as `int32`.
#[track_caller]
fn wide(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    let dtype = x.dtype().promote(DType::I32);
    convert(&x, dtype)
}

/// The sum.
#[track_caller]
pub fn sum(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    reduce("Sum", ReduceOp::Sum, &wide(x), &axis.into())
}

/// The product.
#[track_caller]
pub fn prod(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    reduce("Prod", ReduceOp::Prod, &wide(x), &axis.into())
}

/// The largest element. Equal elements share the gradient.
#[track_caller]
pub fn max(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    reduce("Max", ReduceOp::Max, &x.into(), &axis.into())
}

/// The smallest element. Equal elements share the gradient.
#[track_caller]
pub fn min(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    reduce("Min", ReduceOp::Min, &x.into(), &axis.into())
}

/// The mean.
#[track_caller]
pub fn mean(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (float(x), axis.into());
    if x.is_error() {
        return x;
    }
    let operation = Operation::new("Mean").along(&axis);
    let y = or_error(count(&x, &axis).map(|count| sum(&x, axis) / count));
    Tensor::named(operation, &[&x], y)
}

/// How many elements are reduced to one, as a tensor: the batch may not be known yet.
fn count(x: &Tensor, axis: &Axis) -> Result<Tensor> {
    let axes = axis.resolve(x.rank())?;
    let dims: Vec<Dim> = axes.iter().map(|&a| x.shape().dims()[a]).collect();
    match cornu_graph::Shape::from(dims.clone()).count() {
        Some(Dim::Known(n)) => Ok(Tensor::from(n as f32)),
        Some(_) => {
            let ones = Tensor::fill(DType::F32, &dims.into(), 1.0);
            Ok(sum(ones, Axis::ALL))
        }
        None => Err(Error::shape(format!("the batch occurs twice in {}", x.shape()))),
    }
}

/// The variance: the mean of the squared distances from the mean.
#[track_caller]
pub fn var(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (float(x), axis.into());
    let centred = &x - mean(&x, axis.clone().keepdims());
    let operation = Operation::new("Var").along(&axis);
    Tensor::named(operation, &[&x], mean(square(centred), axis))
}

/// The standard deviation.
#[track_caller]
pub fn std(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (float(x), axis.into());
    let operation = Operation::new("Std").along(&axis);
    Tensor::named(operation, &[&x], var(&x, axis).sqrt())
}

/// `ln Σ eˣ` without overflow.
#[track_caller]
pub fn logsumexp(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (float(x), axis.into());
    let operation = Operation::new("Logsumexp").along(&axis);
    let largest = stop_gradient_of_max(&x, axis.clone().keepdims());
    let total = log(sum(exp(&x - &largest), axis.clone()));
    let back = if axis.keeps_dims() { largest } else { sum(largest, axis) };
    Tensor::named(operation, &[&x], total + back)
}

/// The largest element as a number to subtract: without gradient, which would cancel.
#[track_caller]
pub(super) fn stop_gradient_of_max(x: &Tensor, axis: Axis) -> Tensor {
    let largest = max(x, axis);
    // An infinite maximum would give inf - inf.
    let finite = Tensor::op(Op::Unary(UnaryOp::IsFinite), &[&largest]);
    stop_gradient(where_(finite, &largest, 0.0))
}

/// The same value; no gradient flows back through it.
#[track_caller]
pub fn stop_gradient(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    let y = Tensor::op(Op::Unary(UnaryOp::StopGradient), &[&x]);
    Tensor::named("StopGradient", &[&x], y)
}

/// `int32` index of the first largest element along an axis.
#[track_caller]
pub fn argmax(x: impl Into<Tensor>, axis: i32) -> Tensor {
    arg("Argmax", true, x.into(), axis)
}

/// `int32` index of the first smallest element along an axis.
#[track_caller]
pub fn argmin(x: impl Into<Tensor>, axis: i32) -> Tensor {
    arg("Argmin", false, x.into(), axis)
}

#[track_caller]
fn arg(name: &'static str, largest: bool, x: Tensor, axis: i32) -> Tensor {
    if x.is_error() {
        return x;
    }
    or_error(super::axis::resolve(axis, x.rank()).map(|axis| {
        let y = Tensor::op(Op::ArgReduce { largest, axis }, &[&x]);
        Tensor::named(Operation::new(name).with("axis", axis), &[&x], y)
    }))
}

/// How many elements are not 0.
#[track_caller]
pub fn count_nonzero(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (x.into(), axis.into());
    let y = sum(cast(cast(&x, DType::Bool), DType::I32), axis.clone());
    // Keras's operation cannot keep the axes.
    if axis.keeps_dims() || y.is_error() {
        return y;
    }
    Tensor::named(Operation::new("CountNonzero").with("axis", &axis), &[&x], y)
}

/// Whether any element is true (not 0).
#[track_caller]
pub fn any(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (x.into(), axis.into());
    let operation = Operation::new("Any").along(&axis);
    Tensor::named(operation, &[&x], super::greater(count_nonzero(&x, axis), 0))
}

/// Whether all elements are true (not 0).
#[track_caller]
pub fn all(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (x.into(), axis.into());
    let operation = Operation::new("All").along(&axis);
    let y = super::logical_not(any(super::logical_not(&x), axis));
    Tensor::named(operation, &[&x], y)
}

//! Shapes and dtypes: the same numbers elsewhere.

use super::axis::resolve;
use super::{convert, take};
use crate::tensor::{Operation, Tensor};
use cornu_graph::{DType, Dim, Error, Op, Result, Shape};
use serde_json::Value;

/// Turns the error of a helper into a tensor that carries it.
#[track_caller]
pub(super) fn or_error(result: Result<Tensor>) -> Tensor {
    match result {
        Ok(tensor) => tensor.here(),
        Err(error) => Tensor::error(error),
    }
}

/// Conversion to another dtype: float to integer truncates, to bool is "not zero".
#[track_caller]
pub fn cast(x: impl Into<Tensor>, dtype: DType) -> Tensor {
    let x = x.into();
    let y = convert(&x, dtype);
    Tensor::named(Operation::new("Cast").with("dtype", dtype.name()), &[&x], y)
}

/// The same elements in another shape. One size may be -1 and follows from the others; the batch
/// dimension of a symbolic tensor is written -1 too.
#[track_caller]
pub fn reshape(x: impl Into<Tensor>, shape: impl AsRef<[i64]>) -> Tensor {
    let x = x.into();
    let sizes = shape.as_ref();
    let target = match resolve_shape(&x, sizes) {
        Ok(target) => target,
        Err(error) => return Tensor::error(error),
    };
    Tensor::named(Operation::new("Reshape").with("newshape", sizes), &[&x], x.reshape_to(&target))
}

fn resolve_shape(x: &Tensor, sizes: &[i64]) -> Result<Shape> {
    x.check()?;
    let fail = || Error::shape(format!("cannot reshape {} to {sizes:?}", x.shape()));
    let mut known = sizes.iter().filter(|&&s| s != -1);
    let product = known.try_fold(1usize, |p, &s| {
        usize::try_from(s).ok().and_then(|s| p.checked_mul(s)).ok_or_else(fail)
    })?;
    let missing = match x.shape().count().ok_or_else(fail)? {
        Dim::Known(n) => n.checked_div(product).map(Dim::Known),
        Dim::Batch(k) => k.checked_div(product).map(Dim::Batch),
    };
    let dims = sizes.iter().map(|&s| match s {
        -1 => missing.ok_or_else(fail),
        s => Ok(Dim::Known(s as usize)),
    });
    let target = Shape::from(dims.collect::<Result<Vec<Dim>>>()?);
    if target.count() == x.shape().count() { Ok(target) } else { Err(fail()) }
}

/// All elements in one dimension.
#[track_caller]
pub fn ravel(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    Tensor::named("Ravel", &[&x], reshape(&x, [-1]))
}

/// The axes in another order: the reverse, or axis `axes[i]` of `x` as axis `i`.
#[track_caller]
pub fn transpose(x: impl Into<Tensor>, axes: Option<&[i32]>) -> Tensor {
    let x = x.into();
    let permutation = match axes {
        None => Ok((0..x.rank()).rev().collect()),
        Some(axes) => axes.iter().map(|&a| resolve(a, x.rank())).collect::<Result<Vec<usize>>>(),
    };
    match permutation {
        Ok(permutation) => {
            let y = Tensor::op(Op::Transpose(permutation), &[&x]);
            let axes = axes.map_or(Value::Null, Value::from);
            Tensor::named(Operation::new("Transpose").with("axes", axes), &[&x], y)
        }
        Err(error) => Tensor::error(error),
    }
}

/// The tensor repeated to a larger shape by NumPy's rule.
#[track_caller]
pub fn broadcast_to(x: impl Into<Tensor>, shape: impl Into<Shape>) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    let shape = shape.into();
    // The batch has no size yet.
    let sizes: Vec<Option<usize>> = shape.dims().iter().map(|dim| dim.known()).collect();
    let operation = Operation::new("BroadcastTo").with("shape", sizes);
    Tensor::named(operation, &[&x], x.broadcast_to(&shape))
}

/// A new axis of size 1. -1 puts it last.
#[track_caller]
pub fn expand_dims(x: impl Into<Tensor>, axis: i32) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    or_error(resolve(axis, x.rank() + 1).map(|place| {
        let mut dims = x.shape().dims().to_vec();
        dims.insert(place, Dim::Known(1));
        let operation = Operation::new("ExpandDims").with("axis", axis);
        Tensor::named(operation, &[&x], x.reshape_to(&Shape::from(dims)))
    }))
}

/// Without an axis of size 1.
#[track_caller]
pub fn squeeze(x: impl Into<Tensor>, axis: i32) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    let squeezed = resolve(axis, x.rank()).and_then(|axis| {
        let mut dims = x.shape().dims().to_vec();
        match dims.remove(axis) {
            Dim::Known(1) => Ok(x.reshape_to(&Shape::from(dims))),
            other => Err(Error::shape(format!("cannot squeeze an axis of size {other}"))),
        }
    });
    Tensor::named(Operation::new("Squeeze").with("axis", axis), &[&x], or_error(squeezed))
}

/// Zeros of the same shape and dtype.
#[track_caller]
pub fn zeros_like(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    Tensor::named("ZerosLike", &[&x], Tensor::fill(x.dtype(), x.shape(), 0.0))
}

/// Ones of the same shape and dtype.
#[track_caller]
pub fn ones_like(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    Tensor::named("OnesLike", &[&x], Tensor::fill(x.dtype(), x.shape(), 1.0))
}

/// The tensors one after another along an axis.
#[track_caller]
pub fn concatenate<T: Into<Tensor>>(tensors: impl IntoIterator<Item = T>, axis: i32) -> Tensor {
    let tensors: Vec<Tensor> = tensors.into_iter().map(Into::into).collect();
    let Some(first) = tensors.first() else {
        return Tensor::error(Error::value("concatenate needs at least one tensor"));
    };
    if let Some(poisoned) = tensors.iter().find(|t| t.is_error()) {
        return poisoned.clone();
    }
    let dtype = tensors.iter().fold(first.dtype(), |d, t| d.promote(t.dtype()));
    or_error(resolve(axis, first.rank()).map(|place| {
        let parts: Vec<Tensor> = tensors.iter().map(|t| convert(t, dtype)).collect();
        let joined = Tensor::op(Op::Concat { axis: place }, &parts.iter().collect::<Vec<_>>());
        let operation = Operation::new("Concatenate").with("axis", axis);
        Tensor::named(operation, &tensors.iter().collect::<Vec<_>>(), joined)
    }))
}

/// The tensors along a new axis.
#[track_caller]
pub fn stack<T: Into<Tensor>>(tensors: impl IntoIterator<Item = T>, axis: i32) -> Tensor {
    let tensors: Vec<Tensor> = tensors.into_iter().map(Into::into).collect();
    let y = concatenate(tensors.iter().map(|t| expand_dims(t, axis)), axis);
    let operation = Operation::new("Stack").with("axis", axis);
    Tensor::named(operation, &tensors.iter().collect::<Vec<_>>(), y)
}

/// Zeros before and after, for each axis.
#[track_caller]
pub fn pad(x: impl Into<Tensor>, widths: impl AsRef<[(usize, usize)]>) -> Tensor {
    let x = x.into();
    let widths = widths.as_ref();
    let y = Tensor::op(Op::Pad(widths.to_vec()), &[&x]);
    let pairs: Vec<[usize; 2]> = widths.iter().map(|&(before, after)| [before, after]).collect();
    Tensor::named(Operation::new("Pad").with("pad_width", pairs), &[&x], y)
}

/// The elements along an axis in reverse order.
#[track_caller]
pub fn flip(x: impl Into<Tensor>, axis: i32) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    let flipped = resolve(axis, x.rank()).and_then(|place| {
        let size = known_size(&x, place)?;
        let last = i32::try_from(size).map_err(|_| Error::shape("too many elements to flip"))? - 1;
        let count = Tensor::op(Op::Iota { shape: Shape::from(vec![size]), axis: 0 }, &[]);
        Ok(take(&x, last - count, axis))
    });
    Tensor::named(Operation::new("Flip").with("axis", axis), &[&x], or_error(flipped))
}

/// Each element `count` times along an axis: `[1, 2]` becomes `[1, 1, 2, 2]`.
#[track_caller]
pub fn repeat(x: impl Into<Tensor>, count: usize, axis: i32) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    let repeated = resolve(axis, x.rank()).and_then(|axis| repeat_along(&x, count, axis, axis + 1));
    let operation = Operation::new("Repeat").with("repeats", count).with("axis", axis);
    Tensor::named(operation, &[&x], or_error(repeated))
}

/// The whole tensor `counts[i]` times along axis `i`: `[1, 2]` becomes `[1, 2, 1, 2]`.
#[track_caller]
pub fn tile(x: impl Into<Tensor>, counts: impl AsRef<[usize]>) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    let counts = counts.as_ref();
    if counts.len() != x.rank() {
        return Tensor::error(Error::shape(format!(
            "{} counts to tile {}",
            counts.len(),
            x.shape()
        )));
    }
    let tiled = (0..counts.len()).try_fold(x.clone(), |y, axis| {
        if counts[axis] == 1 { Ok(y) } else { repeat_along(&y, counts[axis], axis, axis) }
    });
    Tensor::named(Operation::new("Tile").with("repeats", counts), &[&x], or_error(tiled))
}

/// Repeats through a new axis before or after the repeated one.
fn repeat_along(x: &Tensor, count: usize, axis: usize, new_axis: usize) -> Result<Tensor> {
    x.check()?;
    let size = known_size(x, axis)?;
    let mut dims = x.shape().dims().to_vec();
    dims.insert(new_axis, Dim::Known(1));
    let column = x.reshape_to(&Shape::from(dims.clone()));
    dims[new_axis] = Dim::Known(count);
    let repeated = column.broadcast_to(&Shape::from(dims.clone()));
    dims.remove(new_axis);
    // A product that does not fit was an error of the broadcast.
    dims[axis] = Dim::Known(size.saturating_mul(count));
    Ok(repeated.reshape_to(&Shape::from(dims)))
}

/// The size of an axis that must not be the batch.
pub(super) fn known_size(x: &Tensor, axis: usize) -> Result<usize> {
    x.shape().dims()[axis].known().ok_or_else(|| {
        Error::shape(format!("the size of axis {axis} of {} is not known yet", x.shape()))
    })
}

//! Choosing elements.

use super::axis::resolve;
use super::layout::{known_size, or_error, transpose};
use super::{cast, equal, expand_dims};
use crate::tensor::{Operation, Tensor};
use cornu_graph::op::SliceRange;
use cornu_graph::{DType, Dim, Error, Op, Result, Shape};
use serde_json::{Value, json};

/// Rows of `x` along an axis, at whole-number indexes of any shape. A negative index counts from
/// the end; one outside gives zeros.
#[track_caller]
pub fn take(x: impl Into<Tensor>, indexes: impl Into<Tensor>, axis: i32) -> Tensor {
    let (x, indexes) = (x.into(), indexes.into());
    if let Some(poisoned) = [&x, &indexes].into_iter().find(|t| t.is_error()) {
        return poisoned.clone();
    }
    let y = resolve(axis, x.rank()).and_then(|axis| take_along(&x, &indexes, axis));
    Tensor::named(Operation::new("Take").with("axis", axis), &[&x, &indexes], or_error(y))
}

/// The rows of a table with these numbers; zeros for a number that it does not have.
#[track_caller]
pub(crate) fn rows(table: &Tensor, indexes: &Tensor) -> Tensor {
    Tensor::op(Op::Gather, &[table, &cast(indexes, DType::I32)])
}

#[track_caller]
fn take_along(x: &Tensor, indexes: &Tensor, axis: usize) -> Result<Tensor> {
    let size = known_size(x, axis)?;
    let index = cast(indexes, DType::I32);
    let index = super::where_(super::less(&index, 0), &index + size as i32, &index);
    let rank = x.rank() as i32;
    let front: Vec<i32> =
        std::iter::once(axis as i32).chain((0..rank).filter(|&a| a != axis as i32)).collect();
    let table = if axis == 0 { x.clone() } else { transpose(x, Some(&front)) };
    let rows = Tensor::op(Op::Gather, &[&table, &index]);
    // The axes of the indexes stand first now; they belong where the axis was.
    let taken = indexes.rank();
    let order: Vec<i32> = (taken..taken + axis)
        .chain(0..taken)
        .chain(taken + axis..rows.rank())
        .map(|a| a as i32)
        .collect();
    Ok(if axis == 0 { rows } else { transpose(&rows, Some(&order)) })
}

/// 1 at the place of the whole number, 0 elsewhere, along a new last axis. A number outside
/// `0..classes` gives zeros.
#[track_caller]
pub fn one_hot(x: impl Into<Tensor>, classes: usize) -> Tensor {
    let x = x.into();
    if x.is_error() {
        return x;
    }
    let mut dims = x.shape().dims().to_vec();
    dims.push(Dim::Known(classes));
    let axis = dims.len() - 1;
    let operation = Operation::new("OneHot").with("num_classes", classes);
    let classes = Tensor::op(Op::Iota { shape: Shape::from(dims), axis }, &[]);
    let hot = cast(equal(expand_dims(cast(&x, DType::I32), -1), classes), DType::F32);
    Tensor::named(operation, &[&x], hot)
}

/// A part of a tensor: for each axis the first index, the one to stop before (`None` for the end)
/// and the step.
#[track_caller]
pub fn slice(x: impl Into<Tensor>, ranges: impl AsRef<[(usize, Option<usize>, usize)]>) -> Tensor {
    let x = x.into();
    let ranges: Vec<SliceRange> =
        ranges.as_ref().iter().map(|&(start, end, step)| SliceRange { start, end, step }).collect();
    if ranges.len() != x.rank() && !x.is_error() {
        return Tensor::error(Error::shape(format!(
            "{} ranges to slice a tensor of shape {}",
            ranges.len(),
            x.shape()
        )));
    }
    let key: Vec<Value> = ranges.iter().map(part).collect();
    let y = Tensor::op(Op::Slice(ranges), &[&x]);
    Tensor::named(Operation::new("GetItem").with("key", key), &[&x], y)
}

/// A part of an axis, as a file says it.
fn part(range: &SliceRange) -> Value {
    let SliceRange { start, end, step } = range;
    json!({ "class_name": "__slice__", "config": { "start": start, "stop": end, "step": step } })
}

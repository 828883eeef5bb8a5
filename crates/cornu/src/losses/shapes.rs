//! How the shapes of targets, predictions and weights are brought together, and what is said where
//! that is impossible.

use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{DType, Dim, Error, Result, Shape};

/// Two tensors in one rank where they differ by a last dimension of 1: `(n,)` and `(n, 1)` both
/// become `(n, 1)`, other ranks lose the 1. Keras's `squeeze_or_expand_to_same_rank`.
pub(crate) fn same_rank(a: &Tensor, b: &Tensor) -> (Tensor, Tensor) {
    if a.rank() == b.rank() + 1 && ends_with_one(a.shape()) {
        match b.rank() {
            1 => (a.clone(), ops::expand_dims(b, -1)),
            _ => (ops::squeeze(a, -1), b.clone()),
        }
    } else if b.rank() == a.rank() + 1 && ends_with_one(b.shape()) {
        let (b, a) = same_rank(b, a);
        (a, b)
    } else {
        (a.clone(), b.clone())
    }
}

fn ends_with_one(shape: &Shape) -> bool {
    shape.dims().last() == Some(&Dim::Known(1))
}

/// Values and weights in shapes that multiply. Weights `(n,)` are one for each sample, whatever the
/// rank of the values; Keras takes that only up to rank 2.
///
/// # Errors
/// If the weights do not fit the values.
pub(crate) fn with_weights(values: &Tensor, weights: &Tensor) -> Result<(Tensor, Tensor)> {
    let weights = convert(weights, DType::F32);
    let (values, mut weights) = same_rank(values, &weights);
    let per_sample =
        weights.rank() == 1 && values.shape().dims().first() == weights.shape().dims().first();
    while per_sample && weights.rank() < values.rank() {
        weights = ops::expand_dims(&weights, -1);
    }
    // A single value is weighed by any number of weights, as Keras does it.
    if values.rank() > 0 && !weights.shape().broadcasts_to(values.shape()) {
        return Err(Error::shape(format!(
            "sample_weight has shape {}, but there are values of shape {} to weigh",
            weights.shape(),
            values.shape()
        ))
        .help("give one weight for each sample"));
    }
    Ok((values, weights))
}

/// What sort of targets belong to predictions, as Keras tells it from the shapes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Targets {
    /// Yes or no: `y_pred` has one output.
    Binary,
    /// Numbers of classes.
    Labels,
    /// As many numbers as there are classes.
    OneHot,
}

/// Keras's rule for the names "accuracy" and "crossentropy".
pub(crate) fn targets(y_true: &Shape, y_pred: &Shape) -> Targets {
    if ends_with_one(y_pred) {
        return Targets::Binary;
    }
    let many = matches!(y_pred.dims().last(), Some(Dim::Known(n)) if *n > 1);
    if y_true.rank() < y_pred.rank() || (ends_with_one(y_true) && many) {
        Targets::Labels
    } else {
        Targets::OneHot
    }
}

/// Says the two shapes and what was expected of them.
pub(crate) fn mismatch(y_true: &Tensor, y_pred: &Tensor, expected: &str) -> Error {
    Error::shape(format!(
        "y_true has shape {} and y_pred {}, but {expected}",
        y_true.shape(),
        y_pred.shape()
    ))
}

/// For losses that take any two shapes that broadcast.
pub(crate) fn must_broadcast(y_true: &Tensor, y_pred: &Tensor) -> Result<()> {
    // Ranks that differ would pair samples with features: (5,) against (5, 5).
    let same_rank = y_true.rank() == y_pred.rank() || y_true.rank() * y_pred.rank() == 0;
    if same_rank && y_true.shape().broadcast(y_pred.shape()).is_some() {
        return Ok(());
    }
    Err(mismatch(y_true, y_pred, "they must have the same shape")
        .help("the last layer must have as many outputs as y_true has numbers for each sample"))
}

/// For losses of yes and no.
pub(crate) fn must_be_binary(y_true: &Tensor, y_pred: &Tensor) -> Result<()> {
    if y_true.shape() == y_pred.shape() {
        return Ok(());
    }
    let error = mismatch(y_true, y_pred, "they must have the same shape");
    Err(match targets(y_true.shape(), y_pred.shape()) {
        Targets::Labels => error.help(
            "if y_true holds the numbers of classes, use sparse_categorical_crossentropy; for yes \
             and no, end the model with one output",
        ),
        _ => error.help("the last layer must have as many outputs as y_true has for each sample"),
    })
}

/// For losses of one number a class.
pub(crate) fn must_be_categorical(y_true: &Tensor, y_pred: &Tensor) -> Result<()> {
    if y_true.shape() == y_pred.shape() && y_pred.rank() > 0 {
        return Ok(());
    }
    let error =
        mismatch(y_true, y_pred, "they must have the same shape, one number for each class");
    Err(match targets(y_true.shape(), y_pred.shape()) {
        Targets::Labels => error.help(
            "y_true seems to hold the numbers of classes: use sparse_categorical_crossentropy, or \
             make it one-hot",
        ),
        _ => error.help("the last layer must have as many outputs as there are classes"),
    })
}

/// For losses that take the numbers of classes.
pub(crate) fn must_be_labels(labels: &Tensor, y_pred: &Tensor) -> Result<()> {
    let positions = y_pred.shape().dims().split_last().map(|(_, positions)| positions);
    if positions == Some(labels.shape().dims()) {
        return Ok(());
    }
    let error =
        mismatch(labels, y_pred, "y_true must hold one number of a class for each row of y_pred");
    Err(if labels.shape() == y_pred.shape() {
        error.help("y_true seems to be one-hot: use categorical_crossentropy")
    } else {
        error
    })
}

/// How many elements there are, as a tensor: the batch may not be known yet.
pub(crate) fn count(values: &Tensor) -> Tensor {
    match values.shape().count() {
        Some(Dim::Known(n)) => Tensor::from(n as f32),
        _ => ops::sum(Tensor::fill(DType::F32, values.shape(), 1.0), Axis::ALL),
    }
}

/// `a / b`, and 0 where `b` is 0. Keras's `divide_no_nan`.
pub(crate) fn divide_or_zero(a: &Tensor, b: &Tensor) -> Tensor {
    let zero = ops::equal(b, 0.0);
    ops::where_(&zero, 0.0, a / ops::where_(&zero, 1.0, b))
}

/// The tensor in a dtype.
pub(crate) fn convert(x: &Tensor, dtype: DType) -> Tensor {
    if x.dtype() == dtype { x.clone() } else { ops::cast(x, dtype) }
}

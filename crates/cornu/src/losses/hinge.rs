//! Hinge losses: how far a prediction is from the right side of the margin.

use super::{LossFunction, shapes};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::Result;

plain_losses! {
    /// `mean(max(1 - y_true · y_pred, 0))` over the last dimension, for `y_true` of -1 and 1. Where
    /// a batch holds only 0 and 1, they are taken as -1 and 1.
    Hinge = "hinge", |y, p| ops::mean(shortfall(y, p), -1);

    /// `mean(max(1 - y_true · y_pred, 0)²)` over the last dimension; `y_true` as for [`Hinge`].
    SquaredHinge = "squared_hinge", |y, p| ops::mean(shortfall(y, p).square(), -1);

    /// `max(neg - pos + 1, 0)`, where `pos` is the prediction for the right class and `neg` the
    /// largest for another, for one-hot `y_true`.
    CategoricalHinge = "categorical_hinge", |y, p| {
        let right = ops::sum(y * p, -1);
        let wrong = ops::max((1.0 - y) * p, -1);
        (wrong - right + 1.0).maximum(0.0)
    };
}

/// How much is missing to a margin of 1.
fn shortfall(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    let binary =
        ops::all(ops::logical_or(ops::equal(y_true, 0.0), ops::equal(y_true, 1.0)), Axis::ALL);
    let signs = ops::where_(binary, y_true * 2.0 - 1.0, y_true);
    (1.0 - signs * y_pred).maximum(0.0)
}

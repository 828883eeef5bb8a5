//! How often a prediction is right.

use super::mean::mean_metric;
use crate::config::fields;
use crate::losses::shapes::{convert, must_be_categorical, must_broadcast, same_rank};
use crate::losses::sparse;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{DType, Result};

/// How often `y_true = y_pred`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accuracy;

impl Accuracy {
    /// The metric; it has no settings.
    pub fn new() -> Accuracy {
        Accuracy
    }

    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y, p) = same_rank(&convert(y_true, y_pred.dtype()), y_pred);
        must_broadcast(&y, &p)?;
        Ok(matches(&y, &p))
    }
}

fields! { Accuracy {} }
mean_metric!(Accuracy, "accuracy", Up);

/// How often `y_true`, 0 or 1, is whether `y_pred` is above the threshold.
#[derive(Clone, Copy, Debug)]
pub struct BinaryAccuracy {
    threshold: f32,
}

impl BinaryAccuracy {
    /// The metric with the threshold 0.5.
    pub fn new() -> BinaryAccuracy {
        BinaryAccuracy { threshold: 0.5 }
    }

    /// Above which number a prediction means 1.
    pub fn threshold(mut self, threshold: f32) -> BinaryAccuracy {
        self.threshold = threshold;
        self
    }

    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y, p) = same_rank(y_true, y_pred);
        must_broadcast(&y, &p)?;
        Ok(matches(&y, &ops::greater(p, self.threshold)))
    }
}

impl Default for BinaryAccuracy {
    fn default() -> BinaryAccuracy {
        BinaryAccuracy::new()
    }
}

fields! { BinaryAccuracy { threshold } }
mean_metric!(BinaryAccuracy, "binary_accuracy", Up);

/// How often the largest prediction is for the class of a one-hot target.
#[derive(Clone, Copy, Debug, Default)]
pub struct CategoricalAccuracy;

impl CategoricalAccuracy {
    /// The metric; it has no settings.
    pub fn new() -> CategoricalAccuracy {
        CategoricalAccuracy
    }

    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        must_be_categorical(y_true, y_pred)?;
        Ok(matches(&ops::argmax(y_true, -1), &ops::argmax(y_pred, -1)))
    }
}

fields! { CategoricalAccuracy {} }
mean_metric!(CategoricalAccuracy, "categorical_accuracy", Up);

/// How often the largest prediction is for the class whose number is the target.
#[derive(Clone, Copy, Debug, Default)]
pub struct SparseCategoricalAccuracy;

impl SparseCategoricalAccuracy {
    /// The metric; it has no settings.
    pub fn new() -> SparseCategoricalAccuracy {
        SparseCategoricalAccuracy
    }

    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let labels = sparse::labels(y_true, y_pred)?;
        Ok(matches(&labels, &ops::argmax(y_pred, -1)))
    }
}

fields! { SparseCategoricalAccuracy {} }
mean_metric!(SparseCategoricalAccuracy, "sparse_categorical_accuracy", Up);

/// 1 where two are equal, else 0.
fn matches(a: &Tensor, b: &Tensor) -> Tensor {
    ops::cast(ops::equal(a, b), DType::F32)
}

/// 1 where a prediction is right, else 0: the values of [`BinaryAccuracy`].
#[track_caller]
pub fn binary_accuracy(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    or_error(BinaryAccuracy::new().values(y_true, y_pred))
}

/// 1 where a prediction is right, else 0: the values of [`CategoricalAccuracy`].
#[track_caller]
pub fn categorical_accuracy(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    or_error(CategoricalAccuracy.values(y_true, y_pred))
}

/// 1 where a prediction is right, else 0: the values of [`SparseCategoricalAccuracy`].
#[track_caller]
pub fn sparse_categorical_accuracy(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    or_error(SparseCategoricalAccuracy.values(y_true, y_pred))
}

/// The values, or a tensor that carries the error.
#[track_caller]
pub(super) fn or_error(values: Result<Tensor>) -> Tensor {
    match values {
        Ok(values) => values,
        Err(error) => Tensor::error(error),
    }
}

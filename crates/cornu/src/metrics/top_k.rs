//! How often the right class is among the likeliest.

use super::accuracy::or_error;
use super::mean::mean_metric;
use crate::config::fields;
use crate::losses::shapes::must_be_categorical;
use crate::losses::sparse::{is_class, labels};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{DType, Result};

/// How often the class of a one-hot target is among the `k` with the largest predictions.
#[derive(Clone, Copy, Debug)]
pub struct TopKCategoricalAccuracy {
    k: usize,
}

impl TopKCategoricalAccuracy {
    /// The metric with Keras's default, the first 5.
    pub fn new() -> TopKCategoricalAccuracy {
        TopKCategoricalAccuracy { k: 5 }
    }

    /// How many classes may be before a prediction counts as wrong.
    pub fn k(mut self, k: usize) -> TopKCategoricalAccuracy {
        self.k = k;
        self
    }

    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        must_be_categorical(y_true, y_pred)?;
        among_first(&ops::argmax(y_true, -1), y_pred, self.k)
    }
}

impl Default for TopKCategoricalAccuracy {
    fn default() -> TopKCategoricalAccuracy {
        TopKCategoricalAccuracy::new()
    }
}

fields! { TopKCategoricalAccuracy { k } }
mean_metric!(TopKCategoricalAccuracy, "top_k_categorical_accuracy", Up);

/// How often the class whose number is the target is among the `k` with the largest predictions.
#[derive(Clone, Copy, Debug)]
pub struct SparseTopKCategoricalAccuracy {
    k: usize,
}

impl SparseTopKCategoricalAccuracy {
    /// The metric with Keras's default, the first 5.
    pub fn new() -> SparseTopKCategoricalAccuracy {
        SparseTopKCategoricalAccuracy { k: 5 }
    }

    /// How many classes may be before a prediction counts as wrong.
    pub fn k(mut self, k: usize) -> SparseTopKCategoricalAccuracy {
        self.k = k;
        self
    }

    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        among_first(&labels(y_true, y_pred)?, y_pred, self.k)
    }
}

impl Default for SparseTopKCategoricalAccuracy {
    fn default() -> SparseTopKCategoricalAccuracy {
        SparseTopKCategoricalAccuracy::new()
    }
}

fields! { SparseTopKCategoricalAccuracy { k } }
mean_metric!(SparseTopKCategoricalAccuracy, "sparse_top_k_categorical_accuracy", Up);

/// Whether fewer than `k` predictions are larger than that for the class. Counting needs no sort,
/// and equal predictions share the better place, as in Keras.
fn among_first(labels: &Tensor, y_pred: &Tensor, k: usize) -> Result<Tensor> {
    let classes = y_pred.last_dim()?;
    // A number that is no class is last.
    let own = ops::where_(is_class(labels, classes), y_pred, f32::NEG_INFINITY);
    let own = ops::max(own, Axis::new(-1).keepdims());
    // What is not larger, so that a NaN is not among the first.
    let behind = ops::count_nonzero(ops::less_equal(y_pred, own), -1);
    let before = classes as i32 - behind;
    Ok(ops::cast(ops::less(before, k as i32), DType::F32))
}

/// 1 where the class of a one-hot target is among the first 5, else 0.
#[track_caller]
pub fn top_k_categorical_accuracy(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    or_error(TopKCategoricalAccuracy::new().values(y_true, y_pred))
}

/// 1 where the class whose number is the target is among the first 5, else 0.
#[track_caller]
pub fn sparse_top_k_categorical_accuracy(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    or_error(SparseTopKCategoricalAccuracy::new().values(y_true, y_pred))
}

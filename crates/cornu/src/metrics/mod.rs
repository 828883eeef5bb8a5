//! Metrics: figures that are shown and recorded but not trained on.
//!
//! ```
//! use cornu::metrics::{Accumulator, BinaryAccuracy};
//! use cornu::prelude::*;
//!
//! // In training, by name, by value or as a closure: .metric("accuracy"). Alone:
//! let mut accuracy = Accumulator::new(BinaryAccuracy::new().threshold(0.6));
//! let y_true = Array::new([4], vec![0, 1, 1, 0])?;
//! let y_pred = Array::new([4, 1], vec![0.1f32, 0.7, 0.55, 0.2])?;
//! accuracy.update_state(&y_true, &y_pred, None)?;
//! assert_eq!(accuracy.result(), 0.75);
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! Names, formulas and defaults are Keras's (`keras.metrics`, 3.15). Most losses are metrics too,
//! under the same names. What in Keras gives several numbers (several thresholds, one F-score for
//! each class) gives one here. [`Mean`] is Keras's `MeanMetricWrapper`; its metrics of plain values,
//! the intersections over unions, the correlations and pairs such as `PrecisionAtRecall` are
//! missing.

mod accumulator;
mod accuracy;
mod auc;
mod confusion;
mod embedding;
mod f_score;
mod mean;
mod object;
mod regression;
mod spec;
mod top_k;

pub use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, Hinge, KLDivergence,
    MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError,
    Poisson, SparseCategoricalCrossentropy, SquaredHinge,
};
pub use accumulator::Accumulator;
pub use accuracy::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, binary_accuracy,
    categorical_accuracy, sparse_categorical_accuracy,
};
pub use auc::{AUC, Curve, Summation};
pub use confusion::{
    FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives,
};
pub use embedding::EmbeddingSpread;
pub use f_score::{Average, F1Score, FBetaScore};
pub use mean::Mean;
pub use regression::{Aggregation, CosineSimilarity, LogCoshError, R2Score, RootMeanSquaredError};
pub use spec::MetricSpec;
pub use top_k::{
    SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy, sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
};

use crate::tensor::Tensor;
use cornu_graph::{Array, Result, TensorType};

/// A figure that is added up over batches. Its totals are variables of the training program.
///
/// Every closure `|y_true: &Tensor, y_pred: &Tensor| -> Tensor` is one: the mean of its values.
pub trait Metric: Send + Sync + 'static {
    /// Under which name it is shown and recorded: `"binary_accuracy"`.
    fn name(&self) -> String;

    /// Which way is better, for callbacks that watch the figure; `None` leaves it to the user.
    fn direction(&self) -> Option<Direction> {
        None
    }

    /// The totals before the first batch, for outputs of these types.
    ///
    /// # Errors
    /// If the metric cannot be computed of such outputs.
    fn state(&self, y_true: &TensorType, y_pred: &TensorType) -> Result<Vec<Array>>;

    /// The totals after a batch. `sample_weight` has the shape `(batch,)`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    fn update(
        &self,
        state: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Vec<Tensor>>;

    /// The figure of the totals.
    fn result(&self, state: &[Array]) -> f64;

    /// The class in files: Keras's, `"AUC"`, or the name under which
    /// [`register_metric`](crate::saving::register_metric) knows it; a function's own name. A metric
    /// without one cannot be saved.
    fn kind(&self) -> Option<&str> {
        None
    }

    /// The settings with Keras's field names; the name is not one of them.
    fn config(&self) -> serde_json::Value {
        serde_json::json!({})
    }
}

/// Which way a figure becomes better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is better, as with accuracies.
    Up,
    /// Less is better, as with losses.
    Down,
}

/// Totals of zeros.
fn zeros(count: usize, shape: &[usize]) -> Vec<Array> {
    vec![Array::zeros(shape, cornu_graph::DType::F32); count]
}

/// The totals with what a batch adds to them.
fn added(state: &[Tensor], batch: &[Tensor]) -> Result<Vec<Tensor>> {
    state.iter().zip(batch).map(|(total, new)| (total + new).check().cloned()).collect()
}

/// `a / b`, and 0 where `b` is 0.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

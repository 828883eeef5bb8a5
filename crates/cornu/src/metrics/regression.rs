//! Figures of numbers: errors, and how much of the variance is explained.

use super::confusion::spread;
use super::mean::{self, mean_metric};
use super::{Direction, Metric, added, zeros};
use crate::config::{Config, fields, named};
use crate::losses::shapes::{convert, must_broadcast, same_rank};
use crate::losses::{self, LossFunction};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Array, DType, Dim, Error, Result, TensorType};
use serde_json::Value;

/// `√mean((y_true - y_pred)²)` over all samples seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct RootMeanSquaredError;

impl RootMeanSquaredError {
    /// The metric; it has no settings.
    pub fn new() -> RootMeanSquaredError {
        RootMeanSquaredError
    }
}

fields! { RootMeanSquaredError {} }

impl Metric for RootMeanSquaredError {
    fn name(&self) -> String {
        "root_mean_squared_error".to_owned()
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Down)
    }

    fn state(&self, _y_true: &TensorType, _y_pred: &TensorType) -> Result<Vec<Array>> {
        Ok(mean::state())
    }

    fn update(
        &self,
        state: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let (y, p) = floats(y_true, y_pred)?;
        mean::update(state, (p - y).square().check()?, sample_weight)
    }

    fn result(&self, state: &[Array]) -> f64 {
        mean::result(state).sqrt()
    }

    fn kind(&self) -> Option<&str> {
        Some("RootMeanSquaredError")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// The cosine of the angle between `y_true` and `y_pred`: 1 is the same direction. (The loss of the
/// same name is its negative.)
#[derive(Clone, Copy, Debug, Default)]
pub struct CosineSimilarity(losses::CosineSimilarity);

impl CosineSimilarity {
    /// The metric along the last axis.
    pub fn new() -> CosineSimilarity {
        CosineSimilarity::default()
    }

    /// The axis along which the vectors lie.
    pub fn axis(self, axis: i32) -> CosineSimilarity {
        CosineSimilarity(self.0.axis(axis))
    }

    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y, p) = floats(y_true, y_pred)?;
        self.0.cosine(&y, &p)
    }
}

impl CosineSimilarity {
    fn fields(&self) -> Value {
        self.0.config()
    }

    pub(super) fn read(config: &Config<'_>) -> Result<CosineSimilarity> {
        losses::CosineSimilarity::read(config).map(CosineSimilarity)
    }
}

mean_metric!(CosineSimilarity, "cosine_similarity", Up);

/// The mean of [`LogCosh`](losses::LogCosh), under the name that Keras gives it as a metric.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogCoshError;

impl LogCoshError {
    /// The metric; it has no settings.
    pub fn new() -> LogCoshError {
        LogCoshError
    }

    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y, p) = floats(y_true, y_pred)?;
        losses::LogCosh.values(&y, &p)
    }
}

fields! { LogCoshError {} }
mean_metric!(LogCoshError, "logcosh", Down);

/// How the scores of several outputs become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregation {
    /// Their mean.
    #[default]
    UniformAverage,
    /// Their mean, each weighted with the variance of the truth.
    VarianceWeightedAverage,
}

named! {
    Aggregation {
        UniformAverage = "uniform_average",
        VarianceWeightedAverage = "variance_weighted_average",
    }
}

/// The coefficient of determination: `1 - Σ(y_true - y_pred)² / Σ(y_true - mean(y_true))²` over all
/// samples seen. 1 is perfect, 0 is as good as the mean.
///
/// For `(n, outputs)`. Keras's default is the mean over the outputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct R2Score {
    class_aggregation: Aggregation,
}

impl R2Score {
    /// The mean of the scores of the outputs.
    pub fn new() -> R2Score {
        R2Score::default()
    }

    /// How the scores of several outputs become one.
    pub fn class_aggregation(mut self, aggregation: Aggregation) -> R2Score {
        self.class_aggregation = aggregation;
        self
    }
}

fields! { R2Score { class_aggregation } }

impl Metric for R2Score {
    fn name(&self) -> String {
        "r2_score".to_owned()
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }

    // For each output the sum of the truth, of its squares, of the squared errors, and the weight.
    fn state(&self, _y_true: &TensorType, y_pred: &TensorType) -> Result<Vec<Array>> {
        match y_pred.shape.dims() {
            &[_, Dim::Known(outputs)] => Ok(zeros(4, &[outputs])),
            _ => Err(Error::shape(format!(
                "the R² score takes predictions (samples, outputs), not {}",
                y_pred.shape
            ))),
        }
    }

    fn update(
        &self,
        state: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let (y, p) = floats(y_true, y_pred)?;
        let weights = spread(sample_weight, &p)?;
        let total = |x: Tensor| ops::sum(x, 0);
        let weighted = &y * &weights;
        let errors = (&y - &p).square() * &weights;
        let batch =
            [total(weighted.clone()), total(&y * &weighted), total(errors), total(weights.clone())];
        added(state, &batch)
    }

    fn result(&self, state: &[Array]) -> f64 {
        let [sum, squares, errors, weight] = [0, 1, 2, 3].map(|i| state[i].values().to_f64());
        let spread = |i: usize| squares[i] - sum[i] * sum[i] / weight[i];
        let score = |i: usize| {
            let score = 1.0 - errors[i] / spread(i);
            // The truth does not vary.
            if score.is_infinite() { 0.0 } else { score }
        };
        let outputs = 0..sum.len();
        match self.class_aggregation {
            Aggregation::UniformAverage => outputs.map(score).sum::<f64>() / sum.len() as f64,
            Aggregation::VarianceWeightedAverage => {
                let all: f64 = outputs.clone().map(spread).sum();
                outputs.map(|i| spread(i) * score(i)).sum::<f64>() / all
            }
        }
    }

    fn kind(&self) -> Option<&str> {
        Some("R2Score")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// Both as `float32` and in one rank.
fn floats(y_true: &Tensor, y_pred: &Tensor) -> Result<(Tensor, Tensor)> {
    let (y, p) = (convert(y_true.check()?, DType::F32), convert(y_pred.check()?, DType::F32));
    let (y, p) = same_rank(&y, &p);
    must_broadcast(&y, &p)?;
    Ok((y, p))
}

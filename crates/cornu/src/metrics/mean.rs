//! Means of values: the sum of the (weighted) values of the samples divided by the sum of their
//! weights.

use super::{Direction, Metric, added, ratio, zeros};
use crate::config;
use crate::losses::{self, LossFunction, shapes};
use crate::names;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Array, DType, Error, Result, TensorType};
use serde_json::Value;
use std::sync::Arc;

/// The totals of a mean: the sum and the weight.
pub(super) fn state() -> Vec<Array> {
    zeros(2, &[])
}

/// The totals after a batch of values: one for each sample, or several that are averaged first.
pub(super) fn update(
    state: &[Tensor],
    values: &Tensor,
    sample_weight: Option<&Tensor>,
) -> Result<Vec<Tensor>> {
    let (values, weights) = of_samples(values, sample_weight)?;
    let count = match &weights {
        Some(weights) => ops::sum(weights, ops::Axis::ALL),
        None => shapes::count(&values),
    };
    added(state, &[ops::sum(values, ops::Axis::ALL), count])
}

pub(super) fn result(state: &[Array]) -> f64 {
    ratio(number(&state[0]), number(&state[1]))
}

/// The number in a total.
pub(super) fn number(total: &Array) -> f64 {
    total.values().to_f64().first().copied().unwrap_or_default()
}

/// One weighted value and one weight for each sample, in the order in which Keras averages.
fn of_samples(values: &Tensor, weights: Option<&Tensor>) -> Result<(Tensor, Option<Tensor>)> {
    let values = shapes::convert(values, DType::F32);
    let Some(weights) = weights else { return Ok((mean_from(values, 1), None)) };
    let (values, weights) = shapes::same_rank(&values, &shapes::convert(weights, DType::F32));
    let values = mean_from(values, weights.rank());
    if !weights.shape().broadcasts_to(values.shape()) {
        return Err(Error::shape(format!(
            "sample_weight has shape {}, but there are values of shape {} to weigh",
            weights.shape(),
            values.shape()
        )));
    }
    let weights = weights.broadcast_to(values.shape());
    Ok((mean_from(values * &weights, 1), Some(mean_from(weights, 1))))
}

/// The mean over the axes from one on.
fn mean_from(values: Tensor, axis: usize) -> Tensor {
    let axes: Vec<i32> = (axis..values.rank()).map(|a| a as i32).collect();
    if axes.is_empty() { values } else { ops::mean(values, axes.as_slice()) }
}

/// The totals after a batch of a loss's values.
fn update_loss(
    function: &dyn LossFunction,
    state: &[Tensor],
    y_true: &Tensor,
    y_pred: &Tensor,
    sample_weight: Option<&Tensor>,
) -> Result<Vec<Tensor>> {
    let (y_true, y_pred) = losses::prepare(function, y_true, y_pred)?;
    let values = losses::values(function, &y_true, &y_pred)?;
    // Keras leaves out the values that do not count only if there are weights; the loss always.
    let weights = match (function.mask(&y_true, &y_pred)?, sample_weight) {
        (None, weights) => weights.cloned(),
        (Some(mask), None) => Some(mask),
        (Some(mask), Some(weights)) => {
            let mask = shapes::convert(&mask, DType::F32);
            let (mask, weights) = shapes::with_weights(&mask, weights)?;
            Some(mask * weights)
        }
    };
    update(state, &values, weights.as_ref())
}

/// The mean of a function's values: a closure over tensors, or a loss under another name.
#[derive(Clone)]
pub struct Mean {
    name: String,
    function: Arc<dyn LossFunction>,
    direction: Option<Direction>,
}

impl Mean {
    /// The mean of what a closure gives for each sample.
    ///
    /// ```
    /// use cornu::metrics::{Accumulator, Mean};
    /// use cornu::prelude::*;
    ///
    /// let worst = Mean::new("worst", |y, p| ops::max((y - p).abs(), -1));
    /// let mut worst = Accumulator::new(worst);
    /// let y_true = Array::new([2, 2], vec![0.0f32, 0.0, 1.0, 1.0])?;
    /// let y_pred = Array::new([2, 2], vec![0.5f32, 0.25, 1.0, 0.0])?;
    /// worst.update_state(&y_true, &y_pred, None)?;
    /// assert_eq!(worst.result(), 0.75);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn new(
        name: impl Into<String>,
        function: impl Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Mean {
        Mean { direction: None, ..Mean::of(name, function) }
    }

    /// The mean of a loss.
    pub fn of(name: impl Into<String>, loss: impl LossFunction) -> Mean {
        Mean::shared(name, Arc::new(loss))
    }

    pub(super) fn shared(name: impl Into<String>, function: Arc<dyn LossFunction>) -> Mean {
        Mean { name: name.into(), function, direction: Some(Direction::Down) }
    }
}

/// What metrics have in common that are the mean of a loss's values: all but the name.
macro_rules! mean_of_loss {
    ($metric:ident => $loss:expr) => {
        fn state(&self, _y_true: &TensorType, _y_pred: &TensorType) -> Result<Vec<Array>> {
            Ok(state())
        }

        fn update(
            &self,
            state: &[Tensor],
            y_true: &Tensor,
            y_pred: &Tensor,
            sample_weight: Option<&Tensor>,
        ) -> Result<Vec<Tensor>> {
            let $metric = self;
            update_loss($loss, state, y_true, y_pred, sample_weight)
        }

        fn result(&self, state: &[Array]) -> f64 {
            result(state)
        }
    };
}

impl Metric for Mean {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn direction(&self) -> Option<Direction> {
        self.direction
    }

    // A function of the user's own is known by the name that the metric has.
    fn kind(&self) -> Option<&str> {
        wrapper(self.function.as_ref()).or(Some(&self.name))
    }

    fn config(&self) -> Value {
        wrapped(self.function.as_ref())
    }

    mean_of_loss!(metric => metric.function.as_ref());
}

/// Keras's class of metrics that are the mean of a function, if Keras has the loss.
fn wrapper(loss: &dyn LossFunction) -> Option<&'static str> {
    loss.kind().and_then(losses::function_name).map(|_| "MeanMetricWrapper")
}

/// The function and its settings, as Keras's `MeanMetricWrapper` has them.
fn wrapped(loss: &dyn LossFunction) -> Value {
    let mut config = loss.config();
    if let (Some(name), Some(config)) =
        (loss.kind().and_then(losses::function_name), config.as_object_mut())
    {
        config.insert("fn".into(), config::function(name));
    }
    config
}

/// A function is shown under its own name, as Keras does it; a closure, which has none, as
/// `"metric"`.
impl<F> Metric for F
where
    F: Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
{
    fn name(&self) -> String {
        names::of_function::<F>().unwrap_or("metric").to_owned()
    }

    fn kind(&self) -> Option<&str> {
        names::of_function::<F>()
    }

    mean_of_loss!(function => function);
}

/// Makes a type a metric: the mean of what its `values` gives, and which way is better.
macro_rules! mean_metric {
    ($class:ident, $name:literal, $direction:ident) => {
        impl $crate::metrics::Metric for $class {
            fn name(&self) -> String {
                $name.to_owned()
            }

            fn direction(&self) -> Option<$crate::metrics::Direction> {
                Some($crate::metrics::Direction::$direction)
            }

            fn state(
                &self,
                _y_true: &cornu_graph::TensorType,
                _y_pred: &cornu_graph::TensorType,
            ) -> cornu_graph::Result<Vec<cornu_graph::Array>> {
                Ok($crate::metrics::mean::state())
            }

            fn update(
                &self,
                state: &[$crate::tensor::Tensor],
                y_true: &$crate::tensor::Tensor,
                y_pred: &$crate::tensor::Tensor,
                sample_weight: Option<&$crate::tensor::Tensor>,
            ) -> cornu_graph::Result<Vec<$crate::tensor::Tensor>> {
                let values = self.values(y_true.check()?, y_pred.check()?)?;
                $crate::metrics::mean::update(state, values.check()?, sample_weight)
            }

            fn result(&self, state: &[cornu_graph::Array]) -> f64 {
                $crate::metrics::mean::result(state)
            }

            fn kind(&self) -> Option<&str> {
                Some(stringify!($class))
            }

            fn config(&self) -> serde_json::Value {
                self.fields()
            }
        }
    };
}
pub(super) use mean_metric;

/// Makes losses metrics too: the means of their values, under their names.
macro_rules! loss_metrics {
    ($($class:ident,)*) => {$(
        impl Metric for losses::$class {
            fn name(&self) -> String {
                LossFunction::name(self).to_owned()
            }

            fn direction(&self) -> Option<Direction> {
                Some(Direction::Down)
            }

            fn kind(&self) -> Option<&str> {
                wrapper(self)
            }

            fn config(&self) -> Value {
                wrapped(self)
            }

            mean_of_loss!(loss => loss);
        }
    )*};
}

// Not the cosine similarity: as a metric it has the other sign.
loss_metrics! {
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
}

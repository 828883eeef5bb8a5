//! Figures of right and wrong positives and negatives.

use super::mean::number;
use super::{Direction, Metric, added, ratio, zeros};
use crate::config::{Config, FromConfig, decimal};
use crate::losses::shapes::{convert, must_broadcast, same_rank};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::op::SliceRange;
use cornu_graph::{Array, DType, Error, Op, Result, TensorType};
use serde_json::{Value, json};

/// Targets and predictions as yes and no, with weights of the same shape.
struct Outcomes {
    is_true: Tensor,
    is_predicted: Tensor,
    weights: Tensor,
}

impl Outcomes {
    fn new(
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
        threshold: f32,
        class_id: Option<usize>,
    ) -> Result<Outcomes> {
        let (y, p) = same_rank(y_true.check()?, y_pred.check()?);
        must_broadcast(&y, &p)?;
        let (y, p) = match class_id {
            Some(class) => (column(&y, class)?, column(&p, class)?),
            None => (y, p),
        };
        Ok(Outcomes {
            is_true: convert(&y, DType::Bool),
            is_predicted: ops::greater(&p, threshold),
            weights: spread(sample_weight, &p)?,
        })
    }

    /// The weight of what is true (or not) and predicted (or not).
    fn count(&self, is_true: bool, is_predicted: bool) -> Tensor {
        let either = |x: &Tensor, wanted| if wanted { x.clone() } else { ops::logical_not(x) };
        let both = ops::logical_and(
            either(&self.is_true, is_true),
            either(&self.is_predicted, is_predicted),
        );
        ops::sum(ops::where_(both, &self.weights, 0.0), Axis::ALL)
    }
}

/// The predictions for one class, as a column.
fn column(x: &Tensor, class: usize) -> Result<Tensor> {
    if x.rank() < 2 || class >= x.last_dim()? {
        return Err(Error::shape(format!("there is no class {class} in shape {}", x.shape())));
    }
    let mut ranges = vec![SliceRange::ALL; x.rank()];
    ranges[x.rank() - 1] = SliceRange { start: class, end: Some(class + 1), step: 1 };
    Tensor::op(Op::Slice(ranges), &[x]).check().cloned()
}

/// Weights of samples repeated to the shape of the predictions; ones if there are none.
pub(super) fn spread(weights: Option<&Tensor>, y_pred: &Tensor) -> Result<Tensor> {
    let Some(weights) = weights else {
        return Ok(Tensor::fill(DType::F32, y_pred.shape(), 1.0));
    };
    let mut spread = convert(weights.check()?, DType::F32);
    while spread.rank() < y_pred.rank() {
        spread = ops::expand_dims(spread, -1);
    }
    if spread.rank() == y_pred.rank() + 1 {
        spread = ops::squeeze(spread, -1);
    }
    if spread.is_error() || !spread.shape().broadcasts_to(y_pred.shape()) {
        return Err(Error::shape(format!(
            "sample_weight has shape {}, but y_pred {}",
            weights.shape(),
            y_pred.shape()
        )));
    }
    Ok(spread.broadcast_to(y_pred.shape()))
}

/// Keras's `thresholds`: one, or a list of one.
fn threshold(config: &Config<'_>) -> Result<f32> {
    match config.value("thresholds") {
        Some(Value::Array(list)) if list.len() == 1 => f32::from_config(&list[0]),
        Some(Value::Array(list)) => Err(Error::file(format!(
            "{}: {} thresholds give as many figures; here a metric is one",
            config.class(),
            list.len()
        ))
        .help("use a metric for each threshold")),
        _ => config.get_or("thresholds", 0.5),
    }
}

/// What the metrics of a threshold have in common.
macro_rules! thresholded {
    ($class:ident) => {
        impl $class {
            /// Above which number a prediction means yes.
            pub fn threshold(mut self, threshold: f32) -> $class {
                self.threshold = threshold;
                self
            }
        }

        impl Default for $class {
            fn default() -> $class {
                $class::new()
            }
        }
    };
}

macro_rules! counts {
    ($($(#[$doc:meta])* $class:ident = $name:literal, $is_true:literal, $is_predicted:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// Keras's default threshold is 0.5.
        #[derive(Clone, Copy, Debug)]
        pub struct $class {
            threshold: f32,
        }

        impl $class {
            /// The metric with the threshold 0.5.
            pub fn new() -> $class {
                $class { threshold: 0.5 }
            }
        }

        thresholded!($class);

        impl Metric for $class {
            fn name(&self) -> String {
                $name.to_owned()
            }

            fn state(&self, _y_true: &TensorType, _y_pred: &TensorType) -> Result<Vec<Array>> {
                Ok(zeros(1, &[]))
            }

            fn update(
                &self,
                state: &[Tensor],
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<Vec<Tensor>> {
                let outcomes = Outcomes::new(y_true, y_pred, sample_weight, self.threshold, None)?;
                added(state, &[outcomes.count($is_true, $is_predicted)])
            }

            fn result(&self, state: &[Array]) -> f64 {
                number(&state[0])
            }

            fn kind(&self) -> Option<&str> {
                Some(stringify!($class))
            }

            fn config(&self) -> Value {
                json!({ "thresholds": decimal(self.threshold) })
            }
        }

        impl $class {
            pub(super) fn read(config: &Config<'_>) -> Result<$class> {
                Ok($class { threshold: threshold(config)? })
            }
        }
    )*};
}

counts! {
    /// How many predictions are rightly above the threshold.
    TruePositives = "true_positives", true, true;
    /// How many predictions are rightly not above the threshold.
    TrueNegatives = "true_negatives", false, false;
    /// How many predictions are wrongly above the threshold.
    FalsePositives = "false_positives", false, true;
    /// How many predictions are wrongly not above the threshold.
    FalseNegatives = "false_negatives", true, false;
}

macro_rules! shares {
    ($($(#[$doc:meta])* $class:ident = $name:literal, $other:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// Keras's defaults: threshold 0.5, all classes together.
        #[derive(Clone, Copy, Debug)]
        pub struct $class {
            threshold: f32,
            class_id: Option<usize>,
        }

        impl $class {
            /// The metric with the threshold 0.5, of all classes together.
            pub fn new() -> $class {
                $class { threshold: 0.5, class_id: None }
            }

            /// Looks at one class only.
            pub fn class_id(mut self, class: usize) -> $class {
                self.class_id = Some(class);
                self
            }
        }

        thresholded!($class);

        impl Metric for $class {
            fn name(&self) -> String {
                $name.to_owned()
            }

            fn direction(&self) -> Option<Direction> {
                Some(Direction::Up)
            }

            fn state(&self, _y_true: &TensorType, _y_pred: &TensorType) -> Result<Vec<Array>> {
                Ok(zeros(2, &[]))
            }

            fn update(
                &self,
                state: &[Tensor],
                y_true: &Tensor,
                y_pred: &Tensor,
                sample_weight: Option<&Tensor>,
            ) -> Result<Vec<Tensor>> {
                let (threshold, class) = (self.threshold, self.class_id);
                let outcomes = Outcomes::new(y_true, y_pred, sample_weight, threshold, class)?;
                let (is_true, is_predicted) = $other;
                added(state, &[outcomes.count(true, true), outcomes.count(is_true, is_predicted)])
            }

            fn result(&self, state: &[Array]) -> f64 {
                let right = number(&state[0]);
                ratio(right, right + number(&state[1]))
            }

            fn kind(&self) -> Option<&str> {
                Some(stringify!($class))
            }

            fn config(&self) -> Value {
                json!({ "thresholds": decimal(self.threshold), "class_id": self.class_id })
            }
        }

        impl $class {
            pub(super) fn read(config: &Config<'_>) -> Result<$class> {
                if config.value("top_k").is_some_and(|value| !value.is_null()) {
                    let class = config.class();
                    return Err(Error::file(format!("{class}: top_k is not there, only thresholds")));
                }
                let class_id = config.get_or("class_id", None)?;
                Ok($class { threshold: threshold(config)?, class_id })
            }
        }
    )*};
}

shares! {
    /// Which share of what is predicted is true: true positives divided by all positives.
    Precision = "precision", (false, true);
    /// Which share of what is true is predicted: true positives divided by all that should be.
    Recall = "recall", (true, false);
}

//! The area under a curve of thresholds.

use super::confusion::spread;
use super::{Direction, Metric, added, ratio, zeros};
use crate::config::{Config, fields, named};
use crate::losses::shapes::{convert, must_broadcast, same_rank};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Array, DType, Error, Op, Result, TensorType};
use serde_json::Value;

/// Which curve an [`AUC`] is the area under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Curve {
    /// Receiver operating characteristic: recall over the rate of false positives.
    #[default]
    ROC,
    /// Precision over recall.
    PR,
    /// Precision gain over recall gain (Flach and Kull, 2015).
    PRGain,
}

/// How the area between two thresholds is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Summation {
    /// Between the heights; for [`Curve::PR`] as Davis and Goadrich (2006) interpolate.
    #[default]
    Interpolation,
    /// With the larger height.
    Majoring,
    /// With the smaller height.
    Minoring,
}

named! {
    Curve { ROC = "ROC", PR = "PR", PRGain = "PRGAIN" }
}

named! {
    Summation { Interpolation = "interpolation", Majoring = "majoring", Minoring = "minoring" }
}

/// The area under the curve of right and wrong positives when the threshold moves from 1 to 0, for
/// predictions in [0, 1]: 0.5 is chance, 1 is perfect (for [`Curve::ROC`]).
///
/// It is computed of the counts at evenly spaced thresholds. Keras's defaults: 200 thresholds, the
/// receiver operating characteristic, interpolation, probabilities.
#[derive(Clone, Copy, Debug)]
pub struct AUC {
    num_thresholds: usize,
    curve: Curve,
    summation_method: Summation,
    from_logits: bool,
}

impl AUC {
    /// The metric with Keras's defaults.
    pub fn new() -> AUC {
        AUC {
            num_thresholds: 200,
            curve: Curve::ROC,
            summation_method: Summation::Interpolation,
            from_logits: false,
        }
    }

    /// How many thresholds there are, at least 2.
    pub fn num_thresholds(mut self, num_thresholds: usize) -> AUC {
        self.num_thresholds = num_thresholds;
        self
    }

    /// Which curve.
    pub fn curve(mut self, curve: Curve) -> AUC {
        self.curve = curve;
        self
    }

    /// How the area between two thresholds is taken.
    pub fn summation_method(mut self, method: Summation) -> AUC {
        self.summation_method = method;
        self
    }

    /// Whether the predictions are logits, without the sigmoid of the last layer.
    pub fn from_logits(mut self, from_logits: bool) -> AUC {
        self.from_logits = from_logits;
        self
    }
}

impl Default for AUC {
    fn default() -> AUC {
        AUC::new()
    }
}

fields! { AUC { num_thresholds, curve, summation_method, from_logits } }

impl AUC {
    /// From a configuration, which must not ask for what is missing here.
    pub(super) fn read_all(config: &Config<'_>) -> Result<AUC> {
        if config.get_or("multi_label", false)? {
            return Err(Error::file("AUC: multi_label is not there; the labels count together"));
        }
        if config.value("thresholds").is_some_and(|value| !value.is_null()) {
            return Err(Error::file("AUC: thresholds of one's own are not there, only even ones"));
        }
        AUC::read(config)
    }
}

impl Metric for AUC {
    fn name(&self) -> String {
        "auc".to_owned()
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }

    // The weight of what is true and of what is not, by the highest threshold that the prediction
    // is above.
    fn state(&self, _y_true: &TensorType, _y_pred: &TensorType) -> Result<Vec<Array>> {
        if self.num_thresholds < 2 {
            return Err(Error::value(format!(
                "num_thresholds must be at least 2, not {}",
                self.num_thresholds
            )));
        }
        Ok(zeros(2, &[self.num_thresholds]))
    }

    fn update(
        &self,
        state: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let (y, p) = same_rank(y_true.check()?, y_pred.check()?);
        must_broadcast(&y, &p)?;
        let weights = spread(sample_weight, &p)?;
        let p = if self.from_logits { ops::sigmoid(&p) } else { p };
        let steps = (self.num_thresholds - 1) as f32;
        let bucket = ops::ceil(p.clip(0.0, 1.0) * steps) - 1.0;
        let bucket = ops::cast(ops::ravel(bucket.maximum(0.0)), DType::I32);
        let is_true = convert(&y, DType::Bool).broadcast_to(weights.shape());
        let rows = self.num_thresholds;
        let histogram =
            |weights: Tensor| Tensor::op(Op::ScatterAdd { rows }, &[&bucket, &ops::ravel(weights)]);
        let positive = histogram(ops::where_(&is_true, &weights, 0.0));
        let negative = histogram(ops::where_(&is_true, 0.0, &weights));
        added(state, &[positive, negative])
    }

    fn result(&self, state: &[Array]) -> f64 {
        let counts = Counts::new(&state[0].values().to_f64(), &state[1].values().to_f64());
        match (self.curve, self.summation_method) {
            (Curve::PR, Summation::Interpolation) => counts.interpolated_pr(),
            (curve, method) => area(&counts.points(curve), method),
        }
    }

    fn kind(&self) -> Option<&str> {
        Some("AUC")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// What is above each threshold, in ascending order of the thresholds.
struct Counts {
    true_positives: Vec<f64>,
    false_positives: Vec<f64>,
    positives: f64,
    negatives: f64,
}

impl Counts {
    fn new(positive: &[f64], negative: &[f64]) -> Counts {
        Counts {
            true_positives: from_the_end(positive),
            false_positives: from_the_end(negative),
            positives: positive.iter().sum(),
            negatives: negative.iter().sum(),
        }
    }

    /// The points of a curve, from the lowest threshold to the highest.
    fn points(&self, curve: Curve) -> Vec<(f64, f64)> {
        let pairs = self.true_positives.iter().zip(&self.false_positives);
        pairs.map(|(&tp, &fp)| self.point(curve, tp, fp)).collect()
    }

    fn point(&self, curve: Curve, tp: f64, fp: f64) -> (f64, f64) {
        let recall = ratio(tp, self.positives);
        match curve {
            Curve::ROC => (ratio(fp, self.negatives), recall),
            Curve::PR => (recall, ratio(tp, tp + fp)),
            Curve::PRGain if tp == 0.0 => (0.0, 1.0),
            Curve::PRGain => {
                let scale = ratio(self.positives, self.negatives);
                let gain = |errors: f64| 1.0 - scale * ratio(errors, tp);
                (gain(self.positives - tp).max(0.0), gain(fp))
            }
        }
    }

    /// The area under precision over recall, interpolated in the counts instead of the rates: the
    /// precision between two thresholds is no straight line.
    fn interpolated_pr(&self) -> f64 {
        let all: Vec<f64> =
            self.true_positives.iter().zip(&self.false_positives).map(|(t, f)| t + f).collect();
        let steps = self.true_positives.windows(2).zip(all.windows(2));
        steps
            .map(|(tp, p)| {
                let gained = tp[0] - tp[1];
                let slope = ratio(gained, (p[0] - p[1]).max(0.0));
                let intercept = tp[1] - slope * p[1];
                let growth = if p[0] > 0.0 && p[1] > 0.0 { p[0] / p[1] } else { 1.0 };
                ratio(slope * (gained + intercept * growth.ln()), self.positives)
            })
            .sum()
    }
}

/// The sums of all elements from each one on.
fn from_the_end(values: &[f64]) -> Vec<f64> {
    let mut sums: Vec<f64> = values
        .iter()
        .rev()
        .scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        })
        .collect();
    sums.reverse();
    sums
}

fn area(points: &[(f64, f64)], method: Summation) -> f64 {
    let height = |a: f64, b: f64| match method {
        Summation::Interpolation => (a + b) / 2.0,
        Summation::Majoring => a.max(b),
        Summation::Minoring => a.min(b),
    };
    points.windows(2).map(|p| (p[0].0 - p[1].0) * height(p[0].1, p[1].1)).sum()
}

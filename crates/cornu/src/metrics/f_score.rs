//! F-scores: precision and recall in one number.

use super::confusion::spread;
use super::{Direction, Metric, added, zeros};
use crate::config::{Config, fields, named};
use crate::losses::EPSILON;
use crate::losses::shapes::{convert, must_broadcast};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{Array, DType, Dim, Error, Result, TensorType};
use serde_json::Value;

/// How the scores of the classes become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Average {
    /// Their mean.
    #[default]
    Macro,
    /// The score of all decisions together.
    Micro,
    /// Their mean, each weighted with how often the class is true.
    Weighted,
}

named! {
    Average { Macro = "macro", Micro = "micro", Weighted = "weighted" }
}

/// `(1 + beta²) · precision · recall / (beta² · precision + recall)`: beta above 1 favours recall.
///
/// Without a threshold the largest prediction of each sample counts as yes. `y_true` is one-hot (or
/// several-hot), `(n, classes)`. Keras's defaults: beta 1, no threshold. Keras does not average by
/// default but gives a score for each class; the default here is [`Average::Macro`].
#[derive(Clone, Copy, Debug)]
pub struct FBetaScore {
    average: Average,
    beta: f32,
    threshold: Option<f32>,
}

impl FBetaScore {
    /// The score with beta 1.
    pub fn new() -> FBetaScore {
        FBetaScore { average: Average::Macro, beta: 1.0, threshold: None }
    }

    /// How the scores of the classes become one.
    pub fn average(mut self, average: Average) -> FBetaScore {
        self.average = average;
        self
    }

    /// How much recall counts beside precision.
    pub fn beta(mut self, beta: f32) -> FBetaScore {
        self.beta = beta;
        self
    }

    /// Above which number a prediction means yes.
    pub fn threshold(mut self, threshold: f32) -> FBetaScore {
        self.threshold = Some(threshold);
        self
    }

    /// Yes as 1 and no as 0.
    fn decisions(&self, y_pred: &Tensor) -> Tensor {
        let yes = match self.threshold {
            Some(threshold) => ops::greater(y_pred, threshold),
            None => {
                let largest = ops::max(y_pred, Axis::new(-1).keepdims());
                let likeliest = ops::greater_equal(y_pred, largest);
                // A row of zeros decides for nothing.
                ops::logical_and(likeliest, ops::greater(y_pred.abs(), 1e-9))
            }
        };
        ops::cast(yes, DType::F32)
    }

    fn score(&self, true_positives: f64, false_positives: f64, false_negatives: f64) -> f64 {
        let epsilon = f64::from(EPSILON);
        let precision = true_positives / (true_positives + false_positives + epsilon);
        let recall = true_positives / (true_positives + false_negatives + epsilon);
        let square = f64::from(self.beta).powi(2);
        (1.0 + square) * precision * recall / (square * precision + recall + epsilon)
    }
}

impl Default for FBetaScore {
    fn default() -> FBetaScore {
        FBetaScore::new()
    }
}

// Keras's null, a score for each class, becomes their mean.
fields! { FBetaScore { average, beta, threshold } }

impl Metric for FBetaScore {
    fn name(&self) -> String {
        "fbeta_score".to_owned()
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }

    // For each class the true positives, false positives, false negatives, and how often it is true.
    fn state(&self, _y_true: &TensorType, y_pred: &TensorType) -> Result<Vec<Array>> {
        match y_pred.shape.dims() {
            &[_, Dim::Known(classes)] => Ok(zeros(4, &[classes])),
            _ => Err(Error::shape(format!(
                "an F-score takes predictions (samples, classes), not {}",
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
        must_broadcast(y_true.check()?, y_pred.check()?)?;
        let weights = spread(sample_weight, y_pred)?;
        let y = convert(y_true, DType::F32);
        let p = self.decisions(&convert(y_pred, DType::F32));
        let total = |x: Tensor| ops::sum(x * &weights, 0);
        let batch =
            [total(&p * &y), total(&p * (1.0 - &y)), total((1.0 - &p) * &y), total(y.clone())];
        added(state, &batch)
    }

    fn result(&self, state: &[Array]) -> f64 {
        let [tp, fp, missed, often] = [0, 1, 2, 3].map(|i| state[i].values().to_f64());
        let sum = |x: &[f64]| x.iter().sum::<f64>();
        let scores = || (0..tp.len()).map(|i| self.score(tp[i], fp[i], missed[i]));
        match self.average {
            Average::Macro => scores().sum::<f64>() / tp.len() as f64,
            Average::Micro => self.score(sum(&tp), sum(&fp), sum(&missed)),
            Average::Weighted => {
                let all = sum(&often) + f64::from(EPSILON);
                scores().zip(&often).map(|(score, weight)| score * weight / all).sum()
            }
        }
    }

    fn kind(&self) -> Option<&str> {
        Some("FBetaScore")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// `2 · precision · recall / (precision + recall)`: [`FBetaScore`] with beta 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct F1Score(FBetaScore);

impl F1Score {
    /// The mean of the scores of the classes.
    pub fn new() -> F1Score {
        F1Score::default()
    }

    /// How the scores of the classes become one.
    pub fn average(self, average: Average) -> F1Score {
        F1Score(self.0.average(average))
    }

    /// Above which number a prediction means yes.
    pub fn threshold(self, threshold: f32) -> F1Score {
        F1Score(self.0.threshold(threshold))
    }
}

impl Metric for F1Score {
    fn name(&self) -> String {
        "f1_score".to_owned()
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }

    fn state(&self, y_true: &TensorType, y_pred: &TensorType) -> Result<Vec<Array>> {
        self.0.state(y_true, y_pred)
    }

    fn update(
        &self,
        state: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        self.0.update(state, y_true, y_pred, sample_weight)
    }

    fn result(&self, state: &[Array]) -> f64 {
        self.0.result(state)
    }

    fn kind(&self) -> Option<&str> {
        Some("F1Score")
    }

    fn config(&self) -> Value {
        let mut config = self.0.fields();
        if let Some(config) = config.as_object_mut() {
            config.retain(|key, _| key != "beta");
        }
        config
    }
}

impl F1Score {
    pub(super) fn read(config: &Config<'_>) -> Result<F1Score> {
        Ok(F1Score(FBetaScore { beta: 1.0, ..FBetaScore::read(config)? }))
    }
}

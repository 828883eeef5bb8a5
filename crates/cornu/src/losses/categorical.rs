//! Cross-entropies of classes, for one-hot targets.

use super::{EPSILON, LossFunction, shapes};
use crate::config::fields;
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// `-sum(y_true · ln(y_pred))` over the classes, for one-hot (or soft) targets and probabilities
/// (which are divided by their sum and clipped to [1e-7, 1 - 1e-7]) or, with
/// [`from_logits`](Self::from_logits), for what a softmax would make probabilities of.
///
/// Keras's defaults: probabilities, no smoothing, the last axis.
#[derive(Clone, Copy, Debug)]
pub struct CategoricalCrossentropy {
    from_logits: bool,
    label_smoothing: f32,
    axis: i32,
}

impl CategoricalCrossentropy {
    /// The loss of probabilities.
    pub fn new() -> CategoricalCrossentropy {
        CategoricalCrossentropy { from_logits: false, label_smoothing: 0.0, axis: -1 }
    }

    /// Whether the predictions are logits, without the softmax of the last layer.
    pub fn from_logits(mut self, from_logits: bool) -> CategoricalCrossentropy {
        self.from_logits = from_logits;
        self
    }

    /// Moves the targets towards equal shares: `y · (1 - s) + s / classes`.
    pub fn label_smoothing(mut self, label_smoothing: f32) -> CategoricalCrossentropy {
        self.label_smoothing = label_smoothing;
        self
    }

    /// The axis of the classes.
    pub fn axis(mut self, axis: i32) -> CategoricalCrossentropy {
        self.axis = axis;
        self
    }
}

impl Default for CategoricalCrossentropy {
    fn default() -> CategoricalCrossentropy {
        CategoricalCrossentropy::new()
    }
}

fields! { CategoricalCrossentropy { from_logits, label_smoothing, axis } }

impl LossFunction for CategoricalCrossentropy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        shapes::must_be_categorical(y_true, y_pred)?;
        let y = smooth(y_true, self.label_smoothing)?;
        let logs = log_probabilities(y_pred, self.from_logits, self.axis);
        Ok(-ops::sum(y * logs, self.axis))
    }

    fn name(&self) -> &str {
        "categorical_crossentropy"
    }

    fn kind(&self) -> Option<&str> {
        Some("CategoricalCrossentropy")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// `-sum(alpha · (1 - y_pred)^gamma · y_true · ln(y_pred))` over the classes: what is certain
/// already counts little.
///
/// Lin et al., "Focal loss for dense object detection", 2017. Keras's defaults: alpha 0.25, gamma
/// 2, probabilities, no smoothing, the last axis.
#[derive(Clone, Copy, Debug)]
pub struct CategoricalFocalCrossentropy {
    alpha: f32,
    gamma: f32,
    from_logits: bool,
    label_smoothing: f32,
    axis: i32,
}

impl CategoricalFocalCrossentropy {
    /// The loss of probabilities.
    pub fn new() -> CategoricalFocalCrossentropy {
        CategoricalFocalCrossentropy {
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    }

    /// The weight of all classes.
    pub fn alpha(mut self, alpha: f32) -> CategoricalFocalCrossentropy {
        self.alpha = alpha;
        self
    }

    /// How little counts what is certain already; 0 is the plain cross-entropy.
    pub fn gamma(mut self, gamma: f32) -> CategoricalFocalCrossentropy {
        self.gamma = gamma;
        self
    }

    /// Whether the predictions are logits, without the softmax of the last layer.
    pub fn from_logits(mut self, from_logits: bool) -> CategoricalFocalCrossentropy {
        self.from_logits = from_logits;
        self
    }

    /// Moves the targets towards equal shares: `y · (1 - s) + s / classes`.
    pub fn label_smoothing(mut self, label_smoothing: f32) -> CategoricalFocalCrossentropy {
        self.label_smoothing = label_smoothing;
        self
    }

    /// The axis of the classes.
    pub fn axis(mut self, axis: i32) -> CategoricalFocalCrossentropy {
        self.axis = axis;
        self
    }
}

impl Default for CategoricalFocalCrossentropy {
    fn default() -> CategoricalFocalCrossentropy {
        CategoricalFocalCrossentropy::new()
    }
}

fields! { CategoricalFocalCrossentropy { from_logits, label_smoothing, axis, alpha, gamma } }

impl LossFunction for CategoricalFocalCrossentropy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        shapes::must_be_categorical(y_true, y_pred)?;
        let y = smooth(y_true, self.label_smoothing)?;
        let p = if self.from_logits { ops::softmax(y_pred, self.axis) } else { y_pred.clone() };
        let p = probabilities(&p, self.axis);
        let focus = ops::power(1.0 - &p, self.gamma) * self.alpha;
        Ok(-ops::sum(focus * y * ops::log(p), self.axis))
    }

    fn name(&self) -> &str {
        "categorical_focal_crossentropy"
    }

    fn kind(&self) -> Option<&str> {
        Some("CategoricalFocalCrossentropy")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

fn smooth(y_true: &Tensor, amount: f32) -> Result<Tensor> {
    if amount == 0.0 {
        return Ok(y_true.clone());
    }
    let classes = y_true.last_dim()? as f32;
    Ok(y_true * (1.0 - amount) + amount / classes)
}

/// Divided by their sum and kept away from 0 and 1.
fn probabilities(p: &Tensor, axis: i32) -> Tensor {
    (p / ops::sum(p, Axis::new(axis).keepdims())).clip(EPSILON, 1.0 - EPSILON)
}

/// The logarithms of the probabilities.
pub(super) fn log_probabilities(y_pred: &Tensor, from_logits: bool, axis: i32) -> Tensor {
    match from_logits {
        true => ops::log_softmax(y_pred, axis),
        false => ops::log(probabilities(y_pred, axis)),
    }
}

//! Cross-entropies of yes and no.

use super::{EPSILON, LossFunction, shapes};
use crate::config::fields;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// `-mean(y_true · ln(y_pred) + (1 - y_true) · ln(1 - y_pred))` over the last dimension, for
/// probabilities (clipped to [1e-7, 1 - 1e-7]) or, with [`from_logits`](Self::from_logits), for
/// what a sigmoid would make probabilities of.
///
/// Keras's defaults: probabilities, no smoothing, the last axis.
#[derive(Clone, Copy, Debug)]
pub struct BinaryCrossentropy {
    from_logits: bool,
    label_smoothing: f32,
    axis: i32,
}

impl BinaryCrossentropy {
    /// The loss of probabilities.
    pub fn new() -> BinaryCrossentropy {
        BinaryCrossentropy { from_logits: false, label_smoothing: 0.0, axis: -1 }
    }

    /// Whether the predictions are logits, without the sigmoid of the last layer.
    pub fn from_logits(mut self, from_logits: bool) -> BinaryCrossentropy {
        self.from_logits = from_logits;
        self
    }

    /// Moves the targets towards 0.5: `y · (1 - s) + s / 2`.
    pub fn label_smoothing(mut self, label_smoothing: f32) -> BinaryCrossentropy {
        self.label_smoothing = label_smoothing;
        self
    }

    /// The axis over which the mean is taken.
    pub fn axis(mut self, axis: i32) -> BinaryCrossentropy {
        self.axis = axis;
        self
    }
}

impl Default for BinaryCrossentropy {
    fn default() -> BinaryCrossentropy {
        BinaryCrossentropy::new()
    }
}

fields! { BinaryCrossentropy { from_logits, label_smoothing, axis } }

impl LossFunction for BinaryCrossentropy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        shapes::must_be_binary(y_true, y_pred)?;
        let y = smooth(y_true, self.label_smoothing);
        let values = if self.from_logits {
            // -ln(sigmoid(x)) = softplus(-x) and -ln(1 - sigmoid(x)) = softplus(x).
            &y * ops::softplus(-y_pred) + (1.0 - &y) * ops::softplus(y_pred)
        } else {
            of_probabilities(&y, y_pred)
        };
        Ok(ops::mean(values, self.axis))
    }

    fn name(&self) -> &str {
        "binary_crossentropy"
    }

    fn kind(&self) -> Option<&str> {
        Some("BinaryCrossentropy")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// The binary cross-entropy times `(1 - pₜ)^gamma`, where `pₜ` is the probability given to the
/// truth: what is certain already counts little.
///
/// Lin et al., "Focal loss for dense object detection", 2017. Keras's defaults: gamma 2, alpha
/// 0.25, no class balancing, probabilities, no smoothing, the last axis.
#[derive(Clone, Copy, Debug)]
pub struct BinaryFocalCrossentropy {
    apply_class_balancing: bool,
    alpha: f32,
    gamma: f32,
    from_logits: bool,
    label_smoothing: f32,
    axis: i32,
}

impl BinaryFocalCrossentropy {
    /// The loss of probabilities, without class balancing.
    pub fn new() -> BinaryFocalCrossentropy {
        BinaryFocalCrossentropy {
            apply_class_balancing: false,
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    }

    /// Whether class 1 is weighed with alpha and class 0 with `1 - alpha`.
    pub fn apply_class_balancing(mut self, apply: bool) -> BinaryFocalCrossentropy {
        self.apply_class_balancing = apply;
        self
    }

    /// The weight of class 1.
    pub fn alpha(mut self, alpha: f32) -> BinaryFocalCrossentropy {
        self.alpha = alpha;
        self
    }

    /// How little counts what is certain already; 0 is the plain cross-entropy.
    pub fn gamma(mut self, gamma: f32) -> BinaryFocalCrossentropy {
        self.gamma = gamma;
        self
    }

    /// Whether the predictions are logits, without the sigmoid of the last layer.
    pub fn from_logits(mut self, from_logits: bool) -> BinaryFocalCrossentropy {
        self.from_logits = from_logits;
        self
    }

    /// Moves the targets towards 0.5: `y · (1 - s) + s / 2`.
    pub fn label_smoothing(mut self, label_smoothing: f32) -> BinaryFocalCrossentropy {
        self.label_smoothing = label_smoothing;
        self
    }

    /// The axis over which the mean is taken.
    pub fn axis(mut self, axis: i32) -> BinaryFocalCrossentropy {
        self.axis = axis;
        self
    }
}

impl Default for BinaryFocalCrossentropy {
    fn default() -> BinaryFocalCrossentropy {
        BinaryFocalCrossentropy::new()
    }
}

fields! { BinaryFocalCrossentropy { from_logits, label_smoothing, axis, apply_class_balancing, alpha, gamma } }

impl LossFunction for BinaryFocalCrossentropy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        shapes::must_be_binary(y_true, y_pred)?;
        let y = smooth(y_true, self.label_smoothing);
        let p = if self.from_logits { ops::sigmoid(y_pred) } else { y_pred.clone() };
        let of_truth = &y * &p + (1.0 - &y) * (1.0 - &p);
        let focus = ops::power(1.0 - of_truth, self.gamma);
        let mut values = focus * of_probabilities(&y, &p);
        if self.apply_class_balancing {
            values = (&y * self.alpha + (1.0 - &y) * (1.0 - self.alpha)) * values;
        }
        Ok(ops::mean(values, self.axis))
    }

    fn name(&self) -> &str {
        "binary_focal_crossentropy"
    }

    fn kind(&self) -> Option<&str> {
        Some("BinaryFocalCrossentropy")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

fn smooth(y_true: &Tensor, amount: f32) -> Tensor {
    match amount {
        0.0 => y_true.clone(),
        _ => y_true * (1.0 - amount) + 0.5 * amount,
    }
}

/// The cross-entropy at each position.
fn of_probabilities(y: &Tensor, p: &Tensor) -> Tensor {
    let p = p.clip(EPSILON, 1.0 - EPSILON);
    -(y * ops::log(&p) + (1.0 - y) * ops::log(1.0 - &p))
}

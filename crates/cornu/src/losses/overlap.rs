//! Losses of how much two masks overlap, for the segmentation of images.

use super::{EPSILON, LossFunction, shapes};
use crate::config::fields;
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// `1 - 2 · Σ(y_true · y_pred) / (Σ y_true + Σ y_pred + 1e-7)`, over all elements or some axes.
///
/// Keras's default is all elements, the batch too: one value, which no reduction changes.
#[derive(Clone, Debug, Default)]
pub struct Dice {
    axis: Option<Vec<i32>>,
}

impl Dice {
    /// The loss over all elements.
    pub fn new() -> Dice {
        Dice::default()
    }

    /// The axes over which to add up: `[1, 2, 3]` gives a value for each image.
    pub fn axis(mut self, axis: impl Into<Vec<i32>>) -> Dice {
        self.axis = Some(axis.into());
        self
    }
}

fields! { Dice { axis } }

impl LossFunction for Dice {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        shapes::must_broadcast(y_true, y_pred)?;
        let axis = axes(&self.axis);
        let both = ops::sum(y_true * y_pred, axis.clone());
        let either = ops::sum(y_true, axis.clone()) + ops::sum(y_pred, axis) + EPSILON;
        Ok(1.0 - 2.0 * both / either)
    }

    fn name(&self) -> &str {
        "dice"
    }

    fn kind(&self) -> Option<&str> {
        Some("Dice")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// `1 - both / (both + alpha · missed + beta · invented + 1e-7)` with `both = Σ(y_true · y_pred)`,
/// `missed = Σ(y_true · (1 - y_pred))` and `invented = Σ((1 - y_true) · y_pred)`, over all elements
/// or some axes.
///
/// Salehi et al., "Tversky loss function for image segmentation", 2017. Keras's defaults: alpha
/// and beta 0.5 (which is [`Dice`]), all elements.
#[derive(Clone, Debug)]
pub struct Tversky {
    alpha: f32,
    beta: f32,
    axis: Option<Vec<i32>>,
}

impl Tversky {
    /// The loss over all elements, with alpha and beta 0.5.
    pub fn new() -> Tversky {
        Tversky { alpha: 0.5, beta: 0.5, axis: None }
    }

    /// The weight of what is true and not predicted.
    pub fn alpha(mut self, alpha: f32) -> Tversky {
        self.alpha = alpha;
        self
    }

    /// The weight of what is predicted and not true.
    pub fn beta(mut self, beta: f32) -> Tversky {
        self.beta = beta;
        self
    }

    /// The axes over which to add up: `[1, 2, 3]` gives a value for each image.
    pub fn axis(mut self, axis: impl Into<Vec<i32>>) -> Tversky {
        self.axis = Some(axis.into());
        self
    }
}

impl Default for Tversky {
    fn default() -> Tversky {
        Tversky::new()
    }
}

fields! { Tversky { alpha, beta, axis } }

impl LossFunction for Tversky {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        shapes::must_broadcast(y_true, y_pred)?;
        let axis = axes(&self.axis);
        let both = ops::sum(y_true * y_pred, axis.clone());
        let missed = ops::sum(y_true * (1.0 - y_pred), axis.clone());
        let invented = ops::sum((1.0 - y_true) * y_pred, axis);
        let all = &both + missed * self.alpha + invented * self.beta + EPSILON;
        Ok(1.0 - both / all)
    }

    fn name(&self) -> &str {
        "tversky"
    }

    fn kind(&self) -> Option<&str> {
        Some("Tversky")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

fn axes(axis: &Option<Vec<i32>>) -> Axis {
    axis.as_deref().map_or(Axis::ALL, Axis::from)
}

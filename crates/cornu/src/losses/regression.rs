//! Losses of numbers: how far a prediction is from the truth.

use super::{EPSILON, LossFunction, shapes};
use crate::config::fields;
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;
use std::f32::consts::LN_2;

plain_losses! {
    /// `mean((y_true - y_pred)²)` over the last dimension.
    MeanSquaredError = "mean_squared_error", |y, p| ops::mean((y - p).square(), -1);

    /// `mean(|y_true - y_pred|)` over the last dimension.
    MeanAbsoluteError = "mean_absolute_error", |y, p| ops::mean((y - p).abs(), -1);

    /// `100 · mean(|y_true - y_pred| / max(|y_true|, 1e-7))` over the last dimension.
    MeanAbsolutePercentageError = "mean_absolute_percentage_error", |y, p| {
        100.0 * ops::mean(((y - p) / y.abs().maximum(EPSILON)).abs(), -1)
    };

    /// `mean((ln(1 + y_true) - ln(1 + y_pred))²)` over the last dimension; what is below 1e-7
    /// counts as 1e-7.
    MeanSquaredLogarithmicError = "mean_squared_logarithmic_error", |y, p| {
        let difference = ops::log1p(p.maximum(EPSILON)) - ops::log1p(y.maximum(EPSILON));
        ops::mean(difference.square(), -1)
    };

    /// `mean(ln(cosh(y_pred - y_true)))` over the last dimension: a parabola near 0, a straight
    /// line far away.
    LogCosh = "log_cosh", |y, p| {
        // ln(cosh(x)) = x + ln(1 + e^-2x) - ln 2, which does not overflow.
        let x = p - y;
        ops::mean(&x + ops::softplus(&x * -2.0) - LN_2, -1)
    };
}

/// The mean over the last dimension of `x² / 2` where `|x| ≤ delta`, else
/// `delta · |x| - delta² / 2`, of the error `x = y_pred - y_true`.
///
/// Huber, "Robust estimation of a location parameter", 1964. Keras's default delta is 1.
#[derive(Clone, Copy, Debug)]
pub struct Huber {
    delta: f32,
}

impl Huber {
    /// The loss with delta 1.
    pub fn new() -> Huber {
        Huber { delta: 1.0 }
    }

    /// The error up to which the loss is quadratic.
    pub fn delta(mut self, delta: f32) -> Huber {
        self.delta = delta;
        self
    }
}

impl Default for Huber {
    fn default() -> Huber {
        Huber::new()
    }
}

fields! { Huber { delta } }

impl LossFunction for Huber {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        shapes::must_broadcast(y_true, y_pred)?;
        let delta = self.delta;
        let error = y_pred - y_true;
        let size = error.abs();
        let near = error.square() * 0.5;
        let far = &size * delta - delta * delta / 2.0;
        Ok(ops::mean(ops::where_(ops::less_equal(&size, delta), near, far), -1))
    }

    // Keras calls the function `huber` and the class's default name this.
    fn name(&self) -> &str {
        "huber_loss"
    }

    fn kind(&self) -> Option<&str> {
        Some("Huber")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// The cosine of the angle between `y_true` and `y_pred`, negated: from -1 (the same direction) to
/// 1 (opposite). Of a vector of zeros it is 0.
///
/// Keras's gradient is NaN where a vector is 0; here it is 0.
#[derive(Clone, Copy, Debug)]
pub struct CosineSimilarity {
    axis: i32,
}

impl CosineSimilarity {
    /// The loss along the last axis.
    pub fn new() -> CosineSimilarity {
        CosineSimilarity { axis: -1 }
    }

    /// The axis along which the vectors lie.
    pub fn axis(mut self, axis: i32) -> CosineSimilarity {
        self.axis = axis;
        self
    }

    /// The cosine itself.
    pub(crate) fn cosine(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        shapes::must_broadcast(y_true, y_pred)?;
        Ok(ops::sum(self.normalized(y_true) * self.normalized(y_pred), self.axis))
    }

    /// The vectors with length 1. Bounding the square instead of the root keeps the gradient of a
    /// vector of zeros finite.
    fn normalized(&self, x: &Tensor) -> Tensor {
        let squares = ops::sum(x.square(), Axis::new(self.axis).keepdims());
        x * ops::rsqrt(squares.maximum(EPSILON * EPSILON))
    }
}

impl Default for CosineSimilarity {
    fn default() -> CosineSimilarity {
        CosineSimilarity::new()
    }
}

fields! { CosineSimilarity { axis } }

impl LossFunction for CosineSimilarity {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        Ok(-self.cosine(y_true, y_pred)?)
    }

    fn name(&self) -> &str {
        "cosine_similarity"
    }

    fn kind(&self) -> Option<&str> {
        Some("CosineSimilarity")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

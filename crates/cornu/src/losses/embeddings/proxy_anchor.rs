//! The proxy-anchor loss.

use super::geometry::log1p_sum_exp;
use super::{must_be_finite, must_be_positive};
use crate::config::fields;
use crate::losses::sparse::{is_class, labels};
use crate::losses::{LossFunction, shapes};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{DType, Result};
use serde_json::Value;

/// Each class has a learned proxy, the column of a [`CosineDense`](crate::layers::CosineDense), that
/// pulls the samples of its class and pushes all others: the mean over the classes in the batch of
/// `ln(1 + Σ e^(-alpha (s - margin)))` over their samples, plus the mean over all classes of
/// `ln(1 + Σ e^(alpha (s + margin)))` over the samples of others. `y_pred` holds the cosines `s`
/// `(n, classes)`, `y_true` the classes. The loss is of the batch as a whole: one number.
///
/// Kim et al., "Proxy anchor loss for deep metric learning", 2020. Defaults: margin 0.1, alpha 32.
/// By name: `"proxy_anchor"`.
#[derive(Clone, Copy, Debug)]
pub struct ProxyAnchor {
    margin: f32,
    alpha: f32,
}

impl ProxyAnchor {
    /// The loss with margin 0.1 and alpha 32.
    pub fn new() -> ProxyAnchor {
        ProxyAnchor { margin: 0.1, alpha: 32.0 }
    }

    /// The cosine that the own samples should be above, and its negative for others.
    pub fn margin(mut self, margin: f32) -> ProxyAnchor {
        self.margin = margin;
        self
    }

    /// The scale of the exponents.
    pub fn alpha(mut self, alpha: f32) -> ProxyAnchor {
        self.alpha = alpha;
        self
    }
}

impl Default for ProxyAnchor {
    fn default() -> ProxyAnchor {
        ProxyAnchor::new()
    }
}

fields! { ProxyAnchor { margin, alpha } }

impl LossFunction for ProxyAnchor {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        must_be_finite("margin", self.margin)?;
        must_be_positive("alpha", self.alpha)?;
        let own = is_class(&labels(y_true, y_pred)?, y_pred.last_dim()?);
        let others = ops::logical_not(&own);
        let pull = log1p_sum_exp(&((self.margin - y_pred) * self.alpha), &own, 0);
        let push = log1p_sum_exp(&((y_pred + self.margin) * self.alpha), &others, 0);
        let present = ops::sum(shapes::convert(&ops::any(own, 0), DType::F32), Axis::ALL);
        let pull = shapes::divide_or_zero(&ops::sum(pull, Axis::ALL), &present);
        Ok(pull + ops::mean(push, Axis::ALL))
    }

    fn name(&self) -> &str {
        "proxy_anchor"
    }

    fn takes_labels(&self) -> bool {
        true
    }

    fn kind(&self) -> Option<&str> {
        Some("ProxyAnchor")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

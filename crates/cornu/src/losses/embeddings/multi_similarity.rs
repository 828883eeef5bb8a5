//! The multi-similarity loss.

use super::geometry::{Batch, largest, log1p_sum_exp, smallest};
use super::{EmbeddingLoss, Terms, must_be_finite, must_be_positive};
use crate::config::fields;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// `ln(1 + Σ e^(-alpha (s(a,p) - base))) / alpha + ln(1 + Σ e^(beta (s(a,n) - base))) / beta` for
/// each sample `a` of embeddings `(n, d)`, with cosines `s`, partners `p` and strangers `n`. The
/// mean is of all samples.
///
/// Only pairs count that are hard enough: partners less similar than the most similar stranger plus
/// epsilon, strangers more similar than the least similar partner minus epsilon. Wang et al.,
/// "Multi-similarity loss with general pair weighting for deep metric learning", 2019. Defaults:
/// alpha 2, beta 50, base 0.5, epsilon 0.1. By name: `"multi_similarity"`.
#[derive(Clone, Copy, Debug)]
pub struct MultiSimilarity {
    alpha: f32,
    beta: f32,
    base: f32,
    epsilon: Option<f32>,
}

impl MultiSimilarity {
    /// The loss with its defaults.
    pub fn new() -> MultiSimilarity {
        MultiSimilarity { alpha: 2.0, beta: 50.0, base: 0.5, epsilon: Some(0.1) }
    }

    /// How sharply the least similar partners stand out.
    pub fn alpha(mut self, alpha: f32) -> MultiSimilarity {
        self.alpha = alpha;
        self
    }

    /// How sharply the most similar strangers stand out.
    pub fn beta(mut self, beta: f32) -> MultiSimilarity {
        self.beta = beta;
        self
    }

    /// The cosine that partners should be above and strangers below.
    pub fn base(mut self, base: f32) -> MultiSimilarity {
        self.base = base;
        self
    }

    /// By how much a pair may be easier than the hardest of the other kind and still count. `None`
    /// counts all pairs.
    pub fn epsilon(mut self, epsilon: impl Into<Option<f32>>) -> MultiSimilarity {
        self.epsilon = epsilon.into();
        self
    }

    /// The partners and strangers that count.
    fn mined(&self, batch: &Batch, cosines: &Tensor) -> (Tensor, Tensor) {
        let Some(epsilon) = self.epsilon else {
            return (batch.same.clone(), batch.different.clone());
        };
        let nearest_stranger = ops::expand_dims(largest(cosines, &batch.different), 1);
        let farthest_partner = ops::expand_dims(smallest(cosines, &batch.same), 1);
        let hard_partner = ops::less(cosines - epsilon, nearest_stranger);
        let hard_stranger = ops::greater(cosines + epsilon, farthest_partner);
        (
            ops::logical_and(&batch.same, hard_partner),
            ops::logical_and(&batch.different, hard_stranger),
        )
    }
}

impl Default for MultiSimilarity {
    fn default() -> MultiSimilarity {
        MultiSimilarity::new()
    }
}

fields! { MultiSimilarity { alpha, beta, base, epsilon } }

impl EmbeddingLoss for MultiSimilarity {
    fn terms(&self, batch: &Batch) -> Result<Terms> {
        must_be_positive("alpha", self.alpha)?;
        must_be_positive("beta", self.beta)?;
        must_be_finite("base", self.base)?;
        let cosines = batch.cosines();
        let (partners, strangers) = self.mined(batch, &cosines);
        let excess = cosines - self.base;
        let pull = log1p_sum_exp(&(&excess * -self.alpha), &partners, -1) / self.alpha;
        let push = log1p_sum_exp(&(excess * self.beta), &strangers, -1) / self.beta;
        Ok((pull + push, None))
    }

    fn name(&self) -> &'static str {
        "multi_similarity"
    }

    fn kind(&self) -> Option<&str> {
        Some("MultiSimilarity")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

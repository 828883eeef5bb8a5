//! Ranking the partner of each pair before the partners of all other pairs of the batch.

use super::geometry::{labels, logsumexp, same_place, unit};
use super::must_be_positive;
use crate::config::fields;
use crate::losses::LossFunction;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result};
use serde_json::Value;

/// The cross-entropy of finding each anchor's partner among the partners of all pairs of a batch,
/// by their similarity times a scale. `y_pred` holds the two embeddings of each pair, `(n, 2, d)`:
/// `ops::stack([anchor, partner], 1)`.
///
/// `y_true` is a number for each pair: pairs with the same number are of one class, and not held
/// against each other. Give 0, 1, 2, … if all are different.
///
/// Henderson et al., "Efficient natural language response suggestion for smart reply", 2017; with
/// dot products and scale 1 ([`MultipleNegativesRanking::n_pairs`]) the multi-class N-pair loss of
/// Sohn, "Improved deep metric learning with multi-class N-pair loss objective", 2016. Defaults as
/// in sentence-transformers: cosines, scale 20, one direction. By name:
/// `"multiple_negatives_ranking"` and `"n_pairs"`.
///
/// ```
/// use cornu::losses::{Loss, MultipleNegativesRanking};
/// use cornu::prelude::*;
///
/// let anchor = Tensor::from([[1.0f32, 0.0], [0.0, 1.0]]);
/// let pairs = ops::stack([&anchor, &anchor], 1);
/// let loss = Loss::from(MultipleNegativesRanking::new().scale(1.0));
/// let mean = loss.call(&Tensor::from([0i32, 1]), &pairs, None)?.item()?;
/// // The own partner has the cosine 1, the other one 0.
/// assert!((mean - (1.0 + (-1.0f64).exp()).ln()).abs() < 1e-6);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MultipleNegativesRanking {
    scale: f32,
    cosine: bool,
    symmetric: bool,
}

impl MultipleNegativesRanking {
    /// The loss of cosines with scale 20.
    pub fn new() -> MultipleNegativesRanking {
        MultipleNegativesRanking { scale: 20.0, cosine: true, symmetric: false }
    }

    /// The loss of dot products with scale 1.
    pub fn n_pairs() -> MultipleNegativesRanking {
        MultipleNegativesRanking { scale: 1.0, cosine: false, symmetric: false }
    }

    /// What similarities are multiplied by.
    pub fn scale(mut self, scale: f32) -> MultipleNegativesRanking {
        self.scale = scale;
        self
    }

    /// Whether the partners look for their anchors too; the loss is the mean of both directions.
    pub fn symmetric(mut self, symmetric: bool) -> MultipleNegativesRanking {
        self.symmetric = symmetric;
        self
    }
}

impl Default for MultipleNegativesRanking {
    fn default() -> MultipleNegativesRanking {
        MultipleNegativesRanking::new()
    }
}

fields! { MultipleNegativesRanking { scale, cosine, symmetric } }

impl LossFunction for MultipleNegativesRanking {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        must_be_positive("scale", self.scale)?;
        let [_, Dim::Known(2), _] = y_pred.shape().dims() else {
            return Err(Error::shape(format!(
                "y_pred must hold the two embeddings of each pair, (n, 2, d), not {}",
                y_pred.shape()
            ))
            .help("end the model with ops::stack([anchor, partner], 1)"));
        };
        let labels = labels(y_true, y_pred)?;
        let vectors = if self.cosine { unit(y_pred) } else { y_pred.clone() };
        let of = |i| ops::squeeze(ops::slice(&vectors, all_of_pair(i)), 1);
        let scores = ops::matmul(of(0), ops::transpose(of(1), None)) * self.scale;
        let equal = ops::equal(ops::expand_dims(&labels, 1), ops::expand_dims(&labels, 0));
        let own = same_place(y_pred.shape().dims()[0]);
        let candidates = ops::logical_or(ops::logical_not(equal), &own);
        let right = ops::sum(ops::where_(own, &scores, 0.0), -1);
        let forth = logsumexp(&scores, &candidates, 1) - &right;
        Ok(match self.symmetric {
            true => (forth + logsumexp(&scores, &candidates, 0) - right) / 2.0,
            false => forth,
        })
    }

    fn name(&self) -> &str {
        if self.cosine { "multiple_negatives_ranking" } else { "n_pairs" }
    }

    fn takes_labels(&self) -> bool {
        true
    }

    fn labels_are_outputs(&self) -> bool {
        false
    }

    fn kind(&self) -> Option<&str> {
        Some("MultipleNegativesRanking")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// The range of one embedding of all pairs.
fn all_of_pair(i: usize) -> [(usize, Option<usize>, usize); 3] {
    [(0, None, 1), (i, Some(i + 1), 1), (0, None, 1)]
}

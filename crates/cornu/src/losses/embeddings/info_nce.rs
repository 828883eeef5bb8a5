//! Losses that let each sample find its partners among all others of the batch by a softmax.

use super::geometry::{Batch, any, logsumexp, mean_of};
use super::{EmbeddingLoss, Terms, must_be_positive};
use crate::config::fields;
use crate::ops;
use cornu_graph::Result;
use serde_json::Value;

/// The normalized temperature-scaled cross-entropy of SimCLR: for each pair `(a, p)` of one class
/// `-ln(e^(s(a,p)/t) / (e^(s(a,p)/t) + Σ e^(s(a,n)/t)))` with the sum over all samples `n` of other
/// classes, of cosines `s` of embeddings `(n, d)`. The mean is of these pairs.
///
/// Chen et al., "A simple framework for contrastive learning of visual representations", 2020; the
/// views of an image have its number as label. Default temperature 0.1. By name: `"nt_xent"`.
#[derive(Clone, Copy, Debug)]
pub struct NTXent {
    temperature: f32,
}

impl NTXent {
    /// The loss with temperature 0.1.
    pub fn new() -> NTXent {
        NTXent { temperature: 0.1 }
    }

    /// What cosines are divided by. The smaller, the more the nearest strangers count.
    pub fn temperature(mut self, temperature: f32) -> NTXent {
        self.temperature = temperature;
        self
    }
}

impl Default for NTXent {
    fn default() -> NTXent {
        NTXent::new()
    }
}

fields! { NTXent { temperature } }

impl EmbeddingLoss for NTXent {
    fn terms(&self, batch: &Batch) -> Result<Terms> {
        must_be_positive("temperature", self.temperature)?;
        let scores = batch.cosines() / self.temperature;
        let strangers = ops::expand_dims(logsumexp(&scores, &batch.different, -1), 1);
        // -ln(e^s / (e^s + e^strangers)) = ln(1 + e^(strangers - s))
        let values = ops::softplus(strangers - scores);
        Ok((ops::where_(&batch.same, values, 0.0), Some(batch.same.clone())))
    }

    fn name(&self) -> &'static str {
        "nt_xent"
    }

    fn kind(&self) -> Option<&str> {
        Some("NTXent")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// The supervised contrastive loss: for each sample the mean over its partners `p` of
/// `-ln(e^(s(a,p)/t) / Σ e^(s(a,i)/t))` with the sum over all other samples `i`, of cosines `s` of
/// embeddings `(n, d)`. The mean is of the samples that have partners.
///
/// Khosla et al., "Supervised contrastive learning", 2020, equation 2. Default temperature 0.1. By
/// name: `"sup_con"`.
#[derive(Clone, Copy, Debug)]
pub struct SupCon {
    temperature: f32,
}

impl SupCon {
    /// The loss with temperature 0.1.
    pub fn new() -> SupCon {
        SupCon { temperature: 0.1 }
    }

    /// What cosines are divided by. The smaller, the more the nearest strangers count.
    pub fn temperature(mut self, temperature: f32) -> SupCon {
        self.temperature = temperature;
        self
    }
}

impl Default for SupCon {
    fn default() -> SupCon {
        SupCon::new()
    }
}

fields! { SupCon { temperature } }

impl EmbeddingLoss for SupCon {
    fn terms(&self, batch: &Batch) -> Result<Terms> {
        must_be_positive("temperature", self.temperature)?;
        let scores = batch.cosines() / self.temperature;
        let others = ops::logical_or(&batch.same, &batch.different);
        let total = ops::expand_dims(logsumexp(&scores, &others, -1), 1);
        Ok((mean_of(&(total - scores), &batch.same), Some(any(&batch.same))))
    }

    fn name(&self) -> &'static str {
        "sup_con"
    }

    fn kind(&self) -> Option<&str> {
        Some("SupCon")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

//! Dropout.

use super::dropout;
use crate::config::decimal;
use crate::layers::{Layer, Scope, one_input};
use crate::tensor::Tensor;
use cornu_graph::Result;

/// Sets a random part of its inputs to 0 in training and scales the rest by `1 / (1 - rate)`, so
/// that their sum stays what it was. Does nothing otherwise.
///
/// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
#[derive(Debug)]
pub struct Dropout {
    rate: f32,
}

impl Dropout {
    /// Drops this part of the inputs, from 0 to 1.
    pub fn new(rate: f32) -> Dropout {
        Dropout { rate }
    }
}

impl Layer for Dropout {
    fn kind(&self) -> &str {
        "Dropout"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        dropout(scope, x, self.rate, x.shape())
    }

    fn config(&self) -> serde_json::Value {
        serde_json::json!({ "rate": decimal(self.rate), "seed": null, "noise_shape": null })
    }
}

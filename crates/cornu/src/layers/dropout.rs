//! Dropout.

use super::{Layer, Scope, one_input};
use crate::config::decimal;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};

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
        if !(0.0..=1.0).contains(&self.rate) {
            return Err(Error::value(format!("rate must be from 0 to 1, not {}", self.rate)));
        }
        if !scope.training() || self.rate == 0.0 {
            return Ok(x.clone());
        }
        if self.rate == 1.0 {
            return Ok(x * 0.0);
        }
        let keep = ops::greater_equal(scope.random_uniform(x.shape()), self.rate);
        Ok(ops::where_(keep, x * (1.0 / (1.0 - self.rate)), 0.0))
    }

    fn config(&self) -> serde_json::Value {
        serde_json::json!({ "rate": decimal(self.rate), "seed": null, "noise_shape": null })
    }
}

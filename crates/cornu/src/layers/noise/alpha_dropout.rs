//! Dropout that keeps mean and variance.

use super::{check_fraction, noise_shape, noise_shape_setting};
use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// Sets a random part of its inputs in training to the value that SELU has at minus infinity, and
/// scales and moves all so that mean 0 and variance 1 remain.
///
/// Klambauer et al., "Self-normalizing neural networks", 2017.
#[derive(Clone, Debug)]
pub struct AlphaDropout {
    rate: f32,
    noise_shape: Option<Vec<Option<usize>>>,
}

/// SELU's limit at minus infinity: -1.6732632 · 1.050701.
const LOWEST: f32 = -1.758_099_3;

impl AlphaDropout {
    /// Drops this part of the inputs, from 0 to less than 1.
    pub fn new(rate: f32) -> AlphaDropout {
        AlphaDropout { rate, noise_shape: None }
    }

    noise_shape_setting!();

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<AlphaDropout> {
        let mut layer = AlphaDropout::new(config.get("rate")?);
        config.set("noise_shape", &mut layer.noise_shape)?;
        Ok(layer)
    }
}

impl Layer for AlphaDropout {
    fn kind(&self) -> &str {
        "AlphaDropout"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let rate = self.rate;
        check_fraction("rate", rate)?;
        if rate == 1.0 {
            return Err(Error::value("rate must be below 1: something must be left to scale"));
        }
        if !scope.training() || rate == 0.0 {
            return Ok(x.clone());
        }
        let draws = noise_shape(x, self.noise_shape.as_deref())?;
        let keep = ops::greater_equal(scope.random_uniform(&draws), rate);
        let factor = ((1.0 - rate) * (1.0 + rate * LOWEST * LOWEST)).sqrt().recip();
        Ok(ops::where_(keep, x, LOWEST) * factor - factor * LOWEST * rate)
    }

    fn config(&self) -> Value {
        json!({ "rate": decimal(self.rate), "seed": null, "noise_shape": self.noise_shape })
    }
}

//! Multiplication with noise.

use super::check_fraction;
use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// Multiplies in training with normally distributed noise of mean 1 and the standard deviation
/// `√(rate / (1 - rate))`, which [`Dropout`](super::Dropout) of this rate has too.
///
/// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
#[derive(Clone, Copy, Debug)]
pub struct GaussianDropout {
    rate: f32,
}

impl GaussianDropout {
    /// The rate, from 0 to less than 1.
    pub fn new(rate: f32) -> GaussianDropout {
        GaussianDropout { rate }
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<GaussianDropout> {
        Ok(GaussianDropout::new(config.get("rate")?))
    }
}

impl Layer for GaussianDropout {
    fn kind(&self) -> &str {
        "GaussianDropout"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        check_fraction("rate", self.rate)?;
        if self.rate == 1.0 {
            return Err(Error::value("rate must be below 1: at 1 the noise would be infinite"));
        }
        if !scope.training() || self.rate == 0.0 {
            return Ok(x.clone());
        }
        let stddev = (self.rate / (1.0 - self.rate)).sqrt();
        Ok(x * (scope.random_normal(x.shape()) * stddev + 1.0))
    }

    fn config(&self) -> Value {
        json!({ "rate": decimal(self.rate), "seed": null })
    }
}

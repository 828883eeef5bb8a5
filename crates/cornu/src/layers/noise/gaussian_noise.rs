//! Noise added in training.

use super::check_fraction;
use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// Adds normally distributed noise of mean 0 in training.
#[derive(Clone, Copy, Debug)]
pub struct GaussianNoise {
    stddev: f32,
}

impl GaussianNoise {
    /// Noise of this standard deviation, from 0 to 1 as in Keras.
    pub fn new(stddev: f32) -> GaussianNoise {
        GaussianNoise { stddev }
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<GaussianNoise> {
        Ok(GaussianNoise::new(config.get("stddev")?))
    }
}

impl Layer for GaussianNoise {
    fn kind(&self) -> &str {
        "GaussianNoise"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        check_fraction("stddev", self.stddev)?;
        if !scope.training() || self.stddev == 0.0 {
            return Ok(x.clone());
        }
        Ok(x + scope.random_normal(x.shape()) * self.stddev)
    }

    fn config(&self) -> Value {
        json!({ "stddev": decimal(self.stddev), "seed": null })
    }
}

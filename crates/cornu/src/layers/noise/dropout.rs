//! Dropout.

use super::{dropout, noise_shape, noise_shape_setting};
use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// Sets a random part of its inputs to 0 in training and scales the rest by `1 / (1 - rate)`, so
/// that their sum stays what it was. Does nothing otherwise.
///
/// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
#[derive(Debug)]
pub struct Dropout {
    rate: f32,
    noise_shape: Option<Vec<Option<usize>>>,
}

impl Dropout {
    /// Drops this part of the inputs, from 0 to 1.
    pub fn new(rate: f32) -> Dropout {
        Dropout { rate, noise_shape: None }
    }

    noise_shape_setting!();

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Dropout> {
        let mut layer = Dropout::new(config.get("rate")?);
        config.set("noise_shape", &mut layer.noise_shape)?;
        Ok(layer)
    }
}

impl Layer for Dropout {
    fn kind(&self) -> &str {
        "Dropout"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        dropout(scope, x, self.rate, &noise_shape(x, self.noise_shape.as_deref())?)
    }

    fn config(&self) -> Value {
        json!({ "rate": decimal(self.rate), "seed": null, "noise_shape": self.noise_shape })
    }
}

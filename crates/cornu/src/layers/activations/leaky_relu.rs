//! The rectified linear unit with a slope below 0.

use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// `x`, or `negative_slope · x` below 0. The slope is 0.3 unless said otherwise (0.2 in the
/// activation of this name).
#[derive(Clone, Copy, Debug)]
pub struct LeakyReLU {
    negative_slope: f32,
}

impl LeakyReLU {
    /// The slope 0.3.
    pub fn new() -> LeakyReLU {
        LeakyReLU { negative_slope: 0.3 }
    }

    /// The slope below 0.
    pub fn negative_slope(mut self, negative_slope: f32) -> LeakyReLU {
        self.negative_slope = negative_slope;
        self
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<LeakyReLU> {
        let mut layer = LeakyReLU::new();
        // Keras 2 called it alpha.
        config.set("alpha", &mut layer.negative_slope)?;
        config.set("negative_slope", &mut layer.negative_slope)?;
        Ok(layer)
    }
}

impl Default for LeakyReLU {
    fn default() -> LeakyReLU {
        LeakyReLU::new()
    }
}

impl Layer for LeakyReLU {
    fn kind(&self) -> &str {
        "LeakyReLU"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(ops::leaky_relu(one_input(inputs)?, self.negative_slope))
    }

    fn config(&self) -> Value {
        json!({ "negative_slope": decimal(self.negative_slope) })
    }
}

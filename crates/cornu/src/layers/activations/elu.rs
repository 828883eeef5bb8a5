//! The exponential linear unit.

use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// `x`, or `alpha · (eˣ - 1)` below 0.
#[derive(Clone, Copy, Debug)]
pub struct ELU {
    alpha: f32,
}

impl ELU {
    /// `alpha` is 1.
    pub fn new() -> ELU {
        ELU { alpha: 1.0 }
    }

    /// What comes out at minus infinity, negated.
    pub fn alpha(mut self, alpha: f32) -> ELU {
        self.alpha = alpha;
        self
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<ELU> {
        Ok(ELU { alpha: config.get_or("alpha", 1.0)? })
    }
}

impl Default for ELU {
    fn default() -> ELU {
        ELU::new()
    }
}

impl Layer for ELU {
    fn kind(&self) -> &str {
        "ELU"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(ops::elu(one_input(inputs)?, self.alpha))
    }

    fn config(&self) -> Value {
        json!({ "alpha": decimal(self.alpha) })
    }
}

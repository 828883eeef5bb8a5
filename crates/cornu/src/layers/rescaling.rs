//! Another scale.

use super::{Layer, Scope, one_input};
use crate::config::{Config, decimal};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{DType, Result};
use serde_json::{Value, json};

/// `x · scale + offset`, as `float32`: `Rescaling::new(1.0 / 255.0)` makes bytes numbers from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Rescaling {
    scale: f32,
    offset: f32,
}

impl Rescaling {
    /// Multiplies by a number.
    pub fn new(scale: f32) -> Rescaling {
        Rescaling { scale, offset: 0.0 }
    }

    /// What is added after that.
    pub fn offset(mut self, offset: f32) -> Rescaling {
        self.offset = offset;
        self
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Rescaling> {
        Ok(Rescaling { scale: config.get("scale")?, offset: config.get_or("offset", 0.0)? })
    }
}

impl Layer for Rescaling {
    fn kind(&self) -> &str {
        "Rescaling"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = ops::cast(one_input(inputs)?, DType::F32);
        Ok(x * self.scale + self.offset)
    }

    fn config(&self) -> Value {
        json!({ "scale": decimal(self.scale), "offset": decimal(self.offset) })
    }
}

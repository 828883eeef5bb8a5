//! Softmax along an axis.

use crate::config::Config;
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// `eˣ / Σeˣ` along an axis, the last unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Softmax {
    axis: i32,
}

impl Softmax {
    /// Along the last axis.
    pub fn new() -> Softmax {
        Softmax { axis: -1 }
    }

    /// Along another axis.
    pub fn axis(mut self, axis: i32) -> Softmax {
        self.axis = axis;
        self
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Softmax> {
        Ok(Softmax { axis: config.get_or("axis", -1)? })
    }
}

impl Default for Softmax {
    fn default() -> Softmax {
        Softmax::new()
    }
}

impl Layer for Softmax {
    fn kind(&self) -> &str {
        "Softmax"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(ops::softmax(one_input(inputs)?, self.axis))
    }

    fn config(&self) -> Value {
        json!({ "axis": self.axis })
    }
}

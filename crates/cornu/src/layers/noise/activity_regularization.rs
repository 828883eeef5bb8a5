//! A penalty on what flows through.

use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// Changes nothing, and adds `l1 · Σ|x| + l2 · Σx²`, as the mean over the samples, to the loss.
#[derive(Clone, Debug)]
pub struct ActivityRegularization {
    l1: f32,
    l2: f32,
    penalty: Regularizer,
}

impl ActivityRegularization {
    /// With these factors; Keras's defaults are 0.
    pub fn new(l1: f32, l2: f32) -> ActivityRegularization {
        ActivityRegularization { l1, l2, penalty: Regularizer::l1_l2(l1, l2) }
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<ActivityRegularization> {
        Ok(ActivityRegularization::new(config.get_or("l1", 0.0)?, config.get_or("l2", 0.0)?))
    }
}

impl Layer for ActivityRegularization {
    fn kind(&self) -> &str {
        "ActivityRegularization"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        one_input(inputs).cloned()
    }

    fn config(&self) -> Value {
        json!({ "l1": decimal(self.l1), "l2": decimal(self.l2) })
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        Some(&self.penalty)
    }
}

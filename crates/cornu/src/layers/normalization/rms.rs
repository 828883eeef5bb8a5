//! Normalization by the root of the mean square.

use super::affine::{sizes, spread};
use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// `scale · x / √(mean(x²) + ε)` along one or several axes, the last unless said otherwise.
///
/// Weight: `scale`, of the sizes along the axes.
///
/// Zhang and Sennrich, "Root mean square layer normalization", 2019.
#[derive(Debug)]
pub struct RMSNormalization {
    axis: Axis,
    epsilon: f32,
}

impl RMSNormalization {
    /// Along the last axis.
    pub fn new() -> RMSNormalization {
        RMSNormalization { axis: Axis::new(-1), epsilon: 1e-6 }
    }

    /// Along other axes: `1`, or `[1, 2]`.
    pub fn axis(mut self, axis: impl Into<Axis>) -> RMSNormalization {
        self.axis = axis.into();
        self
    }

    /// What is added to the mean, so that nothing is divided by 0: 1e-6 unless said otherwise.
    pub fn epsilon(mut self, epsilon: f32) -> RMSNormalization {
        self.epsilon = epsilon;
        self
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<RMSNormalization> {
        let mut layer = RMSNormalization::new();
        config.set("axis", &mut layer.axis)?;
        config.set("epsilon", &mut layer.epsilon)?;
        Ok(layer)
    }
}

impl Default for RMSNormalization {
    fn default() -> RMSNormalization {
        RMSNormalization::new()
    }
}

impl Layer for RMSNormalization {
    fn kind(&self) -> &str {
        "RMSNormalization"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let axes = self.axis.resolve(x.rank())?;
        let scale = scope.weight("scale", sizes(x, &axes)?, "ones")?;
        let squares = ops::mean(x.square(), self.axis.clone().keepdims());
        Ok(x * ops::rsqrt(squares + self.epsilon) * spread(&scale, x, &axes))
    }

    fn config(&self) -> Value {
        json!({ "axis": self.axis.list(), "epsilon": decimal(self.epsilon) })
    }
}

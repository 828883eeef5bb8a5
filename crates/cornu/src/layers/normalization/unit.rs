//! Vectors of length 1.

use crate::config::Config;
use crate::layers::{Layer, Scope, one_input};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// `x / ‖x‖` along one or several axes, the last unless said otherwise.
#[derive(Debug)]
pub struct UnitNormalization {
    axis: Axis,
}

impl UnitNormalization {
    /// Along the last axis.
    pub fn new() -> UnitNormalization {
        UnitNormalization { axis: Axis::new(-1) }
    }

    /// Along other axes: `1`, or `[1, 2]`.
    pub fn axis(mut self, axis: impl Into<Axis>) -> UnitNormalization {
        self.axis = axis.into();
        self
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<UnitNormalization> {
        Ok(UnitNormalization { axis: config.get_or("axis", Axis::new(-1))? })
    }
}

impl Default for UnitNormalization {
    fn default() -> UnitNormalization {
        UnitNormalization::new()
    }
}

impl Layer for UnitNormalization {
    fn kind(&self) -> &str {
        "UnitNormalization"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(ops::normalize(one_input(inputs)?, self.axis.clone(), 1e-12))
    }

    fn config(&self) -> Value {
        json!({ "axis": self.axis })
    }
}

//! The dense layer of cosines.

use super::{Layer, Scope, one_input};
use crate::config::Config;
use crate::initializers::Initializer;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde::Serialize;

/// The cosine of the angle between the input and each of `units` learned directions: numbers from
/// -1 to 1. The last layer of a model that trains with [`ArcFace`](crate::losses::ArcFace),
/// [`CosFace`](crate::losses::CosFace) or [`ProxyAnchor`](crate::losses::ProxyAnchor), one unit a
/// class.
///
/// Weights: `kernel (inputs, units)`, whose columns count with length 1; there is no bias. A vector
/// of zeros has the cosine 0 to all.
#[derive(Debug, Serialize)]
pub struct CosineDense {
    units: usize,
    kernel_initializer: Initializer,
}

impl CosineDense {
    /// A layer with this many outputs and a Glorot-uniform kernel.
    pub fn new(units: usize) -> CosineDense {
        CosineDense { units, kernel_initializer: Initializer::from("glorot_uniform") }
    }

    /// The first values of the kernel.
    pub fn kernel_initializer(mut self, initializer: impl Into<Initializer>) -> CosineDense {
        self.kernel_initializer = initializer.into();
        self
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<CosineDense> {
        let mut layer = CosineDense::new(config.get("units")?);
        config.set("kernel_initializer", &mut layer.kernel_initializer)?;
        Ok(layer)
    }
}

impl Layer for CosineDense {
    fn kind(&self) -> &str {
        "CosineDense"
    }

    fn package(&self) -> &str {
        "Cornu"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        if self.units == 0 {
            return Err(Error::value("units must be at least 1, not 0"));
        }
        let x = one_input(inputs)?;
        let shape = [x.last_dim()?, self.units];
        let kernel = scope.weight("kernel", shape, &self.kernel_initializer)?;
        let unit = |x: &Tensor, axis: i32| ops::normalize(x, axis, ops::SMALLEST_NORM);
        Ok(ops::matmul(unit(x, -1), unit(&kernel, 0)))
    }

    fn config(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

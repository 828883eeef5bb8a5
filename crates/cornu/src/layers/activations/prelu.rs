//! The rectified linear unit with learned slopes.

use crate::config::Config;
use crate::layers::{Layer, Scope, WeightSpec, one_input, weight_settings};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// `x`, or `alpha · x` below 0, with a learned `alpha` for each element of a sample.
///
/// Weight: `alpha`, of the shape of a sample, 1 along the shared axes.
///
/// He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.
#[derive(Debug)]
pub struct PReLU {
    alpha: WeightSpec,
    shared_axes: Option<Vec<usize>>,
}

impl PReLU {
    /// A slope of its own for each element, 0 at first.
    pub fn new() -> PReLU {
        PReLU { alpha: WeightSpec::new("zeros"), shared_axes: None }
    }

    /// The axes along which a slope is shared: `[1, 2]` gives each channel of an image one. Axis 0
    /// is the batch.
    pub fn shared_axes(mut self, axes: impl Into<Vec<usize>>) -> PReLU {
        self.shared_axes = Some(axes.into());
        self
    }

    weight_settings!("slopes", alpha, alpha_initializer, alpha_regularizer, alpha_constraint);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<PReLU> {
        let mut layer = PReLU::new();
        config.set("shared_axes", &mut layer.shared_axes)?;
        layer.alpha.read("alpha", config)?;
        Ok(layer)
    }
}

impl Default for PReLU {
    fn default() -> PReLU {
        PReLU::new()
    }
}

impl Layer for PReLU {
    fn kind(&self) -> &str {
        "PReLU"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let shared = self.shared_axes.as_deref().unwrap_or_default();
        if let Some(axis) = shared.iter().find(|&&axis| axis == 0 || axis >= x.rank()) {
            let last = x.rank().saturating_sub(1);
            return Err(Error::value(format!("shared axes go from 1 to {last}, not {axis}")));
        }
        let dims = x.shape().dims().iter().enumerate().skip(1);
        let sizes = dims.map(|(i, dim)| if shared.contains(&i) { Some(1) } else { dim.known() });
        let sizes: Vec<usize> = sizes.collect::<Option<_>>().ok_or_else(|| {
            Error::shape(format!(
                "the shape of a sample must be known, but the input is {}",
                x.shape()
            ))
        })?;
        let alpha = scope.weight("alpha", sizes, &self.alpha)?;
        Ok(ops::relu(x) - alpha * ops::relu(-x))
    }

    fn config(&self) -> Value {
        let mut config = json!({ "shared_axes": self.shared_axes });
        self.alpha.describe("alpha", &mut config);
        config
    }
}

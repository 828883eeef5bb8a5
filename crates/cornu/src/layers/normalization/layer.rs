//! Normalization of each sample.

use super::affine::{Affine, Moments, affine_settings};
use crate::config::Config;
use crate::layers::options::only;
use crate::layers::{Layer, Scope, one_input};
use crate::ops::Axis;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// Brings each sample to mean 0 and variance 1 along one or several axes, the last unless said
/// otherwise.
///
/// Weights: `gamma`, `beta`, of the sizes along the axes.
///
/// Ba, Kiros and Hinton, "Layer normalization", 2016.
#[derive(Debug)]
pub struct LayerNormalization {
    axis: Axis,
    affine: Affine,
}

impl LayerNormalization {
    /// Along the last axis.
    pub fn new() -> LayerNormalization {
        LayerNormalization { axis: Axis::new(-1), affine: Affine::default() }
    }

    /// Along other axes: `1`, or `[1, 2, 3]`.
    pub fn axis(mut self, axis: impl Into<Axis>) -> LayerNormalization {
        self.axis = axis.into();
        self
    }

    affine_settings!();

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<LayerNormalization> {
        only(config, "rms_scaling", false)?;
        let axis = config.get_or("axis", Axis::new(-1))?;
        Ok(LayerNormalization { axis, affine: Affine::read(config)? })
    }
}

impl Default for LayerNormalization {
    fn default() -> LayerNormalization {
        LayerNormalization::new()
    }
}

impl Layer for LayerNormalization {
    fn kind(&self) -> &str {
        "LayerNormalization"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let axes = self.axis.resolve(x.rank())?;
        let weights = self.affine.weights(scope, x, &axes)?;
        Ok(self.affine.normalize(x, &Moments::of(x, &axes), &weights))
    }

    fn config(&self) -> Value {
        self.affine.describe(json!({ "axis": self.axis.list(), "rms_scaling": false }))
    }
}

//! Flattening samples to vectors.

use crate::config::Config;
use crate::layers::{DataFormat, Layer, Scope, one_input};
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result, Shape};

/// Makes each sample a vector: `(None, 28, 28, 1)` becomes `(None, 784)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flatten;

impl Flatten {
    /// The layer.
    pub fn new() -> Flatten {
        Flatten
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Flatten> {
        config.get_or("data_format", DataFormat::default()).map(|_| Flatten)
    }
}

impl Layer for Flatten {
    fn kind(&self) -> &str {
        "Flatten"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let Some((&batch, sample)) = x.shape().dims().split_first() else {
            return Err(Error::shape("a single number has no batch to flatten"));
        };
        let features = match Shape::from(sample.to_vec()).count() {
            Some(Dim::Known(n)) => n,
            _ => return Err(Error::shape(format!("cannot flatten samples of {}", x.shape()))),
        };
        Ok(x.reshape_to(&Shape::from(vec![batch, Dim::Known(features)])))
    }

    fn config(&self) -> serde_json::Value {
        serde_json::json!({ "data_format": "channels_last" })
    }
}

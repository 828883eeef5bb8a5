//! Numbers of things as vectors.

use super::options::{only, plain_weights};
use super::{Layer, Scope, WeightSpec, activity_setting, one_input, weight_settings};
use crate::config::Config;
use crate::ops;
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// A learned vector for each of `input_dim` things that are given by their numbers: whole numbers of
/// any shape `(batch, …)` become `(batch, …, output_dim)`.
///
/// Weight: `embeddings (input_dim, output_dim)`.
///
/// A number outside 0 to `input_dim - 1` becomes zeros.
///
/// ```
/// use cornu::prelude::*;
///
/// let words = Tensor::from(Input::new([20]).dtype(DType::I32));
/// let vectors = Embedding::new(1000, 64).call(&words);
/// assert_eq!(vectors.shape().to_string(), "(None, 20, 64)");
/// ```
#[derive(Debug)]
pub struct Embedding {
    input_dim: usize,
    output_dim: usize,
    embeddings: WeightSpec,
    activity_regularizer: Option<Regularizer>,
}

impl Embedding {
    /// For this many things, vectors of this length.
    pub fn new(input_dim: usize, output_dim: usize) -> Embedding {
        Embedding {
            input_dim,
            output_dim,
            embeddings: WeightSpec::new("uniform"),
            activity_regularizer: None,
        }
    }

    weight_settings!(
        "vectors",
        embeddings,
        embeddings_initializer,
        embeddings_regularizer,
        embeddings_constraint
    );
    activity_setting!(activity_regularizer);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Embedding> {
        plain_weights(config)?;
        only(config, "mask_zero", false)?;
        let mut layer = Embedding::new(config.get("input_dim")?, config.get("output_dim")?);
        config.set("activity_regularizer", &mut layer.activity_regularizer)?;
        layer.embeddings.read("embeddings", config)?;
        Ok(layer)
    }
}

impl Layer for Embedding {
    fn kind(&self) -> &str {
        "Embedding"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        if self.input_dim == 0 || self.output_dim == 0 {
            return Err(Error::value("input_dim and output_dim must be at least 1, not 0"));
        }
        let shape = [self.input_dim, self.output_dim];
        let table = scope.weight("embeddings", shape, &self.embeddings)?;
        // Not `take`: to it -1 is the last row.
        Ok(ops::rows(&table, x))
    }

    fn config(&self) -> Value {
        let mut config = json!({
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "activity_regularizer": self.activity_regularizer,
            "mask_zero": false,
        });
        self.embeddings.describe("embeddings", &mut config);
        config
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.activity_regularizer.as_ref()
    }
}

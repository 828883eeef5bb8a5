//! A vector as a sequence.

use crate::config::Config;
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// Repeats each vector: `(batch, features)` becomes `(batch, n, features)`.
#[derive(Clone, Copy, Debug)]
pub struct RepeatVector {
    n: usize,
}

impl RepeatVector {
    /// So many times.
    pub fn new(n: usize) -> RepeatVector {
        RepeatVector { n }
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<RepeatVector> {
        Ok(RepeatVector { n: config.get("n")? })
    }
}

impl Layer for RepeatVector {
    fn kind(&self) -> &str {
        "RepeatVector"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        if x.rank() != 2 {
            let shape = x.shape();
            return Err(Error::shape(format!("the input must be (batch, features), not {shape}")));
        }
        Ok(ops::repeat(ops::expand_dims(x, 1), self.n, 1))
    }

    fn config(&self) -> Value {
        json!({ "n": self.n })
    }
}

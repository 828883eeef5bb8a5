//! The axes of samples in another order.

use crate::config::Config;
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// Puts the axes of samples in another order. They count from 1; the batch stays first.
///
/// ```
/// use cornu::prelude::*;
///
/// let turned = layers::Permute::new([2, 1]).call(&Input::tensor([10, 64]));
/// assert_eq!(turned.shape().to_string(), "(None, 64, 10)");
/// ```
#[derive(Clone, Debug)]
pub struct Permute {
    dims: Vec<usize>,
}

impl Permute {
    /// Axis `dims[i]` of a sample becomes axis `i + 1`.
    pub fn new(dims: impl Into<Vec<usize>>) -> Permute {
        Permute { dims: dims.into() }
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Permute> {
        Ok(Permute { dims: config.get("dims")? })
    }
}

impl Layer for Permute {
    fn kind(&self) -> &str {
        "Permute"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if x.rank() == 0 || !sorted.iter().copied().eq(1..x.rank()) {
            let last = x.rank().saturating_sub(1);
            return Err(Error::value(format!(
                "{:?} is no order of the axes 1 to {last} of an input of shape {}",
                self.dims,
                x.shape()
            )));
        }
        let order: Vec<i32> =
            std::iter::once(0).chain(self.dims.iter().map(|&d| d as i32)).collect();
        Ok(ops::transpose(x, Some(&order)))
    }

    fn config(&self) -> Value {
        json!({ "dims": self.dims })
    }
}

//! Nothing.

use super::{Layer, Scope, one_input};
use crate::config::Config;
use crate::tensor::Tensor;
use cornu_graph::Result;

/// Gives out what it is given: a place for a name, or for a layer that comes later.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl Identity {
    /// The layer.
    pub fn new() -> Identity {
        Identity
    }

    /// From its configuration.
    pub(crate) fn from_config(_: &Config<'_>) -> Result<Identity> {
        Ok(Identity)
    }
}

impl Layer for Identity {
    fn kind(&self) -> &str {
        "Identity"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        one_input(inputs).cloned()
    }
}

//! Its inputs one after another.

use super::shapes;
use crate::config::Config;
use crate::layers::{Layer, Scope};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// Puts its inputs one after another along an axis, the last unless said otherwise.
///
/// ```
/// use cornu::prelude::*;
///
/// let (a, b) = (Input::tensor([4]), Input::tensor([3]));
/// let both = Concatenate::new().call([&a, &b]);
/// assert_eq!(both.shape().to_string(), "(None, 7)");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Concatenate {
    axis: i32,
}

impl Concatenate {
    /// Along the last axis.
    pub fn new() -> Concatenate {
        Concatenate { axis: -1 }
    }

    /// Along another axis; 0 is the batch.
    pub fn axis(mut self, axis: i32) -> Concatenate {
        self.axis = axis;
        self
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Concatenate> {
        Ok(Concatenate { axis: config.get_or("axis", -1)? })
    }
}

impl Default for Concatenate {
    fn default() -> Concatenate {
        Concatenate::new()
    }
}

impl Layer for Concatenate {
    fn kind(&self) -> &str {
        "Concatenate"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let first = inputs.first().ok_or_else(|| Error::value("there is nothing to merge"))?;
        let rank = first.rank();
        let axis = ops::resolve_axis(self.axis, rank)?;
        let differs = |x: &Tensor| {
            let (a, b) = (first.shape().dims(), x.shape().dims());
            b.len() != rank || (0..rank).any(|i| i != axis && a[i] != b[i])
        };
        if inputs.iter().any(differs) {
            return Err(Error::shape(format!(
                "inputs of shapes {} cannot be joined along axis {}",
                shapes(inputs),
                self.axis
            ))
            .help("all their other sizes must be equal"));
        }
        Ok(ops::concatenate(inputs, self.axis))
    }

    fn config(&self) -> Value {
        json!({ "axis": self.axis })
    }
}

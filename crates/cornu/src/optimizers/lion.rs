//! Lion.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep, rest};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::Value;

/// `w - rate · sign(beta_1 · m + (1 - beta_1) · g)`, then `m = beta_2 · m + (1 - beta_2) · g`: every
/// element moves by the learning rate, which is chosen 3 to 10 times smaller than Adam's.
///
/// Chen et al., "Symbolic discovery of optimization algorithms", 2023. Keras's defaults: learning
/// rate 0.001, beta_1 0.9, beta_2 0.99.
#[derive(Clone, Debug)]
pub struct Lion {
    common: Common,
    beta_1: f32,
    beta_2: f32,
}

settings! {
    Lion {
        /// How much the average gradient counts beside the gradient, above 0 and up to 1.
        beta_1: f32,
        /// How much of the average gradient is kept.
        beta_2: f32,
    }
}

impl Default for Lion {
    fn default() -> Lion {
        Lion { common: Common::new(0.001), beta_1: 0.9, beta_2: 0.99 }
    }
}

impl Optimizer for Lion {
    fn kind(&self) -> &str {
        "Lion"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        vec![Slot::zeros("momentum")]
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let (m, g) = (&step.slots[0], step.gradient);
        let direction = ops::sign(m * self.beta_1 + g * rest(self.beta_1));
        let momentum = m * self.beta_2 + g * rest(self.beta_2);
        (step.weight - direction * step.learning_rate, vec![momentum])
    }

    fn check(&self) -> Result<()> {
        check_beta_1(self.beta_1)
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// Whether a part is more than nothing and not more than all.
pub(super) fn check_beta_1(beta_1: f32) -> Result<()> {
    if beta_1 > 0.0 && beta_1 <= 1.0 {
        return Ok(());
    }
    Err(Error::value(format!("beta_1 must be above 0 and up to 1, not {beta_1}")))
}

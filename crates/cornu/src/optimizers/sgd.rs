//! Stochastic gradient descent.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep};
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::Value;

/// `w - rate · g`; with momentum `v = momentum · v - rate · g` and `w + v`, or
/// `w + momentum · v - rate · g` with Nesterov's.
///
/// Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
/// Keras's defaults: learning rate 0.01, no momentum.
#[derive(Clone, Debug)]
pub struct SGD {
    common: Common,
    momentum: f32,
    nesterov: bool,
}

settings! {
    SGD {
        /// How much of the last change is kept, from 0 to 1.
        momentum: f32,
        /// Whether the gradient counts as if it were taken after the momentum's part of the step.
        nesterov: bool,
    }
}

impl Default for SGD {
    fn default() -> SGD {
        SGD { common: Common::new(0.01), momentum: 0.0, nesterov: false }
    }
}

impl Optimizer for SGD {
    fn kind(&self) -> &str {
        "SGD"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        if self.momentum == 0.0 { vec![] } else { vec![Slot::zeros("momentum")] }
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let change = step.gradient * step.learning_rate;
        let [velocity] = step.slots else {
            return (step.weight - change, vec![]);
        };
        let velocity = velocity * self.momentum - &change;
        let weight = match self.nesterov {
            true => step.weight + (&velocity * self.momentum - change),
            false => step.weight + &velocity,
        };
        (weight, vec![velocity])
    }

    fn check(&self) -> Result<()> {
        match self.momentum {
            0.0..=1.0 => Ok(()),
            other => Err(Error::value(format!("momentum must be from 0 to 1, not {other}"))),
        }
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

//! Adamax.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep, average};
use crate::ops;
use crate::tensor::Tensor;
use serde_json::Value;

/// `w - rate / (1 - beta_1ᵗ) · m / (u + epsilon)` with the moving average `m` of gradients and
/// `u = max(beta_2 · u, |g|)`.
///
/// Kingma and Ba, "Adam: a method for stochastic optimization", 2014, section 7.1. Keras's
/// defaults: learning rate 0.001, beta_1 0.9, beta_2 0.999, epsilon 1e-7.
#[derive(Clone, Debug)]
pub struct Adamax {
    common: Common,
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
}

settings! {
    Adamax {
        /// How much of the average gradient is kept.
        beta_1: f32,
        /// How much of the largest gradient is kept.
        beta_2: f32,
        /// What keeps the divisor from 0.
        epsilon: f32,
    }
}

impl Default for Adamax {
    fn default() -> Adamax {
        Adamax { common: Common::new(0.001), beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }
}

impl Optimizer for Adamax {
    fn kind(&self) -> &str {
        "Adamax"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        vec![Slot::zeros("momentum"), Slot::zeros("norm")]
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let alpha = step.learning_rate / (1.0 - ops::power(self.beta_1, step.iteration));
        let m = average(&step.slots[0], step.gradient, self.beta_1);
        let u = (&step.slots[1] * self.beta_2).maximum(step.gradient.abs());
        let weight = step.weight - &m * alpha / (&u + self.epsilon);
        (weight, vec![m, u])
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

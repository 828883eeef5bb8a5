//! Adam with Nesterov's momentum.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep};
use crate::ops;
use crate::tensor::Tensor;
use serde_json::Value;

/// Adam with Nesterov's momentum: `w - rate · m̂ / (√v̂ + epsilon)`, where
/// `m̂ = u₁ · m / (1 - P · u₁) + (1 - u) · g / (1 - P)` and `v̂ = v / (1 - beta_2ᵗ)`, with the moving
/// averages `m` of gradients and `v` of their squares, `u = beta_1 · (1 - 0.96ᵗ / 2)`, the next
/// step's `u₁`, and the product `P` of all `u` so far.
///
/// Dozat, "Incorporating Nesterov momentum into Adam", 2016. Keras's defaults: learning rate 0.001,
/// beta_1 0.9, beta_2 0.999, epsilon 1e-7.
#[derive(Clone, Debug)]
pub struct Nadam {
    common: Common,
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
}

settings! {
    Nadam {
        /// How much of the average gradient is kept.
        beta_1: f32,
        /// How much of the average of squared gradients is kept.
        beta_2: f32,
        /// What keeps the divisor from 0.
        epsilon: f32,
    }
}

impl Default for Nadam {
    fn default() -> Nadam {
        Nadam { common: Common::new(0.001), beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }
}

impl Optimizer for Nadam {
    fn kind(&self) -> &str {
        "Nadam"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    // The product is the same for all weights; a copy for each costs four bytes.
    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        vec![Slot::zeros("momentum"), Slot::zeros("velocity"), Slot::number("u_product", 1.0)]
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let (t, rate, g) = (step.iteration, step.learning_rate, step.gradient);
        let u = |t: &Tensor| self.beta_1 * (1.0 - 0.5 * ops::power(0.96, t));
        let (now, next) = (u(t), u(&(t + 1.0)));
        let product = &step.slots[2] * &now;
        let of_momentum = rate * &next / (1.0 - &product * &next);
        let of_gradient = rate * (1.0 - &now) / (1.0 - &product);
        // 1 - beta_2 and 1 - beta_2ᵗ in the same precision: at the first step they cancel.
        let m = &step.slots[0] + (g - &step.slots[0]) * (1.0 - self.beta_1);
        let v = &step.slots[1] + (g.square() - &step.slots[1]) * (1.0 - self.beta_2);
        let correction = 1.0 / (1.0 - ops::power(self.beta_2, t));
        let change = &m * of_momentum + g * of_gradient;
        let divisor = (&v * correction).sqrt() + self.epsilon;
        (step.weight - change / divisor, vec![m, v, product])
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

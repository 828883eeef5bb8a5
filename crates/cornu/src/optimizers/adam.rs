//! Adam, with weight decay too.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep, average};
use crate::ops;
use crate::tensor::Tensor;
use serde_json::Value;

/// `w - alpha · m / (√v + epsilon)` with the moving averages `m` of gradients and `v` of their
/// squares, and `alpha = rate · √(1 - beta_2ᵗ) / (1 - beta_1ᵗ)` at step `t`.
///
/// Kingma and Ba, "Adam: a method for stochastic optimization", 2014; AMSGrad: Reddi et al., "On
/// the convergence of Adam and beyond", 2018. Keras's defaults: learning rate 0.001, beta_1 0.9,
/// beta_2 0.999, epsilon 1e-7, no AMSGrad.
#[derive(Clone, Debug)]
pub struct Adam {
    common: Common,
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    amsgrad: bool,
}

settings! {
    Adam {
        /// How much of the average gradient is kept.
        beta_1: f32,
        /// How much of the average of squared gradients is kept.
        beta_2: f32,
        /// What keeps the divisor from 0.
        epsilon: f32,
        /// Whether the largest `v` so far is used, so that steps never grow.
        amsgrad: bool,
    }
}

impl Default for Adam {
    fn default() -> Adam {
        Adam {
            common: Common::new(0.001),
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            amsgrad: false,
        }
    }
}

impl Optimizer for Adam {
    fn kind(&self) -> &str {
        "Adam"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        let mut slots = vec![Slot::zeros("momentum"), Slot::zeros("velocity")];
        if self.amsgrad {
            slots.push(Slot::zeros("velocity_hat"));
        }
        slots
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let power = |beta: f32| ops::power(beta, step.iteration);
        let root = (1.0 - power(self.beta_2)).sqrt();
        let alpha = step.learning_rate * root / (1.0 - power(self.beta_1));
        let g = step.gradient;
        let m = average(&step.slots[0], g, self.beta_1);
        let v = average(&step.slots[1], &g.square(), self.beta_2);
        let largest = step.slots.get(2).map(|largest| largest.maximum(&v));
        let divisor = largest.as_ref().unwrap_or(&v).sqrt() + self.epsilon;
        let weight = step.weight - &m * alpha / divisor;
        (weight, [m, v].into_iter().chain(largest).collect())
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// [`Adam`] with decoupled weight decay: before each step `w - w · weight_decay · rate`.
///
/// Loshchilov and Hutter, "Decoupled weight decay regularization", 2019. Keras's defaults: those of
/// Adam and a weight decay of 0.004.
#[derive(Clone, Debug)]
pub struct AdamW {
    common: Common,
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    amsgrad: bool,
}

settings! {
    AdamW {
        /// How much of the average gradient is kept.
        beta_1: f32,
        /// How much of the average of squared gradients is kept.
        beta_2: f32,
        /// What keeps the divisor from 0.
        epsilon: f32,
        /// Whether the largest `v` so far is used, so that steps never grow.
        amsgrad: bool,
    }
}

impl Default for AdamW {
    fn default() -> AdamW {
        let Adam { common, beta_1, beta_2, epsilon, amsgrad } = Adam::default();
        AdamW { common, beta_1, beta_2, epsilon, amsgrad }.weight_decay(0.004)
    }
}

impl AdamW {
    /// The same rule; the decay is done for all optimizers in one place.
    fn adam(&self) -> Adam {
        let AdamW { common, beta_1, beta_2, epsilon, amsgrad } = self.clone();
        Adam { common, beta_1, beta_2, epsilon, amsgrad }
    }
}

impl Optimizer for AdamW {
    fn kind(&self) -> &str {
        "AdamW"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, weight: &WeightSpec<'_>) -> Vec<Slot> {
        self.adam().slots(weight)
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        self.adam().update(step)
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

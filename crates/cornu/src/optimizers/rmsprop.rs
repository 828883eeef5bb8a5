//! RMSprop.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep, rest};
use crate::tensor::Tensor;
use serde_json::Value;

/// `w - rate · g / √(v + epsilon)` with `v = rho · v + (1 - rho) · g²`; centered, the square of the
/// average gradient is subtracted from `v` first; with momentum the changes are added up as
/// `m = momentum · m + change`.
///
/// Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012. Keras's defaults: learning rate 0.001, rho
/// 0.9, no momentum, epsilon 1e-7, not centered.
#[derive(Clone, Debug)]
pub struct RMSprop {
    common: Common,
    rho: f32,
    momentum: f32,
    epsilon: f32,
    centered: bool,
}

settings! {
    RMSprop {
        /// How much of the average of squared gradients is kept.
        rho: f32,
        /// How much of the last change is kept.
        momentum: f32,
        /// What keeps the root from 0.
        epsilon: f32,
        /// Whether gradients are divided by their standard deviation instead of their size.
        centered: bool,
    }
}

impl Default for RMSprop {
    fn default() -> RMSprop {
        RMSprop {
            common: Common::new(0.001),
            rho: 0.9,
            momentum: 0.0,
            epsilon: 1e-7,
            centered: false,
        }
    }
}

impl Optimizer for RMSprop {
    fn kind(&self) -> &str {
        "RMSprop"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        let mut slots = vec![Slot::zeros("velocity")];
        if self.momentum > 0.0 {
            slots.push(Slot::zeros("momentum"));
        }
        if self.centered {
            slots.push(Slot::zeros("average_gradient"));
        }
        slots
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let (rho, rest) = (self.rho, rest(self.rho));
        let g = step.gradient;
        let velocity = &step.slots[0] * rho + g.square() * rest;
        let mut slots = vec![velocity.clone()];
        let mut variance = velocity;
        let average = self.centered.then(|| {
            // It is the last slot.
            let average = &step.slots[step.slots.len() - 1] * rho + g * rest;
            variance = &variance - average.square();
            average
        });
        let mut change = g * step.learning_rate / (variance + self.epsilon).sqrt();
        if self.momentum > 0.0 {
            change = &step.slots[1] * self.momentum + change;
            slots.push(change.clone());
        }
        slots.extend(average);
        (step.weight - change, slots)
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

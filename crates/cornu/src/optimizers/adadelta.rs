//! Adadelta.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep, rest};
use crate::tensor::Tensor;
use serde_json::Value;

/// `w + rate · d` with `d = -√(D + epsilon) · g / √(G + epsilon)`, where `G` and `D` are the moving
/// averages of `g²` and `d²`.
///
/// Zeiler, "ADADELTA: an adaptive learning rate method", 2012, whose learning rate is 1. Keras's
/// defaults: learning rate 0.001, rho 0.95, epsilon 1e-7.
#[derive(Clone, Debug)]
pub struct Adadelta {
    common: Common,
    rho: f32,
    epsilon: f32,
}

settings! {
    Adadelta {
        /// How much of the averages is kept.
        rho: f32,
        /// What keeps the roots from 0.
        epsilon: f32,
    }
}

impl Default for Adadelta {
    fn default() -> Adadelta {
        Adadelta { common: Common::new(0.001), rho: 0.95, epsilon: 1e-7 }
    }
}

impl Optimizer for Adadelta {
    fn kind(&self) -> &str {
        "Adadelta"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        vec![Slot::zeros("accumulated_grad"), Slot::zeros("accumulated_delta_var")]
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let (rho, rest) = (self.rho, rest(self.rho));
        let root = |x: &Tensor| (x + self.epsilon).sqrt();
        let (gradients, changes) = (&step.slots[0], &step.slots[1]);
        let gradients = gradients * rho + step.gradient.square() * rest;
        let change = -(root(changes) * step.gradient / root(&gradients));
        let changes = changes * rho + change.square() * rest;
        (step.weight + change * step.learning_rate, vec![gradients, changes])
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

//! Adagrad.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep};
use crate::tensor::Tensor;
use serde_json::Value;

/// `w - rate · g / √(a + epsilon)`, where `a` is the sum of all `g²` so far.
///
/// Duchi et al., "Adaptive subgradient methods for online learning and stochastic optimization",
/// 2011. Keras's defaults: learning rate 0.001, an accumulator that begins at 0.1, epsilon 1e-7.
#[derive(Clone, Debug)]
pub struct Adagrad {
    common: Common,
    initial_accumulator_value: f32,
    epsilon: f32,
}

settings! {
    Adagrad {
        /// With what the sum of squared gradients begins.
        initial_accumulator_value: f32,
        /// What keeps the root from 0.
        epsilon: f32,
    }
}

impl Default for Adagrad {
    fn default() -> Adagrad {
        Adagrad { common: Common::new(0.001), initial_accumulator_value: 0.1, epsilon: 1e-7 }
    }
}

impl Optimizer for Adagrad {
    fn kind(&self) -> &str {
        "Adagrad"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        vec![Slot::filled("accumulator", self.initial_accumulator_value)]
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let accumulator = &step.slots[0] + step.gradient.square();
        let change = step.gradient * step.learning_rate / (&accumulator + self.epsilon).sqrt();
        (step.weight - change, vec![accumulator])
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

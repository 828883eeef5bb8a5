//! Lamb.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep, average};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use serde_json::Value;

/// `w - rate · ‖w‖ / ‖u‖ · u` with Adam's direction `u = m̂ / (√v̂ + epsilon)`, where `m̂` and `v̂` are
/// the moving averages of gradients and of their squares, each divided by `1 - betaᵗ`. The quotient
/// of the norms is 1 where one of them is 0.
///
/// You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2019.
/// Keras's defaults: learning rate 0.001, beta_1 0.9, beta_2 0.999, epsilon 1e-7.
#[derive(Clone, Debug)]
pub struct Lamb {
    common: Common,
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
}

settings! {
    Lamb {
        /// How much of the average gradient is kept.
        beta_1: f32,
        /// How much of the average of squared gradients is kept.
        beta_2: f32,
        /// What keeps the divisor from 0.
        epsilon: f32,
    }
}

impl Default for Lamb {
    fn default() -> Lamb {
        Lamb { common: Common::new(0.001), beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }
}

impl Optimizer for Lamb {
    fn kind(&self) -> &str {
        "Lamb"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        vec![Slot::zeros("momentum"), Slot::zeros("velocity")]
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let g = step.gradient;
        let m = average(&step.slots[0], g, self.beta_1);
        let v = average(&step.slots[1], &g.square(), self.beta_2);
        let correction = |beta: f32| 1.0 - ops::power(beta, step.iteration);
        let divisor = (&v / correction(self.beta_2)).sqrt() + self.epsilon;
        let direction = &m / correction(self.beta_1) / divisor;
        let of_weight = ops::norm(step.weight, Axis::ALL);
        let of_direction = ops::norm(&direction, Axis::ALL);
        let both =
            ops::logical_and(ops::greater(&of_weight, 0.0), ops::greater(&of_direction, 0.0));
        let ratio = ops::where_(both, of_weight / of_direction, 1.0);
        (step.weight - direction * (ratio * step.learning_rate), vec![m, v])
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

//! AdamW that needs no schedule.

use super::lion::check_beta_1;
use super::{Common, Optimizer, Slot, WeightSpec, WeightStep};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// Trains at the point `w` between a fast sequence `z` and the average `x` of all its values:
/// `z - rate · g / (√v̂ + epsilon)`, then `x + (z - x) / t` at step `t`, then
/// `w = (1 - beta_1) · z + beta_1 · x`. `v̂` is the moving average of `g²` divided by `1 - beta_2ᵗ`;
/// `x` is not remembered but found again from `w` and `z`. In the first `warmup_steps` the learning
/// rate rises evenly.
///
/// Defazio et al., "The road less scheduled", 2024. Keras's defaults: learning rate 0.0025, beta_1
/// 0.9, beta_2 0.999, epsilon 1e-8, no warmup.
#[derive(Clone, Debug)]
pub struct ScheduleFreeAdamW {
    common: Common,
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    warmup_steps: usize,
}

settings! {
    ScheduleFreeAdamW {
        /// How near the weights are to the average, above 0 and up to 1.
        beta_1: f32,
        /// How much of the average of squared gradients is kept.
        beta_2: f32,
        /// What keeps the divisor from 0.
        epsilon: f32,
        /// In how many steps the learning rate rises to its value.
        warmup_steps: usize,
    }
}

impl Default for ScheduleFreeAdamW {
    fn default() -> ScheduleFreeAdamW {
        ScheduleFreeAdamW {
            common: Common::new(0.0025),
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            warmup_steps: 0,
        }
    }
}

impl Optimizer for ScheduleFreeAdamW {
    fn kind(&self) -> &str {
        "ScheduleFreeAdamW"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        vec![Slot::weight("momentum"), Slot::zeros("velocity")]
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let (t, g, old_z) = (step.iteration, step.gradient, &step.slots[0]);
        let rate = match self.warmup_steps {
            0 => step.learning_rate.clone(),
            steps => step.learning_rate * (t / steps as f32).minimum(1.0),
        };
        // 1 - beta_2 and 1 - beta_2ᵗ in the same precision: at the first step they cancel.
        let v = &step.slots[1] + (g.square() - &step.slots[1]) * (1.0 - self.beta_2);
        let divisor = (&v / (1.0 - ops::power(self.beta_2, t))).sqrt() + self.epsilon;
        let z = old_z - rate * g / divisor;
        let away = 1.0 - self.beta_1;
        let x = (step.weight - old_z * away) / self.beta_1;
        let part = 1.0 / t;
        let x = (1.0 - &part) * x + part * &z;
        (&z * away + x * self.beta_1, vec![z, v])
    }

    fn check(&self) -> Result<()> {
        check_beta_1(self.beta_1)
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

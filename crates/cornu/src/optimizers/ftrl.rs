//! Follow the regularized leader.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::Value;

/// Follow the regularized leader: with `n' = n + g²`, `p = -learning_rate_power` and the sum
/// `z' = z + g + 2 · l2_shrinkage · w - (n'ᵖ - nᵖ) / rate · w`, the weight becomes
/// `(clip(z', -l1, l1) - z') / (n'ᵖ / rate + 2 · l2 + beta / rate)`.
///
/// McMahan et al., "Ad click prediction: a view from the trenches", 2013. Keras's defaults:
/// learning rate 0.001 to the power -0.5, an accumulator that begins at 0.1, no regularization,
/// beta 0.
#[derive(Clone, Debug)]
pub struct Ftrl {
    common: Common,
    learning_rate_power: f32,
    initial_accumulator_value: f32,
    l1_regularization_strength: f32,
    l2_regularization_strength: f32,
    l2_shrinkage_regularization_strength: f32,
    beta: f32,
}

settings! {
    Ftrl {
        /// How the learning rate falls with the gradients seen, 0 or less; 0 keeps it.
        learning_rate_power: f32,
        /// With what the sum of squared gradients begins.
        initial_accumulator_value: f32,
        /// The strength of the penalty of magnitudes, which makes weights exactly 0.
        l1_regularization_strength: f32,
        /// The strength of the penalty of squares that keeps weights small.
        l2_regularization_strength: f32,
        /// The strength of the penalty of squares that is added to the gradient.
        l2_shrinkage_regularization_strength: f32,
        /// The beta of the paper.
        beta: f32,
    }
}

impl Default for Ftrl {
    fn default() -> Ftrl {
        Ftrl {
            common: Common::new(0.001),
            learning_rate_power: -0.5,
            initial_accumulator_value: 0.1,
            l1_regularization_strength: 0.0,
            l2_regularization_strength: 0.0,
            l2_shrinkage_regularization_strength: 0.0,
            beta: 0.0,
        }
    }
}

impl Optimizer for Ftrl {
    fn kind(&self) -> &str {
        "Ftrl"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
        vec![Slot::filled("accumulator", self.initial_accumulator_value), Slot::zeros("linear")]
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let (rate, w, g) = (step.learning_rate, step.weight, step.gradient);
        let (old, z) = (&step.slots[0], &step.slots[1]);
        let power = |x: &Tensor| match self.learning_rate_power {
            -0.5 => x.sqrt(),
            exponent => ops::power(x, -exponent),
        };
        let new = old + g.square();
        let grown = power(&new);
        let gradient = match self.l2_shrinkage_regularization_strength {
            0.0 => g.clone(),
            strength => g + w * (2.0 * strength),
        };
        let z = z + (gradient - (&grown - power(old)) / rate * w);
        let l2 = 2.0 * (self.l2_regularization_strength + self.beta / (2.0 * rate));
        let l1 = self.l1_regularization_strength;
        let weight = (z.clip(-l1, l1) - &z) / (grown / rate + l2);
        (weight, vec![new, z])
    }

    fn check(&self) -> Result<()> {
        let not_negative = [
            ("initial_accumulator_value", self.initial_accumulator_value),
            ("l1_regularization_strength", self.l1_regularization_strength),
            ("l2_regularization_strength", self.l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", self.l2_shrinkage_regularization_strength),
        ];
        if let Some((name, value)) = not_negative.into_iter().find(|(_, value)| *value < 0.0) {
            return Err(Error::value(format!("{name} must be 0 or more, not {value}")));
        }
        if self.learning_rate_power > 0.0 {
            return Err(Error::value(format!(
                "learning_rate_power must be 0 or less, not {}",
                self.learning_rate_power
            )));
        }
        Ok(())
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

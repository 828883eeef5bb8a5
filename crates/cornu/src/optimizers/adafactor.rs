//! Adafactor.

use super::{Common, Optimizer, Slot, WeightSpec, WeightStep};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use serde_json::Value;

/// `w - max(epsilon_2, rms(w)) · rho · u / max(1, rms(u) / clip_threshold)` with `u = g / √v`,
/// `rho = min(rate, 1 / √t)` at step `t`, and the moving average `v` of `g² + epsilon_1`, of which
/// `1 - t^beta_2_decay` is kept. Of a weight with two dimensions or more only the averages over the
/// last (`r`) and the one before it (`c`) are remembered, and `v` is `r · c / mean(r)`.
///
/// Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018.
/// Keras's defaults: learning rate 0.001 (with `relative_step` at most `1 / √t`, unless it is a
/// schedule), beta_2_decay -0.8, epsilon_1 1e-30, epsilon_2 0.001, clip_threshold 1.
#[derive(Clone, Debug)]
pub struct Adafactor {
    common: Common,
    beta_2_decay: f32,
    epsilon_1: f32,
    epsilon_2: f32,
    clip_threshold: f32,
    relative_step: bool,
}

settings! {
    Adafactor {
        /// The exponent by which ever more of the averages is kept.
        beta_2_decay: f32,
        /// What keeps the divisor from 0.
        epsilon_1: f32,
        /// The smallest size that a weight counts as having.
        epsilon_2: f32,
        /// The size above which a change is scaled down.
        clip_threshold: f32,
        /// Whether a learning rate that is no schedule is held below `1 / √t`.
        relative_step: bool,
    }
}

impl Default for Adafactor {
    fn default() -> Adafactor {
        Adafactor {
            common: Common::new(0.001),
            beta_2_decay: -0.8,
            epsilon_1: 1e-30,
            epsilon_2: 1e-3,
            clip_threshold: 1.0,
            relative_step: true,
        }
    }
}

/// The size of an element: the root of the mean of squares.
fn rms(x: &Tensor) -> Tensor {
    ops::mean(x.square(), Axis::ALL).sqrt()
}

impl Adafactor {
    /// The average of squared gradients, and what is remembered of it.
    fn second_moment(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let squares = step.gradient.square() + self.epsilon_1;
        let fresh = ops::power(step.iteration, self.beta_2_decay);
        let kept = 1.0 - &fresh;
        let average = |old: &Tensor, new: Tensor| &kept * old + (1.0 - &kept) * new;
        let [r, c] = step.slots else {
            let v = average(&step.slots[0], squares);
            return (v.clone(), vec![v]);
        };
        let r = average(r, ops::mean(&squares, -1));
        let c = average(c, ops::mean(&squares, -2));
        let rows = &r / ops::mean(&r, Axis::new(-1).keepdims());
        let v = ops::expand_dims(rows, -1) * ops::expand_dims(&c, -2);
        (v, vec![r, c])
    }
}

impl Optimizer for Adafactor {
    fn kind(&self) -> &str {
        "Adafactor"
    }

    fn common(&self) -> &Common {
        &self.common
    }

    // Keras remembers `v` of every weight too, though it follows from `r` and `c`.
    fn slots(&self, weight: &WeightSpec<'_>) -> Vec<Slot> {
        match weight.shape {
            [outer @ .., rows, columns] => {
                let without = |last: &usize| outer.iter().chain([last]).copied().collect();
                vec![Slot::shaped("r", without(rows)), Slot::shaped("c", without(columns))]
            }
            _ => vec![Slot::zeros("velocity")],
        }
    }

    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
        let (v, slots) = self.second_moment(step);
        // With `relative_step` Keras takes the same minimum before, which changes nothing.
        let rho = step.learning_rate.minimum(1.0 / step.iteration.sqrt());
        let alpha = rms(step.weight).maximum(self.epsilon_2) * rho;
        let direction = step.gradient / v.sqrt();
        let excess = (rms(&direction) / self.clip_threshold).maximum(1.0);
        (step.weight - direction / excess * alpha, slots)
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

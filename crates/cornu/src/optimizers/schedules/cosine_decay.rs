//! Decay along half a cosine, after a warmup.

use super::{LearningRateSchedule, check_decay, float};
use crate::config::fields;
use crate::ops;
use crate::optimizers::check_learning_rate;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::Value;
use std::f32::consts::PI;

/// From `initial_learning_rate` evenly to `warmup_target` in `warmup_steps`, if there is a warmup;
/// then `top · ((1 - alpha) · (1 + cos(π · step / decay_steps)) / 2 + alpha)`, where `step` counts
/// from the end of the warmup and `top` is the rate there; `top · alpha` at the end.
///
/// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016. Keras's
/// defaults: alpha 0, no warmup.
#[derive(Clone, Debug)]
pub struct CosineDecay {
    initial_learning_rate: f32,
    decay_steps: usize,
    alpha: f32,
    warmup_target: Option<f32>,
    warmup_steps: usize,
    name: String,
}

impl CosineDecay {
    /// A learning rate that falls for `decay_steps`, slowly at first and at last.
    pub fn new(initial_learning_rate: f32, decay_steps: usize) -> CosineDecay {
        CosineDecay {
            initial_learning_rate,
            decay_steps,
            alpha: 0.0,
            warmup_target: None,
            warmup_steps: 0,
            name: "CosineDecay".into(),
        }
    }

    fn decayed(&self, step: Tensor, top: f32) -> Tensor {
        let cosine = 0.5 * (1.0 + ops::cos(PI * (step / self.decay_steps as f32)));
        top * ((1.0 - self.alpha) * cosine + self.alpha)
    }
}

schedule_settings! {
    CosineDecay {
        /// The last learning rate, as a part of the largest.
        alpha: f32,
        /// The learning rate at the end of the warmup.
        warmup_target: f32,
        /// How many steps the warmup takes, before those of the decay.
        warmup_steps: usize,
    }
}

fields! { CosineDecay(initial_learning_rate: f32, decay_steps: usize) { alpha, warmup_target, warmup_steps, name } }

impl LearningRateSchedule for CosineDecay {
    fn kind(&self) -> &str {
        "CosineDecay"
    }

    fn rate(&self, step: &Tensor) -> Tensor {
        let (step, steps) = (float(step), self.decay_steps as f32);
        let Some(target) = self.warmup_target else {
            return self.decayed(step.minimum(steps), self.initial_learning_rate);
        };
        let warmup = self.warmup_steps as f32;
        let step = step.minimum(steps + warmup);
        let decayed = self.decayed(&step - warmup, target);
        if self.warmup_steps == 0 {
            return decayed;
        }
        let rise = target - self.initial_learning_rate;
        let warming = rise * (&step / warmup) + self.initial_learning_rate;
        ops::where_(ops::less(step, warmup), warming, decayed)
    }

    fn check(&self) -> Result<()> {
        if let Some(target) = self.warmup_target {
            check_learning_rate(target)?;
        } else if self.warmup_steps > 0 {
            return Err(Error::value("warmup_steps without a warmup_target have no effect"));
        }
        check_decay(self.initial_learning_rate, "decay_steps", self.decay_steps)
    }

    fn config(&self) -> Value {
        self.fields()
    }

    fn registered_name(&self) -> Option<&str> {
        None
    }
}

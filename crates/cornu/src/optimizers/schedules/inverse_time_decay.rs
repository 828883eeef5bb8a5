//! Decay by the inverse of time.

use super::{LearningRateSchedule, check_decay, float};
use crate::config::decimal;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// `initial_learning_rate / (1 + decay_rate · step / decay_steps)`, the quotient rounded down if
/// `staircase`.
///
/// Keras's default: no staircase.
#[derive(Clone, Debug)]
pub struct InverseTimeDecay {
    initial_learning_rate: f32,
    decay_steps: usize,
    decay_rate: f32,
    staircase: bool,
    name: String,
}

impl InverseTimeDecay {
    /// A learning rate whose divisor grows by `decay_rate` in the course of every `decay_steps`.
    pub fn new(
        initial_learning_rate: f32,
        decay_steps: usize,
        decay_rate: f32,
    ) -> InverseTimeDecay {
        InverseTimeDecay {
            initial_learning_rate,
            decay_steps,
            decay_rate,
            staircase: false,
            name: "InverseTimeDecay".into(),
        }
    }
}

schedule_settings! {
    InverseTimeDecay {
        /// Whether it falls at once after every `decay_steps`, instead of with every step.
        staircase: bool,
    }
}

impl LearningRateSchedule for InverseTimeDecay {
    fn kind(&self) -> &str {
        "InverseTimeDecay"
    }

    fn rate(&self, step: &Tensor) -> Tensor {
        let part = float(step) / self.decay_steps as f32;
        let part = if self.staircase { ops::floor(part) } else { part };
        self.initial_learning_rate / (1.0 + self.decay_rate * part)
    }

    fn check(&self) -> Result<()> {
        check_decay(self.initial_learning_rate, "decay_steps", self.decay_steps)
    }

    fn config(&self) -> Value {
        json!({
            "initial_learning_rate": decimal(self.initial_learning_rate),
            "decay_steps": self.decay_steps,
            "decay_rate": decimal(self.decay_rate),
            "staircase": self.staircase,
            "name": self.name,
        })
    }

    fn registered_name(&self) -> Option<&str> {
        None
    }
}

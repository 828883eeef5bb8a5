//! Decay along a power of the time that is left.

use super::{LearningRateSchedule, check_decay, float};
use crate::config::fields;
use crate::ops;
use crate::optimizers::check_learning_rate;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// `(initial_learning_rate - end_learning_rate) · (1 - step / decay_steps)^power +
/// end_learning_rate`, and `end_learning_rate` after `decay_steps`. With `cycle` it begins again
/// instead, with as many times `decay_steps` as are needed to hold the step.
///
/// Keras's defaults: down to 0.0001, power 1, no cycle.
#[derive(Clone, Debug)]
pub struct PolynomialDecay {
    initial_learning_rate: f32,
    decay_steps: usize,
    end_learning_rate: f32,
    power: f32,
    cycle: bool,
    name: String,
}

impl PolynomialDecay {
    /// A learning rate that falls evenly for `decay_steps`.
    pub fn new(initial_learning_rate: f32, decay_steps: usize) -> PolynomialDecay {
        PolynomialDecay {
            initial_learning_rate,
            decay_steps,
            end_learning_rate: 0.0001,
            power: 1.0,
            cycle: false,
            name: "PolynomialDecay".into(),
        }
    }
}

schedule_settings! {
    PolynomialDecay {
        /// The learning rate at the end.
        end_learning_rate: f32,
        /// The exponent: 1 falls evenly, more falls fast at first.
        power: f32,
        /// Whether it begins again, over a longer time, whenever the end is reached.
        cycle: bool,
    }
}

fields! { PolynomialDecay(initial_learning_rate: f32, decay_steps: usize) { end_learning_rate, power, cycle, name } }

impl LearningRateSchedule for PolynomialDecay {
    fn kind(&self) -> &str {
        "PolynomialDecay"
    }

    fn rate(&self, step: &Tensor) -> Tensor {
        let (step, steps) = (float(step), self.decay_steps as f32);
        let part = if self.cycle {
            let rounds = ops::ceil(&step / steps).maximum(1.0);
            step / (rounds * steps)
        } else {
            step.minimum(steps) / steps
        };
        let span = self.initial_learning_rate - self.end_learning_rate;
        span * ops::power(1.0 - part, self.power) + self.end_learning_rate
    }

    fn check(&self) -> Result<()> {
        check_learning_rate(self.end_learning_rate)?;
        check_decay(self.initial_learning_rate, "decay_steps", self.decay_steps)
    }

    fn config(&self) -> Value {
        self.fields()
    }

    fn registered_name(&self) -> Option<&str> {
        None
    }
}

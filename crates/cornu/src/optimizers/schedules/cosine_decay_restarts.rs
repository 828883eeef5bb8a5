//! Decay along half a cosine, again and again.

use super::{LearningRateSchedule, check_decay, float};
use crate::config::fields;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::Value;
use std::f32::consts::PI;

/// `initial_learning_rate · ((1 - alpha) · m_mulⁱ · (1 + cos(π · part)) / 2 + alpha)`, where `part`
/// goes from 0 to 1 in the `i`-th period, which takes `first_decay_steps · t_mulⁱ` steps.
///
/// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016. Keras's
/// defaults: periods that double, equally high, alpha 0.
#[derive(Clone, Debug)]
pub struct CosineDecayRestarts {
    initial_learning_rate: f32,
    first_decay_steps: usize,
    t_mul: f32,
    m_mul: f32,
    alpha: f32,
    name: String,
}

impl CosineDecayRestarts {
    /// A learning rate that falls for `first_decay_steps`, then begins again.
    pub fn new(initial_learning_rate: f32, first_decay_steps: usize) -> CosineDecayRestarts {
        CosineDecayRestarts {
            initial_learning_rate,
            first_decay_steps,
            t_mul: 2.0,
            m_mul: 1.0,
            alpha: 0.0,
            name: "SGDRDecay".into(),
        }
    }

    /// Which period a step is in, from 0, and which part of it is done.
    fn period(&self, step: &Tensor) -> (Tensor, Tensor) {
        let done = float(step) / self.first_decay_steps as f32;
        if self.t_mul == 1.0 {
            let period = ops::floor(&done);
            return (period.clone(), done - period);
        }
        // The sum of a geometric series, solved for its length.
        let grown = (1.0 - &done * (1.0 - self.t_mul)).log();
        let period = ops::floor(grown / Tensor::from(self.t_mul).log());
        let length = ops::power(self.t_mul, &period);
        let before = (1.0 - &length) / (1.0 - self.t_mul);
        (period, (done - before) / length)
    }
}

schedule_settings! {
    CosineDecayRestarts {
        /// How much longer each period is than the one before, at least 1.
        t_mul: f32,
        /// How much higher each period begins than the one before.
        m_mul: f32,
        /// The lowest learning rate, as a part of the first.
        alpha: f32,
    }
}

fields! { CosineDecayRestarts(initial_learning_rate: f32, first_decay_steps: usize) { t_mul, m_mul, alpha, name } }

impl LearningRateSchedule for CosineDecayRestarts {
    fn kind(&self) -> &str {
        "CosineDecayRestarts"
    }

    fn rate(&self, step: &Tensor) -> Tensor {
        let (period, part) = self.period(step);
        let height = ops::power(self.m_mul, period);
        let cosine = 0.5 * height * (1.0 + ops::cos(PI * part));
        self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)
    }

    fn check(&self) -> Result<()> {
        // Shorter and shorter periods end at a step after which there is no learning rate.
        if !(self.t_mul >= 1.0 && self.t_mul.is_finite()) {
            return Err(Error::value(format!("t_mul must be at least 1, not {}", self.t_mul)));
        }
        check_decay(self.initial_learning_rate, "first_decay_steps", self.first_decay_steps)
    }

    fn config(&self) -> Value {
        self.fields()
    }

    fn registered_name(&self) -> Option<&str> {
        None
    }
}

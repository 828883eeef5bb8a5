//! Decay by a part of time: as a power of it, or by its inverse.

use super::{LearningRateSchedule, check_decay, float};
use crate::config::fields;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// Schedules of the part `p = step / decay_steps`, rounded down if `staircase`.
macro_rules! decays {
    ($($(#[$doc:meta])* $class:ident = $new:literal, $rate:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// Keras's default: no staircase.
        #[derive(Clone, Debug)]
        pub struct $class {
            initial_learning_rate: f32,
            decay_steps: usize,
            decay_rate: f32,
            staircase: bool,
            name: String,
        }

        impl $class {
            #[doc = $new]
            pub fn new(initial_learning_rate: f32, decay_steps: usize, decay_rate: f32) -> $class {
                $class {
                    initial_learning_rate,
                    decay_steps,
                    decay_rate,
                    staircase: false,
                    name: stringify!($class).into(),
                }
            }
        }

        schedule_settings! {
            $class {
                /// Whether it falls at once after every `decay_steps`, instead of with every step.
                staircase: bool,
            }
        }

        fields! {
            $class(initial_learning_rate: f32, decay_steps: usize, decay_rate: f32) {
                staircase, name
            }
        }

        impl LearningRateSchedule for $class {
            fn kind(&self) -> &str {
                stringify!($class)
            }

            fn rate(&self, step: &Tensor) -> Tensor {
                let part = float(step) / self.decay_steps as f32;
                let part = if self.staircase { ops::floor(part) } else { part };
                let rate: fn(f32, f32, Tensor) -> Tensor = $rate;
                rate(self.initial_learning_rate, self.decay_rate, part)
            }

            fn check(&self) -> Result<()> {
                check_decay(self.initial_learning_rate, "decay_steps", self.decay_steps)
            }

            fn config(&self) -> Value {
                self.fields()
            }

            fn registered_name(&self) -> Option<&str> {
                None
            }
        }
    )*};
}

decays! {
    /// `initial_learning_rate · decay_rate^(step / decay_steps)`, the exponent rounded down if
    /// `staircase`.
    ExponentialDecay =
        "A learning rate that is multiplied with `decay_rate` in the course of every `decay_steps`.",
        |first, rate, part| first * ops::power(rate, part);

    /// `initial_learning_rate / (1 + decay_rate · step / decay_steps)`, the quotient rounded down if
    /// `staircase`.
    InverseTimeDecay =
        "A learning rate whose divisor grows by `decay_rate` in the course of every `decay_steps`.",
        |first, rate, part| first / (1.0 + rate * part);
}

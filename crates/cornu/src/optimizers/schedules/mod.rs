//! Schedules: learning rates that change from step to step. Names, formulas and defaults are those
//! of `keras.optimizers.schedules`, 3.15.
//!
//! ```
//! use cornu::optimizers::schedules::{CosineDecay, LearningRateSchedule};
//! use cornu::prelude::*;
//!
//! // From 0 up to 0.1 in 100 steps, and down to 0 in 1000 more.
//! let schedule = CosineDecay::new(0.0, 1000).warmup_target(0.1).warmup_steps(100);
//! assert_eq!(schedule.at(50)? as f32, 0.05);
//! let optimizer = Adam::new(schedule);
//!
//! // One's own: the step, an int32 scalar that is 0 for the first, gives an expression.
//! let slower = SGD::new(|step: &Tensor| 0.1 / (1.0 + step * 0.01));
//! # let _ = (optimizer, slower);
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! A schedule is computed inside the program of the step: it costs no call from step to step, and
//! takes no part of the state but the number of steps.

/// The settings of a schedule beside those of its `new`, and its name.
macro_rules! schedule_settings {
    ($class:ident { $($(#[$doc:meta])* $name:ident: $type:ty,)* }) => {
        impl $class {
            $(
                $(#[$doc])*
                pub fn $name(mut self, $name: $type) -> $class {
                    self.$name = $name.into();
                    self
                }
            )*

            /// The name in the configuration. It has no meaning beyond.
            pub fn name(mut self, name: impl Into<String>) -> $class {
                self.name = name.into();
                self
            }
        }
    };
}

mod cosine_decay;
mod cosine_decay_restarts;
mod exponential_decay;
mod piecewise_constant_decay;
mod polynomial_decay;

pub use cosine_decay::CosineDecay;
pub use cosine_decay_restarts::CosineDecayRestarts;
pub use exponential_decay::{ExponentialDecay, InverseTimeDecay};
pub use piecewise_constant_decay::PiecewiseConstantDecay;
pub use polynomial_decay::PolynomialDecay;

use super::learning_rate::{LearningRate, check_learning_rate, scheduled};
use crate::config::Object;
use crate::names;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{DType, Error, Result};
use serde_json::Value;

/// A learning rate for each step. Closures `Fn(&Tensor) -> Tensor` are schedules too.
pub trait LearningRateSchedule: Send + Sync + 'static {
    /// Keras's class name: `"CosineDecay"`.
    fn kind(&self) -> &str;

    /// The learning rate, a scalar, of the step with this number: an `int32` scalar, 0 for the
    /// first. With `gradient_accumulation_steps` every batch counts as a step, as in Keras.
    fn rate(&self, step: &Tensor) -> Tensor;

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// If one is outside what is allowed.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The configuration with Keras's field names.
    fn config(&self) -> Value {
        Value::Null
    }

    /// Under which name a schedule of one's own is registered in a configuration; none for those
    /// of Keras.
    fn registered_name(&self) -> Option<&str> {
        Some(self.kind())
    }

    /// The learning rate of one step: 0 is the first.
    ///
    /// # Errors
    /// If the settings make no sense, or the expression has a mistake or is not one number.
    fn at(&self, step: usize) -> Result<f64> {
        self.check().map_err(|error| error.within(self.kind()))?;
        let step = i32::try_from(step)
            .map_err(|_| Error::value(format!("steps are counted up to {}", i32::MAX)))?;
        scheduled(self, &Tensor::from(step))?.item()
    }
}

impl<F> LearningRateSchedule for F
where
    F: Fn(&Tensor) -> Tensor + Send + Sync + 'static,
{
    fn kind(&self) -> &str {
        names::of_function::<F>().unwrap_or(ANONYMOUS)
    }

    fn rate(&self, step: &Tensor) -> Tensor {
        self(step)
    }
}

/// What stands in a configuration for a closure, of which nothing else can be said.
pub(super) const ANONYMOUS: &str = "function";

/// One of Keras's schedules from its configuration.
pub(super) fn read(schedule: &Object<'_>) -> Result<LearningRate> {
    let config = schedule.config()?;
    Ok(match schedule.class {
        _ if schedule.registered.is_some() => return Err(unknown(schedule)),
        "ExponentialDecay" => ExponentialDecay::read(&config)?.into(),
        "InverseTimeDecay" => InverseTimeDecay::read(&config)?.into(),
        "PiecewiseConstantDecay" => PiecewiseConstantDecay::read(&config)?.into(),
        "PolynomialDecay" => PolynomialDecay::read(&config)?.into(),
        "CosineDecay" => CosineDecay::read(&config)?.into(),
        "CosineDecayRestarts" => CosineDecayRestarts::read(&config)?.into(),
        _ => return Err(unknown(schedule)),
    })
}

fn unknown(schedule: &Object<'_>) -> Error {
    if schedule.class == ANONYMOUS {
        return Error::file("the learning rate was a closure, which no file can hold")
            .help("give it a name before saving: LearningRate::custom(\"name\", closure)");
    }
    schedule.unknown("learning-rate schedule", "register_schedule")
}

/// The step, or a number of steps, as the formulas take it.
fn float(step: &Tensor) -> Tensor {
    ops::cast(step, DType::F32)
}

/// Checks the first learning rate of a schedule and how many steps it takes.
fn check_decay(initial_learning_rate: f32, name: &str, steps: usize) -> Result<()> {
    check_learning_rate(initial_learning_rate)?;
    if steps == 0 {
        return Err(Error::value(format!("{name} must be more than 0")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_of_ones_own_is_one_number() {
        let halved = |step: &Tensor| ops::power(0.5, step);
        assert_eq!(halved.at(0).unwrap(), 1.0);
        assert_eq!(halved.at(3).unwrap(), 0.125);
        let vector = |_: &Tensor| Tensor::from([0.1, 0.2]);
        let error = vector.at(0).unwrap_err().to_string();
        assert!(error.contains("one number for each step"), "{error}");
        let wrong = |step: &Tensor| step + Tensor::from([0.1, 0.2]) + Tensor::from([1.0; 3]);
        assert!(wrong.at(0).unwrap_err().to_string().contains("do not broadcast"));
    }

    #[test]
    fn settings_that_make_no_sense_are_errors() {
        let message = |result: Result<f64>| result.unwrap_err().to_string();
        let none = ExponentialDecay::new(0.1, 0, 0.5).at(0);
        assert!(message(none).contains("decay_steps must be more than 0"));
        let backwards = PolynomialDecay::new(-0.1, 5).at(0);
        assert!(message(backwards).contains("at least 0, not -0.1"));
        let boundaries = PiecewiseConstantDecay::new([5, 2], [0.1, 0.2, 0.3]).at(0);
        assert!(message(boundaries).contains("ascend"));
        let values = PiecewiseConstantDecay::new([5], [0.1]).at(0);
        assert!(message(values).contains("1 boundaries need 2 values, not 1"));
        let lonely = CosineDecay::new(0.1, 5).warmup_steps(3).at(0);
        assert!(message(lonely).contains("warmup_target"));
        let never = CosineDecayRestarts::new(0.1, 5).t_mul(0.0).at(0);
        assert!(message(never).contains("t_mul"));
    }
}

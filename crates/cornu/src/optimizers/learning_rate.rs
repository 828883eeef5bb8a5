//! How far a step goes: a number, or a schedule.

use super::schedules::{self, LearningRateSchedule};
use crate::config::{FromConfig, Object, decimal, object, own_object, registered};
use crate::tensor::Tensor;
use cornu_graph::{DType, Error, Result};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// How far a step goes: a number that can be changed while training, or a schedule that gives one
/// for each step.
#[derive(Clone)]
pub enum LearningRate {
    /// The same for all steps, until [`set_learning_rate`](crate::model::Model::set_learning_rate).
    Constant(f32),
    /// A function of the number of the step.
    Schedule(Arc<dyn LearningRateSchedule>),
}

/// Whether steps of this size make sense.
///
/// # Errors
/// If the number is negative, infinite or NaN.
pub(crate) fn check_learning_rate(rate: f32) -> Result<()> {
    if rate.is_finite() && rate >= 0.0 {
        return Ok(());
    }
    Err(Error::value(format!("learning_rate must be a number of at least 0, not {rate}")))
}

/// The error of setting a learning rate that a schedule decides.
pub(crate) fn not_settable() -> Error {
    Error::state(
        "the optimizer was made with a schedule of learning rates, so its learning rate cannot be \
         set",
    )
    .help("give the optimizer a number as its learning rate to be able to set it")
}

impl LearningRate {
    /// The number, if it is not a schedule.
    pub fn constant(&self) -> Option<f32> {
        match self {
            LearningRate::Constant(rate) => Some(*rate),
            LearningRate::Schedule(_) => None,
        }
    }

    /// The learning rate of the step with a number, 0 for the first.
    ///
    /// # Errors
    /// If a schedule's expression has a mistake.
    pub fn at(&self, step: usize) -> Result<f64> {
        match self {
            LearningRate::Constant(rate) => Ok(f64::from(*rate)),
            LearningRate::Schedule(schedule) => schedule.at(step),
        }
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// If a number is negative or not finite, or a schedule has a setting outside what is allowed.
    pub fn check(&self) -> Result<()> {
        match self {
            LearningRate::Constant(rate) => check_learning_rate(*rate),
            LearningRate::Schedule(schedule) => {
                schedule.check().map_err(|error| error.within(schedule.kind()))
            }
        }
    }

    /// A function of the step under the name by which files know it:
    /// [`register_schedule`](crate::saving::register_schedule) brings it back. A closure without one
    /// cannot be saved.
    pub fn custom<F>(name: impl Into<String>, schedule: F) -> LearningRate
    where
        F: Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    {
        LearningRate::from(Custom { name: name.into(), schedule })
    }

    /// A number, or a schedule with its configuration as Keras serializes it.
    pub fn config(&self) -> Value {
        let schedule = match self {
            LearningRate::Constant(rate) => return json!(decimal(*rate)),
            LearningRate::Schedule(schedule) => schedule,
        };
        let class = schedule.kind();
        match schedule.registered_name() {
            None => object("keras.optimizers.schedules", class, schedule.config()),
            Some(name) => own_object(class, name, schedule.config()),
        }
    }

    /// Whether Keras has it.
    pub(crate) fn is_of_keras(&self) -> bool {
        match self {
            LearningRate::Constant(_) => true,
            LearningRate::Schedule(schedule) => schedule.registered_name().is_none(),
        }
    }

    /// The `float32` scalar of the step after so many, an `int32` scalar. `constant` is where the
    /// number stands now, if it is no schedule.
    pub(crate) fn tensor(&self, constant: Option<Tensor>, iterations: &Tensor) -> Result<Tensor> {
        match (self, constant) {
            (LearningRate::Schedule(schedule), _) => scheduled(schedule.as_ref(), iterations),
            (LearningRate::Constant(_), Some(now)) => Ok(now),
            (LearningRate::Constant(rate), None) => Ok(Tensor::from(*rate)),
        }
    }
}

/// A closure with a name.
struct Custom<F> {
    name: String,
    schedule: F,
}

impl<F> LearningRateSchedule for Custom<F>
where
    F: Fn(&Tensor) -> Tensor + Send + Sync + 'static,
{
    fn kind(&self) -> &str {
        &self.name
    }

    fn rate(&self, step: &Tensor) -> Tensor {
        (self.schedule)(step)
    }
}

impl FromConfig for LearningRate {
    /// A number, or a schedule as Keras serializes it.
    fn from_config(value: &Value) -> Result<LearningRate> {
        if value.is_number() {
            return f32::from_config(value).map(LearningRate::Constant);
        }
        let schedule = Object::read(value)?;
        match registered::<LearningRate>(&schedule) {
            Some(make) => make(&schedule.config()?),
            None => schedules::read(&schedule),
        }
    }
}

/// What a schedule gives for a step, checked to be one number.
pub(super) fn scheduled<S>(schedule: &S, step: &Tensor) -> Result<Tensor>
where
    S: LearningRateSchedule + ?Sized,
{
    let rate = schedule.rate(step);
    let rate = rate.check().map_err(|error| error.within(schedule.kind()))?;
    if rate.rank() != 0 {
        return Err(Error::shape(format!(
            "a schedule must give one number for each step, not {}",
            rate.ty()
        ))
        .within(schedule.kind()));
    }
    Ok(crate::ops::cast(rate, DType::F32))
}

impl From<f32> for LearningRate {
    fn from(rate: f32) -> LearningRate {
        LearningRate::Constant(rate)
    }
}

impl<S: LearningRateSchedule> From<S> for LearningRate {
    fn from(schedule: S) -> LearningRate {
        LearningRate::Schedule(Arc::new(schedule))
    }
}

impl From<Arc<dyn LearningRateSchedule>> for LearningRate {
    fn from(schedule: Arc<dyn LearningRateSchedule>) -> LearningRate {
        LearningRate::Schedule(schedule)
    }
}

impl fmt::Debug for LearningRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LearningRate::Constant(rate) => write!(f, "{rate}"),
            LearningRate::Schedule(schedule) => {
                write!(f, "{} {}", schedule.kind(), schedule.config())
            }
        }
    }
}

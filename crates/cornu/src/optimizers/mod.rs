//! Optimizers: how gradients change weights. By name or by value.
//!
//! ```
//! use cornu::optimizers::schedules::CosineDecay;
//! use cornu::optimizers::{Adam, SGD, Stepper};
//! use cornu::prelude::*;
//!
//! // For compile: "adam", or a value with settings.
//! let adam = Adam::new(0.01).clipnorm(1.0);
//! // A learning rate that changes from step to step; moving averages of the weights.
//! let sgd = SGD::new(CosineDecay::new(0.1, 1000)).momentum(0.9).use_ema(true);
//! # let _ = (adam, sgd);
//!
//! // For a loop of one's own: the minimum of (w - 3)².
//! let mut sgd = Stepper::new(SGD::new(0.25))?;
//! let mut weights = vec![Array::scalar(0.0f32)];
//! for _ in 0..20 {
//!     let w = Tensor::from(&weights[0]);
//!     let gradients = cornu::gradients(&(&w - 3.0).square(), &[&w])?;
//!     sgd.apply(&mut weights, &gradients)?;
//! }
//! assert!((weights[0].item()? - 3.0).abs() < 1e-4);
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! Names, formulas and defaults are Keras's (`keras.optimizers`, 3.15), the place of each epsilon
//! too. An optimizer only writes expressions: what depends on the step alone is a scalar, what is
//! left for each weight is one chain of elementwise ops that the compiler makes one loop of.

#[macro_use]
mod settings;

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod common;
mod ftrl;
mod lamb;
mod layout;
mod learning_rate;
mod lion;
mod muon;
mod nadam;
mod rmsprop;
mod schedule_free_adamw;
pub mod schedules;
mod sgd;
mod slot;
mod spec;
mod step;
mod stepper;

pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use common::Common;
pub use ftrl::Ftrl;
pub use lamb::Lamb;
pub(crate) use layout::{Entry, Era, layout, slot_of_name};
pub use learning_rate::LearningRate;
pub(crate) use learning_rate::{check_learning_rate, not_settable};
pub use lion::Lion;
pub use muon::Muon;
pub use nadam::Nadam;
pub use rmsprop::RMSprop;
pub use schedule_free_adamw::ScheduleFreeAdamW;
pub use sgd::SGD;
pub(crate) use slot::Memory;
pub use slot::Slot;
pub use spec::OptimizerSpec;
pub(crate) use spec::{keras_object_of_optimizer, object_of_optimizer};
pub(crate) use step::{Before, step};
pub use stepper::Stepper;

use crate::config::decimal;
use crate::tensor::Tensor;
use cornu_graph::Result;

/// The rule by which one weight is changed. One of one's own:
///
/// ```
/// use cornu::optimizers::{Common, Optimizer, Slot, Stepper, WeightSpec, WeightStep};
/// use cornu::prelude::*;
///
/// /// Steps of one length, in the direction of the sum of all gradients.
/// struct Signs(Common);
///
/// impl Optimizer for Signs {
///     fn kind(&self) -> &str {
///         "Signs"
///     }
///
///     fn common(&self) -> &Common {
///         &self.0
///     }
///
///     fn slots(&self, _weight: &WeightSpec<'_>) -> Vec<Slot> {
///         vec![Slot::zeros("sum")]
///     }
///
///     fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>) {
///         let sum = &step.slots[0] + step.gradient;
///         (step.weight - ops::sign(&sum) * step.learning_rate, vec![sum])
///     }
///
///     fn config(&self) -> serde_json::Value {
///         self.0.config(self.kind(), serde_json::json!({}))
///     }
/// }
///
/// // Clipping, weight decay, schedules, averages and accumulation come with it.
/// let common = Common { gradient_accumulation_steps: Some(2), ..Common::new(0.5) };
/// let mut stepper = Stepper::new(Signs(common))?;
/// let mut weights = vec![Array::scalar(1.0f32)];
/// for gradient in [4.0f32, -1.0, 2.0, 1.0] {
///     stepper.apply(&mut weights, &[Array::scalar(gradient)])?;
/// }
/// assert_eq!(weights[0].item()?, 0.0);
/// # Ok::<(), cornu::Error>(())
/// ```
pub trait Optimizer: Send + Sync + 'static {
    /// Keras's class name: `"SGD"`.
    fn kind(&self) -> &str;

    /// What all optimizers have in common: learning rate, weight decay, clipping, and so on.
    fn common(&self) -> &Common;

    /// What is remembered of a weight from step to step.
    fn slots(&self, weight: &WeightSpec<'_>) -> Vec<Slot>;

    /// The weight decay of a weight, unless it is excluded.
    fn weight_decay(&self, _weight: &WeightSpec<'_>) -> Option<f32> {
        self.common().weight_decay
    }

    /// The new weight and the new slots.
    fn update(&self, step: &WeightStep<'_>) -> (Tensor, Vec<Tensor>);

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// If one is outside what is allowed.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The configuration with Keras's field names.
    fn config(&self) -> serde_json::Value;
}

/// Which weight it is.
#[derive(Clone, Copy, Debug)]
pub struct WeightSpec<'a> {
    /// Where it belongs: `"dense/kernel"`. Empty for the arrays of a [`Stepper`].
    pub path: &'a str,
    /// The sizes of its dimensions.
    pub shape: &'a [usize],
}

/// One step of one weight.
pub struct WeightStep<'a> {
    /// Which weight it is.
    pub spec: WeightSpec<'a>,
    /// The weight before.
    pub weight: &'a Tensor,
    /// Its gradient, clipped; with `gradient_accumulation_steps` the mean of several.
    pub gradient: &'a Tensor,
    /// What is remembered, in the order of [`Optimizer::slots`].
    pub slots: &'a [Tensor],
    /// The learning rate, a `float32` scalar.
    pub learning_rate: &'a Tensor,
    /// The number of this update, a `float32` scalar: 1 for the first.
    pub iteration: &'a Tensor,
}

/// `1 - x` of the decimal number that was written: 1 - 0.999 in `float32` would be off by a
/// hundred-thousandth of itself.
fn rest(x: f32) -> f32 {
    (1.0 - decimal(x)) as f32
}

/// `old` moved towards `new`: the moving average `decay · old + (1 - decay) · new`.
fn average(old: &Tensor, new: &Tensor, decay: f32) -> Tensor {
    old + (new - old) * rest(decay)
}

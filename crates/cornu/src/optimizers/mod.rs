//! Optimizers: how gradients change weights. By name or by value.
//!
//! ```
//! use cornu::optimizers::{Adam, SGD, Stepper};
//! use cornu::prelude::*;
//!
//! // For compile: "adam", or a value with settings.
//! let adam = Adam::new(0.01).clipnorm(1.0);
//! # let _ = adam;
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

/// The constructors and settings of an optimizer: its own, then those that all have.
macro_rules! settings {
    ($class:ident { $($(#[$doc:meta])* $name:ident: $type:ty,)* }) => {
        impl $class {
            /// The optimizer with a learning rate, and Keras's defaults for the rest.
            pub fn new(learning_rate: f32) -> $class {
                $class::default().learning_rate(learning_rate)
            }

            $(
                $(#[$doc])*
                pub fn $name(mut self, $name: $type) -> $class {
                    self.$name = $name;
                    self
                }
            )*

            /// How far a step goes.
            pub fn learning_rate(mut self, learning_rate: f32) -> $class {
                self.common.learning_rate = learning_rate;
                self
            }

            /// Takes this part of each weight, times the learning rate, from it before each step
            /// (decoupled weight decay).
            pub fn weight_decay(mut self, weight_decay: f32) -> $class {
                self.common.weight_decay = Some(weight_decay);
                self
            }

            /// Scales the gradient of each weight down to at most this norm.
            pub fn clipnorm(mut self, clipnorm: f32) -> $class {
                self.common.clipnorm = Some(clipnorm);
                self
            }

            /// Scales all gradients down together, to at most this norm of all.
            pub fn global_clipnorm(mut self, global_clipnorm: f32) -> $class {
                self.common.global_clipnorm = Some(global_clipnorm);
                self
            }

            /// Clips each element of the gradients to this size.
            pub fn clipvalue(mut self, clipvalue: f32) -> $class {
                self.common.clipvalue = Some(clipvalue);
                self
            }
        }
    };
}

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod common;
mod ftrl;
mod lion;
mod nadam;
mod rmsprop;
mod sgd;
mod slot;
mod spec;
mod step;
mod stepper;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use common::Common;
pub(crate) use common::check_learning_rate;
pub use ftrl::Ftrl;
pub use lion::Lion;
pub use nadam::Nadam;
pub use rmsprop::RMSprop;
pub use sgd::SGD;
pub use slot::Slot;
pub use spec::OptimizerSpec;
pub(crate) use step::step;
pub use stepper::Stepper;

use crate::config::decimal;
use crate::tensor::Tensor;
use cornu_graph::Result;

/// The rule by which one weight is changed.
pub trait Optimizer: Send + Sync + 'static {
    /// Keras's class name: `"SGD"`.
    fn kind(&self) -> &str;

    /// What all optimizers have in common: learning rate, weight decay, clipping.
    fn common(&self) -> &Common;

    /// What is remembered for each weight from step to step.
    fn slots(&self) -> Vec<Slot>;

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

/// One step of one weight.
pub struct WeightStep<'a> {
    /// The weight before.
    pub weight: &'a Tensor,
    /// Its gradient, clipped.
    pub gradient: &'a Tensor,
    /// What is remembered, in the order of [`Optimizer::slots`].
    pub slots: &'a [Tensor],
    /// The learning rate, a `float32` scalar.
    pub learning_rate: &'a Tensor,
    /// The number of this step, a `float32` scalar: 1 for the first.
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

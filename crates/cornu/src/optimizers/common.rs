//! What all optimizers have in common.

use crate::config::decimal;
use crate::session;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// Learning rate, weight decay and clipping. At most one of the three ways to clip is used.
#[derive(Clone, Debug, PartialEq)]
pub struct Common {
    /// How far a step goes.
    pub learning_rate: f32,
    /// The part of each weight, times the learning rate, that is taken from it before each step.
    pub weight_decay: Option<f32>,
    /// The largest norm of the gradient of each weight.
    pub clipnorm: Option<f32>,
    /// The largest norm of all gradients together.
    pub global_clipnorm: Option<f32>,
    /// The largest size of an element of a gradient.
    pub clipvalue: Option<f32>,
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

impl Common {
    /// A learning rate, no weight decay, no clipping.
    pub fn new(learning_rate: f32) -> Common {
        Common {
            learning_rate,
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
        }
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// If a number is out of range, or there are several ways to clip.
    pub fn check(&self) -> Result<()> {
        check_learning_rate(self.learning_rate)?;
        let clips = [
            ("clipnorm", self.clipnorm),
            ("global_clipnorm", self.global_clipnorm),
            ("clipvalue", self.clipvalue),
        ];
        for (name, clip) in clips {
            if clip.is_some_and(|c| c.is_nan() || c <= 0.0) {
                return Err(Error::value(format!("{name} must be more than 0")));
            }
        }
        let ways = [self.clipnorm, self.global_clipnorm, self.clipvalue];
        if ways.iter().flatten().count() > 1 {
            return Err(Error::value(
                "only one of clipnorm, global_clipnorm and clipvalue can be used",
            ));
        }
        Ok(())
    }

    /// The configuration of an optimizer with Keras's field names, its own settings last.
    pub fn config(&self, kind: &str, own: Value) -> Value {
        let optional = |x: Option<f32>| x.map(decimal);
        let mut config = json!({
            "name": session::snake_case(kind),
            "learning_rate": decimal(self.learning_rate),
            "weight_decay": optional(self.weight_decay),
            "clipnorm": optional(self.clipnorm),
            "global_clipnorm": optional(self.global_clipnorm),
            "clipvalue": optional(self.clipvalue),
            // Keras's defaults for what Cornu does not do.
            "use_ema": false,
            "ema_momentum": 0.99,
            "ema_overwrite_frequency": null,
            "loss_scale_factor": null,
            "gradient_accumulation_steps": null,
        });
        if let (Some(all), Value::Object(own)) = (config.as_object_mut(), own) {
            all.extend(own);
        }
        config
    }
}

//! What all optimizers have in common.

use super::schedules::InverseTimeDecay;
use super::{LearningRate, WeightSpec};
use crate::config::{Config, decimal};
use crate::session;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// The settings that all optimizers have: [`SGD::use_ema`](super::SGD::use_ema) and its like say
/// what they mean. At most one of the three ways to clip is used.
#[derive(Clone, Debug)]
pub struct Common {
    /// The name in the configuration; none is the class's name in small letters.
    pub name: Option<String>,
    /// How far a step goes.
    pub learning_rate: LearningRate,
    /// The part of each weight, times the learning rate, that is taken from it before each step.
    pub weight_decay: Option<f32>,
    /// Parts of the names of weights without weight decay: `"bias"`.
    pub exclude_from_weight_decay: Vec<String>,
    /// The largest norm of the gradient of each weight.
    pub clipnorm: Option<f32>,
    /// The largest norm of all gradients together.
    pub global_clipnorm: Option<f32>,
    /// The largest size of an element of a gradient.
    pub clipvalue: Option<f32>,
    /// Whether moving averages of the weights are kept.
    pub use_ema: bool,
    /// How much of the moving averages is kept, from 0 to 1.
    pub ema_momentum: f32,
    /// Every how many updates the moving averages take the weights' place.
    pub ema_overwrite_frequency: Option<usize>,
    /// By what the loss is multiplied and the gradients are divided.
    pub loss_scale_factor: Option<f32>,
    /// Of how many steps' gradients an update takes the mean, at least 2.
    pub gradient_accumulation_steps: Option<usize>,
}

impl Common {
    /// A learning rate and Keras's defaults: no weight decay, no clipping, no moving averages, an
    /// update with every step.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Common {
        Common {
            name: None,
            learning_rate: learning_rate.into(),
            weight_decay: None,
            exclude_from_weight_decay: vec![],
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            loss_scale_factor: None,
            gradient_accumulation_steps: None,
        }
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// If a number is out of range, or there are several ways to clip.
    pub fn check(&self) -> Result<()> {
        self.learning_rate.check()?;
        let positive = [
            ("clipnorm", self.clipnorm),
            ("global_clipnorm", self.global_clipnorm),
            ("clipvalue", self.clipvalue),
            ("loss_scale_factor", self.loss_scale_factor),
        ];
        for (name, number) in positive {
            if number.is_some_and(|n| n.is_nan() || n <= 0.0) {
                return Err(Error::value(format!("{name} must be more than 0")));
            }
        }
        let ways = [self.clipnorm, self.global_clipnorm, self.clipvalue];
        if ways.iter().flatten().count() > 1 {
            return Err(Error::value(
                "only one of clipnorm, global_clipnorm and clipvalue can be used",
            ));
        }
        if !(0.0..=1.0).contains(&self.ema_momentum) {
            let momentum = self.ema_momentum;
            return Err(Error::value(format!("ema_momentum must be from 0 to 1, not {momentum}")));
        }
        let least = [
            ("ema_overwrite_frequency", self.ema_overwrite_frequency, 1),
            ("gradient_accumulation_steps", self.gradient_accumulation_steps, 2),
        ];
        for (name, number, least) in least {
            if let Some(number) = number.filter(|&number| number < least) {
                return Err(Error::value(format!("{name} must be at least {least}, not {number}")));
            }
        }
        Ok(())
    }

    /// Whether weight decay, if there is any, is for this weight too.
    pub(crate) fn decays(&self, weight: &WeightSpec<'_>) -> bool {
        let name = weight.path.rsplit('/').next().unwrap_or_default();
        !self.exclude_from_weight_decay.iter().any(|part| name.contains(part))
    }

    /// Sets what a configuration says: [`Common::config`] the other way. Old names are taken too: `lr`,
    /// and Keras 2's `decay`, which is the schedule [`InverseTimeDecay`].
    ///
    /// # Errors
    /// If a field is of another type than it must be, or a schedule is not known.
    pub fn read(&mut self, config: &Config<'_>) -> Result<()> {
        config.set("name", &mut self.name)?;
        config.set("lr", &mut self.learning_rate)?;
        config.set("learning_rate", &mut self.learning_rate)?;
        config.set("weight_decay", &mut self.weight_decay)?;
        config.set("exclude_from_weight_decay", &mut self.exclude_from_weight_decay)?;
        config.set("clipnorm", &mut self.clipnorm)?;
        config.set("global_clipnorm", &mut self.global_clipnorm)?;
        config.set("clipvalue", &mut self.clipvalue)?;
        config.set("use_ema", &mut self.use_ema)?;
        config.set("ema_momentum", &mut self.ema_momentum)?;
        config.set("ema_overwrite_frequency", &mut self.ema_overwrite_frequency)?;
        config.set("loss_scale_factor", &mut self.loss_scale_factor)?;
        config.set("gradient_accumulation_steps", &mut self.gradient_accumulation_steps)?;
        match (config.get_or("decay", 0.0f32)?, self.learning_rate.constant()) {
            (decay, Some(rate)) if decay != 0.0 => {
                self.learning_rate = InverseTimeDecay::new(rate, 1, decay).into();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The configuration of an optimizer with Keras's field names, its own settings last.
    pub fn config(&self, kind: &str, own: Value) -> Value {
        let optional = |x: Option<f32>| x.map(decimal);
        let mut config = json!({
            "name": self.name.clone().unwrap_or_else(|| session::snake_case(kind)),
            "learning_rate": self.learning_rate.config(),
            "weight_decay": optional(self.weight_decay),
            "clipnorm": optional(self.clipnorm),
            "global_clipnorm": optional(self.global_clipnorm),
            "clipvalue": optional(self.clipvalue),
            "use_ema": self.use_ema,
            "ema_momentum": decimal(self.ema_momentum),
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": optional(self.loss_scale_factor),
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        });
        if let (Some(all), Value::Object(own)) = (config.as_object_mut(), own) {
            all.extend(own);
        }
        config
    }
}

//! The rectified linear unit.

use crate::config::{Config, decimal};
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// `x`, at most `max_value`; below `threshold`, `negative_slope · (x - threshold)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReLU {
    max_value: Option<f32>,
    negative_slope: f32,
    threshold: f32,
}

impl ReLU {
    /// `max(x, 0)`.
    pub fn new() -> ReLU {
        ReLU::default()
    }

    /// The largest value that comes out.
    pub fn max_value(mut self, max_value: f32) -> ReLU {
        self.max_value = Some(max_value);
        self
    }

    /// The slope below the threshold.
    pub fn negative_slope(mut self, negative_slope: f32) -> ReLU {
        self.negative_slope = negative_slope;
        self
    }

    /// From where on `x` comes out.
    pub fn threshold(mut self, threshold: f32) -> ReLU {
        self.threshold = threshold;
        self
    }

    fn check(&self) -> Result<()> {
        let settings = [
            ("max_value", self.max_value.unwrap_or(0.0)),
            ("negative_slope", self.negative_slope),
            ("threshold", self.threshold),
        ];
        match settings.into_iter().find(|(_, value)| value.is_nan() || *value < 0.0) {
            None => Ok(()),
            Some((name, value)) => {
                Err(Error::value(format!("{name} must be 0 or more, not {value}")))
            }
        }
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<ReLU> {
        let mut layer = ReLU::new();
        config.set("max_value", &mut layer.max_value)?;
        config.set("negative_slope", &mut layer.negative_slope)?;
        config.set("threshold", &mut layer.threshold)?;
        Ok(layer)
    }
}

impl Layer for ReLU {
    fn kind(&self) -> &str {
        "ReLU"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        self.check()?;
        let x = one_input(inputs)?;
        let mut y = match self.threshold {
            0.0 => ops::relu(x),
            threshold => ops::where_(ops::greater(x, threshold), x, 0.0),
        };
        if let Some(max_value) = self.max_value {
            y = ops::minimum(y, max_value);
        }
        Ok(match self.negative_slope {
            0.0 => y,
            slope => y - ops::relu(self.threshold - x) * slope,
        })
    }

    fn config(&self) -> Value {
        json!({
            "max_value": self.max_value.map(decimal),
            "negative_slope": decimal(self.negative_slope),
            "threshold": decimal(self.threshold),
        })
    }
}

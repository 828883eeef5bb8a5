//! The densely connected layer.

use super::options::plain_weights;
use super::{Layer, Scope, WeightSpec, activity_setting, one_input, weight_settings};
use crate::activations::Activation;
use crate::config::Config;
use crate::ops;
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// `activation(x · kernel + bias)`, along the last dimension of an input of any rank.
///
/// Weights: `kernel (inputs, units)`, `bias (units,)`.
#[derive(Debug)]
pub struct Dense {
    units: usize,
    activation: Activation,
    use_bias: bool,
    kernel: WeightSpec,
    bias: WeightSpec,
    activity_regularizer: Option<Regularizer>,
}

impl Dense {
    /// A layer with this many outputs, no activation, Glorot-uniform kernel and zero bias.
    pub fn new(units: usize) -> Dense {
        Dense {
            units,
            activation: Activation::Linear,
            use_bias: true,
            kernel: WeightSpec::new("glorot_uniform"),
            bias: WeightSpec::new("zeros"),
            activity_regularizer: None,
        }
    }

    /// What is applied to the outputs: `"relu"` or [`Activation::Relu`].
    pub fn activation(mut self, activation: impl Into<Activation>) -> Dense {
        self.activation = activation.into();
        self
    }

    /// Whether a bias is added.
    pub fn use_bias(mut self, use_bias: bool) -> Dense {
        self.use_bias = use_bias;
        self
    }

    weight_settings!("kernel", kernel, kernel_initializer, kernel_regularizer, kernel_constraint);
    weight_settings!("bias", bias, bias_initializer, bias_regularizer, bias_constraint);
    activity_setting!(activity_regularizer);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Dense> {
        plain_weights(config)?;
        let mut layer = Dense::new(config.get("units")?);
        config.set("activation", &mut layer.activation)?;
        config.set("use_bias", &mut layer.use_bias)?;
        config.set("activity_regularizer", &mut layer.activity_regularizer)?;
        layer.kernel.read("kernel", config)?;
        layer.bias.read("bias", config)?;
        Ok(layer)
    }
}

impl Layer for Dense {
    fn kind(&self) -> &str {
        "Dense"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        if self.units == 0 {
            return Err(Error::value("units must be at least 1, not 0"));
        }
        let x = one_input(inputs)?;
        if x.rank() < 2 {
            return Err(Error::shape(format!(
                "the input must have a batch and at least one more dimension, but its shape is {}",
                x.shape()
            )));
        }
        let kernel = scope.weight("kernel", [x.last_dim()?, self.units], &self.kernel)?;
        let mut y = ops::matmul(x, &kernel);
        if self.use_bias {
            y = y + scope.weight("bias", [self.units], &self.bias)?;
        }
        self.activation.apply(&y)
    }

    fn config(&self) -> Value {
        let mut config = json!({
            "units": self.units,
            "activation": self.activation,
            "use_bias": self.use_bias,
        });
        self.kernel.describe("kernel", &mut config);
        self.bias.describe("bias", &mut config);
        if let Some(regularizer) = &self.activity_regularizer {
            config["activity_regularizer"] = json!(regularizer);
        }
        config
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.activity_regularizer.as_ref()
    }
}

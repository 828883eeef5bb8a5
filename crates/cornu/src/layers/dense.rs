//! The densely connected layer.

use super::{Layer, Scope, one_input};
use crate::activations::Activation;
use crate::initializers::Initializer;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde::Serialize;

/// `activation(x · kernel + bias)`, along the last dimension of an input of any rank.
///
/// Weights: `kernel (inputs, units)`, `bias (units,)`.
#[derive(Debug, Serialize)]
pub struct Dense {
    units: usize,
    activation: Activation,
    use_bias: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
}

impl Dense {
    /// A layer with this many outputs, no activation, Glorot-uniform kernel and zero bias.
    pub fn new(units: usize) -> Dense {
        Dense {
            units,
            activation: Activation::Linear,
            use_bias: true,
            kernel_initializer: Initializer::from("glorot_uniform"),
            bias_initializer: Initializer::from("zeros"),
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

    /// The first values of the kernel.
    pub fn kernel_initializer(mut self, initializer: impl Into<Initializer>) -> Dense {
        self.kernel_initializer = initializer.into();
        self
    }

    /// The first values of the bias.
    pub fn bias_initializer(mut self, initializer: impl Into<Initializer>) -> Dense {
        self.bias_initializer = initializer.into();
        self
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
        let shape = [x.last_dim()?, self.units];
        let kernel = scope.weight("kernel", shape, &self.kernel_initializer)?;
        let mut y = ops::matmul(x, &kernel);
        if self.use_bias {
            y = y + scope.weight("bias", [self.units], &self.bias_initializer)?;
        }
        self.activation.apply(&y)
    }

    fn config(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

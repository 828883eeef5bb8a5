//! Convolution of each channel by itself.

use super::settings::{Settings, check_positive, convolution_settings};
use crate::config::Config;
use crate::layers::window::Sizes;
use crate::layers::{Layer, Scope, WeightSpec, one_input, weight_settings};
use crate::ops;
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// Convolution of images `(batch, height, width, channels)` in which each channel has filters of its
/// own.
///
/// Weights: `kernel (height, width, channels, depth_multiplier)`, `bias (channels ·
/// depth_multiplier,)`.
#[derive(Debug)]
pub struct DepthwiseConv2D {
    depth_multiplier: usize,
    kernel: WeightSpec,
    settings: Settings<2>,
}

impl DepthwiseConv2D {
    /// A layer with a filter of a size (`3` or `[3, 2]`) for each channel.
    pub fn new(kernel_size: impl Into<Sizes<2>>) -> DepthwiseConv2D {
        DepthwiseConv2D {
            depth_multiplier: 1,
            kernel: WeightSpec::new("glorot_uniform"),
            settings: Settings::new(kernel_size.into()),
        }
    }

    /// How many filters each channel has.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> DepthwiseConv2D {
        self.depth_multiplier = depth_multiplier;
        self
    }

    convolution_settings!(2);
    weight_settings!(
        "kernel",
        kernel,
        depthwise_initializer,
        depthwise_regularizer,
        depthwise_constraint
    );

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<DepthwiseConv2D> {
        let mut layer = DepthwiseConv2D::new(config.get::<Sizes<2>>("kernel_size")?);
        config.set("depth_multiplier", &mut layer.depth_multiplier)?;
        layer.kernel.read("depthwise", config)?;
        layer.settings.read(config)?;
        Ok(layer)
    }
}

impl Layer for DepthwiseConv2D {
    fn kind(&self) -> &str {
        "DepthwiseConv2D"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let padding = self.settings.padding()?;
        self.settings.check(x)?;
        check_positive("depth_multiplier", self.depth_multiplier)?;
        let ([height, width], channels) = (self.settings.kernel_size.0, x.last_dim()?);
        let shape = [height, width, channels, self.depth_multiplier];
        let kernel = scope.weight("kernel", shape, &self.kernel)?;
        let (strides, dilation) = (self.settings.strides.0, self.settings.dilation_rate.0);
        let y = ops::depthwise_conv(x, kernel, strides, padding, dilation);
        self.settings.finish(scope, y, channels * self.depth_multiplier)
    }

    fn config(&self) -> Value {
        let own = json!({ "depth_multiplier": self.depth_multiplier });
        self.settings.config(own, &[("depthwise", &self.kernel)])
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.settings.activity_regularizer.as_ref()
    }
}

//! Convolution of each channel by itself, then across the channels.

use super::settings::{Settings, check_positive, convolution_settings};
use crate::config::Config;
use crate::layers::window::Sizes;
use crate::layers::{Layer, Scope, WeightSpec, one_input, weight_settings};
use crate::ops::{self, Padding};
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// A convolution of images `(batch, height, width, channels)` in two steps: filters for each channel
/// by itself, then filters of one pixel across the channels.
///
/// Weights: `depthwise_kernel (height, width, channels, depth_multiplier)`, `pointwise_kernel (1, 1,
/// channels · depth_multiplier, filters)`, `bias (filters,)`.
#[derive(Debug)]
pub struct SeparableConv2D {
    filters: usize,
    depth_multiplier: usize,
    depthwise: WeightSpec,
    pointwise: WeightSpec,
    settings: Settings<2>,
}

impl SeparableConv2D {
    /// A layer with this many filters of a size (`3` or `[3, 2]`), no padding, no activation.
    pub fn new(filters: usize, kernel_size: impl Into<Sizes<2>>) -> SeparableConv2D {
        SeparableConv2D {
            filters,
            depth_multiplier: 1,
            depthwise: WeightSpec::new("glorot_uniform"),
            pointwise: WeightSpec::new("glorot_uniform"),
            settings: Settings::new(kernel_size.into()),
        }
    }

    /// How many filters each channel has in the first step.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> SeparableConv2D {
        self.depth_multiplier = depth_multiplier;
        self
    }

    convolution_settings!(2);
    weight_settings!(
        "kernel of each channel",
        depthwise,
        depthwise_initializer,
        depthwise_regularizer,
        depthwise_constraint
    );
    weight_settings!(
        "kernel across the channels",
        pointwise,
        pointwise_initializer,
        pointwise_regularizer,
        pointwise_constraint
    );

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<SeparableConv2D> {
        let kernel_size: Sizes<2> = config.get("kernel_size")?;
        let mut layer = SeparableConv2D::new(config.get("filters")?, kernel_size);
        config.set("depth_multiplier", &mut layer.depth_multiplier)?;
        layer.depthwise.read("depthwise", config)?;
        layer.pointwise.read("pointwise", config)?;
        layer.settings.read(config)?;
        Ok(layer)
    }
}

impl Layer for SeparableConv2D {
    fn kind(&self) -> &str {
        "SeparableConv2D"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let padding = self.settings.padding()?;
        self.settings.check(x)?;
        check_positive("filters", self.filters)?;
        check_positive("depth_multiplier", self.depth_multiplier)?;
        let ([height, width], channels) = (self.settings.kernel_size.0, x.last_dim()?);
        let depth = channels * self.depth_multiplier;
        let shape = [height, width, channels, self.depth_multiplier];
        let depthwise = scope.weight("depthwise_kernel", shape, &self.depthwise)?;
        let shape = [1, 1, depth, self.filters];
        let pointwise = scope.weight("pointwise_kernel", shape, &self.pointwise)?;
        let (strides, dilation) = (self.settings.strides.0, self.settings.dilation_rate.0);
        let y = ops::depthwise_conv(x, depthwise, strides, padding, dilation);
        let y = ops::conv(y, pointwise, [1, 1], Padding::Valid, [1, 1]);
        self.settings.finish(scope, y, self.filters)
    }

    fn config(&self) -> Value {
        let own = json!({ "filters": self.filters, "depth_multiplier": self.depth_multiplier });
        let kernels = [("depthwise", &self.depthwise), ("pointwise", &self.pointwise)];
        self.settings.config(own, &kernels)
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.settings.activity_regularizer.as_ref()
    }
}

//! Convolution over images.

use super::settings::{Settings, check_positive, convolution_settings};
use crate::config::Config;
use crate::layers::window::Sizes;
use crate::layers::{Layer, Scope, WeightSpec, one_input, weight_settings};
use crate::ops;
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// Convolution of images `(batch, height, width, channels)` with learned filters.
///
/// Weights: `kernel (height, width, channels / groups, filters)`, `bias (filters,)`.
///
/// ```
/// use cornu::prelude::*;
///
/// let image = Input::tensor([28, 28, 1]);
/// let features = Conv2D::new(64, 3).padding("same").activation("relu").call(&image);
/// assert_eq!(features.shape().to_string(), "(None, 28, 28, 64)");
/// ```
#[derive(Debug)]
pub struct Conv2D {
    filters: usize,
    groups: usize,
    kernel: WeightSpec,
    settings: Settings<2>,
}

impl Conv2D {
    /// A layer with this many filters of a size (`3` or `[3, 2]`), no padding, no activation.
    pub fn new(filters: usize, kernel_size: impl Into<Sizes<2>>) -> Conv2D {
        Conv2D {
            filters,
            groups: 1,
            kernel: WeightSpec::new("glorot_uniform"),
            settings: Settings::new(kernel_size.into()),
        }
    }

    /// In how many groups the channels and the filters are split; each group of filters sees its
    /// group of channels only.
    pub fn groups(mut self, groups: usize) -> Conv2D {
        self.groups = groups;
        self
    }

    convolution_settings!(2);
    weight_settings!("kernel", kernel, kernel_initializer, kernel_regularizer, kernel_constraint);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Conv2D> {
        let mut layer = Conv2D::new(config.get("filters")?, config.get::<Sizes<2>>("kernel_size")?);
        config.set("groups", &mut layer.groups)?;
        layer.kernel.read("kernel", config)?;
        layer.settings.read(config)?;
        Ok(layer)
    }
}

/// How many channels each filter sees.
pub(super) fn channels_of_group(channels: usize, filters: usize, groups: usize) -> Result<usize> {
    check_positive("filters", filters)?;
    check_positive("groups", groups)?;
    if channels.is_multiple_of(groups) && filters.is_multiple_of(groups) {
        return Ok(channels / groups);
    }
    Err(Error::value(format!(
        "{groups} groups do not divide the {channels} channels of the input and the {filters} filters"
    )))
}

impl Layer for Conv2D {
    fn kind(&self) -> &str {
        "Conv2D"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let padding = self.settings.padding()?;
        self.settings.check(x)?;
        let channels = channels_of_group(x.last_dim()?, self.filters, self.groups)?;
        let [height, width] = self.settings.kernel_size.0;
        let kernel =
            scope.weight("kernel", [height, width, channels, self.filters], &self.kernel)?;
        let (strides, dilation) = (self.settings.strides.0, self.settings.dilation_rate.0);
        let y = ops::conv(x, kernel, strides, padding, dilation);
        self.settings.finish(scope, y, self.filters)
    }

    fn config(&self) -> Value {
        let own = json!({ "filters": self.filters, "groups": self.groups });
        self.settings.config(own, &[("kernel", &self.kernel)])
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.settings.activity_regularizer.as_ref()
    }
}

//! Convolution over lines.

use super::conv2d::channels_of_group;
use super::settings::{Settings, convolution_settings};
use crate::config::Config;
use crate::layers::window::{PaddingMode, Sizes};
use crate::layers::{Layer, Scope, WeightSpec, one_input, weight_settings};
use crate::ops::{self, Padding};
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Result, Shape};
use serde_json::{Value, json};

/// Convolution of lines `(batch, steps, channels)` with learned filters. Besides `"valid"` and
/// `"same"` it knows the padding `"causal"`: no output depends on later steps.
///
/// Weights: `kernel (size, channels / groups, filters)`, `bias (filters,)`.
#[derive(Debug)]
pub struct Conv1D {
    filters: usize,
    groups: usize,
    kernel: WeightSpec,
    settings: Settings<1>,
}

impl Conv1D {
    /// A layer with this many filters of a size, no padding, no activation.
    pub fn new(filters: usize, kernel_size: impl Into<Sizes<1>>) -> Conv1D {
        Conv1D {
            filters,
            groups: 1,
            kernel: WeightSpec::new("glorot_uniform"),
            settings: Settings::new(kernel_size.into()),
        }
    }

    /// In how many groups the channels and the filters are split; each group of filters sees its
    /// group of channels only.
    pub fn groups(mut self, groups: usize) -> Conv1D {
        self.groups = groups;
        self
    }

    convolution_settings!(1);
    weight_settings!("kernel", kernel, kernel_initializer, kernel_regularizer, kernel_constraint);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Conv1D> {
        let mut layer = Conv1D::new(config.get("filters")?, config.get::<Sizes<1>>("kernel_size")?);
        config.set("groups", &mut layer.groups)?;
        layer.kernel.read("kernel", config)?;
        layer.settings.read(config)?;
        Ok(layer)
    }
}

impl Layer for Conv1D {
    fn kind(&self) -> &str {
        "Conv1D"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let causal = self.settings.padding == PaddingMode::Causal;
        let padding = if causal { Padding::Valid } else { self.settings.padding()? };
        self.settings.check(x)?;
        let channels = channels_of_group(x.last_dim()?, self.filters, self.groups)?;
        let [size] = self.settings.kernel_size.0;
        let kernel = scope.weight("kernel", [size, channels, self.filters], &self.kernel)?;
        let ([stride], [dilation]) = (self.settings.strides.0, self.settings.dilation_rate.0);
        let padded = match causal {
            true => ops::pad(x, [(0, 0), ((size - 1).saturating_mul(dilation), 0), (0, 0)]),
            false => x.clone(),
        };
        // A line is an image of width 1.
        let image = ops::expand_dims(padded, 2);
        let filters = [size, 1, channels, self.filters].map(Dim::Known);
        let kernel = kernel.reshape_to(&Shape::from(filters.to_vec()));
        let y = ops::conv(image, kernel, [stride, 1], padding, [dilation, 1]);
        self.settings.finish(scope, ops::squeeze(y, 2), self.filters)
    }

    fn config(&self) -> Value {
        let own = json!({ "filters": self.filters, "groups": self.groups });
        self.settings.config(own, &[("kernel", &self.kernel)])
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.settings.activity_regularizer.as_ref()
    }
}

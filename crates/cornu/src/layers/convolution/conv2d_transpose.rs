//! The transpose of a convolution: larger images.

use super::settings::{Settings, check_positive, convolution_settings};
use crate::config::Config;
use crate::layers::window::Sizes;
use crate::layers::{Layer, Scope, WeightSpec, one_input, weight_settings};
use crate::ops::{self, Padding};
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// The gradient of a convolution as a layer ("deconvolution"): from images `(batch, height, width,
/// channels)` to images that a convolution with these strides would bring back to that size.
///
/// Weights: `kernel (height, width, filters, channels)`, `bias (filters,)`.
///
/// ```
/// use cornu::prelude::*;
///
/// let code = Input::tensor([7, 7, 64]);
/// let image = layers::Conv2DTranspose::new(32, 3).strides(2).padding("same").call(&code);
/// assert_eq!(image.shape().to_string(), "(None, 14, 14, 32)");
/// ```
#[derive(Debug)]
pub struct Conv2DTranspose {
    filters: usize,
    output_padding: Option<Sizes<2>>,
    kernel: WeightSpec,
    settings: Settings<2>,
}

impl Conv2DTranspose {
    /// A layer with this many filters of a size (`3` or `[3, 2]`), no padding, no activation.
    pub fn new(filters: usize, kernel_size: impl Into<Sizes<2>>) -> Conv2DTranspose {
        Conv2DTranspose {
            filters,
            output_padding: None,
            kernel: WeightSpec::new("glorot_uniform"),
            settings: Settings::new(kernel_size.into()),
        }
    }

    /// How much larger the images become at their end than the smallest that a convolution brings
    /// back to the input's size. Unless said otherwise, with the padding `"same"` they have the
    /// input's size times the stride.
    pub fn output_padding(mut self, output_padding: impl Into<Sizes<2>>) -> Conv2DTranspose {
        self.output_padding = Some(output_padding.into());
        self
    }

    convolution_settings!(2);
    weight_settings!("kernel", kernel, kernel_initializer, kernel_regularizer, kernel_constraint);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Conv2DTranspose> {
        let kernel_size: Sizes<2> = config.get("kernel_size")?;
        let mut layer = Conv2DTranspose::new(config.get("filters")?, kernel_size);
        config.set("output_padding", &mut layer.output_padding)?;
        layer.kernel.read("kernel", config)?;
        layer.settings.read(config)?;
        Ok(layer)
    }
}

impl Conv2DTranspose {
    /// The part that remains with an output padding of all that the windows reach.
    fn cut(&self, x: &Tensor, full: &Tensor, padding: Padding, more: [usize; 2]) -> Result<Tensor> {
        full.check()?;
        let size = |x: &Tensor, i: usize| x.shape().dims()[i + 1].known().unwrap_or_default();
        let (mut ranges, mut zeros) = (vec![(0, None, 1); 4], [(0, 0); 4]);
        for (i, more) in more.into_iter().enumerate() {
            let reach = (self.settings.kernel_size.0[i] - 1) * self.settings.dilation_rate.0[i] + 1;
            // What is cut off before, and the size that a single element would get.
            let (before, base) = match padding {
                Padding::Valid => (0, reach),
                Padding::Same => {
                    let around = (reach + reach % 2 - 2).saturating_add(more);
                    ((reach - 1).saturating_sub(around.div_ceil(2)), reach % 2)
                }
            };
            let steps = size(x, i).max(1) - 1;
            let wanted = (steps * self.settings.strides.0[i] + base).saturating_add(more);
            let end = before.saturating_add(wanted).min(size(full, i));
            if end <= before {
                return Err(Error::value(format!("with output_padding {more} nothing remains")));
            }
            ranges[i + 1] = (before, Some(end), 1);
            zeros[i + 1] = (0, wanted - (end - before));
        }
        Ok(ops::pad(ops::slice(full, ranges), zeros))
    }
}

impl Layer for Conv2DTranspose {
    fn kind(&self) -> &str {
        "Conv2DTranspose"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let padding = self.settings.padding()?;
        self.settings.check_settings(x)?;
        check_positive("filters", self.filters)?;
        let [height, width] = self.settings.kernel_size.0;
        let shape = [height, width, self.filters, x.last_dim()?];
        let kernel = scope.weight("kernel", shape, &self.kernel)?;
        let (strides, dilation) = (self.settings.strides.0, self.settings.dilation_rate.0);
        let y = match self.output_padding {
            None => ops::conv_transpose(x, kernel, strides, padding, dilation),
            Some(more) => {
                let full = ops::conv_transpose(x, kernel, strides, Padding::Valid, dilation);
                self.cut(x, &full, padding, more.0)?
            }
        };
        self.settings.finish(scope, y, self.filters)
    }

    fn config(&self) -> Value {
        let own = json!({ "filters": self.filters, "output_padding": self.output_padding });
        self.settings.config(own, &[("kernel", &self.kernel)])
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.settings.activity_regularizer.as_ref()
    }
}

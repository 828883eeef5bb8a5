//! The transpose of a convolution: larger images.

use super::settings::{Settings, check_positive, convolution_settings};
use crate::layers::window::Sizes;
use crate::layers::{Layer, Scope, WeightSpec, one_input, weight_settings};
use crate::ops;
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::Result;
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
    kernel: WeightSpec,
    settings: Settings<2>,
}

impl Conv2DTranspose {
    /// A layer with this many filters of a size (`3` or `[3, 2]`), no padding, no activation.
    pub fn new(filters: usize, kernel_size: impl Into<Sizes<2>>) -> Conv2DTranspose {
        Conv2DTranspose {
            filters,
            kernel: WeightSpec::new("glorot_uniform"),
            settings: Settings::new(kernel_size.into()),
        }
    }

    convolution_settings!(2);
    weight_settings!("kernel", kernel, kernel_initializer, kernel_regularizer, kernel_constraint);
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
        let y = ops::conv_transpose(x, kernel, strides, padding, dilation);
        self.settings.finish(scope, y, self.filters)
    }

    fn config(&self) -> Value {
        let own = json!({ "filters": self.filters, "output_padding": null });
        self.settings.config(own, &[("kernel", &self.kernel)])
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.settings.activity_regularizer.as_ref()
    }
}

//! The maximum or the mean over a whole line or image.

use crate::config::Config;
use crate::layers::window::{DataFormat, IMAGE, LINE, data_format_setting};
use crate::layers::{Layer, Scope, one_input};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

macro_rules! global_pooling_layer {
    ($(#[$doc:meta])* $name:ident, $shape:expr, $axes:expr, $function:path) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name {
            keepdims: bool,
            data_format: DataFormat,
        }

        impl $name {
            /// The layer; what is pooled over disappears from the shape.
            pub fn new() -> $name {
                $name::default()
            }

            /// Whether the axes that are pooled over remain with size 1.
            pub fn keepdims(mut self, keepdims: bool) -> $name {
                self.keepdims = keepdims;
                self
            }

            data_format_setting!(data_format);

            /// From its configuration.
            pub(crate) fn from_config(config: &Config<'_>) -> Result<$name> {
                Ok($name {
                    keepdims: config.get_or("keepdims", false)?,
                    data_format: config.get_or("data_format", DataFormat::default())?,
                })
            }
        }

        impl Layer for $name {
            fn kind(&self) -> &str {
                stringify!($name)
            }

            fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
                let x = one_input(inputs)?;
                self.data_format.check(x, $shape)?;
                let axes = Axis::from($axes);
                Ok($function(x, if self.keepdims { axes.keepdims() } else { axes }))
            }

            fn config(&self) -> Value {
                json!({ "keepdims": self.keepdims, "data_format": self.data_format })
            }
        }
    };
}

global_pooling_layer!(
    /// The mean of each channel of images: `(batch, height, width, channels)` becomes
    /// `(batch, channels)`.
    GlobalAveragePooling2D, IMAGE, [1, 2], ops::mean
);
global_pooling_layer!(
    /// The largest element of each channel of images: `(batch, height, width, channels)` becomes
    /// `(batch, channels)`.
    GlobalMaxPooling2D, IMAGE, [1, 2], ops::max
);
global_pooling_layer!(
    /// The mean of each channel of lines: `(batch, steps, channels)` becomes `(batch, channels)`.
    GlobalAveragePooling1D, LINE, [1], ops::mean
);
global_pooling_layer!(
    /// The largest element of each channel of lines: `(batch, steps, channels)` becomes
    /// `(batch, channels)`.
    GlobalMaxPooling1D, LINE, [1], ops::max
);

//! The maximum or the mean of each window.

use crate::config::Config;
use crate::layers::window::{DataFormat, IMAGE, LINE, PaddingMode, Sizes, check_window};
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// What is done to each window, and where the windows lie.
#[derive(Debug)]
struct Pooling<const N: usize> {
    largest: bool,
    pool_size: Sizes<N>,
    strides: Option<Sizes<N>>,
    padding: PaddingMode,
    data_format: DataFormat,
}

impl<const N: usize> Pooling<N> {
    fn new(largest: bool, pool_size: Sizes<N>) -> Pooling<N> {
        Pooling {
            largest,
            pool_size,
            strides: None,
            padding: PaddingMode::Valid,
            data_format: DataFormat::default(),
        }
    }

    /// The windows lie side by side unless said otherwise.
    fn strides(&self) -> Sizes<N> {
        self.strides.unwrap_or(self.pool_size)
    }

    /// Pools images; `window` and `strides` are the layer's own, made two if they are one.
    fn images(&self, x: &Tensor, window: [usize; 2], strides: [usize; 2]) -> Result<Tensor> {
        let padding = self.padding.known()?;
        let pool = if self.largest { ops::max_pool } else { ops::average_pool };
        Ok(pool(x, window, strides, padding))
    }

    fn check(&self, x: &Tensor, axes: &str) -> Result<()> {
        self.padding.known()?;
        self.data_format.check(x, axes)?;
        let window = self.pool_size.positive("pool_size")?;
        self.strides().positive("strides")?;
        match self.padding {
            PaddingMode::Valid => check_window("the window", x, window, [1; N]),
            _ => Ok(()),
        }
    }

    fn read(mut self, config: &Config<'_>) -> Result<Pooling<N>> {
        config.set("pool_size", &mut self.pool_size)?;
        config.set("strides", &mut self.strides)?;
        config.set("padding", &mut self.padding)?;
        config.set("data_format", &mut self.data_format)?;
        Ok(self)
    }

    fn config(&self) -> Value {
        json!({
            "pool_size": self.pool_size,
            "strides": self.strides(),
            "padding": self.padding,
            "data_format": self.data_format,
        })
    }
}

impl Pooling<2> {
    fn forward(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        self.check(x, IMAGE)?;
        self.images(x, self.pool_size.0, self.strides().0)
    }
}

impl Pooling<1> {
    /// A line is an image of width 1.
    fn forward(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        self.check(x, LINE)?;
        let ([size], [stride]) = (self.pool_size.0, self.strides().0);
        let y = self.images(&ops::expand_dims(x, 2), [size, 1], [stride, 1])?;
        Ok(ops::squeeze(y, 2))
    }
}

macro_rules! pooling_layer {
    ($(#[$doc:meta])* $name:ident, $n:literal, $largest:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Pooling<$n>);

        impl $name {
            /// Windows of this size, side by side.
            pub fn new(pool_size: impl Into<Sizes<$n>>) -> $name {
                $name(Pooling::new($largest, pool_size.into()))
            }

            /// The distance between windows: their size, unless said otherwise.
            pub fn strides(mut self, strides: impl Into<Sizes<$n>>) -> $name {
                self.0.strides = Some(strides.into());
                self
            }

            /// What happens at the border: `"valid"` (what does not fill a window is left out, the
            /// default) or `"same"` (it makes a smaller window).
            pub fn padding(mut self, padding: impl Into<PaddingMode>) -> $name {
                self.0.padding = padding.into();
                self
            }

            /// Where the channels are: Cornu has `"channels_last"` only.
            pub fn data_format(mut self, data_format: impl Into<DataFormat>) -> $name {
                self.0.data_format = data_format.into();
                self
            }

            /// From its configuration.
            pub(crate) fn from_config(config: &Config<'_>) -> Result<$name> {
                $name::default().0.read(config).map($name)
            }
        }

        /// Windows of Keras's default size, 2.
        impl Default for $name {
            fn default() -> $name {
                $name::new(2)
            }
        }

        impl Layer for $name {
            fn kind(&self) -> &str {
                stringify!($name)
            }

            fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
                self.0.forward(inputs)
            }

            fn config(&self) -> Value {
                self.0.config()
            }
        }
    };
}

pooling_layer!(
    /// The largest element of each window of images `(batch, height, width, channels)`.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let image = Input::tensor([28, 28, 3]);
    /// let half = MaxPooling2D::new(2).call(&image);
    /// assert_eq!(half.shape().to_string(), "(None, 14, 14, 3)");
    /// ```
    MaxPooling2D, 2, true
);
pooling_layer!(
    /// The mean of each window of images `(batch, height, width, channels)`. Padding does not count.
    AveragePooling2D, 2, false
);
pooling_layer!(
    /// The largest element of each window of lines `(batch, steps, channels)`.
    MaxPooling1D, 1, true
);
pooling_layer!(
    /// The mean of each window of lines `(batch, steps, channels)`. Padding does not count.
    AveragePooling1D, 1, false
);

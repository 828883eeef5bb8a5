//! What all convolutions have beside their filters: strides, border, bias, activation.

use crate::activations::Activation;
use crate::config::Config;
use crate::layers::options::plain_weights;
use crate::layers::window::{DataFormat, IMAGE, LINE, PaddingMode, Sizes, check_window};
use crate::layers::{Scope, WeightSpec};
use crate::ops::Padding;
use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// The settings that all convolutions over `N` axes share.
#[derive(Debug)]
pub(super) struct Settings<const N: usize> {
    pub kernel_size: Sizes<N>,
    pub strides: Sizes<N>,
    pub padding: PaddingMode,
    pub data_format: DataFormat,
    pub dilation_rate: Sizes<N>,
    pub activation: Activation,
    pub use_bias: bool,
    pub bias: WeightSpec,
    pub activity_regularizer: Option<Regularizer>,
}

impl<const N: usize> Settings<N> {
    /// Keras's defaults.
    pub fn new(kernel_size: Sizes<N>) -> Settings<N> {
        Settings {
            kernel_size,
            strides: 1.into(),
            padding: PaddingMode::Valid,
            data_format: DataFormat::default(),
            dilation_rate: 1.into(),
            activation: Activation::Linear,
            use_bias: true,
            bias: WeightSpec::new("zeros"),
            activity_regularizer: None,
        }
    }

    /// Checks the settings, and that the windows fit into the input.
    pub fn check(&self, x: &Tensor) -> Result<()> {
        self.check_settings(x)?;
        match self.padding {
            PaddingMode::Valid => {
                check_window("the kernel", x, self.kernel_size.0, self.dilation_rate.0)
            }
            _ => Ok(()),
        }
    }

    /// Checks the settings, and the rank of the input.
    pub fn check_settings(&self, x: &Tensor) -> Result<()> {
        self.data_format.check(x, if N == 1 { LINE } else { IMAGE })?;
        self.kernel_size.positive("kernel_size")?;
        let strides = self.strides.positive("strides")?;
        let dilation = self.dilation_rate.positive("dilation_rate")?;
        if strides.iter().any(|&s| s > 1) && dilation.iter().any(|&d| d > 1) {
            return Err(Error::value(format!(
                "strides {strides:?} and dilation_rate {dilation:?} cannot both be above 1"
            )));
        }
        Ok(())
    }

    /// The padding of a convolution that knows no causal one.
    pub fn padding(&self) -> Result<Padding> {
        self.padding.known()
    }

    /// Adds the bias of this many filters, and applies the activation.
    pub fn finish(&self, scope: &mut Scope, y: Tensor, filters: usize) -> Result<Tensor> {
        let mut y = y;
        y.check()?;
        if self.use_bias {
            y = y + scope.weight("bias", [filters], &self.bias)?;
        }
        self.activation.apply(&y)
    }

    /// Reads the fields of the configuration that all have.
    pub fn read(&mut self, config: &Config<'_>) -> Result<()> {
        plain_weights(config)?;
        config.set("strides", &mut self.strides)?;
        config.set("padding", &mut self.padding)?;
        config.set("data_format", &mut self.data_format)?;
        config.set("dilation_rate", &mut self.dilation_rate)?;
        config.set("activation", &mut self.activation)?;
        config.set("use_bias", &mut self.use_bias)?;
        config.set("activity_regularizer", &mut self.activity_regularizer)?;
        self.bias.read("bias", config)
    }

    /// The fields of the configuration that all have, and those of the kernels.
    pub fn config(&self, own: Value, kernels: &[(&str, &WeightSpec)]) -> Value {
        let mut config = json!({
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "activity_regularizer": self.activity_regularizer,
        });
        self.bias.describe("bias", &mut config);
        kernels.iter().for_each(|(name, spec)| spec.describe(name, &mut config));
        if let (Some(all), Value::Object(own)) = (config.as_object_mut(), own) {
            all.extend(own);
        }
        config
    }
}

/// Checks a number of filters, channels or groups.
pub(super) fn check_positive(name: &str, number: usize) -> Result<()> {
    if number > 0 { Ok(()) } else { Err(Error::value(format!("{name} must be at least 1, not 0"))) }
}

/// The setters of [`Settings`], for a layer over `N` axes that has them in the field `settings`.
macro_rules! convolution_settings {
    ($n:literal) => {
        /// The distance between windows, 1 unless said otherwise.
        pub fn strides(mut self, strides: impl Into<$crate::layers::Sizes<$n>>) -> Self {
            self.settings.strides = strides.into();
            self
        }

        /// What happens at the border: `"valid"` (no padding, the default) or `"same"`.
        pub fn padding(mut self, padding: impl Into<$crate::layers::PaddingMode>) -> Self {
            self.settings.padding = padding.into();
            self
        }

        /// The distance between the elements of a window, 1 unless said otherwise.
        pub fn dilation_rate(
            mut self,
            dilation_rate: impl Into<$crate::layers::Sizes<$n>>,
        ) -> Self {
            self.settings.dilation_rate = dilation_rate.into();
            self
        }

        /// What is applied to the outputs: `"relu"` or [`Activation::Relu`].
        ///
        /// [`Activation::Relu`]: crate::activations::Activation::Relu
        pub fn activation(
            mut self,
            activation: impl Into<$crate::activations::Activation>,
        ) -> Self {
            self.settings.activation = activation.into();
            self
        }

        /// Whether a bias is added.
        pub fn use_bias(mut self, use_bias: bool) -> Self {
            self.settings.use_bias = use_bias;
            self
        }

        $crate::layers::window::data_format_setting!(settings.data_format);
        $crate::layers::weight_settings!(
            "bias",
            settings.bias,
            bias_initializer,
            bias_regularizer,
            bias_constraint
        );
        $crate::layers::activity_setting!(settings.activity_regularizer);
    };
}
pub(super) use convolution_settings;

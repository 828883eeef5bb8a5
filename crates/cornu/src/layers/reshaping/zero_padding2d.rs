//! Zeros around images.

use super::Sides;
use crate::config::Config;
use crate::layers::window::{DataFormat, IMAGE, data_format_setting};
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// Adds rows and columns of zeros to images `(batch, height, width, channels)`.
#[derive(Clone, Debug)]
pub struct ZeroPadding2D {
    padding: Sides,
    data_format: DataFormat,
}

impl ZeroPadding2D {
    /// So much on each side: `1`, `[rows, columns]` or `[[above, below], [left, right]]`.
    pub fn new(padding: impl Into<Sides>) -> ZeroPadding2D {
        ZeroPadding2D { padding: padding.into(), data_format: DataFormat::default() }
    }

    data_format_setting!(data_format);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<ZeroPadding2D> {
        let mut layer = ZeroPadding2D::default();
        config.set("padding", &mut layer.padding)?;
        config.set("data_format", &mut layer.data_format)?;
        Ok(layer)
    }
}

/// Keras's default, 1 on each side.
impl Default for ZeroPadding2D {
    fn default() -> ZeroPadding2D {
        ZeroPadding2D::new(1)
    }
}

impl Layer for ZeroPadding2D {
    fn kind(&self) -> &str {
        "ZeroPadding2D"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        self.data_format.check(x, IMAGE)?;
        let [[above, below], [left, right]] = self.padding.0;
        Ok(ops::pad(x, [(0, 0), (above, below), (left, right), (0, 0)]))
    }

    fn config(&self) -> Value {
        json!({ "padding": self.padding, "data_format": self.data_format })
    }
}

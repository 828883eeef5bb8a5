//! Images without their borders.

use super::Sides;
use crate::config::Config;
use crate::layers::window::{DataFormat, IMAGE, data_format_setting};
use crate::layers::{Layer, Scope, one_input};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};

/// Takes rows and columns off images `(batch, height, width, channels)`.
#[derive(Clone, Debug)]
pub struct Cropping2D {
    cropping: Sides,
    data_format: DataFormat,
}

impl Cropping2D {
    /// So much off each side: `1`, `[rows, columns]` or `[[above, below], [left, right]]`.
    pub fn new(cropping: impl Into<Sides>) -> Cropping2D {
        Cropping2D { cropping: cropping.into(), data_format: DataFormat::default() }
    }

    data_format_setting!(data_format);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Cropping2D> {
        let mut layer = Cropping2D::default();
        config.set("cropping", &mut layer.cropping)?;
        config.set("data_format", &mut layer.data_format)?;
        Ok(layer)
    }
}

/// Keras's default, nothing.
impl Default for Cropping2D {
    fn default() -> Cropping2D {
        Cropping2D::new(0)
    }
}

impl Layer for Cropping2D {
    fn kind(&self) -> &str {
        "Cropping2D"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        self.data_format.check(x, IMAGE)?;
        let mut ranges = vec![(0, None, 1); 4];
        for (i, [before, after]) in self.cropping.0.into_iter().enumerate() {
            let axis = i + 1;
            let size = x.shape().dims()[axis].known().unwrap_or_default();
            let end = size.checked_sub(after).filter(|&end| end > before).ok_or_else(|| {
                Error::shape(format!(
                    "cropping {before} and {after} off axis {axis} leaves nothing of an input of \
                     shape {}",
                    x.shape()
                ))
            })?;
            ranges[axis] = (before, Some(end), 1);
        }
        Ok(ops::slice(x, ranges))
    }

    fn config(&self) -> Value {
        json!({ "cropping": self.cropping, "data_format": self.data_format })
    }
}

//! Dropout of whole channels.

use super::dropout;
use crate::config::{Config, decimal};
use crate::layers::window::{DataFormat, IMAGE, LINE, data_format_setting};
use crate::layers::{Layer, Scope, one_input};
use crate::tensor::Tensor;
use cornu_graph::{Dim, Result, Shape};
use serde_json::{Value, json};

/// One draw for each sample and channel.
fn draws(x: &Tensor) -> Shape {
    let last = x.rank() - 1;
    let dims = x.shape().dims().iter().enumerate();
    let dims = dims.map(|(i, &dim)| if i == 0 || i == last { dim } else { Dim::Known(1) });
    Shape::from(dims.collect::<Vec<Dim>>())
}

/// [`Dropout`](super::Dropout) of whole channels of lines `(batch, steps, channels)`.
///
/// Tompson et al., "Efficient object localization using convolutional networks", 2014.
#[derive(Clone, Debug)]
pub struct SpatialDropout1D {
    rate: f32,
}

impl SpatialDropout1D {
    /// Drops this part of the channels, from 0 to 1.
    pub fn new(rate: f32) -> SpatialDropout1D {
        SpatialDropout1D { rate }
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<SpatialDropout1D> {
        Ok(SpatialDropout1D::new(config.get("rate")?))
    }
}

impl Layer for SpatialDropout1D {
    fn kind(&self) -> &str {
        "SpatialDropout1D"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        DataFormat::default().check(x, LINE)?;
        dropout(scope, x, self.rate, &draws(x))
    }

    fn config(&self) -> Value {
        json!({ "rate": decimal(self.rate), "seed": null })
    }
}

/// [`Dropout`](super::Dropout) of whole channels of images `(batch, height, width, channels)`.
///
/// Tompson et al., "Efficient object localization using convolutional networks", 2014.
#[derive(Clone, Debug)]
pub struct SpatialDropout2D {
    rate: f32,
    data_format: DataFormat,
}

impl SpatialDropout2D {
    /// Drops this part of the channels, from 0 to 1.
    pub fn new(rate: f32) -> SpatialDropout2D {
        SpatialDropout2D { rate, data_format: DataFormat::default() }
    }

    data_format_setting!(data_format);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<SpatialDropout2D> {
        let mut layer = SpatialDropout2D::new(config.get("rate")?);
        config.set("data_format", &mut layer.data_format)?;
        Ok(layer)
    }
}

impl Layer for SpatialDropout2D {
    fn kind(&self) -> &str {
        "SpatialDropout2D"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        self.data_format.check(x, IMAGE)?;
        dropout(scope, x, self.rate, &draws(x))
    }

    fn config(&self) -> Value {
        json!({ "rate": decimal(self.rate), "seed": null, "data_format": self.data_format })
    }
}

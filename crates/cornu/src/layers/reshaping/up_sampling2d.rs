//! Larger images.

use crate::config::Config;
use crate::layers::window::{DataFormat, IMAGE, Sizes, data_format_setting};
use crate::layers::{Layer, Scope, one_input};
use crate::tensor::Tensor;
use crate::{names, ops};
use cornu_graph::{Array, Error, Result};
use serde_json::{Value, json};

/// Makes images `(batch, height, width, channels)` a whole number of times larger.
#[derive(Clone, Debug)]
pub struct UpSampling2D {
    size: Sizes<2>,
    data_format: DataFormat,
    interpolation: String,
}

impl UpSampling2D {
    /// So many times larger: `2`, or `[2, 3]` for height and width. Each pixel is repeated.
    pub fn new(size: impl Into<Sizes<2>>) -> UpSampling2D {
        UpSampling2D {
            size: size.into(),
            data_format: DataFormat::default(),
            interpolation: "nearest".to_owned(),
        }
    }

    /// What comes between the pixels: `"nearest"` (each is repeated, the default) or `"bilinear"`.
    pub fn interpolation(mut self, interpolation: &str) -> UpSampling2D {
        self.interpolation = interpolation.to_owned();
        self
    }

    data_format_setting!(data_format);

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<UpSampling2D> {
        let mut layer = UpSampling2D::default();
        config.set("size", &mut layer.size)?;
        config.set("data_format", &mut layer.data_format)?;
        config.set("interpolation", &mut layer.interpolation)?;
        match layer.interpolation.as_str() {
            "nearest" | "bilinear" => Ok(layer),
            other => Err(unknown_interpolation(other)),
        }
    }
}

/// Keras's default, twice as large.
impl Default for UpSampling2D {
    fn default() -> UpSampling2D {
        UpSampling2D::new(2)
    }
}

impl Layer for UpSampling2D {
    fn kind(&self) -> &str {
        "UpSampling2D"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        self.data_format.check(x, IMAGE)?;
        let [height, width] = self.size.positive("size")?;
        match self.interpolation.as_str() {
            "nearest" => Ok(ops::repeat(ops::repeat(x, height, 1), width, 2)),
            "bilinear" => stretch(&stretch(x, height, 1)?, width, 2),
            other => Err(unknown_interpolation(other)),
        }
    }

    fn config(&self) -> Value {
        json!({
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        })
    }
}

fn unknown_interpolation(name: &str) -> Error {
    names::unknown("interpolation", name, ["nearest", "bilinear"])
}

/// Stretches an axis, with straight lines between the centres of its elements.
fn stretch(x: &Tensor, times: usize, axis: i32) -> Result<Tensor> {
    let size = x.shape().dims()[axis as usize].known().unwrap_or_default();
    // As large as the result at least, of which the shape rule would tell the same.
    let fits = |n: usize| n <= isize::MAX as usize / 8;
    if !size.checked_mul(size).and_then(|n| n.checked_mul(times)).is_some_and(fits) {
        let message = format!("no memory can hold an image of {size} pixels {times} times larger");
        return Err(Error::shape(message));
    }
    let weights = Tensor::from(Array::new([size, size * times], between(size, times))?);
    // The axis last, for a matrix product.
    let order = if axis == 1 { [0, 3, 2, 1] } else { [0, 1, 3, 2] };
    let stretched = ops::matmul(ops::transpose(x, Some(&order)), weights);
    stretched.check()?;
    Ok(ops::transpose(stretched, Some(&order)))
}

/// How much each of `size` elements counts in each of `size · times`, row by row. An element
/// stands in the middle of its part of the axis; beyond the outermost, nothing changes.
fn between(size: usize, times: usize) -> Vec<f32> {
    let mut weights = vec![0.0; size * size * times];
    for to in 0..size * times {
        let from = ((to as f32 + 0.5) / times as f32 - 0.5).clamp(0.0, size as f32 - 1.0);
        let (first, rest) = (from.floor() as usize, from.fract());
        weights[first * size * times + to] += 1.0 - rest;
        if rest > 0.0 {
            weights[(first + 1) * size * times + to] += rest;
        }
    }
    weights
}

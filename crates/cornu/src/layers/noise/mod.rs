//! Layers that disturb training so that it finds what holds in general.

mod activity_regularization;
mod alpha_dropout;
mod dropout;
mod gaussian_dropout;
mod gaussian_noise;
mod spatial_dropout;

pub use activity_regularization::ActivityRegularization;
pub use alpha_dropout::AlphaDropout;
pub use dropout::Dropout;
pub use gaussian_dropout::GaussianDropout;
pub use gaussian_noise::GaussianNoise;
pub use spatial_dropout::{SpatialDropout1D, SpatialDropout2D};

use crate::layers::Scope;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result, Shape};

/// Checks a part or a standard deviation.
fn check_fraction(name: &str, value: f32) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::value(format!("{name} must be from 0 to 1, not {value}")))
}

/// The shape of the draws: the input's, unless others were asked for.
fn noise_shape(x: &Tensor, asked: Option<&[Option<usize>]>) -> Result<Shape> {
    let dims = x.shape().dims();
    let Some(asked) = asked else { return Ok(x.shape().clone()) };
    let fits = |(size, dim): (&Option<usize>, &Dim)| match size {
        None | Some(1) => true,
        size => *size == dim.known(),
    };
    if asked.len() != dims.len() || !asked.iter().zip(dims).all(fits) {
        return Err(Error::shape(format!(
            "noise_shape {asked:?} does not fit an input of shape {}",
            x.shape()
        ))
        .help("it has an entry for each axis: None, 1, or the axis's size"));
    }
    let size = |(size, dim): (&Option<usize>, &Dim)| size.map_or(*dim, Dim::Known);
    Ok(Shape::from(asked.iter().zip(dims).map(size).collect::<Vec<Dim>>()))
}

/// The setting of the draws' shape.
macro_rules! noise_shape_setting {
    () => {
        /// The shape of what is drawn, batch and all: 1 where one draw counts along the whole axis,
        /// `None` (or its size) where each element has its own. `[None, Some(1), None]` drops
        /// whole features of `(batch, steps, features)`.
        pub fn noise_shape(mut self, noise_shape: impl Into<Vec<Option<usize>>>) -> Self {
            self.noise_shape = Some(noise_shape.into());
            self
        }
    };
}
use noise_shape_setting;

/// Drops what falls below the rate, and scales the rest, in training. The draws have a shape that
/// broadcasts to the input.
fn dropout(scope: &Scope, x: &Tensor, rate: f32, draws: &Shape) -> Result<Tensor> {
    check_fraction("rate", rate)?;
    if !scope.training() || rate == 0.0 {
        return Ok(x.clone());
    }
    if rate == 1.0 {
        return Ok(x * 0.0);
    }
    let keep = ops::greater_equal(scope.random_uniform(draws), rate);
    Ok(ops::where_(keep, x * (1.0 / (1.0 - rate)), 0.0))
}

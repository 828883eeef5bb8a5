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
use cornu_graph::{Error, Result, Shape};

/// Checks a part or a standard deviation.
fn check_fraction(name: &str, value: f32) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::value(format!("{name} must be from 0 to 1, not {value}")))
}

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

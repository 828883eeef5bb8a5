//! Layers that bring their inputs to mean 0 and variance 1, or to length 1.

mod affine;
mod batch;
mod features;
mod group;
mod layer;
mod rms;
mod unit;

pub use batch::BatchNormalization;
pub use features::Normalization;
pub use group::GroupNormalization;
pub use layer::LayerNormalization;
pub use rms::RMSNormalization;
pub use unit::UnitNormalization;

//! The same numbers in another shape, or at another place.

mod cropping2d;
mod flatten;
mod permute;
mod repeat_vector;
mod reshape;
mod sides;
mod up_sampling2d;
mod zero_padding2d;

pub use cropping2d::Cropping2D;
pub use flatten::Flatten;
pub use permute::Permute;
pub use repeat_vector::RepeatVector;
pub use reshape::Reshape;
pub use sides::Sides;
pub use up_sampling2d::UpSampling2D;
pub use zero_padding2d::ZeroPadding2D;

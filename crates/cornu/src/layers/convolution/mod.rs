//! Convolutions over lines and images, channels last.

mod conv2d;
mod settings;

pub use conv2d::Conv2D;

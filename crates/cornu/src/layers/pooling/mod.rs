//! Pooling over lines and images, channels last.

mod global;
mod windows;

pub use global::{
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalMaxPooling1D, GlobalMaxPooling2D,
};
pub use windows::{AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D};

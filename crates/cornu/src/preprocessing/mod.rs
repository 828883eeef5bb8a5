//! Preparing data: images that are varied at random, classes as vectors.

pub mod image;
pub(crate) mod labels;

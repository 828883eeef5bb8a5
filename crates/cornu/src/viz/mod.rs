//! Pictures: how a training went, and what a model makes of its data.
//!
//! All are SVG files that any browser shows, readable on a light and on a dark background. Nothing
//! has to be installed for them, no fonts either.
//!
//! - [`History::plot`](crate::train::History::plot): the loss and every metric, epoch by epoch.
//! - [`pair_gallery`]: pairs of images with a siamese network's verdicts.

mod axis;
mod canvas;
mod curves;
mod gallery;
mod picture;

pub use gallery::pair_gallery;

use cornu_graph::Result;
use std::path::Path;

/// Writes a picture of your own, or another small text, to a file: whole or not at all. Whoever
/// reads it never sees half of it. Missing folders are made.
///
/// # Errors
/// If the file cannot be written. One that was there is as it was then.
pub fn write(path: impl AsRef<Path>, text: &str) -> Result<()> {
    crate::saving::write_whole(path.as_ref(), text.as_bytes())
}

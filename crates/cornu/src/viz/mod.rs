//! Pictures: how a training went, what a model makes of its data, and what it looks like.
//!
//! Each is a [`Picture`], saved as SVG or PNG as the ending of the file says, readable on a light
//! and on a dark background. Nothing has to be installed for them, no fonts either.
//!
//! - [`History::plot`](crate::train::History::plot): the loss and every metric, epoch by epoch;
//!   [`compare_histories`]: several trainings in one.
//! - [`Model::plot`](crate::model::Model::plot), [`plot_model`]: the layers and how they are
//!   connected.
//! - [`confusion_matrix`], [`roc_curve`], [`histogram`]: how well classes, or same and different
//!   pairs, are told apart.
//! - [`pair_gallery`], [`pair_grid`], [`image_grid`]: images with verdicts, titles, labels.
//! - [`embedding_map`]: where a network puts its samples.
//! - [`bar_chart`]: how much of something several things have.
//! - [`LineChart`]: any figures over another, several side by side.
//! - [`Report`]: all of it on one page.

mod axis;
mod bars;
mod bitmap;
mod confusion;
mod curves;
mod embedding;
mod gallery;
mod grid;
mod histogram;
mod lines;
mod network;
mod paint;
mod pca;
mod picture;
mod plot;
mod report;
mod roc;

pub use bars::{Bars, bar_chart};
pub use confusion::confusion_matrix;
pub use curves::compare_histories;
pub use embedding::embedding_map;
pub use gallery::{pair_gallery, pair_gallery_picture};
pub use grid::{image_grid, pair_grid};
pub use histogram::{histogram, pair_histogram};
pub use lines::{LineChart, line_charts};
pub use network::{ModelPlot, plot_model};
pub use paint::Theme;
pub use picture::Picture;
pub use report::{Report, Value};
pub use roc::{RocCurve, roc_curve};

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

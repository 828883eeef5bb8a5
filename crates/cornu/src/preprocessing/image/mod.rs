//! Images that are varied at random while a model learns from them. Keras's
//! `keras.preprocessing.image`, with its names, its defaults and its arithmetic.
//!
//! ```
//! use cornu::prelude::*;
//! use cornu::preprocessing::image::ImageDataGenerator;
//!
//! # let images = Array::zeros([20, 28, 28, 1], DType::U8);
//! # let labels = Array::zeros([20], DType::U8);
//! let train = ImageDataGenerator::new()
//!     .rescale(1.0 / 255.0)
//!     .rotation_range(5.0)
//!     .width_shift_range(0.1)
//!     .height_shift_range(0.05)
//!     .zoom_range(0.1)
//!     .fill_mode("constant");
//! let mut flow = train.flow(&images, &labels).batch_size(8).seed(9487).build()?;
//! let batch = flow.next_batch()?;
//! assert_eq!(batch.x.shape(), [8, 28, 28, 1]);
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! What happens to an image, in this order: one interpolated warp (rotation, shift, shear and zoom
//! together, about the image's centre), channel shift, flips, brightness, the preprocessing
//! function, rescale, then centring and scaling of the sample and of the features, whitening.
//!
//! # Keras's axes
//!
//! Keras 3 (and keras-preprocessing from 1.1) exchanges the two axes of the warp after it has
//! placed its centre. What follows, for images whose channels are last:
//!
//! - `tx`, drawn from `height_shift_range`, moves the image *sideways*; `ty`, drawn from
//!   `width_shift_range`, moves it up and down. `zx` zooms sideways, `zy` up and down.
//! - The centre of an image that is not square is taken at (width / 2, height / 2) in (row,
//!   column), so that it does not turn about its middle.
//!
//! Cornu does the same, so that a program gives what it gave with Keras.
//! [`keras_axes(false)`](ImageDataGenerator::keras_axes) does what the names say instead.
//!
//! # Other differences
//!
//! - Images are `(rows, columns, channels)`, or `(rows, columns)` without channels, where Keras
//!   demands channels. Channels come last only; Keras's single functions have them first if not
//!   told otherwise.
//! - All arithmetic is in `float32`, whatever the images hold: Keras's single functions round
//!   to the dtype of an image of integers.
//! - Feature-wise options without [`fit`](ImageDataGenerator::fit) are an error; Keras warns and
//!   leaves them out.
//! - Interpolation orders are 0 and 1; Keras has splines up to 5.
//! - The sample weights of a training subset are those of its images; Keras takes them from the
//!   beginning of the data.
//! - What is drawn has Keras's distributions, not numpy's bits. Seed, epoch and image decide it:
//!   it does not depend on the batch size, the number of threads, or the other options.

mod colour;
mod draw;
mod eigen;
mod fit;
mod flow;
mod functions;
mod generator;
mod images;
mod ranges;
mod standardize;
mod transform;
mod warp;

pub use flow::{Flow, FlowBatch, FlowBuilder, Subset};
pub use functions::{
    apply_affine_transform, apply_brightness_shift, apply_channel_shift, random_brightness,
    random_channel_shift, random_rotation, random_shear, random_shift, random_zoom,
};
pub use generator::ImageDataGenerator;
pub use ranges::{FillMode, Sampling, ShiftRange, ZoomRange};
pub use transform::TransformParameters;

//! The options of an [`ImageDataGenerator`].

use super::draw::{Draws, draw};
use super::fit::Statistics;
use super::ranges::{FillMode, Sampling, ShiftRange, ZoomRange, in_order, not_negative};
use super::transform::{TransformParameters, frame_of};
use crate::session;
use cornu_graph::{Array, Error, Result};
use std::sync::Arc;

/// Makes varied images for training: rotated, shifted, zoomed, mirrored, in other colours, and
/// standardized. Keras's class of this name; see the [module](super) for the order of things.
///
/// Options that are not allowed are errors where the generator is used.
#[derive(Clone)]
pub struct ImageDataGenerator {
    pub(super) featurewise_center: bool,
    pub(super) samplewise_center: bool,
    pub(super) featurewise_std_normalization: bool,
    pub(super) samplewise_std_normalization: bool,
    pub(super) zca_whitening: bool,
    pub(super) zca_epsilon: f64,
    pub(super) rotation_range: f64,
    pub(super) width_shift_range: ShiftRange,
    pub(super) height_shift_range: ShiftRange,
    pub(super) brightness_range: Option<[f64; 2]>,
    pub(super) shear_range: f64,
    pub(super) zoom_range: ZoomRange,
    pub(super) channel_shift_range: f64,
    pub(super) sampling: Sampling,
    pub(super) horizontal_flip: bool,
    pub(super) vertical_flip: bool,
    pub(super) rescale: f32,
    pub(super) preprocessing_function: Option<Arc<Preprocess>>,
    pub(super) validation_split: f64,
    pub(super) keras_axes: bool,
    pub(super) statistics: Option<Arc<Statistics>>,
}

/// What a user's function does to an image.
pub(super) type Preprocess = dyn Fn(Array) -> Result<Array> + Send + Sync;

impl Default for ImageDataGenerator {
    fn default() -> ImageDataGenerator {
        ImageDataGenerator {
            featurewise_center: false,
            samplewise_center: false,
            featurewise_std_normalization: false,
            samplewise_std_normalization: false,
            zca_whitening: false,
            zca_epsilon: 1e-6,
            rotation_range: 0.0,
            width_shift_range: ShiftRange::default(),
            height_shift_range: ShiftRange::default(),
            brightness_range: None,
            shear_range: 0.0,
            zoom_range: ZoomRange::default(),
            channel_shift_range: 0.0,
            sampling: Sampling::default(),
            horizontal_flip: false,
            vertical_flip: false,
            rescale: 1.0,
            preprocessing_function: None,
            validation_split: 0.0,
            keras_axes: true,
            statistics: None,
        }
    }
}

impl ImageDataGenerator {
    /// A generator that gives images as they are.
    pub fn new() -> ImageDataGenerator {
        ImageDataGenerator::default()
    }

    /// Subtracts from each channel its mean over the data set. Needs [`fit`](Self::fit).
    pub fn featurewise_center(mut self, on: bool) -> Self {
        self.featurewise_center = on;
        self
    }

    /// Subtracts from each image its mean.
    pub fn samplewise_center(mut self, on: bool) -> Self {
        self.samplewise_center = on;
        self
    }

    /// Divides each channel by its standard deviation over the data set (and 1e-6). Needs
    /// [`fit`](Self::fit), and centres too. Left out where `zca_whitening` is on.
    pub fn featurewise_std_normalization(mut self, on: bool) -> Self {
        self.featurewise_std_normalization = on;
        self
    }

    /// Divides each image by its standard deviation (and 1e-6), and centres it first.
    pub fn samplewise_std_normalization(mut self, on: bool) -> Self {
        self.samplewise_std_normalization = on;
        self
    }

    /// Whitens the images (ZCA): pixels become uncorrelated over the data set, images still look
    /// like themselves. Needs [`fit`](Self::fit), and centres the features too. The matrix has as
    /// many rows and columns as an image has numbers.
    pub fn zca_whitening(mut self, on: bool) -> Self {
        self.zca_whitening = on;
        self
    }

    /// What is added to each singular value of the data before the whitening divides by it.
    /// Default 1e-6.
    pub fn zca_epsilon(mut self, epsilon: impl Into<f64>) -> Self {
        self.zca_epsilon = epsilon.into();
        self
    }

    /// Rotates by up to this many degrees, either way.
    pub fn rotation_range(mut self, degrees: impl Into<f64>) -> Self {
        self.rotation_range = degrees.into();
        self
    }

    /// Shifts: a part of the width, a number of pixels, or some numbers to choose from. See
    /// [`ShiftRange`], and [Keras's axes](super#kerass-axes) for the direction.
    pub fn width_shift_range(mut self, range: impl Into<ShiftRange>) -> Self {
        self.width_shift_range = range.into();
        self
    }

    /// Shifts: a part of the height, a number of pixels, or some numbers to choose from. See
    /// [`ShiftRange`], and [Keras's axes](super#kerass-axes) for the direction.
    pub fn height_shift_range(mut self, range: impl Into<ShiftRange>) -> Self {
        self.height_shift_range = range.into();
        self
    }

    /// Multiplies the brightness by a number in this range. The image passes through bytes: values
    /// are cut to whole numbers, at most 255. An image with values outside 0 to 255 is spread over
    /// this range first and brought back afterwards.
    pub fn brightness_range(mut self, range: [f64; 2]) -> Self {
        self.brightness_range = Some(range);
        self
    }

    /// Shears by up to this many degrees, either way.
    pub fn shear_range(mut self, degrees: impl Into<f64>) -> Self {
        self.shear_range = degrees.into();
        self
    }

    /// Zooms by factors in this range, one for each direction: `0.1` or `[0.9, 1.1]`. Factors
    /// below 1 make things larger.
    pub fn zoom_range(mut self, range: impl Into<ZoomRange>) -> Self {
        self.zoom_range = range.into();
        self
    }

    /// Adds up to this much to all values, either way. What leaves the range of the image's values
    /// becomes its end.
    pub fn channel_shift_range(mut self, range: impl Into<f64>) -> Self {
        self.channel_shift_range = range.into();
        self
    }

    /// What an image is taken to hold outside its edges: `"constant"`, `"nearest"` (the default),
    /// `"reflect"` or `"wrap"`.
    pub fn fill_mode(mut self, mode: impl Into<FillMode>) -> Self {
        self.sampling = self.sampling.fill_mode(mode);
        self
    }

    /// The value outside the edges with fill mode `"constant"`, before the images are rescaled.
    pub fn cval(mut self, value: impl Into<f64>) -> Self {
        self.sampling = self.sampling.cval(value);
        self
    }

    /// Mirrors every second image, at random, left to right.
    pub fn horizontal_flip(mut self, on: bool) -> Self {
        self.horizontal_flip = on;
        self
    }

    /// Mirrors every second image, at random, top to bottom.
    pub fn vertical_flip(mut self, on: bool) -> Self {
        self.vertical_flip = on;
        self
    }

    /// Multiplies the values, after all transformations: `1.0 / 255.0`. As in Keras, 0 is no
    /// rescaling.
    pub fn rescale(mut self, factor: f32) -> Self {
        self.rescale = if factor == 0.0 { 1.0 } else { factor };
        self
    }

    /// A function of each image, `float32` of its shape, that gives an image of the same shape. It
    /// comes after the transformations and before `rescale`.
    pub fn preprocessing_function(
        mut self,
        function: impl Fn(Array) -> Result<Array> + Send + Sync + 'static,
    ) -> Self {
        self.preprocessing_function = Some(Arc::new(function));
        self
    }

    /// The part of the data, from its beginning, that is the validation subset. See
    /// [`FlowBuilder::subset`](super::FlowBuilder::subset).
    pub fn validation_split(mut self, part: f64) -> Self {
        self.validation_split = part;
        self
    }

    /// 0 takes the nearest pixel, 1 (the default) interpolates between four.
    pub fn interpolation_order(mut self, order: u32) -> Self {
        self.sampling = self.sampling.interpolation_order(order);
        self
    }

    /// Whether the warp exchanges the axes as Keras does (the default). With `false`, width is
    /// sideways, height is up and down, and images turn about their middle. See
    /// [Keras's axes](super#kerass-axes).
    pub fn keras_axes(mut self, on: bool) -> Self {
        self.keras_axes = on;
        self
    }

    /// Checks the options.
    pub(super) fn check(&self) -> Result<()> {
        self.sampling.check()?;
        for (name, range) in [
            ("rotation_range", self.rotation_range),
            ("shear_range", self.shear_range),
            ("channel_shift_range", self.channel_shift_range),
            ("zca_epsilon", self.zca_epsilon),
        ] {
            not_negative(name, range)?;
        }
        self.width_shift_range.check("width_shift_range")?;
        self.height_shift_range.check("height_shift_range")?;
        self.zoom_range.check()?;
        if let Some(range) = self.brightness_range {
            in_order("brightness_range", range)?;
            not_negative("brightness_range", range[0])?;
        }
        if !self.rescale.is_finite() {
            return Err(Error::value(format!("rescale must be finite, not {}", self.rescale)));
        }
        if !(0.0..1.0).contains(&self.validation_split) {
            let message = format!("validation_split is {}", self.validation_split);
            return Err(Error::value(message).help("give a part between 0 and 1"));
        }
        Ok(())
    }

    /// Draws the parameters of a transformation, for an image of this shape. The same seed gives
    /// the same parameters; `None` draws others each time.
    ///
    /// # Errors
    /// If an option is outside what is allowed, or the shape is not that of an image.
    pub fn get_random_transform(
        &self,
        image_shape: &[usize],
        seed: impl Into<Option<u64>>,
    ) -> Result<TransformParameters> {
        self.check()?;
        let frame = frame_of(image_shape)?;
        let seed = seed.into().unwrap_or_else(session::next_seed);
        Ok(draw(self, [frame.rows, frame.cols], Draws::new(seed, 0, 0)))
    }

    /// One image, transformed at random, `float32`. It is not standardized.
    ///
    /// # Errors
    /// As [`apply_transform`](Self::apply_transform).
    pub fn random_transform(&self, image: &Array, seed: impl Into<Option<u64>>) -> Result<Array> {
        let params = self.get_random_transform(image.shape(), seed)?;
        self.apply_transform(image, &params)
    }
}

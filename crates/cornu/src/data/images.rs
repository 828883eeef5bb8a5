//! Images of the user's own: PNG and JPEG files, one by one or a folder of them.
//!
//! - [`load_image`] and [`save_image`]: one file.
//! - [`ImageReader`]: how images are read: grey or in colour, in which size, inverted or not.
//! - [`ImageFiles`]: the images of a folder, with a class for each subfolder or without classes; all
//!   at once, or batch by batch if they are more than fits into memory.

mod decode;
mod files;
mod resize;

pub use files::{ImageBatches, ImageFiles, ImageSet};
pub use resize::Interpolation;

use crate::saving::write_with;
use cornu_graph::{Array, Error, Result, Shape};
use std::io;
use std::path::Path;

/// Whether an image is read grey or in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ColorMode {
    /// One channel: `0.299 red + 0.587 green + 0.114 blue` (ITU-R BT.601), as Pillow and with it
    /// Keras computes it.
    Grayscale,
    /// Three channels: red, green, blue.
    #[default]
    Rgb,
}

impl ColorMode {
    /// How many numbers a pixel has.
    pub fn channels(self) -> usize {
        match self {
            ColorMode::Grayscale => 1,
            ColorMode::Rgb => 3,
        }
    }
}

/// Whether dark and light change places: `255 - value`. MNIST's digits are light on dark, those on
/// paper are dark on light.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Invert {
    /// The image stays as it is.
    #[default]
    No,
    /// Every image is inverted.
    Yes,
    /// An image is inverted if it is light at its edge, where its background is: if the pixels there
    /// are above 127 in the mean.
    IfLight,
}

/// How images are read: the arguments of Keras's `load_img`.
///
/// ```
/// use cornu::data::{ColorMode, ImageReader, Interpolation, Invert, save_image};
/// use cornu::prelude::*;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("digit.png");
/// # save_image(&path, &Array::new([56, 56, 3], vec![255u8; 56 * 56 * 3])?)?;
/// let reader = ImageReader::new()
///     .color_mode(ColorMode::Grayscale)
///     .target_size(28, 28)
///     .interpolation(Interpolation::Bilinear)
///     .invert(Invert::IfLight);
/// assert_eq!(reader.load(&path)?.shape(), [28, 28, 1]);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ImageReader {
    color_mode: ColorMode,
    target_size: Option<[usize; 2]>,
    interpolation: Interpolation,
    invert: Invert,
    skip_unreadable: bool,
}

impl ImageReader {
    /// In colour, in the size of the file, as Keras does it unless told otherwise.
    pub fn new() -> ImageReader {
        ImageReader::default()
    }

    /// Grey or in colour.
    pub fn color_mode(mut self, color_mode: ColorMode) -> ImageReader {
        self.color_mode = color_mode;
        self
    }

    /// The height and the width that every image is brought to. Its proportions change with them.
    pub fn target_size(mut self, height: usize, width: usize) -> ImageReader {
        self.target_size = Some([height, width]);
        self
    }

    /// How an image of another size is brought to the target size.
    pub fn interpolation(mut self, interpolation: Interpolation) -> ImageReader {
        self.interpolation = interpolation;
        self
    }

    /// Whether dark and light change places.
    pub fn invert(mut self, invert: Invert) -> ImageReader {
        self.invert = invert;
        self
    }

    /// Leaves out files that are no images, and tells which in [`ImageSet::skipped`], instead of
    /// ending with an error at the first.
    pub fn skip_unreadable(mut self, skip: bool) -> ImageReader {
        self.skip_unreadable = skip;
        self
    }

    /// Reads one image: `uint8 (height, width, channels)`.
    ///
    /// # Errors
    /// As [`load_image`], and if the target size is 0 or beyond reason.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Array> {
        Ok(self.read(path.as_ref())?.0)
    }

    /// Checks the target size.
    fn check(&self) -> Result<()> {
        match self.target_size {
            Some([height, width])
                if !(1..=decode::MAX_PIXELS).contains(&height.saturating_mul(width)) =>
            {
                Err(Error::value(format!(
                    "the target size is {height} x {width}; it must have at least 1 and at most {} \
                     pixels",
                    decode::MAX_PIXELS
                )))
            }
            _ => Ok(()),
        }
    }

    /// Reads one image, and tells whether it was inverted.
    fn read(&self, path: &Path) -> Result<(Array, bool)> {
        let read = || {
            self.check()?;
            let mut image = decode::read(path)?.to_mode(self.color_mode);
            let inverted = match self.invert {
                Invert::No => false,
                Invert::Yes => true,
                Invert::IfLight => image.is_light_at_the_edge(),
            };
            if inverted {
                image.pixels.iter_mut().for_each(|value| *value = 255 - *value);
            }
            if let Some([height, width]) = self.target_size {
                image = resize::resize(image, height, width, self.interpolation);
            }
            let shape = [image.height, image.width, image.channels];
            Ok((Array::new(shape, image.pixels)?, inverted))
        };
        read().map_err(|error: Error| error.within(path.display().to_string()))
    }
}

/// Reads an image in colour: `uint8 (height, width, 3)`. It may be PNG or JPEG; which of the two,
/// the content says and not the name. [`ImageReader`] reads it grey, in another size or inverted.
///
/// Colours of 16 bits are cut to 8. Transparent pixels are laid on white, as on a page; Keras shows
/// the colour that is hidden in them. Colour profiles and the orientation that a camera notes are
/// not applied, as in Keras.
///
/// # Errors
/// If the file cannot be read, is neither PNG nor JPEG, is cut short or damaged, has more than 2²⁶
/// pixels, or is larger than 256 MiB. The error names the file.
///
/// ```
/// use cornu::data::{load_image, save_image};
/// use cornu::prelude::*;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("red.png");
/// let red = Array::new([1, 2, 3], vec![255u8, 0, 0, 200, 10, 10])?;
/// save_image(&path, &red)?;
/// assert_eq!(load_image(&path)?, red);
/// # Ok::<(), cornu::Error>(())
/// ```
pub fn load_image(path: impl AsRef<Path>) -> Result<Array> {
    ImageReader::new().load(path)
}

/// Writes an image to a PNG file: `uint8 (height, width)`, or with 1 or 3 channels, as
/// [`load_image`] reads it. A file that was there is replaced only once the new one is whole.
///
/// # Errors
/// If the array is no such image, or the file cannot be written.
pub fn save_image(path: impl AsRef<Path>, image: &Array) -> Result<()> {
    let (height, width, color) = match *image.shape() {
        [height, width] | [height, width, 1] => (height, width, png::ColorType::Grayscale),
        [height, width, 3] => (height, width, png::ColorType::Rgb),
        _ => {
            let shape = Shape::from(image.shape());
            let error = Error::shape(format!("an array of shape {shape} is no image"));
            return Err(error.help("images are (height, width), or with 1 or 3 channels"));
        }
    };
    let pixels = image.as_slice::<u8>()?;
    let side = |size: usize| u32::try_from(size).ok().filter(|&size| size > 0);
    let (Some(rows), Some(columns)) = (side(height), side(width)) else {
        return Err(Error::shape(format!("an image of {height} x {width} pixels is none")));
    };
    write_with(path.as_ref(), |file| {
        let mut encoder = png::Encoder::new(file, columns, rows);
        encoder.set_color(color);
        let mut writer = encoder.write_header().map_err(io::Error::from)?;
        writer.write_image_data(pixels).map_err(io::Error::from)?;
        writer.finish().map_err(io::Error::from)
    })
}

/// All images of a folder with a subfolder for each class, in memory: Keras's function of that name,
/// unbatched and unshuffled. Short for [`ImageFiles::with_classes`] and [`ImageFiles::load`].
///
/// # Errors
/// As those two.
pub fn image_dataset_from_directory(
    folder: impl AsRef<Path>,
    reader: &ImageReader,
) -> Result<ImageSet> {
    ImageFiles::with_classes(folder)?.load(reader)
}

/// An image in memory: rows of pixels, each with its channels.
#[derive(Clone, Debug, PartialEq)]
struct Image {
    height: usize,
    width: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Image {
    /// Whether the pixels at the edge are light in the mean.
    fn is_light_at_the_edge(&self) -> bool {
        let row = self.width * self.channels;
        let (mut sum, mut count) = (0u64, 0u64);
        let mut add = |values: &[u8]| {
            sum += values.iter().map(|&value| u64::from(value)).sum::<u64>();
            count += values.len() as u64;
        };
        for (y, values) in self.pixels.chunks_exact(row).enumerate() {
            if y == 0 || y + 1 == self.height {
                add(values);
            } else {
                add(&values[..self.channels]);
                add(&values[row - self.channels..]);
            }
        }
        sum > 127 * count
    }
}

#[cfg(test)]
mod tests;

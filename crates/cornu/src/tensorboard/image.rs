//! Samples as PNG images, alone or as tiles of a sheet.

use crate::data::Column;
use cornu_graph::{Array, DType, Error, Result, Shape, Values};
use png::{ColorType, Compression};

/// How many images of one weight are written, as in `tf.summary.image`.
const MOST_IMAGES: usize = 3;

/// The side of the largest texture that graphics cards show everywhere.
const LARGEST_SHEET: usize = 8192;

/// Images of one size, one after another: rows of pixels, each with its channels.
pub(super) struct Images {
    width: usize,
    height: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Images {
    /// The rows of an array as images: `(n, height, width, channels)` with 1 (grey), 2 (grey, alpha),
    /// 3 (RGB) or 4 (RGBA) channels, `(n, height, width)`, or `(n, pixels)` of squares. Bytes go from
    /// 0 to 255, floats from 0 to 1; what lies outside is cut off.
    pub fn new(samples: &Column) -> Result<Images> {
        let sample = samples.sample_shape();
        let (height, width, channels) = match *sample {
            [pixels] if pixels.isqrt().pow(2) == pixels => (pixels.isqrt(), pixels.isqrt(), 1),
            [height, width] => (height, width, 1),
            [height, width, channels @ 1..=4] => (height, width, channels),
            _ => return Err(no_images(sample)),
        };
        if width == 0 || height == 0 {
            return Err(no_images(sample));
        }
        if samples.is_empty() {
            return Err(Error::data("there are no images"));
        }
        Ok(Images { width, height, channels, bytes: bytes(&samples.to_array()?)? })
    }

    /// A weight as images, as Keras's callback shows it: the vector of a bias is a column, the kernel
    /// of a dense layer lies on its side, and of a kernel with three dimensions the last counts images.
    /// `None` for those that are no images.
    ///
    /// Grey is 0, and the number farthest from it is black or white. (Keras cuts off what is below 0
    /// or above 1.)
    pub fn of_weight(weight: &Array) -> Option<Images> {
        let sizes: Vec<usize> = weight.shape().iter().copied().filter(|&size| size != 1).collect();
        let (count, height, width) = match *sizes {
            [] => (1, 1, 1),
            [n] => (1, n, 1),
            [rows, columns] => (1, rows.min(columns), rows.max(columns)),
            [rows, columns, n] => (n, rows, columns),
            _ => return None,
        };
        if weight.is_empty() {
            return None;
        }
        let values = weight.values().to_f64();
        let strides = match *sizes {
            [rows, columns] if rows > columns => (0, 1, columns),
            [_, columns, n] => (1, columns * n, n),
            _ => (0, width, 1),
        };
        let farthest = values.iter().map(|v| v.abs()).filter(|v| v.is_finite()).fold(0.0, f64::max);
        let shade = |v: f64| if farthest > 0.0 { 127.5 + v / farthest * 127.5 } else { 127.5 };
        let mut bytes = Vec::new();
        for image in 0..count.min(MOST_IMAGES) {
            for y in 0..height {
                bytes.extend((0..width).map(|x| {
                    // What is not a number becomes black.
                    shade(values[image * strides.0 + y * strides.1 + x * strides.2]).round() as u8
                }));
            }
        }
        Some(Images { width, height, channels: 1, bytes })
    }

    fn size(&self) -> usize {
        self.width * self.height * self.channels
    }

    /// How many images there are.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.size()
    }

    /// Width and height of an image in pixels.
    pub fn dimensions(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// Each as a PNG file.
    pub fn to_pngs(&self) -> Result<Vec<Vec<u8>>> {
        let images = self.bytes.chunks(self.size());
        images.map(|image| self.png(image, self.dimensions(), Compression::Balanced)).collect()
    }

    /// All in one PNG file, side by side in rows, the way a projector finds them again.
    ///
    /// # Errors
    /// If the sheet is larger than a graphics card takes.
    pub fn to_sheet(&self) -> Result<Vec<u8>> {
        let (count, line) = (self.count(), self.width * self.channels);
        let columns = (1..).find(|n| n * n >= count).unwrap_or(count);
        let sheet = [columns * self.width, count.div_ceil(columns) * self.height];
        if sheet.iter().any(|&side| side > LARGEST_SHEET) {
            return Err(Error::data(format!(
                "{count} images of {} x {} pixels make a sheet of {} x {}, but {LARGEST_SHEET} is \
                 the most that graphics cards show",
                self.width, self.height, sheet[0], sheet[1]
            ))
            .help("give fewer or smaller images"));
        }
        let mut pixels = vec![0; sheet[0] * sheet[1] * self.channels];
        for (i, image) in self.bytes.chunks(self.size()).enumerate() {
            for (y, row) in image.chunks(line).enumerate() {
                let top = i / columns * self.height + y;
                let start = (top * columns + i % columns) * line;
                pixels[start..start + line].copy_from_slice(row);
            }
        }
        self.png(&pixels, sheet, Compression::Fast)
    }

    fn png(&self, pixels: &[u8], size: [usize; 2], compression: Compression) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        self.write_png(&mut file, pixels, size, compression)
            .map_err(|error| Error::data(format!("an image cannot be written as PNG: {error}")))?;
        Ok(file)
    }

    fn write_png(
        &self,
        file: &mut Vec<u8>,
        pixels: &[u8],
        size: [usize; 2],
        compression: Compression,
    ) -> std::result::Result<(), png::EncodingError> {
        // A side that is too long is an error of the encoder's.
        let [width, height] = size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_compression(compression);
        encoder.set_color(match self.channels {
            1 => ColorType::Grayscale,
            2 => ColorType::GrayscaleAlpha,
            3 => ColorType::Rgb,
            _ => ColorType::Rgba,
        });
        let mut writer = encoder.write_header()?;
        writer.write_image_data(pixels)?;
        writer.finish()
    }
}

fn no_images(sample: &[usize]) -> Error {
    Error::shape(format!("samples of shape {} are no images", Shape::from(sample.to_vec())))
        .help("images are (pixels,) if square, (height, width), or with 1 to 4 channels")
}

/// The values as bytes.
fn bytes(array: &Array) -> Result<Vec<u8>> {
    match array.values() {
        Values::U8(values) => Ok(values.to_vec()),
        // As TensorFlow's `convert_image_dtype`: each byte has as large a part of the range.
        Values::F32(values) => Ok(values.iter().map(|&v| (v * 255.5) as u8).collect()),
        Values::Bool(values) => Ok(values.iter().map(|&v| if v { 255 } else { 0 }).collect()),
        Values::I32(_) => Err(Error::dtype(format!(
            "images are {} (0 to 255) or {} (0 to 1), not {}",
            DType::U8,
            DType::F32,
            DType::I32
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Width, height and bytes of a PNG file.
    fn decode(file: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        (info.width, info.height, bytes)
    }

    #[test]
    fn floats_are_cut_off() {
        let array = Array::new([2, 1, 2], vec![-1.0f32, 0.0, 0.5, 7.0]).unwrap();
        let pngs = Images::new(&Column::new(array)).unwrap().to_pngs().unwrap();
        assert_eq!(decode(&pngs[0]), (2, 1, vec![0, 0]));
        assert_eq!(decode(&pngs[1]), (2, 1, vec![127, 255]));
    }

    #[test]
    fn shapes_tell_the_format() {
        let images = |shape: &[usize]| {
            let array = Array::zeros(shape.to_vec(), DType::U8);
            let images = Images::new(&Column::new(array)).map_err(|e| e.to_string())?;
            Ok::<_, String>((images.count(), images.dimensions(), images.channels))
        };
        assert_eq!(images(&[2, 784]), Ok((2, [28, 28], 1)));
        assert_eq!(images(&[2, 3, 5]), Ok((2, [5, 3], 1)));
        assert_eq!(images(&[2, 3, 5, 4]), Ok((2, [5, 3], 4)));
        for bad in [&[2, 7][..], &[2, 3, 5, 6], &[2], &[2, 0, 4], &[2, 0]] {
            assert!(images(bad).unwrap_err().contains("no images"), "{bad:?}");
        }
        assert!(images(&[0, 4, 4]).unwrap_err().contains("there are no images"));
    }

    #[test]
    fn images_stand_in_rows_on_a_sheet() {
        let array = Array::new([5, 1, 2], (0..10u8).collect()).unwrap();
        let sheet = Images::new(&Column::new(array)).unwrap().to_sheet().unwrap();
        let rows = vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0];
        assert_eq!(decode(&sheet), (6, 2, rows));
        let many = Images::new(&Column::new(Array::zeros([300, 500, 500], DType::U8))).unwrap();
        assert!(many.to_sheet().unwrap_err().to_string().contains("9000 x 8500"));
    }

    #[test]
    fn weights_lie_as_keras_lays_them() {
        let first = |shape: &[usize], values: Vec<f32>| {
            let images = Images::of_weight(&Array::new(shape, values).unwrap())?;
            Some((images.count(), images.dimensions(), images.bytes))
        };
        let grey = first(&[3], vec![-1.0, 0.0, 1.0]);
        assert_eq!(grey, Some((1, [1, 3], vec![0, 128, 255])));
        // A tall kernel is transposed.
        let tall = first(&[3, 2], vec![1.0, -1.0, 0.0, 0.5, -0.5, 1.0]);
        assert_eq!(tall, Some((1, [3, 2], vec![255, 128, 64, 0, 191, 255])));
        // Filters are images: (rows, columns, 1, filters).
        let filters = first(&[1, 2, 2, 1, 4][1..], (0..16).map(|i| i as f32).collect());
        let (count, dimensions, bytes) = filters.unwrap();
        assert_eq!((count, dimensions), (3, [2, 2]));
        let shades = |values: [f64; 4]| values.map(|v| (127.5 + v / 15.0 * 127.5).round() as u8);
        assert_eq!(bytes[..4], shades([0.0, 4.0, 8.0, 12.0]));
        assert_eq!(bytes[4..8], shades([1.0, 5.0, 9.0, 13.0]));
        assert_eq!(first(&[2, 2, 2, 2], vec![0.0; 16]), None);
        assert_eq!(first(&[0, 2], vec![]), None);
        assert_eq!(first(&[2], vec![0.0; 2]), Some((1, [1, 2], vec![128, 128])));
    }
}

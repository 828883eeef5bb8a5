//! Samples as images, and images as PNG files.

use super::paint::Bitmap;
use cornu_graph::{Array, DType, Error, Result, Shape};

/// How samples are to be seen as images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    colours: usize,
}

impl Format {
    /// Of samples of a shape: `(784,)` are square images in a row, `(28, 28)` and `(28, 28, 1)` are
    /// grey, `(32, 32, 3)` are red, green and blue.
    pub fn of(sample: &[usize]) -> Result<Format> {
        let format = match *sample {
            [pixels] => {
                let side = pixels.isqrt();
                (side * side == pixels).then_some(Format { width: side, height: side, colours: 1 })
            }
            [height, width] => Some(Format { width, height, colours: 1 }),
            [height, width, colours @ (1 | 3)] => Some(Format { width, height, colours }),
            _ => None,
        };
        format.filter(|f| f.width > 0 && f.height > 0).ok_or_else(|| {
            Error::shape(format!("samples of shape {} are no images", Shape::from(sample.to_vec())))
                .help("images are (pixels,) if square, (height, width), or with 1 or 3 colours")
        })
    }
}

/// Samples as images, one for each row of the array.
pub fn of_samples(samples: &Array) -> Result<Vec<Bitmap>> {
    let format = Format::of(samples.shape().get(1..).unwrap_or_default())?;
    let values = samples.values().to_f64();
    let size = format.width * format.height * format.colours;
    let bytes = samples.dtype() == DType::U8;
    let bitmap = |sample: &[f64]| {
        let pixels = pixels(sample, format, bytes);
        Bitmap { width: format.width, height: format.height, pixels }
    };
    Ok(values.chunks(size).map(bitmap).collect())
}

/// Red, green and blue of each pixel.
fn pixels(sample: &[f64], format: Format, bytes: bool) -> Vec<u8> {
    // Bytes have a range of their own; what others mean by dark and light, their ends must tell.
    let (low, high) = if bytes {
        (0.0, 255.0)
    } else {
        let finite = sample.iter().filter(|v| v.is_finite());
        finite.fold((0.0, 0.0), |(low, high): (f64, f64), &v| (low.min(v), high.max(v)))
    };
    let range = if high > low { high - low } else { 1.0 };
    // What is not a number becomes paper.
    let shares = sample.iter().map(|v| if v.is_nan() { 0.0 } else { (v - low) / range });
    match format.colours {
        1 => shares.flat_map(ink).collect(),
        _ => shares.map(|share| (share * 255.0).round() as u8).collect(),
    }
}

/// The colours of the map "Blues", from paper to ink (ColorBrewer, Apache 2.0).
const BLUES: [[u8; 3]; 9] = [
    [247, 251, 255],
    [222, 235, 247],
    [198, 219, 239],
    [158, 202, 225],
    [107, 174, 214],
    [66, 146, 198],
    [33, 113, 181],
    [8, 81, 156],
    [8, 48, 107],
];

/// The colour of a share of ink, 0 to 1.
fn ink(share: f64) -> [u8; 3] {
    let place = share.clamp(0.0, 1.0) * (BLUES.len() - 1) as f64;
    let below = (place as usize).min(BLUES.len() - 2);
    let part = place - below as f64;
    std::array::from_fn(|i| {
        let (a, b) = (f64::from(BLUES[below][i]), f64::from(BLUES[below + 1][i]));
        (a + (b - a) * part).round() as u8
    })
}

/// An image as a PNG file.
pub fn png(bitmap: &Bitmap) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    write_png(&mut file, bitmap)
        .map_err(|error| Error::data(format!("an image cannot be written as PNG: {error}")))?;
    Ok(file)
}

fn write_png(file: &mut Vec<u8>, bitmap: &Bitmap) -> std::result::Result<(), png::EncodingError> {
    let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(file, side(bitmap.width), side(bitmap.height));
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bitmap.pixels)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_the_format() {
        let size = |sample: &[usize]| {
            Format::of(sample).map(|f| (f.width, f.height, f.colours)).map_err(|e| e.to_string())
        };
        assert_eq!(size(&[784]), Ok((28, 28, 1)));
        assert_eq!(size(&[20, 30]), Ok((30, 20, 1)));
        assert_eq!(size(&[32, 32, 3]), Ok((32, 32, 3)));
        for bad in [&[7][..], &[4, 4, 2], &[], &[0]] {
            assert!(size(bad).unwrap_err().contains("no images"), "{bad:?}");
        }
    }

    #[test]
    fn an_image_survives_as_png() {
        let samples = Array::new([1, 4], vec![0u8, 255, 0, 255]).unwrap();
        let file = png(&of_samples(&samples).unwrap()[0]).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (2, 2));
        let (paper, ink) = (BLUES[0], BLUES[8]);
        assert_eq!(pixels, [paper, ink, paper, ink].concat());
    }

    #[test]
    fn floats_use_their_own_range() {
        let grey = Format::of(&[2, 1]).unwrap();
        assert_eq!(pixels(&[0.0, 0.5], grey, false), [BLUES[0], BLUES[8]].concat());
        assert_eq!(pixels(&[0.0, 0.0], grey, false), [BLUES[0], BLUES[0]].concat());
        let colour = Format::of(&[1, 1, 3]).unwrap();
        assert_eq!(pixels(&[0.0, 1.0, 0.2], colour, false), [0, 255, 51]);
    }
}

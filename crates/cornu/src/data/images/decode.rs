//! PNG and JPEG files as pixels of 8 bits.

use super::{ColorMode, Image};
use crate::data::raw;
use cornu_graph::{Error, Result};
use std::io::{Cursor, Read};
use std::path::Path;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// A few bytes can claim to be a picture of any size: more pixels than this are not unpacked.
pub(super) const MAX_PIXELS: usize = 1 << 26;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// Reads an image file. The errors do not name it.
pub(super) fn read(path: &Path) -> Result<Image> {
    let (reader, _) = raw::open(path)?;
    let mut bytes = Vec::new();
    reader.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(raw::broken)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::file(format!("the file is larger than the limit of {MAX_FILE} bytes")));
    }
    decode(&bytes)
}

/// The image in these bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Image> {
    if bytes.starts_with(b"\x89PNG") {
        png(bytes)
    } else if bytes.starts_with(&[0xff, 0xd8]) {
        jpeg(bytes)
    } else {
        let found = raw::describe(&bytes[..bytes.len().min(8)]);
        Err(Error::file(format!("not an image: expected PNG or JPEG, found {found}")))
    }
}

/// How many pixels there are, if that many can be unpacked.
fn check_size(height: usize, width: usize) -> Result<usize> {
    let pixels = height.checked_mul(width).filter(|&pixels| pixels <= MAX_PIXELS);
    pixels.ok_or_else(|| {
        Error::file(format!(
            "the image claims {width} x {height} pixels, more than the limit of {MAX_PIXELS}"
        ))
        .help("make it smaller with a tool of your own")
    })
}

fn png(bytes: &[u8]) -> Result<Image> {
    let broken = |error: png::DecodingError| match error {
        png::DecodingError::IoError(_) => Error::file("cut short: the PNG image ends early"),
        error => Error::file(format!("the PNG image is damaged: {error}")),
    };
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    let (height, width) = (reader.info().height as usize, reader.info().width as usize);
    check_size(height, width)?;
    let size = reader.output_buffer_size().ok_or_else(|| Error::file("the image is too large"))?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(broken)?;
    pixels.truncate(info.buffer_size());
    let channels = info.color_type.samples();
    if (info.height as usize, info.width as usize) != (height, width) {
        return Err(Error::file("the PNG image is an animation whose first frame is not whole"));
    }
    Ok(Image { height, width, channels, pixels })
}

fn jpeg(bytes: &[u8]) -> Result<Image> {
    let broken = |error| Error::file(format!("the JPEG image is damaged or cut short: {error}"));
    let most = MAX_PIXELS.min(1 << 16);
    // Strict: a file that was cut short is no image with a grey lower half.
    let options =
        DecoderOptions::default().set_strict_mode(true).set_max_width(most).set_max_height(most);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(broken)?;
    let info = decoder.info().ok_or_else(|| Error::file("the JPEG image has no header"))?;
    let (height, width) = (usize::from(info.height), usize::from(info.width));
    check_size(height, width)?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (colors, channels) = if grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    let pixels = decoder.decode().map_err(broken)?;
    if pixels.len() != height * width * channels || pixels.is_empty() {
        return Err(Error::file("the JPEG image is in colours that Cornu does not read")
            .help("save it in RGB or grey"));
    }
    Ok(Image { height, width, channels, pixels })
}

impl Image {
    /// The image grey or in colour; what is transparent on white.
    pub(super) fn to_mode(&self, mode: ColorMode) -> Image {
        let colours = |pixel: &[u8]| match *pixel {
            [grey] => [grey; 3],
            [grey, alpha] => [on_white(grey, alpha); 3],
            [red, green, blue] => [red, green, blue],
            [red, green, blue, alpha] => [red, green, blue].map(|value| on_white(value, alpha)),
            _ => unreachable!("a pixel has 1 to 4 channels"),
        };
        let pixels = self.pixels.chunks_exact(self.channels);
        let pixels = match mode {
            ColorMode::Rgb => pixels.flat_map(colours).collect(),
            ColorMode::Grayscale if self.channels < 3 => {
                pixels.map(|pixel| colours(pixel)[0]).collect()
            }
            ColorMode::Grayscale => pixels.map(|pixel| grey(colours(pixel))).collect(),
        };
        Image { channels: mode.channels(), pixels, ..*self }
    }
}

/// A value that covers white as far as alpha says, 0 to 255.
fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// The weights of ITU-R BT.601, times 2¹⁶, as Pillow rounds them.
fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let [red, green, blue] = [red, green, blue].map(u32::from);
    ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16) as u8
}

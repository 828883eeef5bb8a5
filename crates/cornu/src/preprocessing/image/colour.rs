//! Changes of the pixels' values: channel shift and brightness, in place.

use super::warp::Frame;
use cornu_graph::{Error, Result};

/// Adds a number to every pixel. What leaves the range of the image's values becomes its end.
pub(super) fn clip_shifted(image: &mut [f32], intensity: f32) {
    let (least, greatest) = ends(image);
    image.iter_mut().for_each(|x| *x = (*x + intensity).max(least).min(greatest));
}

/// The least and the greatest value.
fn ends(image: &[f32]) -> (f32, f32) {
    let start = (f32::INFINITY, f32::NEG_INFINITY);
    image.iter().fold(start, |(least, greatest), &x| (least.min(x), greatest.max(x)))
}

/// Brightness as Keras changes it: by way of a picture of bytes, as the Python Imaging Library has
/// it. Values between whole numbers are cut off, and those above 255 become 255.
pub(super) struct Pil {
    /// Whether the values are first spread over 0 to 255, and left so.
    pub scale: bool,
}

impl Pil {
    /// Multiplies the values by a factor. An image with values outside 0 to 255 is spread over
    /// this range, and brought back afterwards.
    pub fn brighten(self, image: &mut [f32], frame: Frame, brightness: f32) -> Result<()> {
        if !matches!(frame.channels, 1 | 3 | 4) {
            let message = format!("brightness of an image with {} channels", frame.channels);
            return Err(Error::shape(message).help("an image has 1, 3 or 4 channels for this"));
        }
        let (least, greatest) = ends(image);
        let outside = least < 0.0 || greatest > 255.0;
        if outside || self.scale {
            spread(image, least);
        }
        for pixel in image.chunks_exact_mut(frame.channels) {
            // The fourth channel says how solid a pixel is, not how bright.
            let bright = frame.channels.min(3);
            pixel[..bright].iter_mut().for_each(|x| *x = scaled(*x, brightness));
            pixel[bright..].iter_mut().for_each(|x| *x = f32::from(*x as u8));
        }
        if outside && !self.scale {
            image.iter_mut().for_each(|x| *x = *x / 255.0 * (greatest - least) + least);
        }
        Ok(())
    }
}

/// Brings values to 0 to 255.
fn spread(image: &mut [f32], least: f32) {
    image.iter_mut().for_each(|x| *x -= least);
    let greatest = ends(image).1;
    let divisor = if greatest == 0.0 { 1.0 } else { greatest };
    image.iter_mut().for_each(|x| *x = *x / divisor * 255.0);
}

/// A byte times a factor, as a byte.
fn scaled(value: f32, factor: f32) -> f32 {
    f32::from((factor * f32::from(value as u8)) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_stays_within_the_range() {
        let mut image = [10.0, 20.0, 30.0];
        clip_shifted(&mut image, 15.0);
        assert_eq!(image, [25.0, 30.0, 30.0]);
        clip_shifted(&mut image, -7.0);
        assert_eq!(image, [25.0, 25.0, 25.0]);
    }

    #[test]
    fn brightness_works_on_bytes() {
        let frame = |channels| Frame { rows: 1, cols: 1, channels };
        let mut pixel = [10.9, 200.0, 3.0, 77.5];
        Pil { scale: false }.brighten(&mut pixel, frame(4), 1.5).unwrap();
        assert_eq!(pixel, [15.0, 255.0, 4.0, 77.0]);
        let error = Pil { scale: false }.brighten(&mut [1.0, 2.0], frame(2), 1.5).unwrap_err();
        assert!(error.to_string().contains("an image with 2 channels"), "{error}");
        // All values alike, and outside the bytes.
        let mut pixel = [300.0; 3];
        Pil { scale: false }.brighten(&mut pixel, frame(3), 0.5).unwrap();
        assert_eq!(pixel, [300.0; 3]);
    }
}

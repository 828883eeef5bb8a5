//! Keras's single functions of one image. Each gives a `float32` image of the same shape, channels
//! last.

use super::colour::{Pil, clip_shifted};
use super::generator::ImageDataGenerator;
use super::ranges::{Sampling, ZoomRange, finite, in_order, not_negative};
use super::transform::{TransformParameters, frame_of, pixels};
use crate::session;
use cornu_graph::philox::Philox;
use cornu_graph::{Array, Result};

/// Rotates, shifts, shears and zooms an image in one warp. Flips, channel shift and brightness of
/// the parameters are left out. About directions, see [Keras's axes](super#kerass-axes).
///
/// # Errors
/// If the image is not `(rows, columns, channels)` or `(rows, columns)`, or a parameter is outside
/// what is allowed.
pub fn apply_affine_transform(
    image: &Array,
    params: &TransformParameters,
    sampling: &Sampling,
) -> Result<Array> {
    let only_warp = TransformParameters {
        flip_horizontal: false,
        flip_vertical: false,
        channel_shift_intensity: None,
        brightness: None,
        ..*params
    };
    let generator = ImageDataGenerator { sampling: sampling.clone(), ..Default::default() };
    generator.apply_transform(image, &only_warp)
}

/// Adds a number to all values. What leaves the range of the image's values becomes its end.
///
/// # Errors
/// If the image is not `(rows, columns, channels)` or `(rows, columns)`, or the number not finite.
pub fn apply_channel_shift(image: &Array, intensity: f64) -> Result<Array> {
    frame_of(image.shape())?;
    finite("intensity", intensity)?;
    let mut out = pixels(image)?;
    clip_shifted(&mut out, intensity as f32);
    Array::new(image.shape(), out)
}

/// Multiplies the brightness. With `scale` (Keras's default for this function) the values are first
/// spread over 0 to 255, and left so; without, they keep their range. Either way they pass through
/// bytes.
///
/// # Errors
/// If the image is not `(rows, columns, channels)` with 1, 3 or 4 channels, or `(rows, columns)`;
/// if the factor is not finite.
pub fn apply_brightness_shift(image: &Array, brightness: f64, scale: bool) -> Result<Array> {
    let frame = frame_of(image.shape())?;
    finite("brightness", brightness)?;
    let mut out = pixels(image)?;
    Pil { scale }.brighten(&mut out, frame, brightness as f32)?;
    Array::new(image.shape(), out)
}

/// Rotates by up to `degrees`, either way.
///
/// # Errors
/// As [`apply_affine_transform`].
pub fn random_rotation(
    image: &Array,
    degrees: f64,
    sampling: &Sampling,
    seed: impl Into<Option<u64>>,
) -> Result<Array> {
    not_negative("degrees", degrees)?;
    let theta = Uniform::new(seed).around(degrees);
    apply_affine_transform(image, &TransformParameters { theta, ..Default::default() }, sampling)
}

/// Shifts by up to these parts of the width and of the height, either way.
///
/// # Errors
/// As [`apply_affine_transform`].
pub fn random_shift(
    image: &Array,
    [width, height]: [f64; 2],
    sampling: &Sampling,
    seed: impl Into<Option<u64>>,
) -> Result<Array> {
    let frame = frame_of(image.shape())?;
    not_negative("the shift of the width", width)?;
    not_negative("the shift of the height", height)?;
    let mut random = Uniform::new(seed);
    let tx = random.around(height) * frame.rows as f64;
    let ty = random.around(width) * frame.cols as f64;
    apply_affine_transform(image, &TransformParameters { tx, ty, ..Default::default() }, sampling)
}

/// Shears by up to `degrees`, either way.
///
/// # Errors
/// As [`apply_affine_transform`].
pub fn random_shear(
    image: &Array,
    degrees: f64,
    sampling: &Sampling,
    seed: impl Into<Option<u64>>,
) -> Result<Array> {
    not_negative("degrees", degrees)?;
    let shear = Uniform::new(seed).around(degrees);
    apply_affine_transform(image, &TransformParameters { shear, ..Default::default() }, sampling)
}

/// Zooms by factors in a range, one for each direction.
///
/// # Errors
/// As [`apply_affine_transform`], and if the range is out of order.
pub fn random_zoom(
    image: &Array,
    range: impl Into<ZoomRange>,
    sampling: &Sampling,
    seed: impl Into<Option<u64>>,
) -> Result<Array> {
    let range = range.into();
    range.check()?;
    let mut random = Uniform::new(seed);
    let [zx, zy] = [(); 2].map(|()| random.between(range.low, range.high));
    apply_affine_transform(image, &TransformParameters { zx, zy, ..Default::default() }, sampling)
}

/// [`apply_channel_shift`] by up to `range`, either way.
///
/// # Errors
/// As [`apply_channel_shift`].
pub fn random_channel_shift(
    image: &Array,
    range: f64,
    seed: impl Into<Option<u64>>,
) -> Result<Array> {
    not_negative("range", range)?;
    apply_channel_shift(image, Uniform::new(seed).around(range))
}

/// [`apply_brightness_shift`] by a factor in a range.
///
/// # Errors
/// As [`apply_brightness_shift`], and if the range is out of order.
pub fn random_brightness(
    image: &Array,
    range: [f64; 2],
    scale: bool,
    seed: impl Into<Option<u64>>,
) -> Result<Array> {
    in_order("the range of the brightness", range)?;
    not_negative("the range of the brightness", range[0])?;
    apply_brightness_shift(image, Uniform::new(seed).between(range[0], range[1]), scale)
}

/// Numbers of a seed.
struct Uniform(Philox);

impl Uniform {
    fn new(seed: impl Into<Option<u64>>) -> Uniform {
        Uniform(Philox::new(seed.into().unwrap_or_else(session::next_seed)))
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.uniform()
    }

    fn around(&mut self, most: f64) -> f64 {
        self.between(-most, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Array {
        Array::new([8, 10, 1], (0..80u8).collect::<Vec<u8>>()).unwrap()
    }

    /// A seed repeats a change, and others make other changes.
    fn assert_varied(change: impl Fn(&Array, u64) -> Result<Array>) {
        let image = ramp();
        assert_eq!(change(&image, 1).unwrap(), change(&image, 1).unwrap());
        let different = (0..20).map(|seed| change(&image, seed).unwrap());
        let different: Vec<Array> = different.collect();
        assert!(different.iter().all(|out| out.shape() == image.shape()));
        assert!(different.windows(2).all(|two| two[0] != two[1]));
    }

    #[test]
    fn random_changes_differ_by_their_seed() {
        let fill = Sampling::default().fill_mode("reflect");
        assert_varied(|x, seed| random_rotation(x, 20.0, &fill, seed));
        assert_varied(|x, seed| random_shift(x, [0.2, 0.1], &fill, seed));
        assert_varied(|x, seed| random_shear(x, 20.0, &fill, seed));
        assert_varied(|x, seed| random_zoom(x, [0.8, 1.2], &fill, seed));
        assert_varied(|x, seed| random_brightness(x, [0.2, 1.2], true, seed));
        assert_varied(|x, seed| random_channel_shift(x, 30.0, seed));
    }

    #[test]
    fn ranges_are_kept() {
        let (image, fill) = (ramp(), Sampling::default());
        for seed in 0..50 {
            // Sideways by at most half a pixel: 5% of the 10 columns, which Keras's axes take for
            // up and down; a row is worth 10.
            let out = random_shift(&image, [0.05, 0.0], &fill, seed).unwrap();
            let out = out.as_slice::<f32>().unwrap();
            assert!(
                out[10..70].iter().enumerate().all(|(i, x)| (x - (i + 10) as f32).abs() < 5.01)
            );
            let out = random_brightness(&image, [0.5, 0.5], false, seed).unwrap();
            assert_eq!(out.as_slice::<f32>().unwrap()[5], 2.0);
            let out = random_channel_shift(&image, 2.0, seed).unwrap();
            let moved = out.as_slice::<f32>().unwrap()[40] - 40.0;
            assert!(moved.abs() <= 2.0 && moved != 0.0);
        }
        let still = random_zoom(&image, 0.0, &fill, 1).unwrap();
        assert_eq!(still, image.cast(cornu_graph::DType::F32));
    }

    #[test]
    fn only_the_warp_is_applied() {
        let all = TransformParameters {
            tx: 1.0,
            flip_vertical: true,
            channel_shift_intensity: Some(9.0),
            brightness: Some(0.1),
            ..Default::default()
        };
        let out = apply_affine_transform(&ramp(), &all, &Sampling::default()).unwrap();
        assert_eq!(
            out.as_slice::<f32>().unwrap()[..10],
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 9].map(|x| x as f32)
        );
    }

    #[test]
    fn mistakes_are_errors() {
        let (image, fill) = (ramp(), Sampling::default());
        assert!(random_rotation(&image, -1.0, &fill, 1).is_err());
        assert!(random_rotation(&image, 1.0, &fill.clone().fill_mode("mirror"), 1).is_err());
        assert!(random_shift(&image, [0.1, -0.1], &fill, 1).is_err());
        assert!(random_shear(&image, f64::NAN, &fill, 1).is_err());
        assert!(random_zoom(&image, [1.1, 0.9], &fill, 1).is_err());
        assert!(random_brightness(&image, [1.1, 0.9], true, 1).is_err());
        assert!(random_channel_shift(&image, -3.0, 1).is_err());
        let vector = image.reshape([80]).unwrap();
        assert!(apply_channel_shift(&vector, 1.0).is_err());
        assert!(apply_brightness_shift(&vector, 1.0, true).is_err());
        assert!(apply_brightness_shift(&image, f64::INFINITY, true).is_err());
    }
}

//! One image, transformed by given parameters.

use super::colour::{Pil, clip_shifted};
use super::generator::ImageDataGenerator;
use super::ranges::{Sampling, finite};
use super::warp::{Frame, Warp};
use cornu_cpu::sampling::Pixel;
use cornu_graph::{Array, DType, Error, Result, Shape};

/// How one image is transformed: what Keras's `get_random_transform` gives.
///
/// The default leaves an image as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformParameters {
    /// Rotation, in degrees.
    pub theta: f64,
    /// Shift in pixels: sideways, see [Keras's axes](super#kerass-axes).
    pub tx: f64,
    /// Shift in pixels: up and down, see [Keras's axes](super#kerass-axes).
    pub ty: f64,
    /// Shear, in degrees.
    pub shear: f64,
    /// Zoom; below 1 makes things larger. Sideways, see [Keras's axes](super#kerass-axes).
    pub zx: f64,
    /// Zoom up and down.
    pub zy: f64,
    /// Whether left and right are exchanged.
    pub flip_horizontal: bool,
    /// Whether top and bottom are exchanged.
    pub flip_vertical: bool,
    /// What is added to every pixel; results are kept between the image's least and greatest.
    pub channel_shift_intensity: Option<f64>,
    /// The factor of the brightness.
    pub brightness: Option<f64>,
}

impl Default for TransformParameters {
    fn default() -> TransformParameters {
        TransformParameters {
            theta: 0.0,
            tx: 0.0,
            ty: 0.0,
            shear: 0.0,
            zx: 1.0,
            zy: 1.0,
            flip_horizontal: false,
            flip_vertical: false,
            channel_shift_intensity: None,
            brightness: None,
        }
    }
}

impl TransformParameters {
    pub(super) fn check(&self) -> Result<()> {
        for (name, value) in [
            ("theta", self.theta),
            ("tx", self.tx),
            ("ty", self.ty),
            ("shear", self.shear),
            ("zx", self.zx),
            ("zy", self.zy),
            ("channel_shift_intensity", self.channel_shift_intensity.unwrap_or(0.0)),
            ("brightness", self.brightness.unwrap_or(0.0)),
        ] {
            finite(name, value)?;
        }
        Ok(())
    }

    /// Whether the pixels change in another way than by a warp and flips.
    pub(super) fn recolours(&self) -> bool {
        self.channel_shift_intensity.is_some() || self.brightness.is_some()
    }

    /// rotation · shift · shear · zoom about the image's centre, as matrix and offset; `None` if
    /// nothing is warped.
    fn warp(&self, frame: Frame, keras_axes: bool) -> Option<([[f64; 2]; 2], [f64; 2])> {
        let TransformParameters { theta, tx, ty, shear, zx, zy, .. } = *self;
        let mut matrix = None;
        let mut then = |part: Matrix| matrix = Some(matrix.map_or(part, |m| product(m, part)));
        if theta != 0.0 {
            let (sin, cos) = theta.to_radians().sin_cos();
            then([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]);
        }
        if tx != 0.0 || ty != 0.0 {
            then([[1.0, 0.0, tx], [0.0, 1.0, ty], [0.0, 0.0, 1.0]]);
        }
        if shear != 0.0 {
            let (sin, cos) = shear.to_radians().sin_cos();
            then([[1.0, -sin, 0.0], [0.0, cos, 0.0], [0.0, 0.0, 1.0]]);
        }
        if zx != 1.0 || zy != 1.0 {
            then([[zx, 0.0, 0.0], [0.0, zy, 0.0], [0.0, 0.0, 1.0]]);
        }
        let matrix = matrix?;
        let [x, y] = [frame.rows, frame.cols].map(|size| size as f64 / 2.0 - 0.5);
        let centre = [[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]];
        let back = [[1.0, 0.0, -x], [0.0, 1.0, -y], [0.0, 0.0, 1.0]];
        let m = product(product(centre, matrix), back);
        Some(match keras_axes {
            true => ([[m[1][1], m[1][0]], [m[0][1], m[0][0]]], [m[1][2], m[0][2]]),
            false => ([[m[0][0], m[0][1]], [m[1][0], m[1][1]]], [m[0][2], m[1][2]]),
        })
    }
}

type Matrix = [[f64; 3]; 3];

fn product(a: Matrix, b: Matrix) -> Matrix {
    let mut product = [[0.0; 3]; 3];
    for i in 0..3 {
        for j in 0..3 {
            product[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j];
        }
    }
    product
}

/// The size of an image of shape `(rows, columns, channels)` or `(rows, columns)`.
pub(super) fn frame_of(shape: &[usize]) -> Result<Frame> {
    let frame = match *shape {
        [rows, cols] => Frame { rows, cols, channels: 1 },
        [rows, cols, channels] => Frame { rows, cols, channels },
        _ => {
            let shape = Shape::from(shape);
            return Err(Error::shape(format!("an image cannot have the shape {shape}"))
                .help("an image is (rows, columns, channels) or (rows, columns)"));
        }
    };
    match frame.len() {
        0 => Err(Error::shape(format!("an image of shape {} has no pixels", Shape::from(shape)))),
        _ => Ok(frame),
    }
}

/// Writes the warped image, or the image itself if nothing is warped. Its pixels are multiplied
/// by `gain`; `cval` is `outside`.
pub(super) fn warp_into<P: Pixel>(
    (image, frame, gain): (&[P], Frame, f32),
    params: &TransformParameters,
    (sampling, outside, keras_axes): (&Sampling, f32, bool),
    out: &mut [f32],
) {
    let Some((matrix, offset)) = params.warp(frame, keras_axes) else {
        out.iter_mut().zip(image).for_each(|(out, pixel)| *out = (*pixel).into() * gain);
        return;
    };
    let (fill_mode, order) = (&sampling.fill_mode, sampling.order);
    Warp { matrix, offset, fill_mode, order, gain, outside }.run(frame, image, out);
}

/// What comes after the warp: channel shift, flips and brightness, in place.
pub(super) fn finish(image: &mut [f32], frame: Frame, params: &TransformParameters) -> Result<()> {
    if let Some(intensity) = params.channel_shift_intensity {
        clip_shifted(image, intensity as f32);
    }
    let width = frame.cols * frame.channels;
    if params.flip_horizontal {
        image.chunks_exact_mut(width).for_each(|row| flip_row(row, frame.channels));
    }
    if params.flip_vertical {
        let (top, bottom) = image.split_at_mut(frame.rows / 2 * width);
        let rows = top.chunks_exact_mut(width).zip(bottom.chunks_exact_mut(width).rev());
        rows.for_each(|(a, b)| a.swap_with_slice(b));
    }
    match params.brightness {
        Some(brightness) => Pil { scale: false }.brighten(image, frame, brightness as f32),
        None => Ok(()),
    }
}

fn flip_row(row: &mut [f32], channels: usize) {
    if channels == 1 {
        return row.reverse();
    }
    let cols = row.len() / channels;
    let (left, right) = row.split_at_mut(cols / 2 * channels);
    let pixels = left.chunks_exact_mut(channels).zip(right.chunks_exact_mut(channels).rev());
    pixels.for_each(|(a, b)| a.swap_with_slice(b));
}

/// The pixels of an image as numbers of their own.
pub(super) fn pixels(image: &Array) -> Result<Vec<f32>> {
    image.cast(DType::F32).into_vec()
}

impl ImageDataGenerator {
    /// Transforms one image, `(rows, columns, channels)` or `(rows, columns)`, by given
    /// parameters: the warp, the channel shift, the flips and the brightness. The result is
    /// `float32`; it is not standardized.
    ///
    /// # Errors
    /// If the image has another rank, an option or a parameter is outside what is allowed, or
    /// brightness is changed with a number of channels other than 1, 3 or 4.
    ///
    /// ```
    /// use cornu::prelude::*;
    /// use cornu::preprocessing::image::{ImageDataGenerator, TransformParameters};
    ///
    /// let image = Array::new([1, 3, 1], vec![1u8, 2, 3])?;
    /// let flipped = TransformParameters { flip_horizontal: true, ..Default::default() };
    /// let out = ImageDataGenerator::new().apply_transform(&image, &flipped)?;
    /// assert_eq!(out.as_slice::<f32>()?, [3.0, 2.0, 1.0]);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn apply_transform(&self, image: &Array, params: &TransformParameters) -> Result<Array> {
        self.check()?;
        params.check()?;
        let frame = frame_of(image.shape())?;
        let image_pixels = pixels(image)?;
        let mut out = vec![0.0; frame.len()];
        let around = (&self.sampling, self.sampling.cval as f32, self.keras_axes);
        warp_into((&image_pixels, frame, 1.0), params, around, &mut out);
        finish(&mut out, frame, params)?;
        Array::new(image.shape(), out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_exchange_pixels_not_channels() {
        let flip = |rows, cols, channels, horizontal| {
            let frame = Frame { rows, cols, channels };
            let mut image: Vec<f32> = (0..frame.len()).map(|x| x as f32).collect();
            let params = TransformParameters {
                flip_horizontal: horizontal,
                flip_vertical: !horizontal,
                ..Default::default()
            };
            finish(&mut image, frame, &params).unwrap();
            image
        };
        assert_eq!(flip(1, 3, 2, true), [4.0, 5.0, 2.0, 3.0, 0.0, 1.0]);
        assert_eq!(flip(2, 2, 1, true), [1.0, 0.0, 3.0, 2.0]);
        assert_eq!(flip(3, 1, 2, false), [4.0, 5.0, 2.0, 3.0, 0.0, 1.0]);
        assert_eq!(flip(2, 2, 1, false), [2.0, 3.0, 0.0, 1.0]);
    }

    #[test]
    fn without_keras_axes_names_mean_what_they_say() {
        // Up and down by the height's shift, and a quarter turn about the middle.
        let image = Array::new([3, 5], (0..15).collect::<Vec<i32>>()).unwrap();
        let plain = ImageDataGenerator::new().keras_axes(false).fill_mode("constant").cval(-1);
        let down = TransformParameters { tx: -1.0, ..Default::default() };
        let out = plain.apply_transform(&image, &down).unwrap();
        assert_eq!(out.as_slice::<f32>().unwrap()[..7], [-1.0, -1.0, -1.0, -1.0, -1.0, 0.0, 1.0]);
        let turned = TransformParameters { theta: 180.0, ..Default::default() };
        let out = plain.fill_mode("nearest").apply_transform(&image, &turned).unwrap();
        let mut expected: Vec<f32> = (0..15).map(|x| x as f32).collect();
        expected.reverse();
        let far = out.as_slice::<f32>().unwrap().iter().zip(expected).map(|(a, b)| (a - b).abs());
        assert!(far.fold(0.0, f32::max) < 1e-4, "{:?}", out.as_slice::<f32>());
    }
}

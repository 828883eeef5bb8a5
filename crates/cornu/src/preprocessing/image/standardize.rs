//! Standardizing: rescale, and the centres and scales of the sample and of the features.

use super::generator::ImageDataGenerator;
use super::transform::{frame_of, pixels};
use super::warp::Frame;
use cornu_graph::{Array, Error, Result, Shape};

/// Added to every standard deviation, as Keras does.
const STD_EPSILON: f32 = 1e-6;

impl ImageDataGenerator {
    /// Standardizes one image, `(rows, columns, channels)` or `(rows, columns)`: the preprocessing
    /// function, rescale, the centring and scaling of the sample, those of the features, and the
    /// whitening, as far as they are switched on.
    ///
    /// # Errors
    /// If the image has another rank, an option is outside what is allowed, a feature-wise option
    /// is on without [`fit`](Self::fit) or for images of another shape, or the preprocessing
    /// function gives another shape.
    pub fn standardize(&self, image: &Array) -> Result<Array> {
        self.check()?;
        let frame = frame_of(image.shape())?;
        self.check_fitted(frame)?;
        let mut out = pixels(image)?;
        self.standardize_pixels(&mut out, frame, image.shape(), false)?;
        Array::new(image.shape(), out)
    }

    /// Standardizes an image in place, of which `rescale` may have been taken care of.
    pub(super) fn standardize_pixels(
        &self,
        image: &mut [f32],
        frame: Frame,
        shape: &[usize],
        rescaled: bool,
    ) -> Result<()> {
        if let Some(function) = &self.preprocessing_function {
            let out = function(Array::new(shape, image.to_vec())?)?;
            if out.shape() != shape {
                let (shape, out) = (Shape::from(shape), Shape::from(out.shape()));
                let message = format!("preprocessing_function makes shape {out} of shape {shape}");
                return Err(Error::shape(message));
            }
            image.copy_from_slice(&pixels(&out)?);
        }
        if !rescaled && self.rescale != 1.0 {
            image.iter_mut().for_each(|x| *x *= self.rescale);
        }
        if self.centers_samples() {
            let mean = mean(image);
            image.iter_mut().for_each(|x| *x -= mean);
        }
        if self.samplewise_std_normalization {
            let divisor = deviation(image) + STD_EPSILON;
            image.iter_mut().for_each(|x| *x /= divisor);
        }
        self.standardize_features(image, frame);
        Ok(())
    }

    fn standardize_features(&self, image: &mut [f32], frame: Frame) {
        let Some(statistics) = &self.statistics else { return };
        let each = |image: &mut [f32], values: &[f32], change: fn(&mut f32, f32)| {
            for pixel in image.chunks_exact_mut(frame.channels) {
                pixel.iter_mut().zip(values).for_each(|(x, &value)| change(x, value));
            }
        };
        if let Some(mean) = statistics.mean.as_ref().filter(|_| self.centers_features()) {
            each(image, mean, |x, mean| *x -= mean);
        }
        if let Some(std) = statistics.std.as_ref().filter(|_| self.scales_features()) {
            each(image, std, |x, std| *x /= std + STD_EPSILON);
        }
        if let Some(matrix) = statistics.whitening.as_ref().filter(|_| self.zca_whitening) {
            let mut white = vec![0.0f32; image.len()];
            for (x, row) in image.iter().zip(matrix.chunks_exact(image.len())) {
                white.iter_mut().zip(row).for_each(|(white, m)| *white += x * m);
            }
            image.copy_from_slice(&white);
        }
    }

    pub(super) fn centers_samples(&self) -> bool {
        self.samplewise_center || self.samplewise_std_normalization
    }

    pub(super) fn centers_features(&self) -> bool {
        self.featurewise_center || self.featurewise_std_normalization || self.zca_whitening
    }

    pub(super) fn scales_features(&self) -> bool {
        self.featurewise_std_normalization && !self.zca_whitening
    }

    /// Checks that what the feature-wise options need was fitted, on images of this size.
    pub(super) fn check_fitted(&self, frame: Frame) -> Result<()> {
        let known = self.statistics.as_deref();
        let missing = [
            ("zca_whitening", self.zca_whitening, known.is_some_and(|s| s.whitening.is_some())),
            (
                "featurewise_std_normalization",
                self.scales_features(),
                known.is_some_and(|s| s.std.is_some()),
            ),
            (
                "featurewise_center",
                self.centers_features(),
                known.is_some_and(|s| s.mean.is_some()),
            ),
        ];
        if let Some((name, ..)) = missing.iter().find(|(_, wanted, fitted)| *wanted && !fitted) {
            let message = format!("{name} needs figures of the data set");
            return Err(Error::state(message).help("call .fit(&images) on the generator first"));
        }
        let Some(known) = known.filter(|_| self.centers_features()) else { return Ok(()) };
        let fits = match self.zca_whitening {
            true => known.frame == frame,
            false => known.frame.channels == frame.channels,
        };
        let text = |f: Frame| Shape::from([f.rows, f.cols, f.channels].as_slice()).to_string();
        match fits {
            true => Ok(()),
            false => Err(Error::shape(format!(
                "the generator was fitted on images of shape {}, not {}",
                text(known.frame),
                text(frame)
            ))),
        }
    }
}

fn mean(image: &[f32]) -> f32 {
    (image.iter().map(|&x| f64::from(x)).sum::<f64>() / image.len() as f64) as f32
}

fn deviation(image: &[f32]) -> f32 {
    let mean = f64::from(mean(image));
    let squares = image.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
    (squares / image.len() as f64).sqrt() as f32
}

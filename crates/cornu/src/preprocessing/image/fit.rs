//! `fit`: the figures of a data set that the feature-wise options need.

use super::draw::{Draws, draw};
use super::eigen;
use super::generator::ImageDataGenerator;
use super::images::Images;
use super::transform::finish;
use super::warp::Frame;
use crate::data::Column;
use crate::session;
use cornu_graph::{Array, Error, Result};
use std::sync::Arc;

/// The figures of a data set.
#[derive(Debug)]
pub(super) struct Statistics {
    pub frame: Frame,
    /// Of each channel.
    pub mean: Option<Vec<f32>>,
    /// Of each channel.
    pub std: Option<Vec<f32>>,
    /// A square matrix, symmetric.
    pub whitening: Option<Vec<f32>>,
}

/// Larger images would need a whitening matrix of more than 1.2 GB while it is made.
const LARGEST_WHITE: usize = 12_288;

/// Images that the covariance takes at once.
const AT_ONCE: usize = 8;

impl ImageDataGenerator {
    /// Measures a data set for the feature-wise options that are on. `rescale` is applied first.
    ///
    /// # Errors
    /// If the images have another rank than 4 (or 3, without channels), there are none, an option
    /// is outside what is allowed, a value is not finite, or the images are too large to whiten.
    ///
    /// ```
    /// use cornu::prelude::*;
    /// use cornu::preprocessing::image::ImageDataGenerator;
    ///
    /// let images = Array::new([2, 1, 2, 1], vec![0.0f32, 2.0, 4.0, 6.0])?;
    /// let mut generator = ImageDataGenerator::new().featurewise_center(true);
    /// generator.fit(&images)?;
    /// assert_eq!(generator.mean(), Some([3.0f32].as_slice()));
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn fit(&mut self, images: impl Into<Column>) -> Result<()> {
        self.fit_images(images.into(), None)
    }

    /// Measures randomly transformed images: each image of the data set so many times. Keras's
    /// `fit(x, augment=True, rounds=…, seed=…)`.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); and if there are no rounds.
    pub fn fit_augmented(
        &mut self,
        images: impl Into<Column>,
        rounds: usize,
        seed: impl Into<Option<u64>>,
    ) -> Result<()> {
        if rounds == 0 {
            return Err(Error::value("rounds must be at least 1"));
        }
        let seed = seed.into().unwrap_or_else(session::next_seed);
        self.fit_images(images.into(), Some((rounds, seed)))
    }

    /// The mean of each channel, if it was fitted.
    pub fn mean(&self) -> Option<&[f32]> {
        self.statistics.as_ref()?.mean.as_deref()
    }

    /// The standard deviation of each channel, if it was fitted.
    pub fn std(&self) -> Option<&[f32]> {
        self.statistics.as_ref()?.std.as_deref()
    }

    /// The matrix that whitens a flattened image, if it was fitted.
    pub fn zca_whitening_matrix(&self) -> Option<Array> {
        let statistics = self.statistics.as_ref()?;
        let size = statistics.frame.len();
        Array::new([size, size], statistics.whitening.clone()?).ok()
    }

    fn fit_images(&mut self, images: Column, augment: Option<(usize, u64)>) -> Result<()> {
        self.check()?;
        let images = Images::new(images)?;
        let pass = Pass { generator: self, images: &images, augment };
        let mut found = Statistics { frame: images.frame, mean: None, std: None, whitening: None };
        if self.centers_features() {
            found.mean = Some(pass.mean()?);
        }
        if self.scales_features() {
            found.std = Some(pass.std(found.mean.as_deref().unwrap_or_default())?);
        }
        let figures = found.mean.iter().chain(&found.std).flatten();
        if figures.into_iter().any(|figure| !figure.is_finite()) {
            return Err(Error::data("the images hold values that are not finite"));
        }
        if self.zca_whitening {
            found.whitening = Some(pass.whitening(&found)?);
        }
        self.statistics = Some(Arc::new(found));
        Ok(())
    }
}

/// Goes over the images of a data set, as often as the figures need.
struct Pass<'a> {
    generator: &'a ImageDataGenerator,
    images: &'a Images,
    augment: Option<(usize, u64)>,
}

impl Pass<'_> {
    /// Gives every image to a function, rescaled and transformed.
    fn each(&self, mut with: impl FnMut(&[f32])) -> Result<()> {
        let (generator, frame) = (self.generator, self.images.frame);
        let outside = generator.sampling.cval as f32;
        let mut image = vec![0.0; frame.len()];
        let (rounds, seed) = self.augment.unwrap_or((1, 0));
        for round in 0..rounds {
            for index in 0..self.images.len {
                let params = self.augment.map(|_| {
                    let draws = Draws::new(seed, round as u32, index);
                    draw(generator, [frame.rows, frame.cols], draws)
                });
                let params = params.unwrap_or_default();
                let scales = (generator.rescale, outside);
                self.images.warp(index, &params, generator, scales, &mut image);
                finish(&mut image, frame, &params)?;
                with(&image);
            }
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.images.len * self.augment.map_or(1, |(rounds, _)| rounds)
    }

    /// For each channel the mean of a function of a value and its channel.
    fn mean_of(&self, value: impl Fn(f32, usize) -> f64) -> Result<Vec<f64>> {
        let channels = self.images.frame.channels;
        let mut sums = vec![0.0; channels];
        self.each(|image| {
            for pixel in image.chunks_exact(channels) {
                for (channel, (sum, &x)) in sums.iter_mut().zip(pixel).enumerate() {
                    *sum += value(x, channel);
                }
            }
        })?;
        let values = (self.count() * self.images.frame.len() / channels) as f64;
        Ok(sums.into_iter().map(|sum| sum / values).collect())
    }

    fn mean(&self) -> Result<Vec<f32>> {
        Ok(self.mean_of(|x, _| x.into())?.into_iter().map(|mean| mean as f32).collect())
    }

    fn std(&self, mean: &[f32]) -> Result<Vec<f32>> {
        let squares = self.mean_of(|x, channel| f64::from(x - mean[channel]).powi(2))?;
        Ok(squares.into_iter().map(|square| square.sqrt() as f32).collect())
    }

    /// U diag(√n / (s + ε)) Uᵀ, where U and s are the left singular vectors and the singular values
    /// of the centred images as columns: eigenvectors and roots of the eigenvalues of X Xᵀ.
    fn whitening(&self, found: &Statistics) -> Result<Vec<f32>> {
        let size = self.images.frame.len();
        if size > LARGEST_WHITE {
            let message = format!("zca_whitening of images of {size} numbers");
            let help = format!("its matrix would be {size} x {size}; {LARGEST_WHITE} is the most");
            return Err(Error::value(message).help(help));
        }
        let products = self.products(found.mean.as_deref().unwrap_or_default())?;
        let mut pairs = eigen::symmetric(products, size)?;
        pairs.sort_by(|a, b| b.value.total_cmp(&a.value));
        // Fewer images than numbers have fewer singular values.
        let count = self.count().min(size);
        let root = (self.count() as f64).sqrt();
        let mut matrix = vec![0.0f64; size * size];
        for pair in &pairs[..count] {
            let scale = root / (pair.value.max(0.0).sqrt() + self.generator.zca_epsilon);
            if !scale.is_finite() {
                return Err(Error::data("the images do not vary in every direction")
                    .help("give a zca_epsilon above 0"));
            }
            for (row, x) in matrix.chunks_exact_mut(size).zip(&pair.vector) {
                row.iter_mut().zip(&pair.vector).for_each(|(m, y)| *m += scale * x * y);
            }
        }
        Ok(matrix.into_iter().map(|x| x as f32).collect())
    }

    /// The sum over the images of x xᵀ, x being the centred image.
    fn products(&self, mean: &[f32]) -> Result<Vec<f64>> {
        let (size, channels) = (self.images.frame.len(), mean.len());
        let mut sums = vec![0.0f64; size * size];
        let mut waiting: Vec<f64> = Vec::with_capacity(AT_ONCE * size);
        self.each(|image| {
            waiting
                .extend(image.iter().enumerate().map(|(i, x)| f64::from(x - mean[i % channels])));
            if waiting.len() == AT_ONCE * size {
                add_products(&mut sums, &waiting, size);
                waiting.clear();
            }
        })?;
        add_products(&mut sums, &waiting, size);
        for i in 0..size {
            for j in 0..i {
                sums[i * size + j] = sums[j * size + i];
            }
        }
        Ok(sums)
    }
}

/// Adds x xᵀ of several images, above the diagonal. Each row of the sum is read once for all.
fn add_products(sums: &mut [f64], images: &[f64], size: usize) {
    for i in 0..size {
        let row = &mut sums[i * size + i..(i + 1) * size];
        for image in images.chunks_exact(size) {
            let x = image[i];
            if x != 0.0 {
                row.iter_mut().zip(&image[i..]).for_each(|(sum, y)| *sum += x * y);
            }
        }
    }
}

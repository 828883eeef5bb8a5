//! `flow`: batches of varied images, without end.

use super::draw::{Draws, draw};
use super::generator::ImageDataGenerator;
use super::images::Images;
use super::transform::finish;
use crate::data::Column;
use crate::{names, session};
use cornu_graph::philox::Philox;
use cornu_graph::{Array, Error, Result};
use std::ops::Range;
use std::{panic, thread};

/// Numbers of a batch that are worth a thread of their own: about half a millisecond of work.
const WORTH_A_THREAD: usize = 1 << 16;

/// Which part of the data a flow goes over, where the generator has a `validation_split`:
/// `"training"` or [`Subset::Training`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subset {
    /// What is behind the validation subset.
    Training,
    /// The part at the beginning.
    Validation,
    /// A name that is not known: the error comes out where the flow is built.
    Unknown(String),
}

impl From<&str> for Subset {
    fn from(name: &str) -> Subset {
        match name {
            "training" => Subset::Training,
            "validation" => Subset::Validation,
            other => Subset::Unknown(other.to_owned()),
        }
    }
}

/// Images with what belongs to them.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowBatch {
    /// The images, `float32 (batch, …)`: each of the shape it came in.
    pub x: Array,
    /// The labels, as they came, if there are labels.
    pub y: Option<Array>,
    /// How much each image counts in the loss, if that was given.
    pub sample_weight: Option<Array>,
}

/// The options of [`ImageDataGenerator::flow`]; ends with [`FlowBuilder::build`].
#[must_use = "nothing is made until .build() is called"]
pub struct FlowBuilder {
    generator: ImageDataGenerator,
    x: Column,
    y: Option<Column>,
    sample_weight: Option<Column>,
    batch_size: usize,
    shuffle: bool,
    seed: Option<u64>,
    subset: Option<Subset>,
    ignore_class_split: bool,
    workers: Option<usize>,
}

impl ImageDataGenerator {
    /// Batches of images, transformed at random and standardized, with their labels.
    ///
    /// The images are `(n, rows, columns, channels)` or `(n, rows, columns)`, of any dtype; bytes
    /// stay bytes until an image is drawn. A [`Column`] of chosen rows copies nothing. Defaults
    /// are Keras's: batches of 32, shuffled. The flow has a copy of the generator as it is now.
    pub fn flow(&self, x: impl Into<Column>, y: impl Into<Column>) -> FlowBuilder {
        FlowBuilder { y: Some(y.into()), ..self.flow_images(x) }
    }

    /// As [`flow`](Self::flow), without labels.
    pub fn flow_images(&self, x: impl Into<Column>) -> FlowBuilder {
        FlowBuilder {
            generator: self.clone(),
            x: x.into(),
            y: None,
            sample_weight: None,
            batch_size: 32,
            shuffle: true,
            seed: None,
            subset: None,
            ignore_class_split: false,
            workers: None,
        }
    }
}

impl FlowBuilder {
    /// Images in each batch. The last one of an epoch has what is left.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Whether each epoch takes the images in another order.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Makes order and transformations repeatable. They do not depend on the number of threads.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How much each image counts in the loss.
    pub fn sample_weight(mut self, weights: impl Into<Column>) -> Self {
        self.sample_weight = Some(weights.into());
        self
    }

    /// Only the part of the data that belongs to training or to validation, by the generator's
    /// `validation_split`.
    pub fn subset(mut self, subset: impl Into<Subset>) -> Self {
        self.subset = Some(subset.into());
        self
    }

    /// Allows subsets that do not have the same labels.
    pub fn ignore_class_split(mut self, ignore: bool) -> Self {
        self.ignore_class_split = ignore;
        self
    }

    /// How many threads share a batch, if it is large enough for that. Default: one for each core.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The flow.
    ///
    /// # Errors
    /// If the images have another rank or there are none; if labels or weights are not as many; if
    /// an option of the generator is outside what is allowed, or it was not fitted but has to be;
    /// if the subset is empty, or has other labels than the rest.
    pub fn build(self) -> Result<Flow> {
        self.generator.check()?;
        let all = self.x.len();
        for (name, column) in [("y", &self.y), ("sample_weight", &self.sample_weight)] {
            let count = column.as_ref().map_or(all, Column::len);
            if count != all {
                return Err(Error::data(format!("{all} images in x, but {name} has {count} rows")));
            }
        }
        for (name, value) in [("batch_size", Some(self.batch_size)), ("workers", self.workers)] {
            if value == Some(0) {
                return Err(Error::value(format!("{name} must be at least 1")));
            }
        }
        let images = Images::new(self.x.clone())?;
        let rows = self.part(all)?;
        self.generator.check_fitted(images.frame)?;
        let cores = || thread::available_parallelism().map_or(1, |cores| cores.get());
        Ok(Flow {
            workers: self.workers.unwrap_or_else(cores),
            generator: self.generator,
            images,
            y: self.y,
            sample_weight: self.sample_weight,
            batch_size: self.batch_size,
            shuffle: self.shuffle,
            seed: self.seed.unwrap_or_else(session::next_seed),
            order: rows.collect(),
            at: 0,
            epoch: 0,
        })
    }

    /// The rows of the subset.
    fn part(&self, all: usize) -> Result<Range<usize>> {
        let Some(subset) = &self.subset else { return Ok(0..all) };
        let split = (all as f64 * self.generator.validation_split) as usize;
        let rows = match subset {
            Subset::Validation => 0..split,
            Subset::Training => split..all,
            Subset::Unknown(name) => {
                return Err(names::unknown("subset", name, ["training", "validation"]));
            }
        };
        if rows.is_empty() {
            let part = self.generator.validation_split;
            let message =
                format!("the subset of {all} images is empty: validation_split is {part}");
            return Err(Error::data(message));
        }
        match &self.y {
            Some(y) if !self.ignore_class_split => check_same_labels(y, split)?,
            _ => {}
        }
        Ok(rows)
    }
}

fn check_same_labels(y: &Column, split: usize) -> Result<()> {
    let labels = |rows: Range<usize>| -> Result<Vec<f64>> {
        let mut labels = y.select(rows)?.to_array()?.values().to_f64();
        labels.sort_by(f64::total_cmp);
        labels.dedup();
        Ok(labels)
    };
    if labels(0..split)? == labels(split..y.len())? {
        return Ok(());
    }
    let error = Error::data("the training and the validation subset have different labels");
    Err(error.help("shuffle data that is sorted by its labels, or set .ignore_class_split(true)"))
}

/// Batches of varied images without end: an `Iterator` of `Result<FlowBatch>`.
///
/// Epoch after epoch, each image comes once; seed, epoch and image decide its transformation.
#[derive(Clone)]
pub struct Flow {
    generator: ImageDataGenerator,
    images: Images,
    y: Option<Column>,
    sample_weight: Option<Column>,
    batch_size: usize,
    shuffle: bool,
    seed: u64,
    workers: usize,
    /// The rows of the data of the current epoch, in their order.
    order: Vec<usize>,
    /// Where the next batch begins in `order`.
    at: usize,
    epoch: u32,
}

impl Flow {
    /// How many images an epoch has.
    pub fn samples(&self) -> usize {
        self.order.len()
    }

    /// How many batches an epoch has: Keras's `len` of the iterator. What `steps_per_epoch` should
    /// be.
    pub fn batches_per_epoch(&self) -> usize {
        self.samples().div_ceil(self.batch_size)
    }

    /// The most images in a batch.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The shape of one image, as it came.
    pub fn image_shape(&self) -> &[usize] {
        self.images.image_shape()
    }

    /// Begins again with the first batch, as if the flow were new.
    pub fn reset(&mut self) {
        (self.at, self.epoch) = (0, 0);
    }

    /// The next batch.
    ///
    /// # Errors
    /// If the preprocessing function fails, or brightness is changed with a number of channels
    /// other than 1, 3 or 4.
    pub fn next_batch(&mut self) -> Result<FlowBatch> {
        let (images, epoch) = self.advance();
        let size = self.images.frame.len();
        let mut x = vec![0.0; images.len() * size];
        self.fill(&self.order[images.clone()], epoch, &mut x)?;
        let mut shape = vec![images.len()];
        shape.extend_from_slice(self.image_shape());
        let of =
            |column: &Column| column.select(self.order[images.clone()].iter().copied())?.to_array();
        Ok(FlowBatch {
            x: Array::new(shape, x)?,
            y: self.y.as_ref().map(of).transpose()?,
            sample_weight: self.sample_weight.as_ref().map(of).transpose()?,
        })
    }

    /// Writes the images of the next batch to the beginning of a buffer, one after the other, and
    /// tells which rows of the data they are. Allocates nothing.
    ///
    /// This and [`next_batch`](Flow::next_batch) go on from one another.
    ///
    /// # Errors
    /// As [`next_batch`](Flow::next_batch), and if the buffer is too small; no image is taken then.
    ///
    /// ```
    /// use cornu::prelude::*;
    /// use cornu::preprocessing::image::ImageDataGenerator;
    ///
    /// let images = Array::new([3, 2, 2], (0..12u8).collect::<Vec<u8>>())?;
    /// let generator = ImageDataGenerator::new().rescale(0.5);
    /// let mut flow = generator.flow_images(&images).batch_size(1).shuffle(false).build()?;
    /// let mut image = [0.0; 4];
    /// assert_eq!(flow.next_into(&mut image)?, [0]);
    /// assert_eq!(image, [0.0, 0.5, 1.0, 1.5]);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn next_into(&mut self, buffer: &mut [f32]) -> Result<&[usize]> {
        let size = self.images.frame.len();
        let count = self.batch_size.min(self.samples() - self.at);
        let have = buffer.len();
        let Some(part) = buffer.get_mut(..count * size) else {
            let message = format!("{count} images of {size} numbers do not fit a buffer of {have}");
            return Err(Error::shape(message));
        };
        let (images, epoch) = self.advance();
        self.fill(&self.order[images.clone()], epoch, part)?;
        Ok(&self.order[images])
    }

    /// Where the next batch is in `order`, and its epoch.
    fn advance(&mut self) -> (Range<usize>, u32) {
        if self.at == 0 && self.shuffle {
            // The order is the seed's and the epoch's alone.
            self.order.sort_unstable();
            // No image has this number.
            let stream = u64::from(self.epoch) << 32 | u64::from(u32::MAX);
            Philox::stream(self.seed, stream).shuffle(&mut self.order);
        }
        let (start, epoch) = (self.at, self.epoch);
        let end = self.samples().min(start + self.batch_size);
        if end == self.samples() {
            (self.at, self.epoch) = (0, epoch.wrapping_add(1));
        } else {
            self.at = end;
        }
        (start..end, epoch)
    }

    fn fill(&self, images: &[usize], epoch: u32, out: &mut [f32]) -> Result<()> {
        let size = self.images.frame.len();
        let threads = self.workers.min(images.len()).min(out.len() / WORTH_A_THREAD).max(1);
        let each = images.len().div_ceil(threads);
        let mut parts = images.chunks(each).zip(out.chunks_mut(each * size));
        let part = |(images, out): (&[usize], &mut [f32])| {
            let mut pairs = images.iter().zip(out.chunks_exact_mut(size));
            pairs.try_for_each(|(&image, out)| self.render(image, epoch, out))
        };
        if threads == 1 {
            return parts.try_for_each(part);
        }
        thread::scope(|scope| {
            let threads: Vec<_> =
                parts.map(|images_and_out| scope.spawn(move || part(images_and_out))).collect();
            let mut done =
                threads.into_iter().map(|t| t.join().unwrap_or_else(|p| panic::resume_unwind(p)));
            done.try_for_each(|done| done)
        })
    }

    /// Writes one image as its draws and the options have it.
    fn render(&self, image: usize, epoch: u32, out: &mut [f32]) -> Result<()> {
        let (generator, frame) = (&self.generator, self.images.frame);
        let params = draw(generator, [frame.rows, frame.cols], Draws::new(self.seed, epoch, image));
        let cval = generator.sampling.cval as f32;
        // Rescaling goes with the warp unless something between the two needs the original values.
        let at_once = !params.recolours() && generator.preprocessing_function.is_none();
        let rescale = if at_once { generator.rescale } else { 1.0 };
        self.images.warp(image, &params, generator, (rescale, cval * rescale), out);
        finish(out, frame, &params)?;
        generator.standardize_pixels(out, frame, self.image_shape(), at_once)
    }
}

/// Never ends.
impl Iterator for Flow {
    type Item = Result<FlowBatch>;

    fn next(&mut self) -> Option<Result<FlowBatch>> {
        Some(self.next_batch())
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;

//! What the recipes have in common that read digits: data, training, test.

use super::{Experiment, File, TestData};
use crate::digits::{CLASSES, NAMES};
use crate::folder::Folder;
use crate::results::Results;
use cornu::datasets::LabelledImages;
use cornu::prelude::*;
use cornu::train::{Fit, Profiler};
use cornu::viz;

pub const CONFUSION: File = ("confusion.svg", "which digits are taken for which");
pub const MISTAKES: File = ("mistakes.svg", "test images that are read wrongly");
/// The files that these recipes alone write.
pub const FILES: &[File] = &[CONFUSION, MISTAKES];

/// How many mistakes the picture shows.
const SHOWN: usize = 30;

/// Images as a network takes them, and what they show.
pub struct Set {
    /// A column for each input of the network.
    pub x: Vec<Column>,
    /// The digit as one of ten.
    pub y: Array,
    /// The images, to be drawn.
    pub images: LabelledImages,
}

impl Set {
    /// Images, and what the network is given of them.
    pub fn new(images: &LabelledImages, x: Vec<Column>) -> Result<Set> {
        let y = ops::one_hot(&images.labels, CLASSES).eval()?;
        Ok(Set { x, y, images: images.clone() })
    }
}

impl From<Set> for TestData {
    fn from(set: Set) -> TestData {
        TestData { x: set.x, y: set.y.into() }
    }
}

/// A network that reads digits, and its data.
pub struct Classifier {
    pub model: Model,
    pub train: Set,
    pub test: Set,
    /// Which part of the training images to validate on; without, it is the test images.
    pub validation_split: Option<f64>,
}

impl Experiment for Classifier {
    fn model(&self) -> &Model {
        &self.model
    }

    fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    fn data(&self) -> Vec<(usize, &'static str)> {
        vec![(self.train.images.len(), "training images"), (self.test.images.len(), "test images")]
    }

    fn fit(&mut self, _: &Folder) -> Result<Fit<'_>> {
        let fit = self.model.fit(self.train.x.clone(), &self.train.y);
        Ok(match self.validation_split {
            Some(part) => fit.validation_split(part),
            None => fit.validation_data(self.test.x.clone(), &self.test.y),
        })
    }

    fn profile(&mut self) -> Result<Profiler<'_>> {
        Ok(self.model.profile(self.train.x.clone(), &self.train.y))
    }

    fn test(&mut self, results: &mut Results<'_>) -> Result<()> {
        let score = self.model.evaluate(self.test.x.clone(), &self.test.y).verbose(0).run()?;
        results.figure("accuracy", score["accuracy"]);
        results.figure("loss", score["loss"]);
        let probabilities = self.model.predict(self.test.x.clone()).batch_size(256).run()?;
        draw(&self.test.images, &probabilities, results)
    }
}

/// The pictures of what the network reads on images.
fn draw(images: &LabelledImages, probabilities: &Array, results: &mut Results<'_>) -> Result<()> {
    let digits: Vec<u8> = images.classes().to_vec();
    let read = ops::argmax(probabilities, -1).eval()?.values().to_f64();
    let read: Vec<u8> = read.into_iter().map(|digit| digit as u8).collect();
    let confusion = viz::confusion_matrix(&digits, &read, &NAMES)?;
    let about = "Rows are the digits of the test images, columns what the network reads.";
    results.picture(CONFUSION, "Confusion matrix", confusion, about)?;

    let sure = probabilities.as_slice::<f32>()?.chunks(CLASSES);
    let sure: Vec<f32> = sure.map(|row| row.iter().copied().fold(0.0, f32::max)).collect();
    let mut wrong: Vec<usize> = (0..digits.len()).filter(|&i| digits[i] != read[i]).collect();
    wrong.sort_by(|&a, &b| sure[b].total_cmp(&sure[a]));
    wrong.truncate(SHOWN);
    if wrong.is_empty() {
        // A network that reads everything leaves no picture of mistakes: it shows what it read.
        wrong = (0..digits.len().min(SHOWN)).collect();
    }
    let title = |&i: &usize| format!("{} as {}", digits[i], read[i]);
    let titles: Vec<String> = wrong.iter().map(title).collect();
    let grid = viz::image_grid(images.scaled().select(wrong)?, &titles)?;
    let about = "The digit and what the network reads, the surest mistakes first.";
    results.picture(MISTAKES, "Mistakes", grid, about)
}

//! What the recipes have in common that read digits: data, training, test.

use super::Experiment;
use crate::folder::Folder;
use crate::results::Results;
use cornu::datasets::LabelledImages;
use cornu::prelude::*;
use cornu::train::Fit;

/// The digits.
pub const CLASSES: usize = 10;

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

    fn test(&mut self, results: &mut Results<'_>) -> Result<()> {
        let score = self.model.evaluate(self.test.x.clone(), &self.test.y).verbose(0).run()?;
        results.figure("accuracy", score["accuracy"]);
        results.figure("loss", score["loss"]);
        Ok(())
    }
}

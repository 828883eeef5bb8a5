//! A multi-layer perceptron that reads handwritten digits.

use super::{Experiment, Figures, Recipe};
use crate::args::Options;
use crate::digits::{self, PIXELS};
use crate::folder::Folder;
use cornu::datasets::{LabelledImages, Mnist};
use cornu::prelude::*;
use cornu::train::Fit;

pub const RECIPE: Recipe = Recipe {
    name: "mlp",
    about: "Learns to read handwritten digits, with two dense layers and dropout",
    details: "The recipe:
  data      MNIST's 60,000 images, with the digit as one of ten
  network   784 - 512 - 512 - 10, relu and softmax, dropout of 0.2 after both hidden layers
  training  categorical cross-entropy, RMSprop
  test      10,000 other images",
    epochs: 10,
    batch_size: 128,
    pictures: &[],
    prepare,
    network: || network(PIXELS),
    embedding: None,
};

const CLASSES: usize = 10;

struct Mlp {
    model: Model,
    train: Set,
    test: Set,
}

/// Images, and what they show as one of ten.
struct Set {
    images: Column,
    digits: Array,
}

fn prepare(options: &Options) -> Result<Box<dyn Experiment>> {
    let set = |set: LabelledImages| -> Result<Set> {
        let digits = ops::one_hot(&set.labels, CLASSES).eval()?;
        Ok(Set { images: set.flat(), digits })
    };
    let Mnist { train, test } = digits::load(options)?;
    let (train, test) = (set(train)?, set(test)?);
    let model = network(train.images.sample_shape()[0])?;
    Ok(Box::new(Mlp { model, train, test }))
}

fn network(pixels: usize) -> Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([pixels]))
        .add(Dense::new(512))
        .add(Activation::new("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(512))
        .add(Activation::new("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(CLASSES))
        .add(Activation::new("softmax"));
    model.compile(RMSprop::default(), "categorical_crossentropy").metric("accuracy").build()?;
    Ok(model.into())
}

impl Experiment for Mlp {
    fn model(&self) -> &Model {
        &self.model
    }

    fn data(&self) -> Vec<(usize, &'static str)> {
        vec![(self.train.images.len(), "training images"), (self.test.images.len(), "test images")]
    }

    fn fit(&mut self) -> Fit<'_> {
        self.model
            .fit(&self.train.images, &self.train.digits)
            .validation_data(&self.test.images, &self.test.digits)
    }

    fn test(&mut self, _folder: &mut Folder) -> Result<Figures> {
        let score = self.model.evaluate(&self.test.images, &self.test.digits).verbose(0).run()?;
        Ok(vec![("accuracy", score["accuracy"]), ("loss", score["loss"])])
    }
}

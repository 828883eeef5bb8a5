//! A convolutional network that reads handwritten digits.

use super::classifier::{Classifier, FILES, Set};
use super::{Experiment, Recipe};
use crate::args::Options;
use crate::digits::{self, CLASSES};
use cornu::datasets::LabelledImages;
use cornu::optimizers::Adadelta;
use cornu::prelude::*;

pub const RECIPE: Recipe = Recipe {
    name: "cnn",
    about: "Learns to read handwritten digits, with two convolutions",
    details: "The recipe:
  data      MNIST's 60,000 images, the last fifth of them to validate on
  network   two convolutions of 3x3 (64 and 128 filters, relu), max pooling, 128 relu, softmax;
            dropout of 0.25 after the pooling and after the dense layer
  training  categorical cross-entropy, Adadelta with learning rate 1
  test      10,000 other images",
    epochs: 12,
    batch_size: 128,
    switches: &[],
    files: FILES,
    network,
    prepare,
    test: |images, _| Ok(set(images)?.into()),
    embedding: None,
};

fn network() -> Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([28, 28, 1]))
        .add(Conv2D::new(64, 3).activation("relu"))
        .add(Conv2D::new(128, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Dropout::new(0.25))
        .add(Flatten::new())
        .add(Dense::new(128).activation("relu"))
        .add(Dropout::new(0.25))
        .add(Dense::new(CLASSES).activation("softmax"));
    // The document's Adadelta had its authors' learning rate, 1. Keras 3's default of 0.001 does
    // not come far in twelve epochs.
    model.compile(Adadelta::new(1.0), "categorical_crossentropy").metric("accuracy").build()?;
    Ok(model.into())
}

fn set(images: &LabelledImages) -> Result<Set> {
    Set::new(images, vec![images.scaled()])
}

fn prepare(model: Model, options: &Options) -> Result<Box<dyn Experiment>> {
    let mnist = digits::load(options)?;
    let (train, test) = (set(&mnist.train)?, set(&mnist.test)?);
    Ok(Box::new(Classifier { model, train, test, validation_split: Some(0.2) }))
}

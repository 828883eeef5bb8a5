//! A multi-layer perceptron that reads handwritten digits.

use super::classifier::{Classifier, FILES, Set};
use super::{Experiment, Recipe};
use crate::args::Options;
use crate::digits::{self, CLASSES};
use cornu::datasets::LabelledImages;
use cornu::prelude::*;

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
    switches: &[],
    files: FILES,
    network,
    prepare,
    test: |images, _| Ok(set(images)?.into()),
    embedding: None,
};

fn network() -> Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([784]))
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

/// Images as rows.
fn set(images: &LabelledImages) -> Result<Set> {
    Set::new(images, vec![images.flat()])
}

fn prepare(model: Model, options: &Options) -> Result<Box<dyn Experiment>> {
    let mnist = digits::load(options)?;
    let (train, test) = (set(&mnist.train)?, set(&mnist.test)?);
    Ok(Box::new(Classifier { model, train, test, validation_split: None }))
}

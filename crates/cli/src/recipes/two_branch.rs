//! A network with two branches, each of which sees one half of a digit.

use super::classifier::{Classifier, FILES, Set};
use super::{Experiment, Recipe};
use crate::args::Options;
use crate::digits::{self, CLASSES};
use cornu::datasets::LabelledImages;
use cornu::prelude::*;

pub const RECIPE: Recipe = Recipe {
    name: "two-branch",
    about: "Learns to read digits with two branches, each of which sees one half",
    details: "The recipe:
  data      MNIST's 60,000 images, twice: without the right half, and without the left half
  network   784 - 32 for each, concatenated, 10 softmax
  training  categorical cross-entropy, RMSprop
  test      10,000 other images
Its document trains this network on random numbers, with random labels: no figure to compare with.",
    epochs: 10,
    batch_size: 32,
    switches: &[],
    files: FILES,
    network,
    prepare,
    test: |images, _| Ok(set(images)?.into()),
    embedding: None,
};

fn network() -> Result<Model> {
    let branch = || Sequential::new().add(Input::new([784])).add(Dense::new(32));
    let (left_branch, right_branch) = (branch(), branch());
    let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    let merged = Concatenate::new().call([&left_branch.call(&left), &right_branch.call(&right)]);
    let digit = Dense::new(CLASSES).activation("softmax").call(&merged);

    let mut model = Model::new([&left, &right], &digit)?;
    model.compile("rmsprop", "categorical_crossentropy").metric("accuracy").build()?;
    Ok(model)
}

/// The halves of images, each for one branch.
fn set(images: &LabelledImages) -> Result<Set> {
    let halves = [Half::Left, Half::Right].map(|half| visible(images, half));
    Set::new(images, halves.into_iter().collect::<Result<_>>()?)
}

fn prepare(model: Model, options: &Options) -> Result<Box<dyn Experiment>> {
    let mnist = digits::load(options)?;
    let (train, test) = (set(&mnist.train)?, set(&mnist.test)?);
    Ok(Box::new(Classifier { model, train, test, validation_split: None }))
}

#[derive(Clone, Copy, PartialEq)]
enum Half {
    Left,
    Right,
}

/// The images as rows, with one half of each left white.
fn visible(set: &LabelledImages, half: Half) -> Result<Column> {
    let columns = set.images.shape()[2];
    let mut images = set.images.clone();
    for row in images.as_mut_slice::<u8>()?.chunks_mut(columns) {
        let (left, right) = row.split_at_mut(columns / 2);
        if half == Half::Left { right.fill(0) } else { left.fill(0) }
    }
    let pixels = images.len() / images.rows().max(1);
    Ok(Column::new(images.reshape([set.len(), pixels])?).rescale(1.0 / 255.0))
}

//! Keras 1's own example of a siamese network.

use super::verifier::{FILES, TestPairs, Verifier, twins};
use super::{Experiment, Recipe, TWINS};
use crate::args::Options;
use crate::digits;
use cornu::datasets::LabelledImages;
use cornu::losses::Loss;
use cornu::prelude::*;
use cornu::saving;

pub const RECIPE: Recipe = Recipe {
    name: "siamese-classic",
    about: "Learns whether two digits are the same, as Keras's first example did",
    details: "The recipe:
  data      108,400 pairs of MNIST's training images, alternately of one digit and of two
  network   two towers with the same weights (784 - 128 - 128 - 128, relu), and the Euclidean
            distance of their outputs
  training  contrastive loss with margin 1, RMSprop
  test      17,820 pairs of other images; judged the same at a distance below 0.5
The document calls \"accuracy\" what is the precision of the pairs that are judged the same; both
are given.",
    epochs: 20,
    batch_size: 128,
    switches: &[],
    files: FILES,
    network,
    prepare,
    test: |images, seed| Ok(pairs(images, seed)?.into()),
    embedding: Some(TWINS),
};

/// The name of the loss in files.
const LOSS: &str = "siamese_classic_contrastive_loss";

fn network() -> Result<Model> {
    let base = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(128).activation("relu"))
        .add(Dense::new(128).activation("relu"))
        .add(Dense::new(128).activation("relu"));
    let mut model = twins(&base)?;
    model.compile("rmsprop", loss()).build()?;
    Ok(model)
}

/// Pulls what is the same (y = 1) together, and pushes what is different (y = 0) to a distance of
/// at least 1 (Hadsell, Chopra and LeCun, 2006; twice their loss).
fn contrastive_loss(y: &Tensor, distance: &Tensor) -> Tensor {
    let margin = 1.0;
    y * distance.square() + (1.0 - y) * (margin - distance).maximum(0.0).square()
}

fn loss() -> Loss {
    Loss::custom(LOSS, contrastive_loss)
}

/// Makes the loss known to those who load the model.
pub fn register_loss() {
    saving::register_loss(LOSS, |_| Ok(loss()));
}

fn pairs(images: &LabelledImages, seed: u64) -> Result<Pairs> {
    Pairs::alternating(images.flat(), images.classes(), PairLabel::OneIsSame, seed)
}

fn prepare(model: Model, options: &Options) -> Result<Box<dyn Experiment>> {
    let mnist = digits::load(options)?;
    let train = pairs(&mnist.train, options.seed)?;
    let test = TestPairs::new(pairs(&mnist.test, options.seed)?, mnist.test.flat(), &mnist.test);
    Ok(Box::new(Verifier { model, train, test, halve_rate: false }))
}

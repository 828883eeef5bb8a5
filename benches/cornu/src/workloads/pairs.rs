//! Twin networks on pairs of digits that are written down before.

use super::{Data, Outcome, Run, figure, pair_accuracy};
use cornu::datasets::LabelledImages;
use cornu::prelude::*;
use cornu::similarity::Score;

/// Pairs of training and of test images.
pub struct PairSet {
    /// The pairs that are trained on.
    pub train: Pairs,
    /// The pairs that are judged.
    pub test: Pairs,
}

impl PairSet {
    /// The pairs of a workload that has pairs: of the same images each time, for Cornu and for its
    /// peers. `images` makes the columns that they are rows of.
    pub fn of(workload: &str, images: fn(&LabelledImages) -> Column) -> Result<Option<PairSet>> {
        let mnist = datasets::mnist()?;
        let pairs = |set: &LabelledImages, seed| match workload {
            "siamese_new" => {
                let label = PairLabel::OneIsDifferent;
                Pairs::per_image(images(set), set.classes(), label, seed).map(Some)
            }
            "siamese_old" => {
                let label = PairLabel::OneIsSame;
                Pairs::alternating(images(set), set.classes(), label, seed).map(Some)
            }
            _ => Ok(None),
        };
        let (train, test) = (pairs(&mnist.train, 1)?, pairs(&mnist.test, 2)?);
        Ok(train.zip(test).map(|(train, test)| PairSet { train, test }))
    }
}

/// The twins of Keras 3's contrastive example.
pub fn siamese_new(run: &Run) -> Result<Outcome> {
    let tower = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(512).activation("relu"))
        .add(Dense::new(256).activation("relu"))
        .add(Dense::new(128));
    let loss = |y: &Tensor, d: &Tensor| {
        (1.0 - y) / 2.0 * d.square() + y / 2.0 * (1.0 - d).maximum(0.0).square()
    };
    let mut model = twins(&tower)?;
    model.compile("adam", loss).metric("binary_accuracy").build()?;
    train(run, model, "siamese_new", 32)
}

/// The twins of Keras 1.
pub fn siamese_old(run: &Run) -> Result<Outcome> {
    let tower = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(128).activation("relu"))
        .add(Dense::new(128).activation("relu"))
        .add(Dense::new(128).activation("relu"));
    let loss = |y: &Tensor, d: &Tensor| {
        y * d.square() + (1.0 - y) * (1.0 - d).maximum(0.0).square()
    };
    let mut model = twins(&tower)?;
    model.compile(RMSprop::default(), loss).build()?;
    train(run, model, "siamese_old", 128)
}

/// Two towers with the same weights, and the Euclidean distance of what they give.
fn twins(tower: &Sequential) -> Result<Model> {
    let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    let difference = tower.call(&left) - tower.call(&right);
    Model::new([&left, &right], &ops::norm(difference, Axis::new(1).keepdims()))
}

fn train(run: &Run, mut model: Model, name: &str, batch_size: usize) -> Result<Outcome> {
    let pairs = PairSet::of(name, LabelledImages::flat)?;
    let PairSet { train, test } = pairs.ok_or_else(|| Error::value("a workload without pairs"))?;
    let data = Data {
        x: train.inputs().into(),
        y: train.labels(),
        x_val: test.inputs().into(),
        y_val: test.labels(),
        batch_size,
    };
    let (epoch_s, steps) = run.fit(&mut model, &data)?;
    let mut outcome = Outcome { epoch_s, steps, test: Default::default() };
    if steps.is_none() {
        let distances = model.predict(test.inputs()).batch_size(batch_size).run()?;
        let accuracy = pair_accuracy(&test, &distances, Score::Distance);
        outcome.test.extend([figure("accuracy", accuracy)]);
    }
    Ok(outcome)
}

//! Twin networks on pairs of digits that are written down before.

use super::{Data, Outcome, Run, figure, pair_accuracy};
use cornu::datasets::LabelledImages;
use cornu::prelude::*;
use cornu::similarity::Score;

/// Training or test images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To learn from.
    Train,
    /// To judge by.
    Test,
}

/// The pairs of a workload that has them written down: of the same images for Cornu and for its
/// peers, and in every run. `images` makes the column that they are rows of.
pub fn pairs_of(
    workload: &str,
    part: Part,
    images: fn(&LabelledImages) -> Column,
) -> Result<Option<Pairs>> {
    let mnist = datasets::mnist()?;
    let (set, seed) = match part {
        Part::Train => (&mnist.train, 1),
        Part::Test => (&mnist.test, 2),
    };
    let (columns, classes) = (images(set), set.classes());
    let pairs = match (workload, part) {
        ("siamese_new", _) => Pairs::per_image(columns, classes, PairLabel::OneIsDifferent, seed),
        ("siamese_old", _) => Pairs::alternating(columns, classes, PairLabel::OneIsSame, seed),
        // It trains on pairs that are made on the way.
        ("siamese_l1", Part::Test) => {
            Pairs::per_image(columns, classes, PairLabel::OneIsSame, seed)
        }
        _ => return Ok(None),
    };
    pairs.map(Some)
}

/// As [`pairs_of`], of a workload that has pairs.
pub fn need_pairs(
    workload: &str,
    part: Part,
    images: fn(&LabelledImages) -> Column,
) -> Result<Pairs> {
    let none = || Error::value(format!("{workload} has no pairs in {part:?}"));
    pairs_of(workload, part, images)?.ok_or_else(none)
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
    let loss =
        |y: &Tensor, d: &Tensor| y * d.square() + (1.0 - y) * (1.0 - d).maximum(0.0).square();
    let mut model = twins(&tower)?;
    model.compile(RMSprop::default(), loss).build()?;
    train(run, model, "siamese_old", 128)
}

/// Two towers with the same weights, and the Euclidean distance of what they give.
fn twins(tower: &Sequential) -> Result<Model> {
    let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    let difference = tower.call(&left) - tower.call(&right);
    Model::new([&left, &right], ops::norm(difference, Axis::new(1).keepdims()))
}

fn train(run: &Run, mut model: Model, name: &str, batch_size: usize) -> Result<Outcome> {
    let train = need_pairs(name, Part::Train, LabelledImages::flat)?;
    let test = need_pairs(name, Part::Test, LabelledImages::flat)?;
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

//! What the recipes have in common that tell whether two digits are the same: data, training, test.

use super::{Experiment, File, tower};
use crate::digits::NAMES;
use crate::folder::Folder;
use crate::results::Results;
use cornu::datasets::LabelledImages;
use cornu::prelude::*;
use cornu::random::Philox;
use cornu::similarity::{Distance, Retrieval, Score, Target, Verification, calibrate};
use cornu::train::{Fit, Profiler};
use cornu::viz::{self, RocCurve};

/// See [`FILES`].
pub const PAIRS: File = ("pairs.svg", "test pairs with the network's verdict");
/// See [`FILES`].
pub const MISTAKES: File = ("mistakes.svg", "pairs that are judged most wrongly");
/// See [`FILES`].
pub const ROC: File = ("roc.svg", "pairs of one digit found, against others taken for such");
/// See [`FILES`].
pub const SCORES: File = ("scores.svg", "the network's output for pairs of one digit and of two");
/// See [`FILES`].
pub const EMBEDDINGS: File = ("embeddings.svg", "test images by what the towers make of them");
/// The files that these recipes alone write.
pub const FILES: &[File] = &[PAIRS, MISTAKES, ROC, SCORES, EMBEDDINGS];

/// How many images the picture of embeddings shows.
const POINTS: usize = 1000;

/// How many pairs the picture shows.
const SHOWN: usize = 20;

/// Where "the same" ends as long as nothing better is known.
const THRESHOLD: f64 = 0.5;

/// A network that gives the distance of two images, and its data.
pub struct Verifier {
    pub model: Model,
    pub train: Pairs,
    pub test: TestPairs,
    /// Whether the learning rate is halved after each epoch.
    pub halve_rate: bool,
}

/// What a network that compares images is tested on.
pub struct TestPairs {
    pub pairs: Pairs,
    /// The images that the pairs are made of, as the network's tower takes them.
    pub images: Column,
    pub classes: Vec<u8>,
}

impl TestPairs {
    pub fn new(pairs: Pairs, images: Column, set: &LabelledImages) -> TestPairs {
        TestPairs { pairs, images, classes: set.classes().to_vec() }
    }
}

impl Experiment for Verifier {
    fn model(&self) -> &Model {
        &self.model
    }

    fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    fn data(&self) -> Vec<(usize, &'static str)> {
        vec![(self.train.len(), "training pairs"), (self.test.pairs.len(), "test pairs")]
    }

    fn fit(&mut self, _: &Folder) -> Result<Fit<'_>> {
        let test = &self.test.pairs;
        let fit = self
            .model
            .fit(self.train.inputs(), self.train.labels())
            .validation_data(test.inputs(), test.labels());
        if !self.halve_rate {
            return Ok(fit);
        }
        Ok(fit.learning_rate_schedule(|epoch, rate| if epoch == 0 { rate } else { rate / 2.0 }))
    }

    fn profile(&mut self) -> Result<Profiler<'_>> {
        Ok(self.model.profile(self.train.inputs(), self.train.labels()))
    }

    fn test(&mut self, results: &mut Results<'_>) -> Result<()> {
        judge(&mut self.model, &self.test, Score::Distance, results)
    }
}

/// Figures and pictures of a network that compares images. Half of the pairs decide where "the
/// same" is best said to end; the other half tells how good that is.
pub fn judge(
    model: &mut Model,
    test: &TestPairs,
    score: Score,
    results: &mut Results<'_>,
) -> Result<()> {
    let pairs = &test.pairs;
    let evaluated = model.evaluate(pairs.inputs(), pairs.labels()).verbose(0).run()?;
    let scores = model.predict(pairs.inputs()).batch_size(256).run()?;
    let same = pairs.same();
    let all = Verification::new(&scores, &same, score)?;
    results.figure("accuracy", all.accuracy(THRESHOLD));
    results.figure("loss", evaluated["loss"]);
    if let Some(precision) = all.precision_of_accepted(THRESHOLD) {
        results.figure("precision", precision);
    }
    results.figure("auc", all.auc());
    results.figure("equal_error_rate", all.equal_error_rate().rate);
    results.figure("tar_at_far_0.01", all.true_accept_rate_at(0.01)?.value);

    let values = scores.values().to_f64();
    let half = values.len() / 2;
    let calibration = calibrate(&values[..half], &same[..half], score, Target::MaxAccuracy)?;
    let other = Verification::new(&values[half..], &same[half..], score)?;
    results.figure("threshold", calibration.threshold);
    results.figure("accuracy_at_threshold", other.accuracy(calibration.threshold));
    let threshold = calibration.threshold;
    results.calibration = Some(calibration);

    let embeddings = tower(model)?.predict(&test.images).batch_size(256).run()?;
    let found = Retrieval::new(&embeddings, &test.classes).distance(Distance::Euclidean).run()?;
    results.figure("precision_at_1", found.precision_at_1);
    draw(test, &scores, score, &all, threshold, &embeddings, results)
}

fn draw(
    test: &TestPairs,
    scores: &Array,
    score: Score,
    all: &Verification,
    threshold: f64,
    embeddings: &Array,
    results: &mut Results<'_>,
) -> Result<()> {
    let mut random = Philox::new(0);
    let drawn: Vec<usize> = (0..SHOWN).map(|_| random.below(scores.len())).collect();
    let gallery = |chosen: &[usize]| {
        let (pairs, scores) = (test.pairs.select(chosen)?, scores.take(chosen)?);
        viz::pair_gallery_picture(&pairs, &scores, score, THRESHOLD, chosen.len())
    };
    let about = "Drawn at random. Green is judged rightly, red wrongly.";
    results.picture(PAIRS, "Pairs", gallery(&drawn)?, about)?;
    let about = "Those whose output is farthest on the wrong side.";
    results.picture(MISTAKES, "Mistakes", gallery(&worst(&test.pairs, scores, score))?, about)?;

    let roc = all.roc();
    let (false_accepts, true_accepts): (Vec<f64>, Vec<f64>) =
        roc.iter().map(|point| (point.false_accept_rate, point.true_accept_rate)).unzip();
    let at = all.counts(threshold);
    let curve = RocCurve::new("test pairs", &false_accepts, &true_accepts)?
        .operating_point(at.false_accept_rate(), at.recall())?;
    let about = format!("The mark is the threshold that is kept with the model, {threshold:.3}.");
    results.picture(ROC, "Receiver operating characteristic", viz::roc_curve(&[curve])?, &about)?;

    let histogram = viz::pair_histogram(&test.pairs, scores, score, threshold)?;
    results.picture(SCORES, "The network's output", histogram, "For all test pairs.")?;

    let shown = embeddings.rows().min(POINTS);
    let map =
        viz::embedding_map(&embeddings.slice_rows(0, shown)?, &test.classes[..shown], &NAMES)?;
    let about = "What the tower makes of test images, on the plane in which they differ most.";
    results.picture(EMBEDDINGS, "Embeddings", map, about)
}

/// The pairs whose output is farthest from the threshold on the wrong side. If none is, those that
/// come nearest to it.
fn worst(pairs: &Pairs, scores: &Array, score: Score) -> Vec<usize> {
    let values = scores.values().to_f64();
    // How far an output is on the right side.
    let right = |pair: usize| {
        let same = pairs.is_same(pair) == (score == Score::Similarity);
        if same { values[pair] - THRESHOLD } else { THRESHOLD - values[pair] }
    };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| right(a).total_cmp(&right(b)));
    order.truncate(SHOWN);
    order
}

/// Two towers with the same weights, and the Euclidean distance of what they give.
pub fn twins(tower: &Sequential) -> Result<Model> {
    let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    let towers = [tower.call(&left), tower.call(&right)];
    let distance = Lambda::new(euclidean_distance).call(towers);
    Model::new([&left, &right], &distance)
}

fn euclidean_distance(towers: &[Tensor]) -> Tensor {
    ops::norm(&towers[0] - &towers[1], Axis::new(1).keepdims())
}

//! A multi-layer perceptron trained on a sampling generator, with callbacks.

use super::classifier::{CONFUSION, Classifier, MISTAKES, Set};
use super::{Experiment, File, Recipe};
use crate::args::Options;
use crate::digits::{self, CLASSES};
use crate::folder::Folder;
use crate::results::Results;
use cornu::callbacks::{CSVLogger, EarlyStopping, TensorBoard};
use cornu::datasets::LabelledImages;
use cornu::prelude::*;
use cornu::random::Philox;
use cornu::tensorboard::{Embeddings, Projector};
use cornu::train::{Fit, Profiler};
use std::path::PathBuf;

pub const RECIPE: Recipe = Recipe {
    name: "mlp-dropout",
    about: "Learns to read digits from random samples, stops early, logs for TensorBoard",
    details: "The recipe:
  data      500 batches an epoch, drawn at random from MNIST's 60,000 images by a generator
  network   784 - 256 - 128 - 10, relu and softmax, dropout of 0.4 and 0.3
  training  categorical cross-entropy, RMSprop; stops when the validation loss has not fallen for
            5 epochs, and keeps a CSV file and TensorBoard's log
  test      10,000 other images; validated on the same, as its document does",
    epochs: 50,
    batch_size: 128,
    switches: &[],
    files: &[LOG, BOARD, CONFUSION, MISTAKES],
    network,
    prepare,
    test: |images, _| Ok(set(images)?.into()),
    embedding: None,
};

const LOG: File = ("log.csv", "what the CSVLogger callback wrote, epoch by epoch");
const BOARD: File = ("tensorboard", "for: tensorboard --logdir runs/mlp-dropout/tensorboard");

/// The layers up to the last hidden one and its dropout.
const HIDDEN: usize = 4;
/// How many images the projector shows.
const PROJECTED: usize = 1000;

/// Steps of an epoch on all of MNIST.
const STEPS: usize = 500;

struct MlpDropout {
    classifier: Classifier,
    batch_size: usize,
    seed: u64,
}

fn network() -> Result<Model> {
    let mut model = Sequential::new()
        .add(Input::new([784]))
        .add(Dense::new(256).activation("relu"))
        .add(Dropout::new(0.4))
        .add(Dense::new(128).activation("relu"))
        .add(Dropout::new(0.3))
        .add(Dense::new(CLASSES).activation("softmax"));
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
    let classifier = Classifier { model, train, test, validation_split: None };
    Ok(Box::new(MlpDropout { classifier, batch_size: options.batch_size, seed: options.seed }))
}

/// Draws batches at random: rescaled, as rows, the digit as one of ten.
fn sampling_generator(
    set: &LabelledImages,
    batch_size: usize,
    seed: u64,
) -> impl FnMut() -> Result<Batch> + Send + use<> {
    let (images, labels) = (set.flat(), set.labels.clone());
    let mut random = Philox::new(seed);
    move || {
        let rows: Vec<usize> = (0..batch_size).map(|_| random.below(images.len())).collect();
        let digits = utils::to_categorical(&labels.take(&rows)?, CLASSES)?;
        Ok(Batch::new(images.select(rows)?, digits))
    }
}

impl Experiment for MlpDropout {
    fn model(&self) -> &Model {
        &self.classifier.model
    }

    fn model_mut(&mut self) -> &mut Model {
        &mut self.classifier.model
    }

    fn data(&self) -> Vec<(usize, &'static str)> {
        self.classifier.data()
    }

    fn fit(&mut self, folder: &Folder) -> Result<Fit<'_>> {
        let Classifier { model, train, test, .. } = &mut self.classifier;
        let images = train.images.len();
        Ok(model
            .fit_generator(sampling_generator(&train.images, self.batch_size, self.seed))
            .steps_per_epoch((STEPS * images).div_ceil(60_000))
            .validation_data(test.x.clone(), &test.y)
            .callback(CSVLogger::new(folder.path_of(LOG)))
            .callback(EarlyStopping::default().patience(5))
            .callback(TensorBoard::new(folder.path_of(BOARD)).histogram_freq(1)))
    }

    fn profile(&mut self) -> Result<Profiler<'_>> {
        let Classifier { model, train, .. } = &mut self.classifier;
        let batches = sampling_generator(&train.images, self.batch_size, self.seed);
        Ok(model.profile_generator(batches))
    }

    fn test(&mut self, results: &mut Results<'_>) -> Result<()> {
        results.file(LOG);
        let board = results.file(BOARD);
        self.project(board)?;
        self.classifier.test(results)
    }
}

impl MlpDropout {
    /// Shows TensorBoard's projector what the last hidden layer makes of test images.
    fn project(&self, folder: PathBuf) -> Result<()> {
        let Classifier { model, test, .. } = &self.classifier;
        let images = Input::tensor([784]);
        let layers = model.layers();
        let hidden = layers[..HIDDEN].iter().fold(images.clone(), |x, layer| layer.call(&x));
        let count = test.images.len().min(PROJECTED);
        let points = Model::new(&images, &hidden)?.predict(&test.x[0].select(0..count)?).run()?;
        let embeddings = Embeddings::new("hidden", &points)
            .labels(&test.images.classes()[..count])
            .images(test.images.scaled().select(0..count)?);
        Projector::new(folder).add(embeddings).write()
    }
}

//! The recipes. Each is a file: data, network, and what is to be said about the result. What those
//! that read digits have in common is in `classifier.rs`, what those that compare pairs have, in
//! `verifier.rs`, and what all have, in `train.rs`.

mod classifier;
mod cnn;
mod mlp;
mod mlp_dropout;
mod siamese;
mod siamese_classic;
mod siamese_l1;
mod two_branch;
mod verifier;

use crate::args::Options;
use crate::folder::Folder;
use crate::results::Results;
use cornu::data::{Column, Pairs};
use cornu::datasets::LabelledImages;
use cornu::model::Model;
use cornu::search::Measure;
use cornu::similarity::Score;
use cornu::train::{Fit, Profiler};
use cornu::{Error, Result};

/// All recipes, in the order in which the help lists them.
pub const ALL: &[Recipe] = &[
    siamese::RECIPE,
    siamese_classic::RECIPE,
    siamese_l1::RECIPE,
    mlp::RECIPE,
    mlp_dropout::RECIPE,
    two_branch::RECIPE,
    cnn::RECIPE,
];

/// A file's name, and a line about what is in it.
pub type File = (&'static str, &'static str);

/// The files that every recipe writes.
pub const MODEL: File = ("model.keras", "the trained model; Keras opens it too");
/// See [`MODEL`].
pub const HISTORY_CSV: File = ("history.csv", "loss and metrics of every epoch, as a table");
/// See [`MODEL`].
pub const HISTORY_SVG: File = ("history.svg", "the same as curves");
/// See [`MODEL`].
pub const MODEL_SVG: File = ("model.svg", "the network, drawn");
/// See [`MODEL`].
pub const MODEL_PNG: File = ("model.png", "the same, for programs that draw no SVG");
/// See [`MODEL`].
pub const SUMMARY: File = ("summary.json", "settings, times and test figures");
/// See [`MODEL`].
pub const REPORT: File = ("report.html", "all of it on one page: open it in a browser");

/// The recipe of this name.
pub fn find(name: &str) -> Option<&'static Recipe> {
    ALL.iter().find(|recipe| recipe.name == name)
}

/// What a recipe is called, and how to begin.
pub struct Recipe {
    /// The word after `cornu train`.
    pub name: &'static str,
    /// A line for the list of recipes.
    pub about: &'static str,
    /// What the recipe's own help says of it: data, network, training, test.
    pub details: &'static str,
    /// How many epochs, unless said otherwise.
    pub epochs: usize,
    /// How many samples for each step, unless said otherwise.
    pub batch_size: usize,
    /// Options that this recipe alone has: a name, and what it does.
    pub switches: &'static [(&'static str, &'static str)],
    /// The files that this recipe alone writes.
    pub files: &'static [File],
    /// The network for images of 28x28, compiled, with new weights.
    pub network: fn() -> Result<Model>,
    /// Loads the data for the network.
    pub prepare: fn(Model, &Options) -> Result<Box<dyn Experiment>>,
    /// What the network is tested on, of these images. The same seed draws the same pairs.
    pub test: fn(&LabelledImages, u64) -> Result<TestData>,
    /// How the network tells images apart, if it does.
    pub embedding: Option<Embedding>,
}

/// Inputs of a network, and what it should make of them.
pub struct TestData {
    pub x: Vec<Column>,
    pub y: Column,
}

impl From<Pairs> for TestData {
    fn from(pairs: Pairs) -> TestData {
        TestData { x: pairs.inputs().into(), y: pairs.labels() }
    }
}

/// Makes the recipes' own losses known, so that models that were trained with them can be evaluated
/// and trained on.
pub fn register_losses() {
    siamese::register_loss();
    siamese_classic::register_loss();
}

/// How a siamese network tells images apart.
pub struct Embedding {
    /// How two embeddings are compared, which the network's tower makes of images.
    pub measure: Measure,
    /// What the network's own output for two images says.
    pub output: Score,
    /// Whether the output is the measure of the embeddings, so that what holds for one holds for
    /// the other.
    pub output_is_measure: bool,
    /// Where "the same" ends in the output, unless the training found a better place.
    pub threshold: f64,
}

/// The output is the Euclidean distance of the embeddings.
pub const TWINS: Embedding = Embedding {
    measure: Measure::Euclidean,
    output: Score::Distance,
    output_is_measure: true,
    threshold: 0.5,
};

/// The part of a siamese network that makes an embedding of an image: its one layer that is a
/// network itself, in a network that was made by its recipe.
pub fn tower(network: &Model) -> Result<Model> {
    let mut towers = network.layers().into_iter().filter_map(|layer| Model::try_from(layer).ok());
    match (towers.next(), towers.next()) {
        (Some(tower), None) => Ok(tower),
        _ => Err(Error::state("the network has not exactly one tower")),
    }
}

impl Recipe {
    /// The files that the recipe writes.
    pub fn files(&self) -> impl Iterator<Item = File> {
        let first = [MODEL, HISTORY_CSV, HISTORY_SVG, MODEL_SVG, MODEL_PNG];
        first.into_iter().chain(self.files.iter().copied()).chain([SUMMARY, REPORT])
    }
}

/// A network and its data, ready to be trained.
pub trait Experiment {
    /// The network.
    fn model(&self) -> &Model;

    /// The network, to say something about it.
    fn model_mut(&mut self) -> &mut Model;

    /// How many samples there are of what, those to train on first.
    fn data(&self) -> Vec<(usize, &'static str)>;

    /// The training, but for what the options say. Callbacks may write into the folder.
    ///
    /// # Errors
    /// If the data do not fit.
    fn fit(&mut self, folder: &Folder) -> Result<Fit<'_>>;

    /// The profile of a training step, but for what the options say.
    ///
    /// # Errors
    /// If the data do not fit.
    fn profile(&mut self) -> Result<Profiler<'_>>;

    /// What the trained network does on data it has not seen: figures, one of which is `accuracy`,
    /// and pictures.
    ///
    /// # Errors
    /// If a picture cannot be written.
    fn test(&mut self, results: &mut Results<'_>) -> Result<()>;
}

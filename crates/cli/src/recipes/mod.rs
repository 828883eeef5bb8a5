//! The recipes. Each is a file: data, network, and what is to be said about the result. What they
//! have in common is in `train.rs`.

mod mlp;
mod siamese;

use crate::args::Options;
use crate::folder::Folder;
use cornu::model::Model;
use cornu::search::Measure;
use cornu::train::Fit;
use cornu::{Error, Result};

/// All recipes, in the order in which the help lists them.
pub const ALL: &[Recipe] = &[siamese::RECIPE, mlp::RECIPE];

/// A file's name, and a line about what is in it.
pub type File = (&'static str, &'static str);

/// The files that every recipe writes.
pub const MODEL: File = ("model.safetensors", "the trained weights, and what is known of them");
/// See [`MODEL`].
pub const HISTORY_CSV: File = ("history.csv", "loss and metrics of every epoch, as a table");
/// See [`MODEL`].
pub const HISTORY_SVG: File = ("history.svg", "the same as curves");
/// See [`MODEL`].
pub const SUMMARY: File = ("summary.json", "settings, times and test figures");

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
    /// The files that this recipe alone writes.
    pub pictures: &'static [File],
    /// Loads the data, and builds and compiles the network.
    pub prepare: fn(&Options) -> Result<Box<dyn Experiment>>,
    /// The network alone, for weights that were trained before.
    pub network: fn() -> Result<Model>,
    /// How the network tells images apart, if it does.
    pub embedding: Option<Embedding>,
}

/// How a siamese network tells images apart.
pub struct Embedding {
    /// The part of the network that makes an embedding of an image.
    pub tower: fn(&Model) -> Result<Model>,
    /// How the outputs for two images are compared; the network's own output says the same.
    pub measure: Measure,
    /// Where "the same" ends, unless the training found a better place.
    pub threshold: f64,
}

/// Embeddings with Euclidean distances, from two towers that are one layer of the network.
pub const TWINS: Embedding = Embedding { tower, measure: Measure::Euclidean, threshold: 0.5 };

/// The one layer of the network that is a network itself.
fn tower(network: &Model) -> Result<Model> {
    let mut towers = network.layers().into_iter().filter_map(|layer| Model::try_from(layer).ok());
    match (towers.next(), towers.next()) {
        (Some(tower), None) => Ok(tower),
        _ => Err(Error::state("the network has not exactly one tower")),
    }
}

impl Recipe {
    /// The files that the recipe writes.
    pub fn files(&self) -> impl Iterator<Item = File> {
        let first = [MODEL, HISTORY_CSV, HISTORY_SVG];
        first.into_iter().chain(self.pictures.iter().copied()).chain([SUMMARY])
    }
}

/// A network and its data, ready to be trained.
pub trait Experiment {
    /// The network.
    fn model(&self) -> &Model;

    /// How many samples there are of what, those to train on first.
    fn data(&self) -> Vec<(usize, &'static str)>;

    /// The training, but for what the options say.
    fn fit(&mut self) -> Fit<'_>;

    /// What the trained network does on data it has not seen. Draws pictures, if there are any.
    ///
    /// # Errors
    /// If a picture cannot be written.
    fn test(&mut self, folder: &mut Folder) -> Result<Figures>;
}

/// Figures with their names. One of them is `accuracy`.
pub type Figures = Vec<(&'static str, f64)>;

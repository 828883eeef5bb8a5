//! Trained siamese networks from files.

use crate::recipes;
use crate::{about, models, say};
use cornu::model::Model;
use cornu::search::Measure;
use cornu::similarity::Score;
use cornu::{Error, Result};
use std::path::Path;

/// A trained siamese network.
pub struct Trained {
    /// The whole of it.
    pub network: Model,
    /// The part that makes an embedding of an image.
    pub tower: Model,
    /// How embeddings are compared.
    pub measure: Measure,
    /// What the network's own output says.
    pub output: Score,
    /// Whether the output is the measure of the embeddings.
    pub output_is_measure: bool,
    /// Where "the same" ends in the output, if the file says it.
    pub threshold: Option<f64>,
    /// Height and width of the images that it takes.
    pub size: [usize; 2],
}

impl Trained {
    /// Reads a network that `cornu train` wrote, or another whose file says as much about it.
    pub fn load(path: &Path) -> Result<Trained> {
        let network = models::load_to_predict(path)?;
        Trained::of(network).map_err(|error| error.within(path.display().to_string()))
    }

    fn of(network: Model) -> Result<Trained> {
        let embedding = about::embedding(&network).unwrap_or_else(|| Err(no_siamese(&network)))?;
        let tower = network.get_model(&embedding.tower)?;
        let size = about::image_input(&network).map(|input| input.size).ok_or_else(|| {
            Error::data("the file does not say how large the images are that it takes")
        })?;
        if about::grey_size(&tower)? != Some(size) {
            let [height, width] = size;
            return Err(Error::data(format!(
                "the file says that it takes grey images of {height} x {width} pixels, but its \
                 network takes {}",
                tower.inputs()?[0].shape()
            )));
        }
        Ok(Trained {
            threshold: about::threshold(&network, embedding.output)?,
            tower,
            network,
            measure: embedding.measure,
            output: embedding.output,
            output_is_measure: embedding.output_is_measure,
            size,
        })
    }

    /// What the network's output is called.
    pub fn score(&self) -> &'static str {
        match self.output {
            Score::Distance => "distance",
            Score::Similarity => "similarity",
        }
    }

    /// What the measure of two embeddings is called.
    pub fn nearness(&self) -> &'static str {
        match self.measure {
            Measure::Euclidean => "distance",
            Measure::Cosine | Measure::Dot => "likeness",
        }
    }

    /// Whether two images with this output are judged to show the same.
    pub fn verdict(&self, output: f64, threshold: f64) -> &'static str {
        if self.output.accepts(output, threshold) { "same" } else { "different" }
    }

    /// The rule of the verdicts, in words.
    pub fn rule(&self, threshold: f64) -> String {
        match self.output {
            Score::Distance => format!("below a distance of {threshold:.4}"),
            Score::Similarity => format!("above a similarity of {threshold:.4}"),
        }
    }
}

/// An error for a model that is no siamese network, as far as its file says.
fn no_siamese(model: &Model) -> Error {
    let embed = recipes::ALL.iter().filter(|recipe| recipe.embedding.is_some());
    let embed: Vec<String> = embed.map(|recipe| format!("cornu train {}", recipe.name)).collect();
    let error = match model.metadata(about::RECIPE) {
        None => Error::data("the file does not say how its network compares images"),
        Some(name) => {
            let name: String = say::printable(name).chars().take(80).collect();
            Error::data(format!("the network of the recipe '{name}' does not compare images"))
        }
    };
    error.help(format!("these train a network that compares images: {}", embed.join(", ")))
}

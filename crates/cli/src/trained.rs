//! Trained networks in files: what is written about them, and how they come back.
//!
//! A file of weights holds no network. Its metadata says of which recipe it is, and the recipe
//! builds the network; how images are prepared for it and where "the same" ends stands there too.

use crate::recipes::{self, Embedding, Recipe};
use crate::say;
use cornu::model::Model;
use cornu::search::Measure;
use cornu::similarity::{Calibration, Score};
use cornu::{Dim, Error, Result};
use serde_json::{Value, json};
use std::path::Path;

/// The keys of the metadata.
const RECIPE: &str = "recipe";
const INPUT: &str = "input";
const THRESHOLD: &str = "threshold";

/// More is no size of an image that a network is given.
const MOST_PIXELS: usize = 1 << 24;

/// Says about a trained model what has to be known to use it.
pub fn describe(model: &mut Model, recipe: &Recipe) -> Result<()> {
    model.set_metadata(RECIPE, recipe.name)?;
    if let Some([height, width]) = image_size(model)? {
        let input = json!({
            "height": height,
            "width": width,
            "color_mode": "grayscale",
            "background": "dark",
            "rescale": 1.0 / 255.0,
        });
        model.set_metadata(INPUT, input.to_string())?;
    }
    if let Some(embedding) = &recipe.embedding {
        let threshold = json!({ "score": embedding.output, "threshold": embedding.threshold });
        model.set_metadata(THRESHOLD, threshold.to_string())?;
    }
    Ok(())
}

/// Says where "the same" ends, as it was found on pairs that were not trained on.
pub fn calibrate(model: &mut Model, calibration: &Calibration) -> Result<()> {
    model.set_metadata(THRESHOLD, json!(calibration).to_string())
}

/// The size of the grey images that a network takes, flat or not.
fn image_size(model: &Model) -> Result<Option<[usize; 2]>> {
    let inputs = model.inputs()?;
    let sample: Vec<usize> =
        inputs[0].shape().dims().iter().skip(1).filter_map(|dim| Dim::known(*dim)).collect();
    Ok(match *sample {
        [pixels] => Some(pixels.isqrt()).filter(|side| side * side == pixels).map(|s| [s, s]),
        [height, width] | [height, width, 1] => Some([height, width]),
        _ => None,
    })
}

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
    /// Reads a network that `cornu train` wrote.
    pub fn load(path: &Path) -> Result<Trained> {
        let metadata = Model::read_metadata(path)?;
        let says = |key: &str| metadata.get(key).map(String::as_str);
        let read = || -> Result<Trained> {
            let (recipe, embedding) = recipe_of(says(RECIPE))?;
            let size = size_of(says(INPUT))?;
            let network = (recipe.network)()?;
            if image_size(&network)? != Some(size) {
                let [height, width] = size;
                return Err(Error::data(format!(
                    "it was trained on images of {height} x {width} pixels, which the recipe '{}' \
                     is not for",
                    recipe.name
                )));
            }
            let threshold =
                says(THRESHOLD).map(|text| threshold_of(text, embedding)).transpose()?;
            Ok(Trained {
                tower: recipes::tower(&network)?,
                network,
                measure: embedding.measure,
                output: embedding.output,
                output_is_measure: embedding.output_is_measure,
                threshold,
                size,
            })
        };
        let mut trained = read().map_err(|error| error.within(path.display().to_string()))?;
        // The tower is a part of the network: it has the same weights.
        trained.network.load_weights(path)?;
        Ok(trained)
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

/// The recipe that a file is of, if it is one that makes embeddings.
fn recipe_of(name: Option<&str>) -> Result<(&'static Recipe, &'static Embedding)> {
    let embed = recipes::ALL.iter().filter(|recipe| recipe.embedding.is_some());
    let embed: Vec<String> = embed.map(|recipe| format!("cornu train {}", recipe.name)).collect();
    let help = format!("these train a network that compares images: {}", embed.join(", "));
    let Some(name) = name else {
        let error = Error::data("the file does not say of which recipe its weights are");
        return Err(error.help(help));
    };
    let recipe = recipes::find(name).ok_or_else(|| {
        let name: String = say::printable(name).chars().take(80).collect();
        Error::data(format!("its recipe '{name}' is not known to this program")).help(&help)
    })?;
    let embedding = recipe.embedding.as_ref().ok_or_else(|| {
        Error::data(format!("the network of the recipe '{}' does not compare images", recipe.name))
            .help(&help)
    })?;
    Ok((recipe, embedding))
}

fn size_of(input: Option<&str>) -> Result<[usize; 2]> {
    let input: Option<Value> = input.and_then(|text| serde_json::from_str(text).ok());
    let side = |name: &str| usize::try_from(input.as_ref()?[name].as_u64()?).ok();
    let size = side("height").zip(side("width"));
    let size = size.filter(|(h, w)| (1..=MOST_PIXELS).contains(&h.saturating_mul(*w)));
    let (height, width) = size.ok_or_else(|| {
        Error::data("the file does not say how large the images are that it takes")
    })?;
    Ok([height, width])
}

fn threshold_of(text: &str, embedding: &Embedding) -> Result<f64> {
    let kept: Value = serde_json::from_str(text).unwrap_or_default();
    let value = kept["threshold"].as_f64().filter(|value| value.is_finite());
    match (value, kept["score"] == json!(embedding.output)) {
        (Some(value), true) => Ok(value),
        _ => Err(Error::data("the threshold in the file is none for its recipe")),
    }
}

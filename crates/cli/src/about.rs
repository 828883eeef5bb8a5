//! What is said about a trained model in its file, beside the model itself: of which recipe it is, how
//! images are prepared for it, what its outputs are called, where "the same" ends.
//!
//! It is text that anybody may have written: all of it is checked here.

use crate::digits;
use crate::recipes::{self, Recipe};
use cornu::data::ColorMode;
use cornu::model::Model;
use cornu::search::Measure;
use cornu::similarity::{Calibration, Score};
use cornu::{Dim, Error, Result};
use serde_json::{Value, json};

/// The keys of the metadata.
pub const RECIPE: &str = "recipe";
const SEED: &str = "seed";
const INPUT: &str = "input";
const LABELS: &str = "labels";
const EMBEDDING: &str = "embedding";
const THRESHOLD: &str = "threshold";

/// More is no size of an image that a network is given.
const MOST_PIXELS: usize = 1 << 24;

/// Says about a trained model what has to be known to use it.
pub fn describe(model: &mut Model, recipe: &Recipe, seed: u64) -> Result<()> {
    model.set_metadata(RECIPE, recipe.name)?;
    model.set_metadata(SEED, seed.to_string())?;
    if let Some([height, width]) = grey_size(model)? {
        let input = json!({
            "height": height,
            "width": width,
            "color_mode": "grayscale",
            "background": "dark",
            "rescale": 1.0 / 255.0,
        });
        model.set_metadata(INPUT, input.to_string())?;
    }
    let Some(embedding) = &recipe.embedding else {
        return model.set_metadata(LABELS, json!(digits::NAMES).to_string());
    };
    let tower = recipes::tower(model)?;
    let says = json!({
        "tower": tower.name(),
        "measure": embedding.measure.name(),
        "score": embedding.output,
        "output_is_measure": embedding.output_is_measure,
    });
    model.set_metadata(EMBEDDING, says.to_string())?;
    let threshold = json!({ "score": embedding.output, "threshold": embedding.threshold });
    model.set_metadata(THRESHOLD, threshold.to_string())
}

/// Says where "the same" ends, as it was found on pairs that were not trained on.
pub fn calibrate(model: &mut Model, calibration: &Calibration) -> Result<()> {
    model.set_metadata(THRESHOLD, json!(calibration).to_string())
}

/// The size of the grey images that a network takes, flat or not.
pub fn grey_size(model: &Model) -> Result<Option<[usize; 2]>> {
    let inputs = model.inputs()?;
    let sample: Vec<usize> =
        inputs[0].shape().dims().iter().skip(1).filter_map(|dim| Dim::known(*dim)).collect();
    Ok(match *sample {
        [pixels] => Some(pixels.isqrt()).filter(|side| side * side == pixels).map(|s| [s, s]),
        [height, width] | [height, width, 1] => Some([height, width]),
        _ => None,
    })
}

/// How images are prepared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageInput {
    pub size: [usize; 2],
    pub color_mode: ColorMode,
    /// Whether what is shown is light on dark, so that images of paper are to be inverted.
    pub on_dark: bool,
    /// What pixels from 0 to 255 are multiplied by.
    pub rescale: Option<f32>,
}

/// How the model's file says that images are prepared, if it does.
pub fn image_input(model: &Model) -> Option<ImageInput> {
    let input = json_of(model, INPUT)?;
    let side = |name: &str| usize::try_from(input[name].as_u64()?).ok();
    let (height, width) = side("height").zip(side("width"))?;
    let is_size = (1..=MOST_PIXELS).contains(&height.saturating_mul(width));
    let color_mode = match input["color_mode"].as_str() {
        Some("grayscale") | None => ColorMode::Grayscale,
        Some("rgb") => ColorMode::Rgb,
        Some(_) => return None,
    };
    let rescale = input["rescale"].as_f64().filter(|scale| scale.is_finite());
    is_size.then_some(ImageInput {
        size: [height, width],
        color_mode,
        on_dark: input["background"] == "dark",
        rescale: rescale.map(|scale| scale as f32),
    })
}

/// What the outputs of a model are called, if its file says it.
pub fn labels(model: &Model) -> Option<Vec<String>> {
    serde_json::from_value(json_of(model, LABELS)?).ok()
}

/// The recipe of a model, if it is of one.
pub fn recipe(model: &Model) -> Option<&'static Recipe> {
    recipes::find(model.metadata(RECIPE)?)
}

/// The seed that a model was trained with.
pub fn seed(model: &Model) -> Option<u64> {
    model.metadata(SEED)?.parse().ok()
}

/// How a siamese network tells images apart.
pub struct Embedding {
    /// The layer that makes an embedding of an image.
    pub tower: String,
    pub measure: Measure,
    pub output: Score,
    pub output_is_measure: bool,
}

/// How a network tells images apart, if its file says it.
pub fn embedding(model: &Model) -> Option<Result<Embedding>> {
    let says = json_of(model, EMBEDDING)?;
    let read = || {
        let output = serde_json::from_value(says["score"].clone()).ok()?;
        Some(Embedding {
            tower: says["tower"].as_str()?.to_owned(),
            measure: says["measure"].as_str()?.parse().ok()?,
            output,
            output_is_measure: says["output_is_measure"].as_bool()?,
        })
    };
    Some(read().ok_or_else(|| {
        Error::data("what the file says of the network's embeddings is not understood")
    }))
}

/// Where "the same" ends in the output, if the file says it.
pub fn threshold(model: &Model, output: Score) -> Result<Option<f64>> {
    if model.metadata(THRESHOLD).is_none() {
        return Ok(None);
    }
    let kept = json_of(model, THRESHOLD).unwrap_or_default();
    let value = kept["threshold"].as_f64().filter(|value| value.is_finite());
    match (value, kept["score"] == json!(output)) {
        (Some(value), true) => Ok(Some(value)),
        _ => Err(Error::data("the threshold in the file is none for its network")),
    }
}

fn json_of(model: &Model, key: &str) -> Option<Value> {
    serde_json::from_str(model.metadata(key)?).ok()
}

//! What is in the file of a model or of weights, told without trusting it or making the model: it
//! works where the model cannot be loaded, and says why not.

mod gather;
mod layers;
mod show;

use serde::Serialize;
use std::collections::BTreeMap;
use std::panic::Location;
use std::path::Path;

use cornu_graph::Result;

/// Looks into a file of a model or of weights, of any format that is read here: `.keras` (also as a
/// folder), `.h5`, `.weights.h5`, `.weights.json`, `.safetensors`.
///
/// What of the file cannot be read, or would not load, is told in [`Inspection::problems`]; the rest
/// is there all the same.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::saving::inspect;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("model.keras");
/// let mut model = Sequential::new().add(Input::new([4])).add(Dense::new(3).name("digit"));
/// model.compile("adam", "mse").build()?;
/// model.save(&path)?;
///
/// let found = inspect(&path)?;
/// println!("{found}");
/// assert_eq!(found.model.unwrap().layers[1].name, "digit");
/// assert_eq!(found.tensors[0].shape, [4, 3]);
/// assert!(found.problems.is_empty());
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If the file cannot be read, or is of another format.
#[track_caller]
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection> {
    let (path, line) = (path.as_ref(), Location::caller());
    gather::gather(path, line).map_err(|e| e.within(path.display().to_string()))
}

/// What is in a file: see [`inspect`]. Printed, it is a page of text; with serde, it is JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// The path that was given.
    pub path: String,
    /// The format, in words.
    pub format: String,
    /// The bytes of the file, or of the files that belong to it.
    pub bytes: u64,
    /// The program that wrote it, if the file says it: `"Keras 3.15.1"`.
    pub writer: Option<String>,
    /// The model, if the file holds one.
    pub model: Option<InspectedLayer>,
    /// What the model was compiled with, if it was.
    pub compiled: Option<InspectedCompile>,
    /// The arrays, in the order of the file's tree.
    pub tensors: Vec<InspectedTensor>,
    /// How many epochs the model was trained, if the file says it.
    pub epoch: Option<u64>,
    /// What was said about the model: see [`Model::set_metadata`](crate::model::Model::set_metadata).
    pub metadata: BTreeMap<String, String>,
    /// Further files in it, such as vocabularies: their names and bytes.
    pub assets: BTreeMap<String, u64>,
    /// What cannot be read or would not load.
    pub problems: Vec<Problem>,
}

/// A layer in a file, with those inside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InspectedLayer {
    /// The name: `"dense_1"`. Empty if the file gives none.
    pub name: String,
    /// The class: `"Dense"`. Of somebody's own class the name that it was registered under.
    pub class: String,
    /// The layers of a model, or what a wrapper wraps.
    pub layers: Vec<InspectedLayer>,
}

/// What a model was compiled with. Functions and classes are told by their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InspectedCompile {
    /// The optimizer: `"Adam"`.
    pub optimizer: Option<String>,
    /// Its learning rate: a number, or the class of a schedule.
    pub learning_rate: Option<String>,
    /// The losses, one for each output that has one of its own.
    pub loss: Vec<String>,
    /// The metrics, also those with sample weights.
    pub metrics: Vec<String>,
}

/// What an array in a file belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TensorRole {
    /// The weights of the model, and what else its layers keep.
    #[default]
    Weight,
    /// What the optimizer remembers.
    Optimizer,
}

/// An array in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InspectedTensor {
    /// Where it stands: `"layers/dense/vars/0"`.
    pub path: String,
    /// The name of its layer, if the file says it beside the path.
    pub layer: Option<String>,
    /// What it belongs to.
    pub role: TensorRole,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// The type of its values in the file: `"float16"`.
    pub dtype: String,
    /// The bytes of its values, uncompressed.
    pub bytes: u64,
    /// The smallest value; of those that are finite.
    pub min: Option<f64>,
    /// The largest value; of those that are finite.
    pub max: Option<f64>,
    /// The mean of the values; of those that are finite.
    pub mean: Option<f64>,
    /// How many values are infinite or not a number.
    pub not_finite: usize,
}

/// Something in a file that cannot be read or would not load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// Where: a layer, a part of the file.
    pub place: String,
    /// Why, and what to do about it.
    pub reason: String,
}

impl InspectedTensor {
    /// How many values it has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inspection {
    /// The arrays of one kind.
    pub fn tensors_of(&self, role: TensorRole) -> impl Iterator<Item = &InspectedTensor> {
        self.tensors.iter().filter(move |tensor| tensor.role == role)
    }
}

#[cfg(test)]
mod tests;

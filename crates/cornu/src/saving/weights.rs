//! Files of weights alone, in all formats.

use super::archive::Archive;
use super::h5::{Attribute, Group};
use super::keras::{self, Branch, Fitting, Matching, legacy};
use super::{
    Format, Notes, load_arrays, load_notes, load_safetensors, read_file, save_safetensors, shards,
};
use crate::model::Model;
use crate::variable::Variable;
use cornu_graph::{Array, Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Under which name an HDF5 file keeps what was said about the model. Keras does not look at it.
const METADATA: &str = "cornu_metadata";

/// The most bytes in one part of weights that are written in several: Keras's default of 5 GB.
pub(super) const PART: u64 = 5_000_000_000;

impl Model {
    /// Writes the weights to a file, with the metadata. The ending says the format:
    /// `.weights.h5` is Keras's, `.safetensors` plain names and values, `.weights.json` Keras's in
    /// parts of at most 5 GB, any other `.h5` the layout of Keras 2.
    ///
    /// # Errors
    /// If the model is not built, the ending is not known, or the file cannot be written. A file that
    /// was there stays whole.
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let weights = self.weights()?;
        let branch = Branch::of(&self.as_layer());
        match Format::of_name(path)? {
            Format::Safetensors => save_safetensors(path, &weights, self.notes()),
            Format::Hdf5 => {
                let mut root = match is_keras3_name(path) {
                    true => keras::weights::write(&branch),
                    false => legacy::write_weights(&branch),
                };
                say(&mut root, self.notes());
                super::write_whole(path, &root.to_bytes()?)
            }
            Format::Shards => shards::save(path, &keras::weights::write(&branch), PART),
            other => Err(other.unsupported("save weights in")),
        }
    }

    /// Reads the weights from a file, of whatever format (also from a whole model's), and the
    /// metadata, in the place of all that was said about the model before. Nothing is changed if a
    /// weight does not fit. For other wishes see [`Model::load_weights_from`].
    ///
    /// # Errors
    /// If the file is damaged, lacks a weight, or one has another shape.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.load_weights_from(path).run().map(|_| ())
    }

    /// As [`Model::load_weights`], with options: Keras's `load_weights(…, skip_mismatch=True)`.
    ///
    /// ```no_run
    /// # use cornu::prelude::*;
    /// # let mut model = Sequential::new().add(Input::new([4])).add(Dense::new(3));
    /// // The layers that are called the same, as far as they have the same shapes.
    /// let skipped =
    ///     model.load_weights_from("other.weights.h5").by_name(true).skip_mismatch(true).run()?;
    /// for reason in skipped {
    ///     println!("not loaded: {reason}");
    /// }
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn load_weights_from(&mut self, path: impl AsRef<Path>) -> LoadWeights<'_> {
        let path = path.as_ref().to_owned();
        LoadWeights { model: self, path, matching: Matching::default() }
    }

    /// What a file says about its model or weights, without reading these: how data are prepared,
    /// the threshold that was found.
    ///
    /// It is text from a file, which anybody may have written: check it before you believe it. All
    /// of it has at most 4 MiB.
    ///
    /// # Errors
    /// If the file is damaged or of another format.
    pub fn read_metadata(path: impl AsRef<Path>) -> Result<BTreeMap<String, String>> {
        let path = path.as_ref();
        let notes = Format::of_file(path).and_then(|format| match format {
            Format::Keras => Ok(keras::state_of(&mut Archive::open(path)?)?.metadata),
            Format::Safetensors => load_notes(path),
            Format::Hdf5 => said(&Group::read(read_file(path)?)?),
            other => Err(other.unsupported("read metadata from")),
        });
        notes.map_err(|e| e.within(path.display().to_string()))
    }
}

/// Weights that are about to be read: options, then [`LoadWeights::run`].
#[must_use = "nothing is read until .run() is called"]
pub struct LoadWeights<'a> {
    model: &'a mut Model,
    path: PathBuf,
    matching: Matching,
}

impl LoadWeights<'_> {
    /// Whether layers are found by their names, not by their places. Layers that the file does not
    /// have stay as they are.
    pub fn by_name(mut self, by_name: bool) -> Self {
        self.matching.by_name = by_name;
        self
    }

    /// Whether layers whose weights do not fit stay as they are, instead of an error.
    pub fn skip_mismatch(mut self, skip_mismatch: bool) -> Self {
        self.matching.skip_mismatch = skip_mismatch;
        self
    }

    /// Reads them. Returns why layers were left out, if any were.
    ///
    /// # Errors
    /// As [`Model::load_weights`].
    pub fn run(self) -> Result<Vec<Error>> {
        let LoadWeights { model, path, matching } = self;
        let read = read(model, &path, matching).and_then(|(fitting, notes)| {
            let skipped = fitting.assign()?;
            if let Some(notes) = notes {
                model.set_notes(notes);
            }
            Ok(skipped)
        });
        read.map_err(|e| e.within(path.display().to_string()))
    }
}

fn read(model: &Model, path: &Path, matching: Matching) -> Result<(Fitting, Option<Notes>)> {
    model.weights()?;
    let branch = Branch::of(&model.as_layer());
    match Format::of_file(path)? {
        Format::Keras => {
            let mut archive = Archive::open(path)?;
            let root = keras::weights_of(&mut archive)?;
            let state = keras::state_of(&mut archive)?;
            Ok((keras::weights::read(&branch, &root, matching)?, Some(state.metadata)))
        }
        Format::Hdf5 => {
            let root = Group::read(read_file(path)?)?;
            let fitting = match legacy::is_legacy(&root) {
                true => legacy::read_weights(&branch, &root, matching)?,
                false => keras::weights::read(&branch, &root, matching)?,
            };
            Ok((fitting, Some(said(&root)?)))
        }
        Format::Shards => {
            let root = shards::load(path)?;
            Ok((keras::weights::read(&branch, &root, matching)?, None))
        }
        Format::Safetensors => safetensors(model, path, matching),
        other => Err(other.unsupported("read weights from")),
    }
}

/// Without wishes the weights are found by their names or, if layers were counted differently, by
/// their order; with wishes layer by layer.
fn safetensors(model: &Model, path: &Path, matching: Matching) -> Result<(Fitting, Option<Notes>)> {
    let mut fitting = Fitting::default();
    if matching == Matching::default() {
        let weights = model.weights()?;
        let (values, notes) = load_safetensors(path, &weights)?;
        fitting.add(&model.as_layer(), &weights, Ok(values), false)?;
        return Ok((fitting, Some(notes)));
    }
    let (arrays, notes) = load_arrays(path)?;
    for place in Branch::of(&model.as_layer()).places() {
        let weights = place.layer.own_weights();
        let found: Vec<Option<&Array>> = weights.iter().map(|w| arrays.get(w.path())).collect();
        if weights.is_empty() || (matching.by_name && found.iter().all(Option::is_none)) {
            continue;
        }
        let value = |(weight, array): (&Variable, Option<&Array>)| {
            let missing = || Error::file(format!("the file lacks the weight '{}'", weight.path()));
            array.cloned().ok_or_else(missing)
        };
        let values = weights.iter().zip(found).map(value).collect();
        fitting.add(&place.layer, &weights, values, matching.skip_mismatch)?;
    }
    Ok((fitting, Some(notes)))
}

pub(super) fn is_keras3_name(path: &Path) -> bool {
    path.to_string_lossy().to_lowercase().ends_with(".weights.h5")
}

fn say(root: &mut Group, notes: &Notes) {
    if !notes.is_empty() {
        let text = serde_json::json!(notes).to_string();
        root.attributes.insert(METADATA.into(), Attribute::Text(text));
    }
}

pub(super) fn said(root: &Group) -> Result<Notes> {
    match root.text(METADATA) {
        None => Ok(Notes::new()),
        Some(text) => serde_json::from_str(text)
            .map_err(|e| Error::file(format!("its metadata is damaged: {e}"))),
    }
}

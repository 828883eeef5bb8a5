//! A model's weights: read, written, counted, saved.

use super::Model;
use crate::variable::Variable;
use cornu_graph::{Array, Error, Result, Shape};
use std::collections::BTreeMap;
use std::path::Path;

impl Model {
    /// The variables of all layers, in the order of the layers; each once.
    ///
    /// # Errors
    /// If the model is not built: it has no weights yet.
    pub fn weights(&self) -> Result<Vec<Variable>> {
        Ok(self.network().built().map_err(|e| self.in_model(e))?.weights())
    }

    /// The variables that an optimizer changes.
    ///
    /// # Errors
    /// If the model is not built.
    pub fn trainable_weights(&self) -> Result<Vec<Variable>> {
        Ok(self.weights()?.into_iter().filter(Variable::trainable).collect())
    }

    /// How many numbers the weights hold.
    ///
    /// # Errors
    /// If the model is not built.
    pub fn count_params(&self) -> Result<usize> {
        Ok(self.weights()?.iter().map(Variable::len).sum())
    }

    /// The values of the weights, in the order of [`Model::weights`]. They share their elements
    /// with the model until one side changes them.
    ///
    /// # Errors
    /// If the model is not built.
    pub fn get_weights(&self) -> Result<Vec<Array>> {
        Ok(self.weights()?.iter().map(Variable::value).collect())
    }

    /// Gives all weights other values. Nothing is changed if one does not fit.
    ///
    /// # Errors
    /// If the number or the shapes differ.
    pub fn set_weights(&mut self, values: impl Into<Vec<Array>>) -> Result<()> {
        let (weights, values) = (self.weights()?, values.into());
        if weights.len() != values.len() {
            return Err(Error::value(format!(
                "the model has {} weights, but {} arrays were given",
                weights.len(),
                values.len()
            )));
        }
        for (weight, value) in weights.iter().zip(&values) {
            check_fits(weight, value)?;
        }
        weights.iter().zip(values).try_for_each(|(weight, value)| weight.assign(value))
    }

    /// Says something about the model that is kept with its weights: how its data are prepared, the
    /// names of its classes, the threshold that was found for it. [`Model::save_weights`] writes it
    /// into the file. What has more than one part is best said in JSON.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("model.safetensors");
    /// let network = || Model::from(Sequential::new().add(Input::new([2])).add(Dense::new(1)));
    /// let mut model = network();
    /// model.set_metadata("threshold", "0.5")?;
    /// model.save_weights(&path)?;
    ///
    /// let mut other = network();
    /// other.load_weights(&path)?;
    /// assert_eq!(other.metadata("threshold"), Some("0.5"));
    /// assert_eq!(Model::read_metadata(&path)?["threshold"], "0.5"); // without the weights
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the key is empty, or one that the file format has for itself: `format`, `version`,
    /// `order`.
    pub fn set_metadata(&mut self, key: impl Into<String>, text: impl Into<String>) -> Result<()> {
        let key = key.into();
        crate::saving::check_note(&key)?;
        self.metadata.insert(key, text.into());
        Ok(())
    }

    /// What was said about the model under this key, here or in the file that its weights are from.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// What a safetensors file says about its weights, without reading them: to know which network
    /// to build for them. Other programs' files may have metadata too.
    ///
    /// It is text from a file, which anybody may have written: check it before you believe it. All
    /// of it has at most 4 MiB.
    ///
    /// # Errors
    /// If the file is no safetensors file, or is damaged.
    pub fn read_metadata(path: impl AsRef<Path>) -> Result<BTreeMap<String, String>> {
        let path = path.as_ref();
        crate::saving::load_notes(path).map_err(|e| e.within(path.display().to_string()))
    }

    /// Writes the weights to a safetensors file, under the names of their layers, with the metadata.
    ///
    /// # Errors
    /// If the model is not built or the file cannot be written. A file that was there stays whole.
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::saving::save_safetensors(path.as_ref(), &self.weights()?, &self.metadata)
    }

    /// Reads the weights from a safetensors file, and the metadata, in the place of all that was said
    /// about the model before. Nothing is changed if a weight does not fit.
    ///
    /// # Errors
    /// If the file is no safetensors file, or lacks a weight, or one has another shape.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let weights = self.weights()?;
        let (values, metadata) = crate::saving::load_safetensors(path, &weights)
            .map_err(|e| e.within(path.display().to_string()))?;
        weights.iter().zip(values).try_for_each(|(weight, value)| weight.assign(value))?;
        self.metadata = metadata;
        Ok(())
    }
}

/// Checks that a value has the type of a weight.
pub(crate) fn check_fits(weight: &Variable, value: &Array) -> Result<()> {
    if value.ty() == *weight.ty() {
        return Ok(());
    }
    Err(Error::shape(format!(
        "weight '{}' is {}{}, but its new value is {}{}",
        weight.path(),
        weight.ty().dtype,
        weight.ty().shape,
        value.dtype(),
        Shape::from(value.shape())
    )))
}

//! A model's weights: got, set, counted, and what is said about the model.

use super::Model;
use crate::saving::Notes;
use crate::variable::Variable;
use cornu_graph::{Array, Error, Result, Shape};

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

    pub(crate) fn notes(&self) -> &Notes {
        &self.metadata
    }

    pub(crate) fn set_notes(&mut self, notes: Notes) {
        self.metadata = notes;
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

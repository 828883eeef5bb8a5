//! A model's weights: read, written, counted, saved.

use super::Model;
use crate::variable::Variable;
use cornu_graph::{Array, Error, Result, Shape};
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

    /// Writes the weights to a safetensors file, under the names of their layers.
    ///
    /// # Errors
    /// If the model is not built or the file cannot be written. A file that was there stays whole.
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::saving::save_safetensors(path.as_ref(), &self.weights()?)
    }

    /// Reads the weights from a safetensors file. Nothing is changed if one does not fit.
    ///
    /// # Errors
    /// If the file is no safetensors file, or lacks a weight, or one has another shape.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let weights = self.weights()?;
        let values = crate::saving::load_safetensors(path, &weights)
            .map_err(|e| e.within(path.display().to_string()))?;
        weights.iter().zip(values).try_for_each(|(weight, value)| weight.assign(value))
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

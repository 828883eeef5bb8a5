//! A model's configuration: what it is made of, without weights.

use super::Model;
use crate::saving::{check_values, model_config, read_config};
use cornu_graph::{Error, Result};
use serde_json::Value;
use std::panic::Location;

impl Model {
    /// What the model is made of, as Keras writes it: its layers, their settings and how they are
    /// connected. Weights are not in it.
    ///
    /// # Errors
    /// If something in it has no configuration.
    pub fn config(&self) -> Result<Value> {
        model_config(&self.layer).map_err(|e| self.in_model(e))
    }

    /// A model of a configuration, with new weights.
    ///
    /// # Errors
    /// If something in it is not known or makes no sense.
    #[track_caller]
    pub fn from_config(config: &Value) -> Result<Model> {
        read_config(config, Location::caller())
    }

    /// The configuration as JSON. Keras's `model.to_json()`, which Keras reads.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let model = Sequential::new().add(Input::new([4])).add(Dense::new(2));
    /// let same = Model::from_json(&model.to_json()?)?;
    /// assert_eq!(same.count_params()?, 10);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::config`].
    pub fn to_json(&self) -> Result<String> {
        Ok(self.config()?.to_string())
    }

    /// A model of a configuration in JSON, with new weights. Keras's `model_from_json`.
    ///
    /// # Errors
    /// If it is no JSON, or as [`Model::from_config`].
    #[track_caller]
    pub fn from_json(json: &str) -> Result<Model> {
        check_values(json.as_bytes())?;
        let config = serde_json::from_str(json)
            .map_err(|e| Error::data(format!("the model's JSON cannot be read: {e}")))?;
        read_config(&config, Location::caller())
    }

    /// A model that is made of the same, with new weights. Keras's `clone_model`. A `Lambda` in it
    /// becomes a model of the operations that its closure does.
    ///
    /// # Errors
    /// As [`Model::config`]; classes of one's own must be registered.
    #[track_caller]
    pub fn clone_model(&self) -> Result<Model> {
        read_config(&self.config()?, Location::caller())
    }
}

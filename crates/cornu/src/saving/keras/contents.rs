//! All that the file of a model holds, whatever its format.

use super::branch::Branch;
use super::extras::Extras;
use super::weights::{self, Fitting, Matching};
use super::{files, read, write};
use crate::model::{Model, output_names};
use crate::saving::archive::{self, Archive};
use crate::saving::h5::{Attribute, Group, Stored};
use crate::session::{self, snake_case};
use crate::train::{compile_config, compile_from_config};
use cornu_graph::{Array, Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::panic::Location;
use std::path::Path;

/// A model taken apart.
pub(crate) struct Contents {
    /// The configuration of the model: an object with its class. Null in the backup of a model that
    /// cannot be written.
    pub config: Value,
    /// What it was compiled with, in Keras's words, and in those of its older format.
    pub compile: Option<Value>,
    pub training_config: Option<Value>,
    pub weights: Group,
    /// The variables of the optimizer in Keras's order, or with names that tell what they are.
    pub optimizer: Vec<Array>,
    pub optimizer_names: Vec<String>,
    /// Which Keras wrote it, if the file says it.
    pub keras_version: Option<(u32, u32)>,
    pub extras: Extras,
}

impl Contents {
    /// Takes a model apart.
    pub fn of(model: &Model) -> Result<Contents> {
        Contents::with_config(model, write::model_config(&model.as_layer())?)
    }

    /// Takes a model apart. One with operations that Keras does not have has no configuration then.
    pub fn or_weights(model: &Model) -> Result<Contents> {
        let config = write::model_config(&model.as_layer());
        Contents::with_config(model, config.unwrap_or_default())
    }

    fn with_config(model: &Model, config: Value) -> Result<Contents> {
        let mut contents = Contents {
            config,
            compile: None,
            training_config: None,
            weights: weights::write(&Branch::of(&model.as_layer())),
            optimizer: vec![],
            optimizer_names: vec![],
            keras_version: None,
            extras: Extras::default(),
        };
        contents.extras.state.metadata = model.notes().clone();
        if let Some(trainer) = model.trainer() {
            let compiled = compile_config(trainer);
            contents.training_config = compiled.training_config();
            contents.compile = Some(compiled.keras).filter(|keras| !keras.is_null());
            let state = &mut contents.extras.state;
            state.compile = compiled.exact;
            state.random_state = trainer.random_numbers();
            state.epoch = trainer.epochs;
            let variables = trainer.keras_optimizer_variables(&model.trainable_weights()?);
            contents.optimizer = variables.iter().map(|v| v.value()).collect();
        }
        Ok(contents)
    }

    /// Reads a `.keras` file.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(path: &Path) -> Result<Contents> {
        files::from_archive(&mut Archive::open(path)?)
    }

    /// Writes a `.keras` file, in the place of one that may be there.
    ///
    /// # Errors
    /// If it cannot be written. A file that was there is as it was then.
    pub fn write(&self, path: &Path) -> Result<()> {
        archive::write_file(path, &files::to_members(self)?)
    }

    /// Writes the files of a `.keras` into a folder, which must not be there.
    ///
    /// # Errors
    /// If it is, or cannot be written.
    pub fn write_folder(&self, path: &Path) -> Result<()> {
        archive::write_folder(path, &files::to_members(self)?)
    }

    /// Finds the values of a model's weights.
    ///
    /// # Errors
    /// If one is missing or does not fit.
    pub fn fit_weights(&self, model: &Model) -> Result<Fitting> {
        weights::read(&Branch::of(&model.as_layer()), &self.weights, Matching::default())
    }

    /// Puts a model together. If only what it was compiled with is not known, it is not compiled,
    /// and says why when it is trained.
    pub fn into_model(
        self,
        compile: bool,
        weights: impl FnOnce(&Branch, &Group) -> Result<Fitting>,
        line: &'static Location<'static>,
    ) -> Result<Model> {
        self.check_words()?;
        let numbers = self.weights.numbers();
        let read = || read::read_model(&self.config, line);
        let (branch, untrainable) = session::with_weights_from_file(numbers, read)?;
        weights(&branch, &self.weights)?.assign()?;
        let mut model = Model::try_from(branch.layer)?;
        model.set_notes(self.extras.state.metadata.clone());
        if let Some(reason) = untrainable {
            model.set_not_compiled(reason);
        } else if compile
            && let Some(config) = self.extras.state.compile.as_ref().or(self.compile.as_ref())
            && let Err(error) = self.compile_model(&mut model, config)
        {
            model.set_not_compiled(error);
        }
        Ok(model)
    }

    /// Refuses words that meant something else to the Keras that wrote them.
    fn check_words(&self) -> Result<()> {
        let keras2 = self.keras_version.is_some_and(|(major, _)| major < 3);
        if keras2 && says(&self.config, "hard_sigmoid") {
            let message = "hard_sigmoid of Keras 2 is another function than that of Keras 3";
            return Err(Error::new(ErrorKind::Unsupported, message).help(
                "build the model in code with clip(0.2 x + 0.5, 0, 1) and load its weights",
            ));
        }
        Ok(())
    }

    /// Outputs that the model gives as a dictionary are named by its keys in what it was compiled
    /// with; here by their layers.
    fn by_output_names(&self, config: &Value, model: &Model) -> Result<Value> {
        let mut config = config.clone();
        let Some(outputs) = self.config.pointer("/config/output_layers").and_then(Value::as_object)
        else {
            return Ok(config);
        };
        let mut keys: Vec<&String> = outputs.keys().collect();
        keys.sort();
        let built = model.network().built()?;
        let names = output_names(&built.outputs);
        for what in ["loss", "loss_weights", "metrics", "weighted_metrics"] {
            let Some(said) = config.get_mut(what).and_then(Value::as_object_mut) else { continue };
            for (key, name) in keys.iter().zip(&names) {
                if let Some(value) = said.shift_remove(*key) {
                    said.insert(name.clone(), value);
                }
            }
        }
        Ok(config)
    }

    fn compile_model(&self, model: &mut Model, config: &Value) -> Result<()> {
        compile_from_config(model, &self.by_output_names(config, model)?)?;
        let trainer = model.trainer_mut("load_model")?;
        let state = &self.extras.state;
        trainer.epochs = state.epoch;
        state.random_state.iter().try_for_each(|numbers| trainer.set_random_numbers(numbers))?;
        self.restore_optimizer(model)
    }

    /// Gives a compiled model's optimizer what it remembered.
    ///
    /// # Errors
    /// If it does not fit: nothing is changed.
    pub fn restore_optimizer(&self, model: &mut Model) -> Result<()> {
        let weights = model.weights()?;
        let trainer = model.trainer_mut("the optimizer's state")?;
        trainer.restore(&weights, &self.optimizer_names, &self.optimizer, self.keras_version)
    }
}

/// The optimizer's variables as a group: `optimizer/vars/0`, …
pub(super) fn optimizer_group(kind: &str, values: &[Array]) -> Group {
    let mut group = Group::default();
    let vars = group.make("vars");
    vars.attributes.insert("name".into(), Attribute::Text(snake_case(kind)));
    for (i, value) in values.iter().enumerate() {
        vars.arrays.insert(i.to_string(), Stored::from(value.clone()));
    }
    group
}

/// Whether a text stands anywhere in a value.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(list) => list.iter().any(|inner| says(inner, text)),
        Value::Object(fields) => fields.values().any(|inner| says(inner, text)),
        _ => false,
    }
}

/// The version in a text like `3.15.1`.
pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// As Keras writes it: an object with its compile configuration.
pub(super) fn config_with_compile(contents: &Contents) -> Value {
    let mut config = contents.config.clone();
    config["compile_config"] = contents.compile.clone().unwrap_or_else(|| json!({}));
    config
}

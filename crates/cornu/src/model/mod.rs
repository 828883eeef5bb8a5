//! Models: layers and inputs put together, ready to be trained.

mod chain;
mod functional;
mod network;
mod sequential;
mod summary;
mod weights;

pub(crate) use functional::{Station, Walk, key};
pub(crate) use network::{Built, Network};
pub use sequential::{Link, Sequential};
pub use summary::Summary;

use crate::data::Column;
use crate::layers::{IntoTensors, LayerRef};
use crate::tensor::Tensor;
use crate::train::Trainer;
use crate::variable::Variable;
use cornu_graph::{Error, Result};
use network::Programs;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A network of layers between inputs and outputs, with everything that trains it.
///
/// Made by [`Model::new`] from tensors (the functional way) or as a [`Sequential`]. A model is a
/// layer too: [`Model::call`] uses it in another model, with the same weights.
pub struct Model {
    layer: LayerRef,
    trainer: Option<Trainer>,
    programs: Mutex<Programs>,
}

impl Model {
    fn from_layer(layer: LayerRef) -> Model {
        Model { layer, trainer: None, programs: Mutex::default() }
    }

    fn network(&self) -> &Network {
        self.layer.downcast().expect("a model's layer is a network")
    }

    /// The name: `"sequential"`, `"functional_1"`.
    pub fn name(&self) -> &str {
        self.layer.name()
    }

    /// Uses the model as a layer: on tensors of another model, or on arrays.
    #[track_caller]
    pub fn call(&self, inputs: impl IntoTensors) -> Tensor {
        self.layer.call(inputs)
    }

    /// As [`Model::call`], with all outputs.
    #[track_caller]
    pub fn call_all(&self, inputs: impl IntoTensors) -> Vec<Tensor> {
        self.layer.call_all(&inputs.into_tensors())
    }

    /// The model as a layer: a handle to the same weights.
    pub fn as_layer(&self) -> LayerRef {
        self.layer.clone()
    }

    /// The inputs.
    ///
    /// # Errors
    /// If the model is not built, or has a mistake in it.
    pub fn inputs(&self) -> Result<Vec<Tensor>> {
        Ok(self.network().built()?.inputs.clone())
    }

    /// The outputs.
    ///
    /// # Errors
    /// If the model is not built, or has a mistake in it.
    pub fn outputs(&self) -> Result<Vec<Tensor>> {
        Ok(self.network().built()?.outputs.clone())
    }

    /// The layers in order. A shared layer stands there once.
    pub fn layers(&self) -> Vec<LayerRef> {
        self.network().layer_list()
    }

    /// The layer of a name, as in `model.get_layer("dense_1")`.
    ///
    /// # Errors
    /// If there is none; the message names the nearest.
    pub fn get_layer(&self, name: &str) -> Result<LayerRef> {
        let layers = self.layers();
        let found = layers.iter().find(|layer| layer.name() == name).cloned();
        found.ok_or_else(|| crate::names::unknown("layer", name, layers.iter().map(LayerRef::name)))
    }

    /// A layer of this model that is itself a model, to be used alone: the tower of a siamese
    /// network. It has the same weights.
    ///
    /// # Errors
    /// If there is no such layer, or it is no model.
    pub fn get_model(&self, name: &str) -> Result<Model> {
        Model::try_from(self.get_layer(name)?)
    }

    /// Says whether the weights of all layers are trained, from the next `compile` on.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.layer.set_trainable(trainable);
    }

    /// Compiles again with the state of an earlier `compile`.
    pub(crate) fn set_trainer(&mut self, trainer: Trainer) {
        self.trainer = Some(trainer);
    }

    /// Drops what was made for the layers so far.
    fn forget_programs(&mut self) {
        self.trainer = None;
        *self.predict_programs() = Programs::default();
    }

    pub(crate) fn take_trainer(&mut self, what: &str) -> Result<Trainer> {
        self.trainer.take().ok_or_else(|| {
            Error::state(format!("{what} needs a compiled model"))
                .help("call model.compile(optimizer, loss).build() first")
        })
    }

    pub(crate) fn predict_programs(&self) -> MutexGuard<'_, Programs> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The built network; a Sequential without an Input is built for these data.
    pub(crate) fn built_for(&self, x: &[Column]) -> Result<Arc<Built>> {
        self.network().built_for(x).map_err(|e| self.in_model(e))
    }

    pub(crate) fn output_names(&self) -> Vec<String> {
        self.network().output_names()
    }

    fn in_model(&self, error: Error) -> Error {
        error.within(format!("model '{}'", self.name()))
    }

    /// The learning rate that the next step uses.
    ///
    /// # Errors
    /// If the model is not compiled.
    pub fn learning_rate(&self) -> Result<f32> {
        Ok(self.learning_rate_variable()?.number() as f32)
    }

    /// Changes the learning rate from the next step on.
    ///
    /// # Errors
    /// If the model is not compiled, or the number is negative or not finite.
    pub fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        crate::optimizers::check_learning_rate(learning_rate)?;
        self.learning_rate_variable()?.assign(cornu_graph::Array::scalar(learning_rate))
    }

    fn learning_rate_variable(&self) -> Result<&Variable> {
        let trainer = self.trainer.as_ref();
        trainer
            .map(|trainer| &trainer.state.learning_rate)
            .ok_or_else(|| Error::state("the model is not compiled: it has no learning rate"))
    }

    pub(crate) fn trainer(&self) -> Option<&Trainer> {
        self.trainer.as_ref()
    }
}

/// A layer that is a model, with the same weights.
impl TryFrom<LayerRef> for Model {
    type Error = Error;

    fn try_from(layer: LayerRef) -> Result<Model> {
        if layer.downcast::<Network>().is_some() {
            return Ok(Model::from_layer(layer));
        }
        Err(Error::value(format!("layer '{}' is a {}, not a model", layer.name(), layer.kind())))
    }
}

impl From<&Model> for LayerRef {
    fn from(model: &Model) -> LayerRef {
        model.layer.clone()
    }
}

impl From<Model> for LayerRef {
    fn from(model: Model) -> LayerRef {
        model.layer
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.name())
            .field("layers", &self.layers())
            .finish_non_exhaustive()
    }
}

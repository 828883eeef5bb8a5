//! Models: layers and inputs put together, ready to be trained.

mod chain;
mod config;
mod export;
mod functional;
mod network;
mod sequential;
mod summary;
mod weights;

pub(crate) use functional::{Key, Station, Walk, key, output_names};
pub(crate) use network::{Built, Extent, Network};
pub use sequential::{Link, Sequential};
pub use summary::Summary;
pub(crate) use summary::{grouped, terminal_columns};

use crate::data::Column;
use crate::layers::{IntoTensors, LayerRef};
use crate::saving::Notes;
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
    metadata: Notes,
    /// Why a model from a file is not compiled, though its file says how.
    not_compiled: Option<Error>,
}

impl Model {
    fn from_layer(layer: LayerRef) -> Model {
        Model {
            layer,
            trainer: None,
            programs: Mutex::default(),
            metadata: Notes::new(),
            not_compiled: None,
        }
    }

    pub(crate) fn network(&self) -> &Network {
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

    /// The layers in Keras's order. A shared layer stands there once. A functional model's
    /// [`InputLayer`](crate::layers::InputLayer)s are among them, the `Input` of a `Sequential` is
    /// not.
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

    /// The layer at a place in [`Model::layers`], counted from 0, or if negative from the end: Keras's
    /// `model.layers[2]`, `model.layers[-1]`.
    ///
    /// # Errors
    /// If there is none; the message lists the layers.
    pub fn get_layer_at(&self, index: isize) -> Result<LayerRef> {
        let mut layers = self.layers();
        let from_front = if index < 0 { index + layers.len() as isize } else { index };
        match usize::try_from(from_front).ok().filter(|&i| i < layers.len()) {
            Some(i) => Ok(layers.swap_remove(i)),
            None => {
                let error = Error::value(format!(
                    "there is no layer {index}: the model has {} layers",
                    layers.len()
                ));
                Err(self.in_model(error.help(listed(&layers))))
            }
        }
    }

    /// The layer at a place in [`Model::layers`] that is itself a model: Keras's `model.layers[2]`
    /// for the tower of a siamese network. It has the same weights.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let tower = Sequential::new().add(Input::new([784])).add(Dense::new(128));
    /// let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    /// let distance = ops::norm(tower.call(&left) - tower.call(&right), Axis::new(1).keepdims());
    /// let model = Model::new([&left, &right], &distance)?;
    ///
    /// // 0 and 1 are the inputs.
    /// let embedding = model.get_model_at(2)?;
    /// assert_eq!(embedding.name(), tower.name());
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such layer, or it is no model; the message lists the layers.
    pub fn get_model_at(&self, index: isize) -> Result<Model> {
        let model = Model::try_from(self.get_layer_at(index)?);
        model.map_err(|e| self.in_model(e.help(listed(&self.layers()))))
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
        self.not_compiled = None;
    }

    /// Remembers why the model is not compiled as its file says.
    pub(crate) fn set_not_compiled(&mut self, reason: Error) {
        self.trainer = None;
        self.not_compiled = Some(reason);
    }

    /// Why a model that was loaded from a file is not compiled, though the file says how it was: a
    /// loss of somebody's own that was not registered, for example.
    pub fn not_compiled_because(&self) -> Option<&Error> {
        self.not_compiled.as_ref()
    }

    /// Drops what was made for the layers so far.
    fn forget_programs(&mut self) {
        self.trainer = None;
        *self.predict_programs() = Programs::default();
    }

    pub(crate) fn trainer_mut(&mut self, what: &str) -> Result<&mut Trainer> {
        let reason = &self.not_compiled;
        let error = || not_compiled(&format!("{what} needs a compiled model"), reason);
        self.trainer.as_mut().ok_or_else(error)
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

    pub(crate) fn in_model(&self, error: Error) -> Error {
        error.within(format!("model '{}'", self.name()))
    }

    /// The learning rate that the next step uses.
    ///
    /// # Errors
    /// If the model is not compiled, or a schedule's expression has a mistake.
    pub fn learning_rate(&self) -> Result<f32> {
        self.compiled()?.state.learning_rate()
    }

    /// Changes the learning rate from the next step on.
    ///
    /// # Errors
    /// If the model is not compiled, the optimizer was made with a schedule, or the number is
    /// negative or not finite.
    pub fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        self.compiled()?.state.set_learning_rate(learning_rate)
    }

    /// The variables of training beside the weights: the number of steps, the learning rate (if no
    /// schedule decides it), the random state; from the first step on, in the order of the model's
    /// weights, also the optimizer's slots, then the moving averages, then the sums of gradients.
    ///
    /// # Errors
    /// If the model is not compiled.
    pub fn optimizer_variables(&self) -> Result<Vec<Variable>> {
        Ok(self.compiled()?.variables())
    }

    /// Exchanges the weights and their moving averages, which an optimizer with `use_ema` keeps:
    /// to evaluate with them in the middle of training, exchange, evaluate, and exchange again.
    ///
    /// # Errors
    /// If the model is not compiled, the optimizer keeps no averages, or no step was made yet.
    pub fn swap_ema_weights(&mut self) -> Result<()> {
        self.compiled()?.state.swap_averages()
    }

    fn compiled(&self) -> Result<&Trainer> {
        let what = "the model is not compiled: it has no optimizer";
        self.trainer.as_ref().ok_or_else(|| not_compiled(what, &self.not_compiled))
    }

    pub(crate) fn trainer(&self) -> Option<&Trainer> {
        self.trainer.as_ref()
    }
}

/// An error for a model that is not compiled, with the reason if it is from a file.
fn not_compiled(what: &str, reason: &Option<Error>) -> Error {
    match reason {
        None => Error::state(what).help("call model.compile(optimizer, loss).build() first"),
        Some(reason) => Error::state(format!(
            "{what}, and this one could not be compiled as its file says: {reason}"
        ))
        .help("call model.compile(optimizer, loss).build(), or load the file again"),
    }
}

/// The layers with their places, for a message.
fn listed(layers: &[LayerRef]) -> String {
    let layers = layers.iter().enumerate();
    let texts = layers.map(|(i, layer)| format!("{i} {} ({})", layer.name(), layer.kind()));
    texts.collect::<Vec<String>>().join(", ")
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

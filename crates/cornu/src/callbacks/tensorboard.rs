//! Logs of a training for TensorBoard.

use super::{Callback, CallbackState, Training};
use crate::layers::LayerRef;
use crate::model::Model;
use crate::names;
use crate::tensorboard::{Embeddings, Projector, Writer, inside};
use crate::train::Logs;
use crate::variable::Variable;
use cornu_graph::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Writes a training for TensorBoard: figures, the graph of the model, histograms of its weights.
/// Run folders and tags are those of Keras 3.
///
/// ```
/// use cornu::callbacks::TensorBoard;
/// # use cornu::prelude::*;
/// # let folder = tempfile::tempdir()?;
/// # let logs = folder.path().join("logs");
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("sgd", "mse").build()?;
/// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
///
/// let board = TensorBoard::new(logs.join("first_try")).histogram_freq(1);
/// model.fit(&x, &x).epochs(2).verbose(0).callback(board).run()?;
/// # assert!(logs.join("first_try/train").is_dir());
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// Then `tensorboard --logdir logs` shows all runs below `logs`. Give each training a folder of its
/// own.
///
/// What is written:
///
/// - in `train/`, after each epoch: `epoch_loss`, `epoch_accuracy`, …, `epoch_learning_rate`;
/// - in `validation/`: the same figures of the validation data, and at each evaluation
///   `evaluation_loss_vs_iterations`, …;
/// - in `train/`, before the first epoch: the graph of the model;
/// - if asked for: figures of batches (`batch_loss`), histograms (`dense/kernel/histogram`), images
///   of weights (`dense/kernel/image`), embeddings.
///
/// Nothing is done in a step unless [`TensorBoard::update_freq`] or
/// [`TensorBoard::write_steps_per_second`] ask for it. Files are flushed after each epoch.
#[derive(Debug)]
pub struct TensorBoard {
    log_dir: PathBuf,
    histogram_freq: usize,
    write_graph: bool,
    write_images: bool,
    write_steps_per_second: bool,
    update_freq: UpdateFreq,
    profile_batch: usize,
    embeddings_freq: usize,
    embeddings_metadata: Metadata,
    train: Option<Writer>,
    validation: Option<Writer>,
    /// Steps since training began, over all epochs.
    train_batches: u64,
    batch_started: Instant,
    /// Steps that the optimizer had made when the epoch began.
    iterations_before: u64,
}

/// How often [`TensorBoard`] writes the figures of training: `"epoch"`, `"batch"`, or a number of
/// batches.
#[derive(Clone, Debug, PartialEq)]
pub enum UpdateFreq {
    /// After each epoch.
    Epoch,
    /// After each epoch, and after every so many batches.
    Batches(usize),
    /// A name that is none of these; an error when training begins.
    Unknown(String),
}

impl From<usize> for UpdateFreq {
    fn from(batches: usize) -> UpdateFreq {
        UpdateFreq::Batches(batches)
    }
}

impl From<&str> for UpdateFreq {
    fn from(name: &str) -> UpdateFreq {
        match name {
            "epoch" => UpdateFreq::Epoch,
            "batch" => UpdateFreq::Batches(1),
            _ => UpdateFreq::Unknown(name.to_owned()),
        }
    }
}

/// Files with the labels of embeddings.
#[derive(Clone, Debug, Default)]
struct Metadata {
    of_all: Option<PathBuf>,
    of_layers: BTreeMap<String, PathBuf>,
}

/// The options, with Keras's defaults.
impl TensorBoard {
    /// Logs in a folder, which is made if it is missing.
    pub fn new(log_dir: impl Into<PathBuf>) -> TensorBoard {
        TensorBoard {
            log_dir: log_dir.into(),
            histogram_freq: 0,
            write_graph: true,
            write_images: false,
            write_steps_per_second: false,
            update_freq: UpdateFreq::Epoch,
            profile_batch: 0,
            embeddings_freq: 0,
            embeddings_metadata: Metadata::default(),
            train: None,
            validation: None,
            train_batches: 0,
            batch_started: Instant::now(),
            iterations_before: 0,
        }
    }

    /// After every how many epochs to write histograms of the weights: epochs 0, n, 2n, …; never if
    /// 0, as it is unless said otherwise.
    pub fn histogram_freq(mut self, epochs: usize) -> TensorBoard {
        self.histogram_freq = epochs;
        self
    }

    /// Whether to write the graph of the model. It is written unless said otherwise.
    pub fn write_graph(mut self, write: bool) -> TensorBoard {
        self.write_graph = write;
        self
    }

    /// Whether to write, with the histograms, the weights as images: of kernels with three dimensions
    /// (without those of size 1) the first three filters, none of kernels with more. Grey is 0.
    pub fn write_images(mut self, write: bool) -> TensorBoard {
        self.write_images = write;
        self
    }

    /// Whether to write how many steps are done in a second: of each epoch (without its validation),
    /// and of batches where [`TensorBoard::update_freq`] asks for them.
    pub fn write_steps_per_second(mut self, write: bool) -> TensorBoard {
        self.write_steps_per_second = write;
        self
    }

    /// When to write the figures: `"epoch"` (unless said otherwise); `"batch"`, also after every
    /// batch; or a number, also after every so many batches. These are the figures of the epoch so
    /// far.
    pub fn update_freq(mut self, frequency: impl Into<UpdateFreq>) -> TensorBoard {
        self.update_freq = frequency.into();
        self
    }

    /// Keras's option to profile a batch. Cornu writes no profiles: anything but 0, the default, is
    /// an error when training begins.
    pub fn profile_batch(mut self, batch: usize) -> TensorBoard {
        self.profile_batch = batch;
        self
    }

    /// After every how many epochs to write the vectors of the model's `Embedding` layers for the
    /// Projector, in the place of those before; never if 0, as it is unless said otherwise. Vectors
    /// that are not finite are not written. For other points, such as outputs of the model, see
    /// [`Projector`].
    pub fn embeddings_freq(mut self, epochs: usize) -> TensorBoard {
        self.embeddings_freq = epochs;
        self
    }

    /// A file in the log folder with the labels of all `Embedding` layers: one line for each vector,
    /// or columns between tabs below a line of their names.
    pub fn embeddings_metadata(mut self, path: impl Into<PathBuf>) -> TensorBoard {
        self.embeddings_metadata.of_all = Some(path.into());
        self
    }

    /// As [`TensorBoard::embeddings_metadata`], for the layer of a name.
    pub fn embeddings_metadata_of(
        mut self,
        layer: impl Into<String>,
        path: impl Into<PathBuf>,
    ) -> TensorBoard {
        self.embeddings_metadata.of_layers.insert(layer.into(), path.into());
        self
    }
}

impl Callback for TensorBoard {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.check(training.model())?;
        (self.train_batches, self.validation) = (0, None);
        let mut train = Writer::new(self.log_dir.join("train"))?;
        if self.write_graph {
            train.graph(training.model())?;
            train.flush()?;
        }
        self.train = Some(train);
        Ok(())
    }

    fn on_train_end(&mut self, _: &mut Training<'_>, _: &Logs) -> Result<()> {
        self.flush()?;
        (self.train, self.validation) = (None, None);
        Ok(())
    }

    fn on_epoch_begin(&mut self, training: &mut Training<'_>, _: usize) -> Result<()> {
        self.iterations_before = training.iterations();
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        self.write_epoch(training, epoch as u64, logs)?;
        let is_due = |frequency: usize| frequency > 0 && epoch.is_multiple_of(frequency);
        if is_due(self.histogram_freq) {
            self.write_weights(training.model(), epoch as u64)?;
        }
        if is_due(self.embeddings_freq) {
            self.write_embeddings(training.model())?;
        }
        self.flush()
    }

    fn on_train_batch_begin(&mut self, _: &mut Training<'_>, _: usize) -> Result<()> {
        if self.write_steps_per_second {
            self.batch_started = Instant::now();
        }
        Ok(())
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>, _: usize) -> Result<()> {
        self.train_batches += 1;
        let UpdateFreq::Batches(batches) = self.update_freq else { return Ok(()) };
        if !self.train_batches.is_multiple_of(batches as u64) {
            return Ok(());
        }
        let seconds = self.batch_started.elapsed().as_secs_f64();
        let (step, rate) = (self.train_batches, self.write_steps_per_second);
        let train = open(&mut self.train, &self.log_dir, "train")?;
        if rate {
            train.scalar("batch_steps_per_second", 1.0 / seconds, step)?;
        }
        training
            .logs()
            .iter()
            .try_for_each(|(name, value)| train.scalar(&format!("batch_{name}"), value, step))
    }

    fn on_test_end(&mut self, training: &mut Training<'_>, logs: &Logs) -> Result<()> {
        let step = training.iterations();
        let validation = open(&mut self.validation, &self.log_dir, "validation")?;
        for (name, value) in logs.iter() {
            validation.scalar(&format!("evaluation_{name}_vs_iterations"), value, step)?;
        }
        // An evaluation by itself has no later hook.
        validation.flush()
    }

    fn state(&self) -> CallbackState {
        CallbackState::new(self.train_batches)
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        self.train_batches = state.read()?;
        Ok(())
    }
}

/// What is written.
impl TensorBoard {
    /// Finds mistakes before the first step.
    fn check(&self, model: &Model) -> Result<()> {
        match &self.update_freq {
            UpdateFreq::Batches(0) => {
                return Err(Error::value("update_freq must be at least 1 batch, not 0"));
            }
            UpdateFreq::Unknown(name) => {
                return Err(names::unknown("update_freq", name, ["epoch", "batch"]));
            }
            UpdateFreq::Batches(_) | UpdateFreq::Epoch => {}
        }
        if self.profile_batch != 0 {
            let message = "profiles for TensorBoard are not written: profile_batch must be 0";
            return Err(Error::new(ErrorKind::Unsupported, message)
                .help("Model::show_program prints the program of a step"));
        }
        // The folder of the validation is made when there is something to write.
        let validation = self.log_dir.join("validation");
        if validation.exists() && !validation.is_dir() {
            return Err(Error::file("the log folder cannot be written: there is a file")
                .within(validation.display().to_string()));
        }
        if self.embeddings_freq > 0 { self.check_metadata(model) } else { Ok(()) }
    }

    fn check_metadata(&self, model: &Model) -> Result<()> {
        let metadata = &self.embeddings_metadata;
        for path in metadata.of_all.iter().chain(metadata.of_layers.values()) {
            inside(path)?;
        }
        let layers = embedding_layers(model);
        let names = || layers.iter().map(LayerRef::name);
        match metadata.of_layers.keys().find(|name| !names().any(|known| known == *name)) {
            Some(name) => Err(names::unknown("Embedding layer", name, names())),
            None => Ok(()),
        }
    }

    fn write_epoch(&mut self, training: &Training<'_>, epoch: u64, logs: &Logs) -> Result<()> {
        let (validated, mut trained): (Vec<_>, Vec<_>) =
            logs.iter().partition(|(name, _)| name.starts_with("val_"));
        // Another callback may have recorded these too.
        trained.retain(|(name, _)| *name != "learning_rate");
        trained.push(("learning_rate", f64::from(training.learning_rate()?)));
        if self.write_steps_per_second {
            let steps = training.iterations().saturating_sub(self.iterations_before);
            trained.push(("steps_per_second", steps as f64 / training.epoch_seconds()));
        }
        let train = open(&mut self.train, &self.log_dir, "train")?;
        for (name, value) in trained {
            train.scalar(&format!("epoch_{name}"), value, epoch)?;
        }
        if validated.is_empty() {
            return Ok(());
        }
        let validation = open(&mut self.validation, &self.log_dir, "validation")?;
        for (name, value) in validated {
            // Once: an output may itself be called val_….
            let name = name.strip_prefix("val_").unwrap_or(name);
            validation.scalar(&format!("epoch_{name}"), value, epoch)?;
        }
        Ok(())
    }

    fn write_weights(&mut self, model: &Model, epoch: u64) -> Result<()> {
        let images = self.write_images;
        let train = open(&mut self.train, &self.log_dir, "train")?;
        for (path, weight) in weights(model) {
            let value = weight.value();
            train.histogram(&format!("{path}/histogram"), &value, epoch)?;
            if images {
                train.weight_image(&format!("{path}/image"), &value, epoch)?;
            }
        }
        Ok(())
    }

    fn write_embeddings(&self, model: &Model) -> Result<()> {
        let mut found = vec![];
        for layer in embedding_layers(model) {
            let metadata = &self.embeddings_metadata;
            let path = metadata.of_layers.get(layer.name()).or(metadata.of_all.as_ref());
            for weight in layer.weights().iter().filter(|w| w.name() == "embeddings") {
                let vectors = weight.value();
                if !vectors.values().to_f64().iter().all(|v| v.is_finite()) {
                    // A training that may go on with such weights does not end here.
                    return Ok(());
                }
                let mut embeddings = Embeddings::new(layer.name(), &vectors);
                if let Some(path) = path {
                    embeddings = embeddings.metadata_path(path);
                }
                found.push(embeddings);
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        found.into_iter().fold(Projector::new(&self.log_dir), Projector::add).write()
    }

    fn flush(&mut self) -> Result<()> {
        self.train.iter_mut().chain(&mut self.validation).try_for_each(Writer::flush)
    }
}

/// The writer of a run, opened at its first use.
fn open<'a>(writer: &'a mut Option<Writer>, log_dir: &Path, run: &str) -> Result<&'a mut Writer> {
    if writer.is_none() {
        *writer = Some(Writer::new(log_dir.join(run))?);
    }
    Ok(writer.as_mut().expect("it was just opened"))
}

/// The weights of a model with Keras's paths: a Sequential puts its name before those of its layers,
/// `sequential/dense/kernel`, a functional model does not. A path that is taken gets a number.
fn weights(model: &Model) -> Vec<(String, Variable)> {
    let mut found = vec![];
    collect(&model.as_layer(), "", &mut found);
    found
}

fn collect(layer: &LayerRef, scope: &str, found: &mut Vec<(String, Variable)>) {
    let inner = layer.definition().layers();
    let scope = match layer.kind() {
        "Sequential" => format!("{scope}{}/", layer.name()),
        _ => scope.to_owned(),
    };
    for layer in &inner {
        collect(layer, &scope, found);
    }
    for weight in layer.weights() {
        if found.iter().any(|(_, known)| known.id() == weight.id()) {
            continue;
        }
        let path = format!("{scope}{}", weight.path()).replace(':', "_");
        let numbered = (1..).map(|i| format!("{path}_{i}"));
        let mut paths = std::iter::once(path.clone()).chain(numbered);
        let taken = |path: &String| found.iter().any(|(known, _)| known == path);
        let path = paths.find(|path| !taken(path)).unwrap_or_default();
        found.push((path, weight));
    }
}

/// The `Embedding` layers of a model and of the models in it.
fn embedding_layers(model: &Model) -> Vec<LayerRef> {
    let mut found: Vec<LayerRef> = vec![];
    let mut open = model.layers();
    open.reverse();
    while let Some(layer) = open.pop() {
        if layer.kind() == "Embedding" && !found.iter().any(|known| known.is(&layer)) {
            found.push(layer.clone());
        }
        open.extend(layer.definition().layers().into_iter().rev());
    }
    found
}

//! Models and weights saved on the way.

use super::format::Template;
use super::monitor::Monitor;
use super::state::Exact;
use super::{Callback, CallbackState, Training};
use crate::saving::Format;
use crate::train::Logs;
use cornu_graph::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// When something is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveFreq {
    /// At the end of each epoch: Keras's `"epoch"`.
    #[default]
    Epoch,
    /// After every so many steps, counted over all epochs.
    Batches(usize),
}

impl SaveFreq {
    pub(super) fn check(self) -> Result<()> {
        match self {
            SaveFreq::Batches(0) => Err(Error::value("save_freq must be at least 1 step, not 0")),
            _ => Ok(()),
        }
    }
}

impl From<usize> for SaveFreq {
    fn from(batches: usize) -> SaveFreq {
        SaveFreq::Batches(batches)
    }
}

/// Saves the model, or its weights, on the way.
///
/// ```no_run
/// use cornu::callbacks::ModelCheckpoint;
/// # use cornu::prelude::*;
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("adam", "mse").build()?;
/// # let x = Array::new([4, 1], vec![0.0f32, 1.0, 2.0, 3.0])?;
/// let checkpoint = ModelCheckpoint::new("run/{epoch:02d}-{val_loss:.2f}.keras")
///     .monitor("val_loss")
///     .save_best_only(true);
/// model.fit(&x, &x).epochs(100).validation_split(0.25).callback(checkpoint).run()?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// What stands in braces is filled in: `epoch` (from 1), `batch` (from 1, when saving by steps) and
/// all figures, written as Python writes them: `{epoch:02d}`, `{val_loss:.2f}`, `{accuracy:.1%}`.
/// Files are written beside and renamed, so that none is ever half written; missing folders are
/// made.
///
/// The ending says the format. `.keras` and `.h5` hold the whole model with the optimizer's state and
/// all that it takes to go on to the bit: [`load_model`](crate::load_model) reads them, and `fit` with
/// [`initial_epoch`](crate::train::Fit::initial_epoch) goes on. `.weights.h5`, `.safetensors` and
/// `.weights.json` hold weights, for [`Model::load_weights`](crate::model::Model::load_weights).
#[derive(Clone, Debug)]
pub struct ModelCheckpoint {
    path: String,
    template: Option<Template>,
    monitor: Monitor,
    verbose: bool,
    save_best_only: bool,
    save_weights_only: bool,
    /// Whether weights are saved, not the model: the name of the file may say so too.
    is_weights: bool,
    save_freq: SaveFreq,
    epoch: usize,
    /// Steps since the last time.
    steps: usize,
    last: Option<PathBuf>,
}

/// What a backup keeps.
#[derive(Serialize, Deserialize)]
struct Counted {
    best: Option<Exact>,
    steps: usize,
}

impl ModelCheckpoint {
    /// Saves after each epoch. The rest has Keras's defaults.
    pub fn new(filepath: impl Into<String>) -> ModelCheckpoint {
        ModelCheckpoint {
            path: filepath.into(),
            template: None,
            monitor: Monitor::new("val_loss"),
            verbose: false,
            save_best_only: false,
            save_weights_only: false,
            is_weights: false,
            save_freq: SaveFreq::Epoch,
            epoch: 0,
            steps: 0,
            last: None,
        }
    }

    /// The figure that tells which is the best: `"val_loss"` unless said otherwise.
    pub fn monitor(mut self, monitor: impl Into<String>) -> Self {
        self.monitor.figure = monitor.into();
        self
    }

    /// Whether it is printed what is saved.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Saves only what is better than all before.
    pub fn save_best_only(mut self, save_best_only: bool) -> Self {
        self.save_best_only = save_best_only;
        self
    }

    /// Saves weights, not the whole model.
    pub fn save_weights_only(mut self, save_weights_only: bool) -> Self {
        self.save_weights_only = save_weights_only;
        self
    }

    /// Which way is better: `"min"`, `"max"`, or `"auto"` (the default): as the loss or the metric
    /// of that name says.
    pub fn mode(mut self, mode: impl Into<String>) -> Self {
        self.monitor.mode = mode.into();
        self
    }

    /// When to save: after each epoch, or after every so many steps.
    pub fn save_freq(mut self, save_freq: impl Into<SaveFreq>) -> Self {
        self.save_freq = save_freq.into();
        self
    }

    /// With `save_best_only`, the value that the first must be better than.
    pub fn initial_value_threshold(mut self, threshold: f64) -> Self {
        self.monitor.best = Some(threshold);
        self
    }

    /// The best value of the figure. It lasts from one `fit` to the next.
    pub fn best(&self) -> Option<f64> {
        self.monitor.best
    }

    /// The file that was saved last.
    pub fn last_path(&self) -> Option<&Path> {
        self.last.as_deref()
    }

    /// Checks what can be known before training, and makes the folder.
    fn prepare(&mut self) -> Result<()> {
        self.monitor.check()?;
        self.save_freq.check()?;
        let template = Template::parse(&self.path)?;
        self.is_weights = check_format(&self.path, self.save_weights_only)?;
        if self.save_best_only
            && self.save_freq != SaveFreq::Epoch
            && self.monitor.figure.starts_with("val_")
        {
            let figure = &self.monitor.figure;
            return Err(Error::value(format!("'{figure}' is not there after each step"))
                .help("with save_freq in steps monitor a figure of training, such as \"loss\""));
        }
        // As much of the folder as is known already.
        if let Some((folder, _)) = template.start().rsplit_once(['/', std::path::MAIN_SEPARATOR]) {
            std::fs::create_dir_all(Path::new(folder).join(""))
                .map_err(|e| Error::file(format!("cannot be made: {e}")).within(folder))?;
        }
        self.template = Some(template);
        Ok(())
    }

    /// Saves if it is wanted.
    fn save(
        &mut self,
        training: &Training<'_>,
        epoch: usize,
        batch: Option<usize>,
        logs: &Logs,
    ) -> Result<()> {
        let better = self.is_wanted(training, epoch, logs)?;
        let Some(better) = better else { return Ok(()) };
        let epoch = [("epoch", epoch + 1)];
        let batch = batch.map(|batch| ("batch", batch + 1));
        let counts: Vec<(&str, usize)> = epoch.into_iter().chain(batch).collect();
        let template = self.template.as_ref().expect("on_train_begin made it");
        let path = PathBuf::from(template.fill(&counts, logs)?);
        if self.verbose {
            println!("\nEpoch {}: {better}saving model to {}", epoch[0].1, path.display());
        }
        match self.is_weights {
            true => training.model().save_weights(&path)?,
            false => training.model().save(&path)?,
        }
        self.last = Some(path);
        Ok(())
    }

    /// Why the model is to be saved now; none if it is not.
    fn is_wanted(
        &mut self,
        training: &Training<'_>,
        epoch: usize,
        logs: &Logs,
    ) -> Result<Option<String>> {
        if !self.save_best_only {
            return Ok(Some(String::new()));
        }
        let Some(value) = self.monitor.value(training, epoch, logs)? else { return Ok(None) };
        let figure = &self.monitor.figure;
        let best = self.monitor.best.map_or("None".into(), |best| format!("{best:.5}"));
        if !self.monitor.improves(value, self.monitor.best) {
            if self.verbose {
                println!("\nEpoch {}: {figure} did not improve from {best}", epoch + 1);
            }
            return Ok(None);
        }
        let why = format!("{figure} improved from {best} to {value:.5}, ");
        self.monitor.best = Some(value);
        Ok(Some(why))
    }
}

/// Checks that what is wanted can be saved to a file of this name, and says whether it is weights.
fn check_format(path: &str, weights_only: bool) -> Result<bool> {
    let format = Format::of_name(Path::new(path))?;
    let is_weights = path.to_lowercase().contains(".weights.") || format == Format::Safetensors;
    match (format, is_weights, weights_only) {
        (Format::Onnx, ..) => Err(format.unsupported("save checkpoints in")),
        (Format::Keras, _, true) => Err(format.unsupported("save weights in")),
        _ => Ok(is_weights || weights_only),
    }
}

impl Callback for ModelCheckpoint {
    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.prepare().map_err(|e| e.within("ModelCheckpoint"))
    }

    fn on_epoch_begin(&mut self, _: &mut Training<'_>, epoch: usize) -> Result<()> {
        self.epoch = epoch;
        Ok(())
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        let SaveFreq::Batches(freq) = self.save_freq else { return Ok(()) };
        self.steps += 1;
        if self.steps < freq {
            return Ok(());
        }
        self.steps = 0;
        let saved = self.save(training, self.epoch, Some(batch), &training.logs());
        saved.map_err(|e| e.within("ModelCheckpoint"))
    }

    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        if self.save_freq != SaveFreq::Epoch {
            return Ok(());
        }
        self.save(training, epoch, None, logs).map_err(|e| e.within("ModelCheckpoint"))
    }

    fn state(&self) -> CallbackState {
        CallbackState::new(Counted { best: self.monitor.exact_best(), steps: self.steps })
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        let counted: Counted = state.read()?;
        (self.monitor.best, self.steps) = (counted.best.map(|best| best.0), counted.steps);
        Ok(())
    }
}

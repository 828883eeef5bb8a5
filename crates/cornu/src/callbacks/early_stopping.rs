//! Ending a training that has stopped getting better.

use super::monitor::Monitor;
use super::state::Exact;
use super::{Callback, CallbackState, Training};
use crate::train::Logs;
use cornu_graph::{Array, Result};
use serde::{Deserialize, Serialize};

/// Ends the training when a figure has not become better for some epochs.
///
/// ```
/// use cornu::callbacks::EarlyStopping;
/// # use cornu::prelude::*;
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("adam", "mse").build()?;
/// # let x = Array::new([4, 1], vec![0.0f32, 1.0, 2.0, 3.0])?;
/// let mut early =
///     EarlyStopping::new("val_loss").patience(3).min_delta(1e-3).restore_best_weights(true);
/// model.fit(&x, &x).epochs(20).validation_split(0.25).verbose(0).callback(&mut early).run()?;
/// println!("best {:?} in epoch {:?}", early.best(), early.best_epoch());
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// A figure that does not exist is an error, which names those that do (Keras only warns). An epoch
/// whose validation is left out, because of `validation_freq`, does not count.
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    verbose: bool,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    wait: usize,
    stopped_epoch: Option<usize>,
    best_epoch: Option<usize>,
    best_weights: Option<Vec<Array>>,
}

/// What a backup keeps.
#[derive(Serialize, Deserialize)]
struct Counted {
    wait: usize,
    best: Option<Exact>,
    best_epoch: Option<usize>,
    stopped_epoch: Option<usize>,
}

impl Default for EarlyStopping {
    fn default() -> EarlyStopping {
        EarlyStopping::new("val_loss")
    }
}

impl EarlyStopping {
    /// Watches a figure: `"val_loss"`, `"accuracy"`. The rest has Keras's defaults: no patience.
    pub fn new(monitor: impl Into<String>) -> EarlyStopping {
        EarlyStopping {
            monitor: Monitor::new(monitor),
            patience: 0,
            verbose: false,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            wait: 0,
            stopped_epoch: None,
            best_epoch: None,
            best_weights: None,
        }
    }

    /// By how much the figure must change to count as better, at least 0. (Keras takes the size of
    /// a negative number; here it is an error.)
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.monitor.min_delta = min_delta;
        self
    }

    /// After how many epochs without anything better to stop.
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Whether the end is printed.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Which way is better: `"min"`, `"max"`, or `"auto"` (the default): as the loss or the metric
    /// of that name says.
    pub fn mode(mut self, mode: impl Into<String>) -> Self {
        self.monitor.mode = mode.into();
        self
    }

    /// A value that the figure must be better than for the epoch to count as progress.
    pub fn baseline(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// Whether the model gets the weights of the best epoch when the training ends, stopped early
    /// or not.
    pub fn restore_best_weights(mut self, restore: bool) -> Self {
        self.restore_best_weights = restore;
        self
    }

    /// Watches only from this epoch on, counted from 0.
    pub fn start_from_epoch(mut self, epoch: usize) -> Self {
        self.start_from_epoch = epoch;
        self
    }

    /// In which epoch the training was stopped, counted from 0; none if it was not.
    pub fn stopped_epoch(&self) -> Option<usize> {
        self.stopped_epoch
    }

    /// The best value of the figure.
    pub fn best(&self) -> Option<f64> {
        self.monitor.best
    }

    /// The epoch of the best value, counted from 0.
    pub fn best_epoch(&self) -> Option<usize> {
        self.best_epoch
    }

    /// For how many epochs there was nothing better.
    pub fn wait(&self) -> usize {
        self.wait
    }

    fn keep_weights(&mut self, training: &Training<'_>, epoch: usize) -> Result<()> {
        self.best_epoch = Some(epoch);
        if self.restore_best_weights {
            self.best_weights = Some(training.model().get_weights()?);
        }
        Ok(())
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        (self.wait, self.stopped_epoch, self.best_epoch) = (0, None, None);
        (self.monitor.best, self.best_weights) = (None, None);
        self.monitor.check().map_err(|e| e.within("EarlyStopping"))
    }

    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        let value = self.monitor.value(training, epoch, logs);
        let Some(value) = value.map_err(|e| e.within("EarlyStopping"))? else { return Ok(()) };
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        self.wait += 1;
        if self.monitor.improves(value, self.monitor.best) {
            self.monitor.best = Some(value);
            self.keep_weights(training, epoch)?;
            // Without a baseline the best is progress; with one, only what is better than it.
            if self.baseline.is_none() || self.monitor.improves(value, self.baseline) {
                self.wait = 0;
            }
            return Ok(());
        }
        if self.wait >= self.patience && epoch > 0 {
            self.stopped_epoch = Some(epoch);
            training.stop();
        }
        Ok(())
    }

    fn on_train_end(&mut self, training: &mut Training<'_>, _: &Logs) -> Result<()> {
        if let Some(epoch) = self.stopped_epoch.filter(|_| self.verbose) {
            println!("Epoch {}: early stopping", epoch + 1);
        }
        let Some(weights) = self.best_weights.take() else { return Ok(()) };
        if let Some(epoch) = self.best_epoch.filter(|_| self.verbose) {
            println!("Restoring model weights from the end of the best epoch: {}.", epoch + 1);
        }
        training.set_weights(weights)
    }

    fn state(&self) -> CallbackState {
        let counted = Counted {
            wait: self.wait,
            best: self.monitor.exact_best(),
            best_epoch: self.best_epoch,
            stopped_epoch: self.stopped_epoch,
        };
        CallbackState::new(counted).arrays(self.best_weights.clone().unwrap_or_default())
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        let counted: Counted = state.read()?;
        (self.wait, self.best_epoch) = (counted.wait, counted.best_epoch);
        self.stopped_epoch = counted.stopped_epoch;
        self.monitor.best = counted.best.map(|best| best.0);
        self.best_weights = Some(state.arrays.clone()).filter(|arrays| !arrays.is_empty());
        Ok(())
    }
}

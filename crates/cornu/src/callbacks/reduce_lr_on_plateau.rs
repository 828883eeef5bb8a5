//! Smaller steps where larger ones no longer help.

use super::monitor::Monitor;
use super::state::Exact;
use super::{Callback, CallbackState, Training};
use crate::train::Logs;
use cornu_graph::{Error, Result};
use serde::{Deserialize, Serialize};

/// Reduces the learning rate when a figure has not become better for some epochs, and records the
/// rate of each epoch as `learning_rate`.
///
/// ```
/// use cornu::callbacks::ReduceLROnPlateau;
/// # use cornu::prelude::*;
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("adam", "mse").build()?;
/// # let x = Array::new([4, 1], vec![0.0f32, 1.0, 2.0, 3.0])?;
/// let reduce = ReduceLROnPlateau::new("loss").factor(0.2).patience(5).min_lr(1e-5);
/// let history = model.fit(&x, &x).epochs(8).verbose(0).callback(reduce).run()?;
/// assert_eq!(history["learning_rate"].len(), 8);
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// A figure that does not exist is an error, which names those that do (Keras only warns).
#[derive(Clone, Debug)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    verbose: bool,
    cooldown: usize,
    min_lr: f64,
    cooldown_counter: usize,
    wait: usize,
}

/// What a backup keeps.
#[derive(Serialize, Deserialize)]
struct Counted {
    wait: usize,
    cooldown_counter: usize,
    best: Option<Exact>,
}

impl Default for ReduceLROnPlateau {
    fn default() -> ReduceLROnPlateau {
        ReduceLROnPlateau::new("val_loss")
    }
}

impl ReduceLROnPlateau {
    /// Watches a figure: `"val_loss"`, `"accuracy"`. The rest has Keras's defaults: a tenth of the
    /// rate after 10 epochs.
    pub fn new(monitor: impl Into<String>) -> ReduceLROnPlateau {
        let mut monitor = Monitor::new(monitor);
        monitor.min_delta = 1e-4;
        ReduceLROnPlateau {
            monitor,
            factor: 0.1,
            patience: 10,
            verbose: false,
            cooldown: 0,
            min_lr: 0.0,
            cooldown_counter: 0,
            wait: 0,
        }
    }

    /// What the learning rate is multiplied by: at least 0, less than 1.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// After how many epochs without anything better to reduce.
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// Whether each reduction is printed.
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

    /// By how much the figure must change to count as better: 0.0001 unless said otherwise.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.monitor.min_delta = min_delta;
        self
    }

    /// For how many epochs after a reduction nothing is counted.
    pub fn cooldown(mut self, epochs: usize) -> Self {
        self.cooldown = epochs;
        self
    }

    /// The learning rate is not reduced below this.
    pub fn min_lr(mut self, min_lr: f64) -> Self {
        self.min_lr = min_lr;
        self
    }

    /// The best value of the figure.
    pub fn best(&self) -> Option<f64> {
        self.monitor.best
    }

    /// For how many epochs there was nothing better.
    pub fn wait(&self) -> usize {
        self.wait
    }

    fn check(&mut self) -> Result<()> {
        if !(0.0..1.0).contains(&self.factor) {
            let factor = self.factor;
            return Err(Error::value(format!(
                "factor must be at least 0 and less than 1, not {factor}"
            )));
        }
        if !(self.min_lr >= 0.0 && self.min_lr.is_finite()) {
            return Err(Error::value(format!("min_lr must be at least 0, not {}", self.min_lr)));
        }
        self.monitor.check()
    }

    fn is_cooling(&self) -> bool {
        self.cooldown_counter > 0
    }

    fn reduce(&mut self, training: &mut Training<'_>, epoch: usize) -> Result<()> {
        let old = training.learning_rate()?;
        if old <= self.min_lr as f32 {
            return Ok(());
        }
        let new = (f64::from(old) * self.factor).max(self.min_lr);
        training.set_learning_rate(new as f32)?;
        if self.verbose {
            println!(
                "\nEpoch {}: ReduceLROnPlateau reduces the learning rate to {new}.",
                epoch + 1
            );
        }
        (self.cooldown_counter, self.wait) = (self.cooldown, 0);
        Ok(())
    }
}

impl Callback for ReduceLROnPlateau {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (self.monitor.best, self.cooldown_counter, self.wait) = (None, 0, 0);
        self.check().map_err(|e| e.within("ReduceLROnPlateau"))?;
        // A learning rate that cannot be set is told before anything is trained.
        let rate = training.learning_rate()?;
        training.set_learning_rate(rate).map_err(|e| e.within("ReduceLROnPlateau"))
    }

    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        logs.set("learning_rate", training.learning_rate()?.into());
        let value = self.monitor.value(training, epoch, logs);
        let value = value.map_err(|e| e.within("ReduceLROnPlateau"))?;
        let Some(value) = value else { return Ok(()) };
        if self.is_cooling() {
            self.cooldown_counter -= 1;
            self.wait = 0;
        }
        if self.monitor.improves(value, self.monitor.best) {
            (self.monitor.best, self.wait) = (Some(value), 0);
        } else if !self.is_cooling() {
            self.wait += 1;
            if self.wait >= self.patience {
                self.reduce(training, epoch)?;
            }
        }
        Ok(())
    }

    fn state(&self) -> CallbackState {
        let Self { wait, cooldown_counter, .. } = *self;
        CallbackState::new(Counted { wait, cooldown_counter, best: self.monitor.exact_best() })
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        let counted: Counted = state.read()?;
        (self.wait, self.cooldown_counter) = (counted.wait, counted.cooldown_counter);
        self.monitor.best = counted.best.map(|best| best.0);
        Ok(())
    }
}

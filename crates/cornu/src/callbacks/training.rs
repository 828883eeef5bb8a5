//! What a callback sees of the run it belongs to.

use crate::metrics::Direction;
use crate::model::Model;
use crate::train::{History, Logs, Plan, Trainer};
use cornu_graph::{Array, Result};

/// A training or evaluation that goes on: the model, the figures so far, and what can be changed.
pub struct Training<'a> {
    pub(crate) model: &'a mut Model,
    pub(crate) plan: Plan,
    pub(crate) history: History,
    /// The seconds that the steps of the epoch took.
    pub(crate) epoch_seconds: f64,
    pub(crate) stopped: bool,
    /// Whether another thread asked to stop, in the middle of an epoch.
    pub(crate) interrupted: bool,
    /// Whether the moving averages are in the model, and the weights in their place.
    pub(crate) averages_in_model: bool,
    /// Whether an earlier training was taken up.
    pub(crate) resumed: bool,
}

impl<'a> Training<'a> {
    pub(crate) fn new(model: &'a mut Model, plan: Plan) -> Training<'a> {
        Training {
            model,
            plan,
            history: History::default(),
            epoch_seconds: 0.0,
            stopped: false,
            interrupted: false,
            averages_in_model: false,
            resumed: false,
        }
    }

    /// The model: its weights can be read, saved and set, and it predicts.
    pub fn model(&self) -> &Model {
        self.model
    }

    /// Gives all weights of the model other values.
    ///
    /// # Errors
    /// As [`Model::set_weights`].
    pub fn set_weights(&mut self, values: impl Into<Vec<Array>>) -> Result<()> {
        self.model.set_weights(values)
    }

    /// What was recorded in the epochs so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The figures of the epoch, or of the evaluation, so far.
    pub fn logs(&self) -> Logs {
        self.model.trainer().map(Trainer::logs).unwrap_or_default()
    }

    /// At which epoch training ends.
    pub fn epochs(&self) -> usize {
        self.plan.epochs
    }

    /// The number of the first epoch.
    pub fn initial_epoch(&self) -> usize {
        self.plan.initial_epoch
    }

    /// The steps of an epoch, if they are known: those of a generator that ends by itself are only
    /// known after the first epoch.
    pub fn steps(&self) -> Option<usize> {
        self.plan.steps
    }

    /// The seconds that the steps of the last epoch took, without its validation.
    pub fn epoch_seconds(&self) -> f64 {
        self.epoch_seconds
    }

    /// How many steps the optimizer made since `compile`.
    pub fn iterations(&self) -> u64 {
        self.model.trainer().map_or(0, Trainer::iterations)
    }

    /// The learning rate that the next step uses.
    ///
    /// # Errors
    /// Never in a training; in `evaluate` as [`Model::learning_rate`].
    pub fn learning_rate(&self) -> Result<f32> {
        self.model.learning_rate()
    }

    /// Changes the learning rate from the next step on.
    ///
    /// # Errors
    /// If the number is negative or not finite, or a schedule decides the learning rate.
    pub fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        self.model.set_learning_rate(learning_rate)
    }

    /// Whether this run goes on with an earlier one that was interrupted, which a
    /// [`BackupAndRestore`](super::BackupAndRestore) took up. True from `on_train_begin` on.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Whether there are data to validate on.
    pub(crate) fn is_validated(&self) -> bool {
        self.plan.validation_freq.is_some()
    }

    /// Whether this epoch has no validation, although others have.
    pub(crate) fn validation_is_missing(&self, epoch: usize) -> bool {
        let is_due = |freq| (epoch + 1).is_multiple_of(freq);
        self.plan.validation_freq.is_some_and(|freq| self.interrupted || !is_due(freq))
    }

    /// Which way a figure of training becomes better, as far as its metric says.
    pub(crate) fn direction_of(&self, figure: &str) -> Option<Direction> {
        self.model.trainer()?.direction_of(figure)
    }

    /// Ends the training after this step; its epoch is recorded. Keras's `stop_training = True`.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether a callback asked for the end.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }
}

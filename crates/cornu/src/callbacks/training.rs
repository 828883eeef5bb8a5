//! What a callback sees of the run it belongs to.

use crate::model::Model;
use crate::train::{History, Logs, Plan, Trainer};
use cornu_graph::Result;
use serde_json::Value;

/// A training or evaluation that goes on: the model, the figures so far, and what can be changed.
pub struct Training<'a> {
    pub(crate) model: &'a mut Model,
    pub(crate) plan: Plan,
    pub(crate) history: History,
    /// The seconds that the steps of the epoch took.
    pub(crate) epoch_seconds: f64,
    pub(crate) stopped: bool,
    /// From which epoch to go on, if a callback took up an earlier training.
    pub(crate) resumed: Option<Resumed>,
    /// What the callbacks counted so far.
    pub(crate) callback_states: Vec<Value>,
}

/// Where an earlier training ended.
pub(crate) struct Resumed {
    pub epoch: usize,
    pub callback_states: Vec<Value>,
}

impl<'a> Training<'a> {
    pub(crate) fn new(model: &'a mut Model, plan: Plan) -> Training<'a> {
        Training {
            model,
            plan,
            history: History::default(),
            epoch_seconds: 0.0,
            stopped: false,
            resumed: None,
            callback_states: vec![],
        }
    }

    /// The model: its weights can be read, saved and set, and it predicts.
    pub fn model(&self) -> &Model {
        self.model
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

    /// Ends the training after this step; its epoch is recorded. Keras's `stop_training = True`.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether a callback asked for the end.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }
}

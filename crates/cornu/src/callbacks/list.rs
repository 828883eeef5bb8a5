//! The callbacks of a run, called one after the other.

use super::{BackupAndRestore, Callback, CallbackState, Snapshot, Training};
use crate::model::Model;
use crate::train::Logs;
use cornu_graph::{Error, Result};

/// The callbacks of a run, in the order in which they were given.
#[derive(Default)]
pub(crate) struct CallbackList<'a>(Vec<Box<dyn Callback + 'a>>);

impl<'a> CallbackList<'a> {
    pub fn push(&mut self, callback: impl Callback + 'a) {
        self.0.push(Box::new(callback));
    }

    /// Calls a hook of each, until one fails.
    fn each(&mut self, mut hook: impl FnMut(&mut (dyn Callback + 'a)) -> Result<()>) -> Result<()> {
        self.0.iter_mut().try_for_each(|callback| hook(callback.as_mut()))
    }

    pub fn handles_nan(&self) -> bool {
        self.0.iter().any(|callback| callback.handles_nan())
    }

    /// What each counted so far, for a training that is taken up again.
    pub fn states(&self) -> Vec<CallbackState> {
        self.0.iter().map(|callback| callback.state()).collect()
    }

    /// Gives each callback what it counted in an earlier training. Callbacks that count nothing may
    /// come and go.
    pub fn set_states(&mut self, states: &[CallbackState]) -> Result<()> {
        let counts = |state: &CallbackState| *state != CallbackState::default();
        let ours = self.0.iter_mut().filter(|callback| counts(&callback.state()));
        let ours: Vec<_> = ours.collect();
        let theirs: Vec<&CallbackState> = states.iter().filter(|state| counts(state)).collect();
        if ours.len() != theirs.len() {
            return Err(Error::value(format!(
                "{} callbacks of this training count something, but {} of the one in the backup",
                ours.len(),
                theirs.len()
            ))
            .help("go on with the same callbacks in the same order"));
        }
        ours.into_iter().zip(theirs).try_for_each(|(callback, state)| callback.set_state(state))
    }

    /// The backups among the callbacks.
    pub fn backups(&mut self) -> impl Iterator<Item = &mut BackupAndRestore> {
        self.0.iter_mut().filter_map(|callback| callback.as_backup())
    }

    /// An earlier training that one of the backups has, if there is any.
    pub fn earlier(&mut self) -> Result<Option<Snapshot>> {
        let found = self.backups().find_map(|backup| backup.earlier().transpose());
        found.transpose()
    }

    pub fn train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.each(|c| c.on_train_begin(training))
    }

    pub fn train_end(&mut self, training: &mut Training<'_>, logs: &Logs) -> Result<()> {
        self.each(|c| c.on_train_end(training, logs))
    }

    pub fn epoch_begin(&mut self, training: &mut Training<'_>, epoch: usize) -> Result<()> {
        self.each(|c| c.on_epoch_begin(training, epoch))
    }

    pub fn epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        self.each(|c| c.on_epoch_end(training, epoch, logs))
    }

    pub fn train_batch_begin(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        self.each(|c| c.on_train_batch_begin(training, batch))
    }

    pub fn train_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        self.each(|c| c.on_train_batch_end(training, batch))
    }

    pub fn test_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.each(|c| c.on_test_begin(training))
    }

    pub fn test_end(&mut self, training: &mut Training<'_>, logs: &Logs) -> Result<()> {
        self.each(|c| c.on_test_end(training, logs))
    }

    pub fn test_batch_begin(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        self.each(|c| c.on_test_batch_begin(training, batch))
    }

    pub fn test_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        self.each(|c| c.on_test_batch_end(training, batch))
    }

    pub fn predict_begin(&mut self, model: &Model) -> Result<()> {
        self.each(|c| c.on_predict_begin(model))
    }

    pub fn predict_end(&mut self, model: &Model) -> Result<()> {
        self.each(|c| c.on_predict_end(model))
    }

    pub fn predict_batch_begin(&mut self, model: &Model, batch: usize) -> Result<()> {
        self.each(|c| c.on_predict_batch_begin(model, batch))
    }

    pub fn predict_batch_end(&mut self, model: &Model, batch: usize) -> Result<()> {
        self.each(|c| c.on_predict_batch_end(model, batch))
    }
}

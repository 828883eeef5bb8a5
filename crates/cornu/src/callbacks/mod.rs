//! Callbacks: what happens beside the steps of training, evaluation and prediction.
//!
//! A callback is any type with some of the hooks of [`Callback`]. It sees the model, reads and
//! changes the learning rate, and can end the training:
//!
//! ```
//! use cornu::callbacks::{Callback, Training};
//! use cornu::prelude::*;
//! use cornu::train::Logs;
//!
//! /// Stops as soon as the loss is small.
//! struct GoodEnough(f64);
//!
//! impl Callback for GoodEnough {
//!     fn on_epoch_end(&mut self, training: &mut Training<'_>, _: usize, logs: &mut Logs) -> Result<()> {
//!         if logs["loss"] < self.0 {
//!             training.stop();
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
//! # model.compile("sgd", "mse").build()?;
//! # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
//! let history = model.fit(&x, &x).epochs(100).verbose(0).callback(GoodEnough(1e9)).run()?;
//! assert_eq!(history["loss"].len(), 1);
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! To read what a callback found after the training, give `fit` a borrowed one:
//! `.callback(&mut early_stopping)`.

mod backup_and_restore;
mod csv_logger;
mod early_stopping;
mod format;
mod lambda_callback;
mod learning_rate_scheduler;
mod list;
mod model_checkpoint;
mod monitor;
mod progbar_logger;
mod reduce_lr_on_plateau;
mod remote_monitor;
mod snapshot;
mod state;
mod swap_ema_weights;
mod tensorboard;
mod terminate_on_nan;
mod training;

pub use crate::train::History;
pub use backup_and_restore::BackupAndRestore;
pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use lambda_callback::LambdaCallback;
pub use learning_rate_scheduler::LearningRateScheduler;
pub(crate) use list::CallbackList;
pub use model_checkpoint::{ModelCheckpoint, SaveFreq};
pub use progbar_logger::ProgbarLogger;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use remote_monitor::RemoteMonitor;
pub(crate) use snapshot::Snapshot;
pub use state::CallbackState;
pub(crate) use state::Exact;
pub use swap_ema_weights::SwapEMAWeights;
pub use tensorboard::{TensorBoard, UpdateFreq};
pub use terminate_on_nan::TerminateOnNaN;
pub use training::Training;

use crate::model::Model;
use crate::train::Logs;
use cornu_graph::Result;

/// Hooks into training, evaluation and prediction, with Keras's names. Each does nothing unless it
/// is written. An error that a hook returns ends the run with that error.
///
/// Epochs, batches and steps are counted from 0.
#[allow(unused_variables)]
pub trait Callback {
    /// Before the first epoch. The model is built, nothing is trained yet.
    ///
    /// # Errors
    /// As the callback likes, as for all hooks.
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After the last epoch, with the figures of that epoch.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_train_end(&mut self, training: &mut Training<'_>, logs: &Logs) -> Result<()> {
        Ok(())
    }

    /// Before the steps of an epoch.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_epoch_begin(&mut self, training: &mut Training<'_>, epoch: usize) -> Result<()> {
        Ok(())
    }

    /// After an epoch and its validation. What is put into the figures here is recorded.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        Ok(())
    }

    /// Before a step of training.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_train_batch_begin(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        Ok(())
    }

    /// After a step of training. [`Training::logs`] has the figures of the epoch so far.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_train_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        Ok(())
    }

    /// Before an evaluation, be it the validation of an epoch or `evaluate`.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_test_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After an evaluation, with its figures.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_test_end(&mut self, training: &mut Training<'_>, logs: &Logs) -> Result<()> {
        Ok(())
    }

    /// Before a step of an evaluation.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_test_batch_begin(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        Ok(())
    }

    /// After a step of an evaluation.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_test_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        Ok(())
    }

    /// Before a prediction.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_predict_begin(&mut self, model: &Model) -> Result<()> {
        Ok(())
    }

    /// After a prediction.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_predict_end(&mut self, model: &Model) -> Result<()> {
        Ok(())
    }

    /// Before a step of a prediction.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_predict_batch_begin(&mut self, model: &Model, batch: usize) -> Result<()> {
        Ok(())
    }

    /// After a step of a prediction.
    ///
    /// # Errors
    /// As the callback likes.
    fn on_predict_batch_end(&mut self, model: &Model, batch: usize) -> Result<()> {
        Ok(())
    }

    /// Whether this callback deals with a loss that is not finite, so that it is no error.
    fn handles_nan(&self) -> bool {
        false
    }

    /// What a training that is taken up again by [`BackupAndRestore`] needs of this callback: what
    /// it counted so far.
    fn state(&self) -> CallbackState {
        CallbackState::default()
    }

    /// Takes up what [`Callback::state`] gave, after `on_train_begin`.
    ///
    /// # Errors
    /// If it is not such a state.
    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        Ok(())
    }

    /// The backup that this callback is, if it is one: a run saves it after all other callbacks.
    fn as_backup(&mut self) -> Option<&mut BackupAndRestore> {
        None
    }
}

/// A borrowed callback can be read after the run.
impl<C: Callback + ?Sized> Callback for &mut C {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_train_begin(training)
    }

    fn on_train_end(&mut self, training: &mut Training<'_>, logs: &Logs) -> Result<()> {
        (**self).on_train_end(training, logs)
    }

    fn on_epoch_begin(&mut self, training: &mut Training<'_>, epoch: usize) -> Result<()> {
        (**self).on_epoch_begin(training, epoch)
    }

    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        (**self).on_epoch_end(training, epoch, logs)
    }

    fn on_train_batch_begin(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        (**self).on_train_batch_begin(training, batch)
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        (**self).on_train_batch_end(training, batch)
    }

    fn on_test_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_test_begin(training)
    }

    fn on_test_end(&mut self, training: &mut Training<'_>, logs: &Logs) -> Result<()> {
        (**self).on_test_end(training, logs)
    }

    fn on_test_batch_begin(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        (**self).on_test_batch_begin(training, batch)
    }

    fn on_test_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        (**self).on_test_batch_end(training, batch)
    }

    fn on_predict_begin(&mut self, model: &Model) -> Result<()> {
        (**self).on_predict_begin(model)
    }

    fn on_predict_end(&mut self, model: &Model) -> Result<()> {
        (**self).on_predict_end(model)
    }

    fn on_predict_batch_begin(&mut self, model: &Model, batch: usize) -> Result<()> {
        (**self).on_predict_batch_begin(model, batch)
    }

    fn on_predict_batch_end(&mut self, model: &Model, batch: usize) -> Result<()> {
        (**self).on_predict_batch_end(model, batch)
    }

    fn handles_nan(&self) -> bool {
        (**self).handles_nan()
    }

    fn state(&self) -> CallbackState {
        (**self).state()
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        (**self).set_state(state)
    }

    fn as_backup(&mut self) -> Option<&mut BackupAndRestore> {
        (**self).as_backup()
    }
}

//! Ending a training whose loss is no number.

use super::{Callback, Training};
use crate::train::Trainer;
use cornu_graph::{Error, ErrorKind, Result};

/// Ends the training after the step that makes the loss NaN or infinite. What was trained so far is
/// kept, and the epoch is recorded.
///
/// Without this callback such a loss is an error at once.
#[derive(Clone, Debug, Default)]
pub struct TerminateOnNaN {
    raise_error: bool,
}

impl TerminateOnNaN {
    /// Ends the training quietly.
    pub fn new() -> TerminateOnNaN {
        TerminateOnNaN::default()
    }

    /// Whether it is an error, so that `on_train_end` of the other callbacks is not called and a
    /// [`BackupAndRestore`](super::BackupAndRestore) keeps its backup.
    pub fn raise_error(mut self, raise_error: bool) -> Self {
        self.raise_error = raise_error;
        self
    }
}

impl Callback for TerminateOnNaN {
    fn on_train_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        if training.model().trainer().is_none_or(Trainer::loss_is_finite) {
            return Ok(());
        }
        if self.raise_error {
            return Err(Error::new(
                ErrorKind::NotFinite,
                format!("the loss is not finite after step {}", batch + 1),
            )
            .help("check the data for NaN, lower the learning rate or set clipnorm"));
        }
        println!("Batch {batch}: Invalid loss, terminating training");
        training.stop();
        Ok(())
    }

    fn handles_nan(&self) -> bool {
        true
    }
}

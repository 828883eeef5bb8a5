//! The progress bar as a callback.

use super::{Callback, Training};
use crate::model::Model;
use crate::train::{Logs, Progress, Verbose};
use cornu_graph::Result;

/// Prints what goes on, as Keras does. `fit`, `evaluate` and `predict` have one; their `verbose`
/// says how much it tells.
pub struct ProgbarLogger {
    verbose: Verbose,
    progress: Option<Progress>,
    /// Whether a training goes on: its validations draw no bar of their own.
    training: bool,
    done: usize,
}

impl ProgbarLogger {
    /// A logger that prints this much.
    pub fn new(verbose: impl Into<Verbose>) -> ProgbarLogger {
        ProgbarLogger { verbose: verbose.into(), progress: None, training: false, done: 0 }
    }

    fn begin(&mut self, steps: Option<usize>) -> &mut Progress {
        self.done = 0;
        self.progress.insert(Progress::new(self.verbose, steps))
    }

    fn step(&mut self, batch: usize, logs: impl FnOnce() -> Logs) {
        self.done = batch + 1;
        if let Some(progress) = self.progress.as_mut().filter(|p| p.is_due()) {
            progress.step(self.done, &logs());
        }
    }

    fn finish(&mut self, logs: &Logs) {
        if let Some(mut progress) = self.progress.take() {
            progress.finish(self.done, logs);
        }
    }
}

impl Callback for ProgbarLogger {
    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.training = true;
        Ok(())
    }

    fn on_train_end(&mut self, _: &mut Training<'_>, _: &Logs) -> Result<()> {
        self.training = false;
        Ok(())
    }

    fn on_epoch_begin(&mut self, training: &mut Training<'_>, epoch: usize) -> Result<()> {
        self.begin(training.steps()).epoch(epoch, training.epochs());
        Ok(())
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        self.step(batch, || training.logs());
        Ok(())
    }

    fn on_epoch_end(&mut self, _: &mut Training<'_>, _: usize, logs: &mut Logs) -> Result<()> {
        self.finish(logs);
        Ok(())
    }

    fn on_test_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        if !self.training {
            self.begin(training.steps());
        }
        Ok(())
    }

    fn on_test_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        if !self.training {
            self.step(batch, || training.logs());
        }
        Ok(())
    }

    fn on_test_end(&mut self, _: &mut Training<'_>, logs: &Logs) -> Result<()> {
        if !self.training {
            self.finish(logs);
        }
        Ok(())
    }

    fn on_predict_batch_end(&mut self, _: &Model, batch: usize) -> Result<()> {
        self.step(batch, Logs::default);
        Ok(())
    }

    fn on_predict_end(&mut self, _: &Model) -> Result<()> {
        self.finish(&Logs::default());
        Ok(())
    }
}

impl ProgbarLogger {
    /// A logger of a prediction of so many steps.
    pub(crate) fn of_predict(verbose: Verbose, steps: Option<usize>) -> ProgbarLogger {
        let mut logger = ProgbarLogger::new(verbose);
        logger.begin(steps);
        logger
    }
}

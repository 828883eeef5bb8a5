//! The learning rate by epoch.

use super::{Callback, Training};
use crate::train::Logs;
use cornu_graph::Result;

/// Sets the learning rate before each epoch, from the epoch's number (from 0) and the rate so far,
/// and records it as `learning_rate`.
///
/// ```
/// use cornu::callbacks::LearningRateScheduler;
///
/// // Ten epochs as it is, then less from epoch to epoch.
/// let scheduler = LearningRateScheduler::new(|epoch, rate| if epoch < 10 { rate } else { rate * 0.9 });
/// # let _ = scheduler;
/// ```
///
/// The schedules of [`optimizers`](crate::optimizers) change it from step to step.
pub struct LearningRateScheduler<S> {
    schedule: S,
    verbose: bool,
}

impl<S: FnMut(usize, f32) -> f32> LearningRateScheduler<S> {
    /// A scheduler with this rule.
    pub fn new(schedule: S) -> LearningRateScheduler<S> {
        LearningRateScheduler { schedule, verbose: false }
    }

    /// Whether each new rate is printed.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }
}

impl LearningRateScheduler<fn(usize, f32) -> f32> {
    /// A scheduler whose rule looks at the epoch alone.
    ///
    /// ```
    /// use cornu::callbacks::LearningRateScheduler;
    ///
    /// let scheduler = LearningRateScheduler::of_epoch(|epoch| 0.1 / (1.0 + epoch as f32));
    /// # let _ = scheduler;
    /// ```
    pub fn of_epoch(
        mut schedule: impl FnMut(usize) -> f32,
    ) -> LearningRateScheduler<impl FnMut(usize, f32) -> f32> {
        LearningRateScheduler::new(move |epoch, _| schedule(epoch))
    }
}

impl<S: FnMut(usize, f32) -> f32> Callback for LearningRateScheduler<S> {
    fn on_epoch_begin(&mut self, training: &mut Training<'_>, epoch: usize) -> Result<()> {
        let rate = (self.schedule)(epoch, training.learning_rate()?);
        training.set_learning_rate(rate)?;
        if self.verbose {
            println!(
                "\nEpoch {}: LearningRateScheduler sets the learning rate to {rate}.",
                epoch + 1
            );
        }
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        _: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        logs.set("learning_rate", training.learning_rate()?.into());
        Ok(())
    }
}

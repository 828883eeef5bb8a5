//! The loop of training: epochs, steps, validation, callbacks.

use super::class_weight::weights_by_class;
use super::epoch::{Epochs, Order};
use super::evaluate::evaluate_epoch;
use super::fit::{Data, Fit};
use super::source::Source;
use super::split::split;
use super::step::Purpose;
use super::stream::{Limit, Pull, Stream};
use super::{DataPlace, History, Logs, Place, Plan, Trainer, nan};
use crate::callbacks::{BackupAndRestore, CallbackList, ProgbarLogger, Snapshot, Training};
use crate::model::Built;
use cornu_graph::{Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope};
use std::time::Instant;

/// Carries out a `fit`.
pub fn run(mut fit: Fit<'_>) -> Result<History> {
    let trainer = fit.model.trainer_mut("fit")?;
    let own_seed = trainer.seed();
    let validation = take_validation(&mut fit)?;
    let earlier = fit.callbacks.earlier()?;
    let seed = earlier.as_ref().map_or(own_seed, Snapshot::seed);
    let beginning = DataPlace { epoch: fit.initial_epoch, ..DataPlace::default() };
    let begun = Place { epoch: fit.initial_epoch, data: beginning, ..Place::default() };
    let place = earlier.as_ref().map_or(begun, Snapshot::place);
    let left = fit.epochs.saturating_sub(place.epoch);
    let freq = fit.validation_freq.max(1);
    let validations = (fit.epochs / freq).saturating_sub(place.epoch / freq);
    let Fit { model, data, mut callbacks, .. } = fit;
    // The threads of generators end with the scope.
    thread::scope(|scope| {
        let options = Batching {
            batch_size: fit.batch_size,
            steps: fit.steps_per_epoch,
            class_weight: fit.class_weight.as_ref(),
            seed,
            order: if fit.shuffle { Order::Shuffled(seed) } else { Order::AsTheyAre },
            place: place.data,
            epochs: left,
        };
        let mut epochs = start(scope, data, &options)?;
        let built = epochs.source.build(model)?;
        epochs.source.prepare(model.trainer_mut("fit")?, &built, Purpose::Train)?;
        let options = Batching {
            place: place.validation,
            epochs: validations,
            ..Batching::to_evaluate(
                fit.validation_batch_size.unwrap_or(fit.batch_size),
                fit.validation_steps,
                seed,
            )
        };
        let validation = validation.map(|data| -> Result<Epochs> {
            let mut epochs = start(scope, data, &options)?;
            epochs.source.build(model)?;
            epochs.source.prepare(model.trainer_mut("fit")?, &built, Purpose::Evaluate)?;
            Ok(epochs)
        });
        let validation = validation.transpose().map_err(|e| e.within("validation data"))?;
        let plan = Plan {
            epochs: fit.epochs,
            initial_epoch: place.epoch,
            steps: epochs.steps(),
            validation_freq: validation.is_some().then_some(freq),
        };
        callbacks.push(ProgbarLogger::new(fit.verbose));
        Run {
            training: Training::new(model, plan),
            built,
            epochs,
            validation,
            may_be_nan: fit.allow_nan || callbacks.handles_nan(),
            callbacks,
            trace_nan: fit.trace_nan,
            stop: fit.stop,
            finalize: fit.finalize,
        }
        .train(earlier, place)
    })
}

/// The data to validate on, cut off from the training data if that was asked for.
fn take_validation<'a>(fit: &mut Fit<'a>) -> Result<Option<Data<'a>>> {
    let given = fit.validation.take();
    if fit.validation_split == 0.0 || given.is_some() {
        return Ok(given);
    }
    match &mut fit.data {
        Data::Columns(columns) => {
            columns.check()?;
            let (train, validation) = split(columns, fit.validation_split)?;
            *columns = train;
            Ok(Some(Data::Columns(validation)))
        }
        Data::Generator(_) => Err(Error::value("validation_split needs arrays, not a generator")
            .help("give the data to validate on with .validation_data or .validation_generator")),
    }
}

/// How data are cut into batches and epochs.
pub(super) struct Batching<'a> {
    pub batch_size: usize,
    /// The steps of an epoch, if the user asked for a number.
    pub steps: Option<usize>,
    pub class_weight: Option<&'a BTreeMap<usize, f32>>,
    pub seed: u64,
    pub order: Order,
    /// Where generators begin that can begin anew.
    pub place: DataPlace,
    /// How many epochs will be taken at most.
    pub epochs: usize,
}

impl Batching<'_> {
    /// For data that are gone through once, in order.
    pub fn to_evaluate(batch_size: usize, steps: Option<usize>, seed: u64) -> Self {
        let (order, place) = (Order::Anew, DataPlace::default());
        Batching { batch_size, steps, class_weight: None, seed, order, place, epochs: 1 }
    }
}

/// Makes data ready to be taken batch by batch.
pub(super) fn start<'scope, 'g: 'scope>(
    scope: &'scope Scope<'scope, '_>,
    data: Data<'g>,
    options: &Batching<'_>,
) -> Result<Epochs> {
    let Batching { batch_size, steps, class_weight, seed, order, place, epochs } = *options;
    if steps == Some(0) {
        return Err(Error::value("an epoch must have at least 1 step, not 0"));
    }
    match data {
        Data::Columns(mut columns) => {
            if let Some(weights) = class_weight {
                columns.check()?;
                let weights = weights_by_class(&columns.y, weights, columns.sample_weight.as_ref());
                columns.sample_weight = Some(weights?);
            }
            Ok(Epochs::new(Source::rows(columns, batch_size)?, steps, order))
        }
        Data::Generator(generator) => {
            if generator.is_endless() && steps.is_none() {
                return Err(Error::value(
                    "the generator never ends, so an epoch needs a number of steps",
                )
                .help("say .steps_per_epoch(…), .validation_steps(…) or .steps(…)"));
            }
            let anew = matches!(order, Order::Anew);
            let generator = if anew { generator.cut(steps) } else { generator };
            let steps = steps.filter(|_| !(anew && generator.steps().is_some()));
            let steps = steps.or(generator.steps());
            // Without a number of steps, an epoch is what the generator gives at once. The first
            // batch is always looked at.
            let batches = steps.map_or(usize::MAX, |steps| steps.saturating_mul(epochs).max(1));
            let ends = if steps.is_some() { usize::MAX } else { epochs.max(1) };
            let limit = Limit { batches, epochs: ends };
            let pull = Pull { seed, place, limit, class_weight };
            Ok(Epochs::new(Source::Stream(Stream::start(scope, generator, &pull)), steps, order))
        }
    }
}

struct Run<'a> {
    training: Training<'a>,
    built: Arc<Built>,
    epochs: Epochs,
    validation: Option<Epochs>,
    callbacks: CallbackList<'a>,
    may_be_nan: bool,
    trace_nan: bool,
    stop: Option<Arc<AtomicBool>>,
    finalize: bool,
}

impl Run<'_> {
    fn train(mut self, earlier: Option<Snapshot>, mut place: Place) -> Result<History> {
        if let Some(earlier) = &earlier {
            earlier.restore(&mut self.training)?;
            self.epochs.resume(place.data);
        }
        self.callbacks.train_begin(&mut self.training)?;
        if let Some(earlier) = &earlier {
            self.callbacks.set_states(earlier.callback_states())?;
        }
        let mut logs = self.training.history.last_logs();
        for epoch in place.epoch..self.training.plan.epochs {
            if self.is_over() {
                break;
            }
            if let Some(figures) = self.epoch(epoch, std::mem::take(&mut place.step))? {
                logs = figures;
            }
        }
        if self.finalize {
            let there = self.training.averages_in_model;
            self.training.trainer().state.finalize_variable_values(there)?;
        }
        self.callbacks.train_end(&mut self.training, &logs)?;
        if !self.training.interrupted {
            self.callbacks.backups().try_for_each(BackupAndRestore::finish)?;
        }
        self.training.history.stopped |= self.training.stopped;
        Ok(self.training.history)
    }

    /// One epoch of which some steps may be done, and its validation; returns its figures, if there
    /// was a step.
    fn epoch(&mut self, epoch: usize, before: usize) -> Result<Option<Logs>> {
        self.begin_epoch(epoch, before)?;
        let started = Instant::now();
        let done = self.steps(epoch, before)?;
        self.training.epoch_seconds = started.elapsed().as_secs_f64();
        self.training.plan.steps = self.epochs.steps();
        if done == 0 {
            return Ok(None);
        }
        let mut logs = self.training.logs();
        let is_due = |freq| (epoch + 1).is_multiple_of(freq);
        if !self.training.interrupted && self.training.plan.validation_freq.is_some_and(is_due) {
            self.validate(&mut logs)?;
        }
        self.training.trainer().epochs = epoch as u64 + 1;
        self.callbacks.epoch_end(&mut self.training, epoch, &mut logs)?;
        self.training.history.push(epoch, self.training.epoch_seconds, &logs);
        // What was left in the middle of an epoch goes on from the backup before it.
        if !self.training.interrupted {
            self.back_up(BackupAndRestore::is_due_after_epoch, epoch + 1, 0)?;
        }
        Ok(Some(logs))
    }

    fn begin_epoch(&mut self, epoch: usize, before: usize) -> Result<()> {
        let rate = self.training.learning_rate()?;
        self.callbacks.epoch_begin(&mut self.training, epoch)?;
        if before == 0 {
            self.training.trainer().reset();
            self.epochs.begin(self.training.iterations());
        } else if self.training.learning_rate()? != rate {
            // The epoch was begun before the interruption; its learning rate was saved.
            self.training.set_learning_rate(rate)?;
        }
        Ok(())
    }

    /// Saves the training where a backup is due.
    fn back_up(
        &mut self,
        is_due: impl Fn(&mut BackupAndRestore) -> bool,
        epoch: usize,
        step: usize,
    ) -> Result<()> {
        let due: Vec<bool> = self.callbacks.backups().map(is_due).collect();
        if !due.contains(&true) {
            return Ok(());
        }
        let data = self.epochs.place();
        let validation = self.validation.as_ref().map(Epochs::place).unwrap_or_default();
        let place = Place { epoch, step, data, validation };
        let mut snapshot = Snapshot::new(&self.training, place, self.callbacks.states())?;
        let mut due = self.callbacks.backups().zip(due).filter(|(_, due)| *due);
        due.try_for_each(|(backup, _)| backup.save(&mut snapshot))
    }

    /// The steps of one epoch; returns how many were done.
    fn steps(&mut self, epoch: usize, before: usize) -> Result<usize> {
        let mut done = before;
        while !self.is_over() {
            let training = &self.training;
            if !self.epochs.next(done, || training.iterations())? {
                break;
            }
            self.callbacks.train_batch_begin(&mut self.training, done)?;
            self.step(epoch, done)?;
            self.callbacks.train_batch_end(&mut self.training, done)?;
            done += 1;
            self.back_up(BackupAndRestore::is_due_after_step, epoch, done)?;
        }
        Ok(done)
    }

    fn step(&mut self, epoch: usize, step: usize) -> Result<()> {
        let trainer = self.training.trainer();
        let source = &self.epochs.source;
        if self.trace_nan {
            return self.traced_step(epoch, step);
        }
        source.run(trainer, &self.built, Purpose::Train)?;
        if !self.may_be_nan && !trainer.loss_is_finite() {
            return Err(nan::not_finite(epoch, step));
        }
        Ok(())
    }

    /// A step whose weights are kept until it is known to be finite.
    fn traced_step(&mut self, epoch: usize, step: usize) -> Result<()> {
        let trainer = self.training.trainer();
        let source = &self.epochs.source;
        let id = source.program(trainer, &self.built, Purpose::Train)?;
        let program = trainer.get(id);
        let before = program.snapshot();
        program.run(source.data())?;
        if self.may_be_nan || trainer.loss_is_finite() {
            return Ok(());
        }
        let error = nan::not_finite(epoch, step);
        Err(nan::locate(error, trainer.get(id), source.data(), &before))
    }

    /// Whether a callback or another thread asked to stop.
    fn is_over(&mut self) -> bool {
        if self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            (self.training.interrupted, self.training.stopped) = (true, true);
        }
        self.training.stopped
    }

    fn validate(&mut self, logs: &mut Logs) -> Result<()> {
        let Some(validation) = &mut self.validation else { return Ok(()) };
        let figures =
            evaluate_epoch(&mut self.training, &mut self.callbacks, &self.built, validation)
                .map_err(|e| e.within("validation data"))?;
        figures.iter().for_each(|(name, value)| logs.set(format!("val_{name}"), value));
        Ok(())
    }
}

impl Training<'_> {
    /// The state of training; `fit` and `evaluate` made sure that it is there.
    pub(crate) fn trainer(&mut self) -> &mut Trainer {
        self.model.trainer_mut("training").expect("the model was compiled when the run began")
    }
}

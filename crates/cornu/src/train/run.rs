//! The loop of training: epochs, steps, validation, callbacks.

use super::class_weight::weights_by_class;
use super::epoch::Epochs;
use super::evaluate::evaluate_epoch;
use super::fit::{Data, Fit};
use super::source::Source;
use super::split::split;
use super::step::Purpose;
use super::stream::Stream;
use super::{History, Logs, Plan, Trainer, nan};
use crate::callbacks::{CallbackList, ProgbarLogger, Training};
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
    trainer.tidy();
    let seed = trainer.seed();
    let validation = take_validation(&mut fit)?;
    let Fit { model, data, callbacks, .. } = fit;
    // The threads of generators end with the scope.
    thread::scope(|scope| {
        let options = Batching {
            batch_size: fit.batch_size,
            steps: fit.steps_per_epoch,
            class_weight: fit.class_weight.as_ref(),
            seed,
            shuffle: fit.shuffle,
        };
        let mut epochs = start(scope, data, &options)?;
        let built = epochs.source.build(model)?;
        epochs.source.prepare(model.trainer_mut("fit")?, &built, Purpose::Train)?;
        let options = Batching {
            batch_size: fit.validation_batch_size.unwrap_or(fit.batch_size),
            steps: fit.validation_steps,
            class_weight: None,
            seed,
            shuffle: false,
        };
        let validation = validation.map(|data| -> Result<Epochs> {
            let mut epochs = start(scope, data, &options)?;
            epochs.source.build(model)?;
            epochs.source.prepare(model.trainer_mut("fit")?, &built, Purpose::Evaluate)?;
            Ok(epochs)
        });
        let validation = validation.transpose().map_err(|e| e.within("validation data"))?;
        let plan =
            Plan { epochs: fit.epochs, initial_epoch: fit.initial_epoch, steps: epochs.steps() };
        let mut callbacks = callbacks;
        callbacks.push(ProgbarLogger::new(fit.verbose));
        Run {
            training: Training::new(model, plan),
            built,
            epochs,
            validation,
            validation_freq: fit.validation_freq.max(1),
            may_be_nan: fit.allow_nan || callbacks.handles_nan(),
            callbacks,
            trace_nan: fit.trace_nan,
            stop: fit.stop,
            finalize: fit.finalize,
        }
        .train()
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
    pub shuffle: bool,
}

/// Makes data ready to be taken batch by batch.
pub(super) fn start<'scope, 'g: 'scope>(
    scope: &'scope Scope<'scope, '_>,
    data: Data<'g>,
    options: &Batching<'_>,
) -> Result<Epochs> {
    let Batching { batch_size, steps, class_weight, seed, shuffle } = *options;
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
            let source = Source::rows(columns, batch_size)?;
            Ok(Epochs::new(source, steps, shuffle.then_some(seed)))
        }
        Data::Generator(generator) => {
            if generator.is_endless() && steps.is_none() {
                return Err(Error::value(
                    "the generator never ends, so an epoch needs a number of steps",
                )
                .help("say .steps_per_epoch(…), .validation_steps(…) or .steps(…)"));
            }
            let steps = steps.or(generator.steps());
            let source = Source::Stream(Stream::start(scope, generator, seed, class_weight));
            Ok(Epochs::new(source, steps, None))
        }
    }
}

struct Run<'a> {
    training: Training<'a>,
    built: Arc<Built>,
    epochs: Epochs,
    validation: Option<Epochs>,
    validation_freq: usize,
    callbacks: CallbackList<'a>,
    may_be_nan: bool,
    trace_nan: bool,
    stop: Option<Arc<AtomicBool>>,
    finalize: bool,
}

impl Run<'_> {
    fn train(mut self) -> Result<History> {
        self.callbacks.train_begin(&mut self.training)?;
        let first = self.first_epoch()?;
        let mut logs = Logs::default();
        for epoch in first..self.training.plan.epochs {
            if self.training.stopped {
                break;
            }
            logs = self.epoch(epoch)?;
        }
        if self.finalize {
            self.training.trainer().state.finalize_variable_values()?;
        }
        self.callbacks.train_end(&mut self.training, &logs)?;
        self.training.history.stopped |= self.training.stopped;
        Ok(self.training.history)
    }

    /// Where to begin: as asked, or where an earlier training ended that a callback took up.
    fn first_epoch(&mut self) -> Result<usize> {
        let Some(resumed) = self.training.resumed.take() else {
            return Ok(self.training.plan.initial_epoch);
        };
        self.callbacks.set_states(&resumed.callback_states)?;
        self.training.plan.initial_epoch = resumed.epoch;
        Ok(resumed.epoch)
    }

    /// One epoch, and its validation; returns its figures.
    fn epoch(&mut self, epoch: usize) -> Result<Logs> {
        self.callbacks.epoch_begin(&mut self.training, epoch)?;
        let trainer = self.training.trainer();
        trainer.reset();
        self.epochs.begin(trainer.iterations());
        let started = Instant::now();
        let done = self.steps(epoch)?;
        self.training.epoch_seconds = started.elapsed().as_secs_f64();
        self.training.plan.steps = self.epochs.steps();
        let mut logs = self.training.logs();
        let interrupted = self.interrupted();
        if !interrupted && (epoch + 1).is_multiple_of(self.validation_freq) {
            self.validate(&mut logs)?;
        }
        if done > 0 {
            self.training.callback_states = self.callbacks.states();
            self.callbacks.epoch_end(&mut self.training, epoch, &mut logs)?;
            self.training.history.push(epoch, self.training.epoch_seconds, &logs);
        }
        if interrupted {
            self.training.stopped = true;
        }
        Ok(logs)
    }

    /// The steps of one epoch; returns how many were done.
    fn steps(&mut self, epoch: usize) -> Result<usize> {
        let mut done = 0;
        while !self.interrupted() && !self.training.stopped {
            let training = &self.training;
            if !self.epochs.next(done, || training.iterations())? {
                break;
            }
            self.callbacks.train_batch_begin(&mut self.training, done)?;
            self.step(epoch, done)?;
            self.callbacks.train_batch_end(&mut self.training, done)?;
            done += 1;
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

    fn validate(&mut self, logs: &mut Logs) -> Result<()> {
        let Some(validation) = &mut self.validation else { return Ok(()) };
        let figures =
            evaluate_epoch(&mut self.training, &mut self.callbacks, &self.built, validation)
                .map_err(|e| e.within("validation data"))?;
        figures.iter().for_each(|(name, value)| logs.set(format!("val_{name}"), value));
        Ok(())
    }

    /// Whether another thread asked to stop.
    fn interrupted(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Training<'_> {
    /// The state of training; `fit` and `evaluate` made sure that it is there.
    pub(crate) fn trainer(&mut self) -> &mut Trainer {
        self.model.trainer_mut("training").expect("the model was compiled when the run began")
    }
}

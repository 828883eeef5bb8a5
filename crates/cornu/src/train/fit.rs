//! `fit`: training on columns of data.

use super::batches::Batches;
use super::evaluate::evaluate_columns;
use super::feeds::Feeds;
use super::progress::{Progress, Verbose};
use super::step::Purpose;
use super::trainer::ProgramId;
use super::{History, Logs, Trainer, nan};
use crate::data::{Column, IntoColumns};
use crate::model::{Built, Model};
use crate::optimizers::check_learning_rate;
use crate::{lines, session};
use cornu_graph::{Array, DType, Error, Result};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The options of [`Model::fit`]; ends with [`Fit::run`].
#[must_use = "fit does nothing until .run() is called"]
pub struct Fit<'a> {
    line: &'static Location<'static>,
    model: &'a mut Model,
    x: Vec<Column>,
    y: Vec<Column>,
    sample_weight: Option<Column>,
    class_weight: Option<BTreeMap<usize, f32>>,
    validation: Option<Validation>,
    validation_split: f64,
    epochs: usize,
    initial_epoch: usize,
    batch_size: usize,
    shuffle: bool,
    verbose: Verbose,
    allow_nan: bool,
    trace_nan: bool,
    schedule: Option<Box<Schedule<'a>>>,
    stop: Option<Arc<AtomicBool>>,
}

/// From the number of an epoch and the learning rate so far to the one of that epoch.
type Schedule<'a> = dyn Fn(usize, f32) -> f32 + 'a;

struct Validation {
    x: Vec<Column>,
    y: Vec<Column>,
    sample_weight: Option<Column>,
}

impl Model {
    /// Trains on arrays: `x` for the model's input (an array, or several for several inputs), `y`
    /// what its outputs should be. Defaults are Keras's: one epoch, batches of 32, shuffled.
    ///
    /// ```
    /// # use cornu::prelude::*;
    /// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
    /// # model.compile("sgd", "mse").build()?;
    /// let x = Array::new([4, 1], vec![0.0f32, 1.0, 2.0, 3.0])?;
    /// let y = Array::new([4, 1], vec![1.0f32, 3.0, 5.0, 7.0])?;
    /// let history = model.fit(&x, &y).epochs(3).batch_size(2).verbose(0).run()?;
    /// assert_eq!(history["loss"].len(), 3);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    #[track_caller]
    pub fn fit(&mut self, x: impl IntoColumns, y: impl IntoColumns) -> Fit<'_> {
        Fit {
            line: Location::caller(),
            model: self,
            x: x.into_columns(),
            y: y.into_columns(),
            sample_weight: None,
            class_weight: None,
            validation: None,
            validation_split: 0.0,
            epochs: 1,
            initial_epoch: 0,
            batch_size: 32,
            shuffle: true,
            verbose: Verbose::Auto,
            allow_nan: false,
            trace_nan: false,
            schedule: None,
            stop: None,
        }
    }

    /// One step on one batch. The figures are of this batch alone.
    ///
    /// # Errors
    /// As [`Fit::run`].
    #[track_caller]
    pub fn train_on_batch(&mut self, x: impl IntoColumns, y: impl IntoColumns) -> Result<Logs> {
        let fit = self.fit(x, y).verbose(0).shuffle(false);
        let samples = fit.x.first().map_or(0, Column::len);
        let history = fit.batch_size(samples.max(1)).run()?;
        let mut logs = Logs::default();
        history.iter().for_each(|(name, values)| logs.set(name, values[0]));
        Ok(logs)
    }
}

impl<'a> Fit<'a> {
    /// How many times to go over the data. (`nb_epoch` in Keras 1.)
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// The number of the first epoch, to go on with an earlier training.
    pub fn initial_epoch(mut self, epoch: usize) -> Self {
        self.initial_epoch = epoch;
        self
    }

    /// Samples for each step.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Whether each epoch takes the samples in another order.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Data to evaluate on after each epoch; the figures are recorded as `val_…`.
    pub fn validation_data(mut self, x: impl IntoColumns, y: impl IntoColumns) -> Self {
        let (x, y) = (x.into_columns(), y.into_columns());
        self.validation = Some(Validation { x, y, sample_weight: None });
        self
    }

    /// The last part of the data (0 to 1), as it is before shuffling, to evaluate on instead of
    /// training on it.
    pub fn validation_split(mut self, part: f64) -> Self {
        self.validation_split = part;
        self
    }

    /// How much each sample counts in the loss.
    pub fn sample_weight(mut self, weights: impl Into<Column>) -> Self {
        self.sample_weight = Some(weights.into());
        self
    }

    /// How much the samples of each class count in the loss: `[(0, 1.0), (1, 5.0)]`. Classes that
    /// are not named count 1.
    pub fn class_weight(mut self, weights: impl IntoIterator<Item = (usize, f32)>) -> Self {
        self.class_weight = Some(weights.into_iter().collect());
        self
    }

    /// The learning rate of each epoch, from its number (from 0) and the rate so far: the schedule
    /// of Keras's `LearningRateScheduler`.
    pub fn learning_rate_schedule(mut self, schedule: impl Fn(usize, f32) -> f32 + 'a) -> Self {
        self.schedule = Some(Box::new(schedule));
        self
    }

    /// How much to print: 0 nothing, 1 a bar, 2 a line for each epoch, or a [`Verbose`].
    pub fn verbose(mut self, verbose: impl Into<Verbose>) -> Self {
        self.verbose = verbose.into();
        self
    }

    /// Trains on although the loss is NaN or infinite, as Keras does. Without this, it is an error.
    pub fn allow_nan(mut self, allow: bool) -> Self {
        self.allow_nan = allow;
        self
    }

    /// Finds the first op that makes the loss NaN or infinite. Costs a copy of the weights for
    /// every step.
    pub fn trace_nan(mut self, trace: bool) -> Self {
        self.trace_nan = trace;
        self
    }

    /// A flag that another thread sets to stop after the current batch. What was trained is kept.
    pub fn stop_flag(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Trains.
    ///
    /// # Errors
    /// If the model is not compiled, the data are empty or do not fit the model, or the loss is
    /// not finite.
    pub fn run(mut self) -> Result<History> {
        let line = self.line;
        let mut trainer = self.model.take_trainer("fit").map_err(|e| lines::locate(e, line))?;
        // A panic in a user's closure must not take the optimizer's state with it.
        let history = catch_unwind(AssertUnwindSafe(|| self.run_with(&mut trainer)));
        self.model.set_trainer(trainer);
        history.unwrap_or_else(|panic| resume_unwind(panic)).map_err(|e| lines::locate(e, line))
    }

    fn run_with(&mut self, trainer: &mut Trainer) -> Result<History> {
        trainer.tidy();
        check_data(&self.x, &self.y, self.sample_weight.as_ref())?;
        if self.batch_size == 0 {
            return Err(Error::value("batch_size must be at least 1, not 0"));
        }
        self.split_validation()?;
        self.apply_class_weight()?;
        let built = self.model.built_for(&self.x)?;
        check_counts(&built, &self.x, &self.y)?;
        check_labels(trainer, &built, &self.y)?;
        let columns = self.x.iter().chain(&self.y).chain(&self.sample_weight);
        let feeds = Feeds::new(&columns.collect::<Vec<_>>());
        let mut batches = Batches::new(feeds.samples(), self.batch_size);
        // Before anything is printed: most mistakes come out here.
        self.program(trainer, &built, &feeds, batches.get(0).len())?;
        let seed = session::next_seed();
        let mut history = History::default();
        for epoch in self.initial_epoch..self.epochs {
            if self.shuffle {
                batches.shuffle(seed, epoch);
            }
            self.set_learning_rate(trainer, epoch)?;
            let mut progress = Progress::new(self.verbose, batches.count());
            progress.epoch(epoch, self.epochs);
            trainer.reset();
            let started = Instant::now();
            let done = self.epoch(trainer, &built, &feeds, &batches, epoch, &mut progress)?;
            let seconds = started.elapsed().as_secs_f64();
            let mut logs = trainer.logs();
            history.stopped = done < batches.count();
            if !history.stopped {
                self.validate(trainer, &built, &mut logs)?;
            }
            progress.finish(done, &logs);
            if done > 0 {
                history.push(epoch, seconds, &logs);
            }
            if history.stopped {
                break;
            }
        }
        Ok(history)
    }

    fn set_learning_rate(&self, trainer: &Trainer, epoch: usize) -> Result<()> {
        let Some(schedule) = &self.schedule else { return Ok(()) };
        let variable = &trainer.state.learning_rate;
        let rate = schedule(epoch, variable.number() as f32);
        check_learning_rate(rate)?;
        variable.assign(Array::scalar(rate))
    }

    fn program(
        &self,
        trainer: &mut Trainer,
        built: &Built,
        feeds: &Feeds,
        size: usize,
    ) -> Result<ProgramId> {
        trainer.program(built, Purpose::Train, size, feeds, self.sample_weight.is_some())
    }

    /// The steps of one epoch; returns how many were done.
    fn epoch(
        &self,
        trainer: &mut Trainer,
        built: &Built,
        feeds: &Feeds,
        batches: &Batches,
        epoch: usize,
        progress: &mut Progress,
    ) -> Result<usize> {
        let mut ready = (0, None);
        for index in 0..batches.count() {
            if self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return Ok(index);
            }
            let samples = batches.get(index);
            // All batches but the last are of one size, and so of one program.
            let id = match ready {
                (size, Some(id)) if size == samples.len() => id,
                _ => self.program(trainer, built, feeds, samples.len())?,
            };
            ready = (samples.len(), Some(id));
            let program = trainer.get(id);
            let before = if self.trace_nan { program.snapshot() } else { vec![] };
            program.run(feeds, samples)?;
            if !self.allow_nan && !trainer.loss_is_finite() {
                let error = nan::not_finite(epoch, index);
                if !self.trace_nan {
                    return Err(error);
                }
                return Err(nan::locate(error, trainer.get(id), feeds, &before));
            }
            if progress.is_due() {
                progress.step(index + 1, &trainer.logs());
            }
        }
        Ok(batches.count())
    }

    fn validate(&self, trainer: &mut Trainer, built: &Built, logs: &mut Logs) -> Result<()> {
        let Some(validation) = &self.validation else { return Ok(()) };
        let figures = evaluate_columns(
            trainer,
            built,
            &validation.x,
            &validation.y,
            validation.sample_weight.as_ref(),
            self.batch_size,
            &mut Progress::new(Verbose::Silent, 0),
        )
        .map_err(|e| e.within("validation data"))?;
        figures.iter().for_each(|(name, value)| logs.set(format!("val_{name}"), value));
        Ok(())
    }

    /// Cuts the last part of the data off for validation.
    fn split_validation(&mut self) -> Result<()> {
        if self.validation_split == 0.0 || self.validation.is_some() {
            return Ok(());
        }
        let samples = self.x.first().map_or(0, Column::len);
        let part = self.validation_split;
        let kept = (samples as f64 * (1.0 - part)).floor();
        if !(0.0..1.0).contains(&part) || kept < 1.0 || kept as usize == samples {
            return Err(Error::value(format!(
                "validation_split {part} of {samples} samples leaves nothing to train or to \
                 validate on"
            ))
            .help("it is the part of the data to validate on: more than 0 and less than 1"));
        }
        let kept = kept as usize;
        let cut = |columns: &[Column], from: usize, to: usize| {
            let shared = columns.first().map(|c| c.select(from..to)).transpose()?;
            columns
                .iter()
                .map(|column| match (&shared, column.rows()) {
                    // Columns of all rows share one index of rows.
                    (Some(first), None) if columns[0].rows().is_none() => {
                        Ok(column.with_rows_of(first))
                    }
                    _ => column.select(from..to),
                })
                .collect::<Result<Vec<Column>>>()
        };
        let mut all: Vec<Column> = self.x.clone();
        all.extend(self.y.iter().cloned());
        all.extend(self.sample_weight.iter().cloned());
        let parts = |from, to| -> Result<Validation> {
            let mut columns = cut(&all, from, to)?;
            let sample_weight = self.sample_weight.as_ref().and_then(|_| columns.pop());
            let y = columns.split_off(self.x.len());
            Ok(Validation { x: columns, y, sample_weight })
        };
        let validation = parts(kept, samples)?;
        let Validation { x, y, sample_weight } = parts(0, kept)?;
        (self.x, self.y, self.sample_weight) = (x, y, sample_weight);
        self.validation = Some(validation);
        Ok(())
    }

    /// Turns class weights into sample weights.
    fn apply_class_weight(&mut self) -> Result<()> {
        let Some(weights) = self.class_weight.take() else { return Ok(()) };
        let [y] = self.y.as_slice() else {
            return Err(Error::value("class_weight needs a model with one output"));
        };
        let classes = classes_of(&y.to_array()?)?;
        let mut values: Vec<f32> =
            classes.iter().map(|class| weights.get(class).copied().unwrap_or(1.0)).collect();
        if let Some(given) = &self.sample_weight {
            let given = given.to_array()?.cast(DType::F32);
            if given.len() != values.len() {
                return Err(Error::shape(format!(
                    "with class_weight, sample_weight must have one number for each sample, not \
                     shape {}",
                    cornu_graph::Shape::from(given.shape())
                )));
            }
            values.iter_mut().zip(given.as_slice::<f32>()?).for_each(|(v, w)| *v *= w);
        }
        self.sample_weight = Some(Column::new(Array::new([values.len()], values)?));
        Ok(())
    }
}

/// The class of each sample: the label, or the place of the largest in a one-hot row.
fn classes_of(y: &Array) -> Result<Vec<usize>> {
    let values = y.values().to_f64();
    match y.shape() {
        [_] | [_, 1] => match values.iter().find(|v| **v < 0.0 || v.fract() != 0.0) {
            Some(bad) => Err(Error::data(format!("class_weight needs classes 0, 1, …, not {bad}"))),
            None => Ok(values.iter().map(|&v| v as usize).collect()),
        },
        [_, classes] if *classes > 0 => Ok(values
            .chunks(*classes)
            .map(|row| (0..*classes).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0))
            .collect()),
        shape => Err(Error::shape(format!(
            "class_weight needs labels (n,) or one-hot rows (n, classes), not {}",
            cornu_graph::Shape::from(shape)
        ))),
    }
}

/// Checks that there are samples, and equally many everywhere.
pub(super) fn check_data(x: &[Column], y: &[Column], sample_weight: Option<&Column>) -> Result<()> {
    let all: Vec<&Column> = x.iter().chain(y).chain(sample_weight).collect();
    let samples = x.first().map_or(0, Column::len);
    if samples == 0 {
        return Err(Error::data("the data are empty").help("x must have at least one sample"));
    }
    if all.iter().any(|c| c.array().shape().is_empty()) {
        return Err(Error::shape("data must have a first dimension of samples, not be one number"));
    }
    if all.iter().any(|c| i32::try_from(c.array().rows()).is_err()) {
        return Err(Error::data("an array can have at most 2147483647 rows"));
    }
    if let Some(other) = all.iter().find(|c| c.len() != samples) {
        return Err(Error::data(format!(
            "all data must have equally many samples, but there are {samples} and {}",
            other.len()
        )));
    }
    Ok(())
}

/// Checks that there is a column for each input and output.
pub(super) fn check_counts(built: &Built, x: &[Column], y: &[Column]) -> Result<()> {
    for (what, wanted, given) in
        [("inputs", built.inputs.len(), x.len()), ("outputs", built.outputs.len(), y.len())]
    {
        if wanted != given {
            return Err(Error::data(format!(
                "the model has {wanted} {what}, but {given} arrays were given for them"
            )));
        }
    }
    Ok(())
}

/// Checks that class numbers are those of the output's classes: an index out of range would train
/// on nothing without a word.
pub(super) fn check_labels(trainer: &Trainer, built: &Built, y: &[Column]) -> Result<()> {
    for ((spec, output), column) in trainer.outputs.iter().zip(&built.outputs).zip(y) {
        let Some(classes) = output.shape().dims().last().and_then(|d| d.known()) else { continue };
        if !spec.loss.takes_labels() {
            continue;
        }
        let ignored = spec.loss.ignored_label().map(f64::from);
        let values = column.to_array()?.values().to_f64();
        if !spec.loss.labels_are_outputs() {
            check_whole(&spec.name, &values)?;
            continue;
        }
        let is_class = |v: f64| v >= 0.0 && v < classes as f64 && v.fract() == 0.0;
        let bad = values.iter().find(|&&v| !is_class(v) && Some(v) != ignored);
        if let Some(bad) = bad {
            return Err(Error::data(format!(
                "label {bad} for output '{}', which has {classes} classes: labels go from 0 to {}",
                spec.name,
                classes.saturating_sub(1)
            )));
        }
    }
    Ok(())
}

/// Checks that labels which only tell who belongs together are whole numbers.
fn check_whole(output: &str, values: &[f64]) -> Result<()> {
    match values.iter().find(|v| !v.is_finite() || v.fract() != 0.0) {
        Some(bad) => Err(Error::data(format!(
            "label {bad} for output '{output}': the classes of embeddings are whole numbers"
        ))),
        None => Ok(()),
    }
}

//! `fit`: the options of training.

use super::History;
use super::progress::Verbose;
use super::source::Columns;
use crate::callbacks::{Callback, CallbackList, LearningRateScheduler};
use crate::data::{Column, Generator, IntoColumns, IntoGenerator};
use crate::lines;
use crate::model::Model;
use crate::train::Logs;
use cornu_graph::{Error, Result};
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The options of [`Model::fit`] and [`Model::fit_generator`]; ends with [`Fit::run`].
#[must_use = "fit does nothing until .run() is called"]
pub struct Fit<'a> {
    line: &'static Location<'static>,
    pub(super) model: &'a mut Model,
    pub(super) data: Data<'a>,
    pub(super) class_weight: Option<BTreeMap<usize, f32>>,
    pub(super) validation: Option<Data<'a>>,
    pub(super) validation_split: f64,
    pub(super) validation_steps: Option<usize>,
    pub(super) validation_batch_size: Option<usize>,
    pub(super) validation_freq: usize,
    pub(super) steps_per_epoch: Option<usize>,
    pub(super) epochs: usize,
    pub(super) initial_epoch: usize,
    pub(super) batch_size: usize,
    pub(super) shuffle: bool,
    pub(super) verbose: Verbose,
    pub(super) allow_nan: bool,
    pub(super) trace_nan: bool,
    pub(super) callbacks: CallbackList<'a>,
    pub(super) stop: Option<Arc<AtomicBool>>,
    /// Whether moving averages of the weights take their place at the end.
    pub(super) finalize: bool,
    /// A mistake in the options, found before the run.
    mistake: Option<Error>,
}

/// What is trained or evaluated on.
pub(super) enum Data<'a> {
    Columns(Columns),
    Generator(Generator<'a>),
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
        let (x, y) = (x.into_columns(), y.into_columns());
        Fit::new(self, Data::Columns(Columns { x, y, sample_weight: None }), Location::caller())
    }

    /// Trains on batches that a generator makes on the way, on threads beside the training: a
    /// closure, an iterator, a [`Generator`]. (In Keras 3 `fit` takes both; `fit_generator` is the
    /// older name, and R's.)
    ///
    /// ```
    /// # use cornu::prelude::*;
    /// # let mut model = Sequential::new().add(Input::new([2])).add(Dense::new(1));
    /// # model.compile("sgd", "mse").build()?;
    /// let ones = || (Array::new([4, 2], vec![1.0f32; 8]), Array::new([4, 1], vec![3.0f32; 4]));
    /// let batches = move || -> Result<_> {
    ///     let (x, y) = ones();
    ///     Ok((x?, y?))
    /// };
    /// model.fit_generator(batches).steps_per_epoch(20).epochs(2).verbose(0).run()?;
    /// # Ok::<(), cornu::Error>(())
    /// ```
    #[track_caller]
    pub fn fit_generator<'a, Way>(&'a mut self, generator: impl IntoGenerator<'a, Way>) -> Fit<'a> {
        Fit::new(self, Data::Generator(generator.into_generator()), Location::caller())
    }

    /// One step on one batch. The figures are of this batch alone.
    ///
    /// # Errors
    /// As [`Fit::run`].
    #[track_caller]
    pub fn train_on_batch(&mut self, x: impl IntoColumns, y: impl IntoColumns) -> Result<Logs> {
        let x = x.into_columns();
        let samples = x.first().map_or(0, Column::len).max(1);
        let mut fit = self.fit(x, y).verbose(0).shuffle(false).batch_size(samples);
        fit.finalize = false;
        let history = fit.run()?;
        let mut logs = Logs::default();
        history.iter().for_each(|(name, values)| logs.set(name, values[0]));
        Ok(logs)
    }
}

impl<'a> Fit<'a> {
    fn new(model: &'a mut Model, data: Data<'a>, line: &'static Location<'static>) -> Fit<'a> {
        Fit {
            line,
            model,
            data,
            class_weight: None,
            validation: None,
            validation_split: 0.0,
            validation_steps: None,
            validation_batch_size: None,
            validation_freq: 1,
            steps_per_epoch: None,
            epochs: 1,
            initial_epoch: 0,
            batch_size: 32,
            shuffle: true,
            verbose: Verbose::Auto,
            allow_nan: false,
            trace_nan: false,
            callbacks: CallbackList::default(),
            stop: None,
            finalize: true,
            mistake: None,
        }
    }

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

    /// Steps of an epoch. Needed for a generator that never ends. With arrays, the next epoch goes
    /// on where this one ended.
    pub fn steps_per_epoch(mut self, steps: usize) -> Self {
        self.steps_per_epoch = Some(steps);
        self
    }

    /// Samples for each step. The batches of a generator have their own size.
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
        self.validation = Some(Data::Columns(Columns { x, y, sample_weight: None }));
        self
    }

    /// How much each sample of [`Fit::validation_data`], which comes before, counts.
    pub fn validation_sample_weight(mut self, weights: impl Into<Column>) -> Self {
        match &mut self.validation {
            Some(Data::Columns(columns)) => columns.sample_weight = Some(weights.into()),
            _ => self.mistaken("validation_sample_weight comes after validation_data"),
        }
        self
    }

    /// A generator of batches to evaluate on after each epoch. A [`Sequence`](crate::data::Sequence)
    /// begins anew each time, as data do; anything else goes on where it was.
    pub fn validation_generator<Way>(mut self, generator: impl IntoGenerator<'a, Way>) -> Self {
        self.validation = Some(Data::Generator(generator.into_generator()));
        self
    }

    /// Steps of a validation. Needed for a generator that never ends.
    pub fn validation_steps(mut self, steps: usize) -> Self {
        self.validation_steps = Some(steps);
        self
    }

    /// Samples for each step of the validation; those of training unless said otherwise.
    pub fn validation_batch_size(mut self, batch_size: usize) -> Self {
        self.validation_batch_size = Some(batch_size);
        self
    }

    /// Validates only after every so many epochs.
    pub fn validation_freq(mut self, epochs: usize) -> Self {
        self.validation_freq = epochs;
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
        match &mut self.data {
            Data::Columns(columns) => columns.sample_weight = Some(weights.into()),
            Data::Generator(_) => self.mistaken(
                "sample_weight needs arrays: a generator yields its weights as (x, y, weights)",
            ),
        }
        self
    }

    /// How much the samples of each class count in the loss: `[(0, 1.0), (1, 5.0)]`. Classes that
    /// are not named count 1.
    pub fn class_weight(mut self, weights: impl IntoIterator<Item = (usize, f32)>) -> Self {
        self.class_weight = Some(weights.into_iter().collect());
        self
    }

    /// A callback: something that happens beside the steps. Callbacks are called in the order in
    /// which they were given.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(callback);
        self
    }

    /// The learning rate of each epoch, from its number (from 0) and the rate so far: short for a
    /// [`LearningRateScheduler`].
    pub fn learning_rate_schedule(self, schedule: impl FnMut(usize, f32) -> f32 + 'a) -> Self {
        self.callback(LearningRateScheduler::new(schedule))
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
    /// If the model is not compiled, the data are empty or do not fit the model, the loss is not
    /// finite, a generator fails or ends early, or a callback fails. What was trained until then
    /// stays.
    pub fn run(mut self) -> Result<History> {
        let line = self.line;
        let result = match self.mistake.take() {
            Some(mistake) => Err(mistake),
            None => super::run::run(self),
        };
        result.map_err(|e| lines::locate(e, line))
    }

    /// Remembers the first mistake in the options.
    fn mistaken(&mut self, what: &str) {
        self.mistake.get_or_insert(Error::value(what));
    }
}

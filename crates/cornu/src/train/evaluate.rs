//! `evaluate`: the figures on data that are not trained on.

use super::epoch::{Epochs, Order};
use super::fit::Data;
use super::progress::Verbose;
use super::run::{Batching, start};
use super::source::{Columns, Source};
use super::step::Purpose;
use super::{Logs, Plan};
use crate::callbacks::{Callback, CallbackList, ProgbarLogger, Training};
use crate::data::{Column, IntoColumns, IntoGenerator};
use crate::lines;
use crate::model::{Built, Model};
use cornu_graph::{Error, Result};
use std::panic::Location;
use std::thread;

/// The options of [`Model::evaluate`]; ends with [`Evaluate::run`].
#[must_use = "evaluate does nothing until .run() is called"]
pub struct Evaluate<'a> {
    line: &'static Location<'static>,
    model: &'a mut Model,
    data: Data<'a>,
    steps: Option<usize>,
    batch_size: usize,
    verbose: Verbose,
    callbacks: CallbackList<'a>,
    mistake: Option<Error>,
}

impl Model {
    /// The loss and the metrics on data.
    ///
    /// ```
    /// # use cornu::prelude::*;
    /// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
    /// # model.compile("sgd", "mse").build()?;
    /// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
    /// let score = model.evaluate(&x, &x).verbose(0).run()?;
    /// println!("Test loss: {}", score["loss"]);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    #[track_caller]
    pub fn evaluate(&mut self, x: impl IntoColumns, y: impl IntoColumns) -> Evaluate<'_> {
        let (x, y) = (x.into_columns(), y.into_columns());
        Evaluate::new(
            self,
            Data::Columns(Columns { x, y, sample_weight: None }),
            Location::caller(),
        )
    }

    /// The loss and the metrics on batches of a generator.
    #[track_caller]
    pub fn evaluate_generator<'a, Way>(
        &'a mut self,
        generator: impl IntoGenerator<'a, Way>,
    ) -> Evaluate<'a> {
        Evaluate::new(self, Data::Generator(generator.into_generator()), Location::caller())
    }

    /// The figures of one batch.
    ///
    /// # Errors
    /// As [`Evaluate::run`].
    #[track_caller]
    pub fn test_on_batch(&mut self, x: impl IntoColumns, y: impl IntoColumns) -> Result<Logs> {
        let x = x.into_columns();
        let samples = x.first().map_or(0, Column::len).max(1);
        self.evaluate(x, y).verbose(0).batch_size(samples).run()
    }
}

impl<'a> Evaluate<'a> {
    fn new(model: &'a mut Model, data: Data<'a>, line: &'static Location<'static>) -> Evaluate<'a> {
        Evaluate {
            line,
            model,
            data,
            steps: None,
            batch_size: 32,
            verbose: Verbose::Auto,
            callbacks: CallbackList::default(),
            mistake: None,
        }
    }

    /// Samples for each step. Changes the time, not the result.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Takes only so many batches. Needed for a generator that never ends.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = Some(steps);
        self
    }

    /// How much each sample counts.
    pub fn sample_weight(mut self, weights: impl Into<Column>) -> Self {
        match &mut self.data {
            Data::Columns(columns) => columns.sample_weight = Some(weights.into()),
            Data::Generator(_) => {
                self.mistake = Some(Error::value(
                    "sample_weight needs arrays: a generator yields its weights as (x, y, weights)",
                ));
            }
        }
        self
    }

    /// How much to print.
    pub fn verbose(mut self, verbose: impl Into<Verbose>) -> Self {
        self.verbose = verbose.into();
        self
    }

    /// A callback, whose `on_test_…` hooks are called.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(callback);
        self
    }

    /// Evaluates.
    ///
    /// # Errors
    /// If the model is not compiled, the data are empty or do not fit the model, or a generator or
    /// a callback fails.
    pub fn run(mut self) -> Result<Logs> {
        let line = self.line;
        let result = match self.mistake.take() {
            Some(mistake) => Err(mistake),
            None => self.evaluate(),
        };
        result.map_err(|e| lines::locate(e, line))
    }

    fn evaluate(self) -> Result<Logs> {
        let Evaluate { model, data, steps, batch_size, verbose, mut callbacks, .. } = self;
        let seed = model.trainer_mut("evaluate")?.seed();
        thread::scope(|scope| {
            let options = Batching::to_evaluate(batch_size, steps, seed);
            let mut epochs = start(scope, data, &options)?;
            let built = epochs.source.build(model)?;
            let trainer = model.trainer_mut("evaluate")?;
            epochs.source.prepare(trainer, &built, Purpose::Evaluate)?;
            callbacks.push(ProgbarLogger::new(verbose));
            let steps = epochs.steps();
            let plan = Plan { epochs: 0, initial_epoch: 0, steps, validation_freq: None };
            let mut training = Training::new(model, plan);
            evaluate_epoch(&mut training, &mut callbacks, &built, &mut epochs)
        })
    }
}

/// The figures on one epoch of data.
pub(super) fn evaluate_epoch(
    training: &mut Training<'_>,
    callbacks: &mut CallbackList<'_>,
    built: &Built,
    epochs: &mut Epochs,
) -> Result<Logs> {
    callbacks.test_begin(training)?;
    training.trainer().reset();
    epochs.begin(0);
    let mut done = 0;
    while epochs.next(done, || 0)? {
        callbacks.test_batch_begin(training, done)?;
        epochs.source.run(training.trainer(), built, Purpose::Evaluate)?;
        callbacks.test_batch_end(training, done)?;
        done += 1;
    }
    let logs = training.logs();
    callbacks.test_end(training, &logs)?;
    Ok(logs)
}

impl Training<'_> {
    /// The figures of the model, as it is now, on other data. The figures of the epoch so far are
    /// not touched.
    ///
    /// # Errors
    /// As [`Evaluate::run`].
    pub fn evaluate(
        &mut self,
        x: impl IntoColumns,
        y: impl IntoColumns,
        batch_size: usize,
    ) -> Result<Logs> {
        let (x, y) = (x.into_columns(), y.into_columns());
        let mut source = Source::rows(Columns { x, y, sample_weight: None }, batch_size)?;
        let built = source.build(self.model())?;
        source.prepare(self.trainer(), &built, Purpose::Evaluate)?;
        let totals = self.trainer().totals();
        let mut epochs = Epochs::new(source, None, Order::Anew);
        let logs = evaluate_epoch(self, &mut CallbackList::default(), &built, &mut epochs);
        self.trainer().set_totals(totals);
        logs
    }
}

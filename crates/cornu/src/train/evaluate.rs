//! `evaluate`: the figures on data that are not trained on.

use super::batches::Batches;
use super::feeds::Feeds;
use super::fit::{check_counts, check_data, check_labels};
use super::progress::{Progress, Verbose};
use super::step::Purpose;
use super::{Logs, Trainer};
use crate::data::{Column, IntoColumns};
use crate::lines;
use crate::model::{Built, Model};
use cornu_graph::{Error, Result};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

/// The options of [`Model::evaluate`]; ends with [`Evaluate::run`].
#[must_use = "evaluate does nothing until .run() is called"]
pub struct Evaluate<'a> {
    line: &'static Location<'static>,
    model: &'a mut Model,
    x: Vec<Column>,
    y: Vec<Column>,
    sample_weight: Option<Column>,
    batch_size: usize,
    verbose: Verbose,
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
        Evaluate {
            line: Location::caller(),
            model: self,
            x: x.into_columns(),
            y: y.into_columns(),
            sample_weight: None,
            batch_size: 32,
            verbose: Verbose::Auto,
        }
    }

    /// The figures of one batch.
    ///
    /// # Errors
    /// As [`Evaluate::run`].
    #[track_caller]
    pub fn test_on_batch(&mut self, x: impl IntoColumns, y: impl IntoColumns) -> Result<Logs> {
        let evaluate = self.evaluate(x, y).verbose(0);
        let samples = evaluate.x.first().map_or(0, Column::len);
        evaluate.batch_size(samples.max(1)).run()
    }
}

impl Evaluate<'_> {
    /// Samples for each step. Changes the time, not the result.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// How much each sample counts.
    pub fn sample_weight(mut self, weights: impl Into<Column>) -> Self {
        self.sample_weight = Some(weights.into());
        self
    }

    /// How much to print.
    pub fn verbose(mut self, verbose: impl Into<Verbose>) -> Self {
        self.verbose = verbose.into();
        self
    }

    /// Evaluates.
    ///
    /// # Errors
    /// If the model is not compiled, or the data are empty or do not fit the model.
    pub fn run(self) -> Result<Logs> {
        let line = self.line;
        let mut trainer =
            self.model.take_trainer("evaluate").map_err(|e| lines::locate(e, line))?;
        let run = || {
            let built = self.model.built_for(&self.x)?;
            let steps = self.x.first().map_or(0, Column::len).div_ceil(self.batch_size.max(1));
            let mut progress = Progress::new(self.verbose, steps);
            evaluate_columns(
                &mut trainer,
                &built,
                &self.x,
                &self.y,
                self.sample_weight.as_ref(),
                self.batch_size,
                &mut progress,
            )
        };
        // A panic in the user's code must not cost the optimizer's state.
        let logs = catch_unwind(AssertUnwindSafe(run));
        self.model.set_trainer(trainer);
        logs.unwrap_or_else(|panic| resume_unwind(panic)).map_err(|e| lines::locate(e, line))
    }
}

/// The figures on columns of data.
pub(super) fn evaluate_columns(
    trainer: &mut Trainer,
    built: &Built,
    x: &[Column],
    y: &[Column],
    sample_weight: Option<&Column>,
    batch_size: usize,
    progress: &mut Progress,
) -> Result<Logs> {
    check_data(x, y, sample_weight)?;
    check_counts(built, x, y)?;
    check_labels(trainer, built, y)?;
    if batch_size == 0 {
        return Err(Error::value("batch_size must be at least 1, not 0"));
    }
    let columns: Vec<&Column> = x.iter().chain(y).chain(sample_weight).collect();
    let feeds = Feeds::new(&columns);
    let batches = Batches::new(feeds.samples(), batch_size);
    let weighted = sample_weight.is_some();
    trainer.reset();
    for index in 0..batches.count() {
        let samples = batches.get(index);
        let size = samples.len();
        let id = trainer.program(built, Purpose::Evaluate, size, &feeds, weighted)?;
        trainer.get(id).run(&feeds, samples)?;
        if progress.is_due() {
            progress.step(index + 1, &trainer.logs());
        }
    }
    let logs = trainer.logs();
    progress.finish(batches.count(), &logs);
    Ok(logs)
}

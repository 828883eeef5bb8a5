//! `predict`: the outputs for new data.

use super::checks::check_data;
use super::epoch::Epochs;
use super::fit::Data;
use super::progress::Verbose;
use super::run::{Batching, start};
use super::source::Columns;
use super::step::{self, Purpose};
use super::trainer;
use crate::callbacks::{Callback, CallbackList, ProgbarLogger};
use crate::data::{IntoColumns, IntoGenerator};
use crate::lines;
use crate::model::{Built, Model};
use cornu_graph::{Array, Dim, Error, Result, Values, with_values};
use std::panic::Location;
use std::thread;

/// The options of [`Model::predict`]; ends with [`Predict::run`].
#[must_use = "predict does nothing until .run() is called"]
pub struct Predict<'a> {
    line: &'static Location<'static>,
    model: &'a Model,
    data: Data<'a>,
    steps: Option<usize>,
    batch_size: usize,
    verbose: Verbose,
    callbacks: CallbackList<'a>,
}

impl Model {
    /// The outputs for data. The model need not be compiled.
    ///
    /// The classes that Keras's `predict_classes` gave are the places of the largest outputs:
    ///
    /// ```
    /// # use cornu::prelude::*;
    /// # let model = Sequential::new().add(Input::new([2])).add(Dense::new(3).activation("softmax"));
    /// # let x = Array::new([2, 2], vec![0.0f32, 1.0, 2.0, 3.0])?;
    /// let probabilities = model.predict(&x).run()?;
    /// let classes = ops::argmax(&probabilities, -1).eval()?;
    /// assert_eq!(classes.shape(), [2]);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    #[track_caller]
    pub fn predict(&self, x: impl IntoColumns) -> Predict<'_> {
        let columns = Columns { x: x.into_columns(), y: vec![], sample_weight: None };
        Predict::new(self, Data::Columns(columns), Location::caller())
    }

    /// The outputs for the batches of a generator; it yields inputs alone, or `(x, y)` of which
    /// `y` is not used.
    #[track_caller]
    pub fn predict_generator<'a, Way>(
        &'a self,
        generator: impl IntoGenerator<'a, Way>,
    ) -> Predict<'a> {
        Predict::new(self, Data::Generator(generator.into_generator()), Location::caller())
    }
}

impl<'a> Predict<'a> {
    fn new(model: &'a Model, data: Data<'a>, line: &'static Location<'static>) -> Predict<'a> {
        Predict {
            line,
            model,
            data,
            steps: None,
            batch_size: 32,
            verbose: Verbose::Silent,
            callbacks: CallbackList::default(),
        }
    }

    /// Takes only so many batches. Needed for a generator that never ends.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = Some(steps);
        self
    }

    /// A callback, whose `on_predict_…` hooks are called.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(callback);
        self
    }

    /// Samples for each step. Changes the time, not the result.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// How much to print; nothing unless said otherwise.
    pub fn verbose(mut self, verbose: impl Into<Verbose>) -> Self {
        self.verbose = verbose.into();
        self
    }

    /// Predicts with a model of one output.
    ///
    /// # Errors
    /// If the data are empty or do not fit the model, or it has several outputs.
    pub fn run(self) -> Result<Array> {
        let line = self.line;
        let mut outputs = self.run_all()?;
        match outputs.len() {
            1 => Ok(outputs.swap_remove(0)),
            n => Err(Error::value(format!("the model has {n} outputs"))
                .help("call run_all() for all of them")
                .at(line)),
        }
    }

    /// Predicts all outputs.
    ///
    /// # Errors
    /// If the data are empty or do not fit the model.
    pub fn run_all(self) -> Result<Vec<Array>> {
        let line = self.line;
        self.outputs().map_err(|e| lines::locate(e, line))
    }

    fn outputs(self) -> Result<Vec<Array>> {
        let Predict { model, data, steps, batch_size, verbose, mut callbacks, .. } = self;
        if let Data::Columns(columns) = &data {
            check_data(&columns.x, &[], None)?;
        }
        thread::scope(|scope| {
            let options = Batching::to_evaluate(batch_size, steps, 0);
            let mut epochs = start(scope, data, &options)?;
            let built = epochs.source.build_to_predict(model)?;
            if epochs.steps() != Some(1) {
                check_rows(&built)?;
            }
            callbacks.push(ProgbarLogger::of_predict(verbose, epochs.steps()));
            callbacks.predict_begin(model)?;
            let outputs = predict_epoch(model, &built, &mut epochs, &mut callbacks)?;
            callbacks.predict_end(model)?;
            Ok(outputs)
        })
    }
}

fn predict_epoch(
    model: &Model,
    built: &Built,
    epochs: &mut Epochs,
    callbacks: &mut CallbackList<'_>,
) -> Result<Vec<Array>> {
    let samples = epochs.source.all_samples();
    let mut outputs: Vec<Rows> = vec![];
    let (mut step, mut done) = (0, 0);
    epochs.begin(0);
    while epochs.next(step, || 0)? {
        callbacks.predict_batch_begin(model, step)?;
        let (source, size) = (&epochs.source, epochs.source.samples());
        source.check_to_predict(built)?;
        {
            let mut programs = model.predict_programs();
            let program = programs.get_or_build(size, source.spec(), || {
                let random = trainer::random_state(0);
                step::build(built, None, Purpose::Predict, size, source.spec(), &random)
                    .map_err(|e| source.locate(e))
            })?;
            program.run(source.data())?;
            for index in 0..built.outputs.len() {
                let part = program.output(index);
                match outputs.get_mut(index) {
                    Some(rows) => rows.store(&part, done),
                    None => outputs.push(Rows::begin(part, samples, size)),
                }
            }
        }
        (step, done) = (step + 1, done + size);
        callbacks.predict_batch_end(model, step - 1)?;
    }
    Ok(outputs.into_iter().map(|rows| rows.finish(done)).collect())
}

/// Batches are put together row by row: each output must have a row for each sample.
fn check_rows(built: &Built) -> Result<()> {
    let wrong = built.outputs.iter().find(|o| o.shape().dims().first() != Some(&Dim::BATCH));
    match wrong {
        Some(output) => Err(Error::shape(format!(
            "an output of the model has shape {}, not one row for each sample, so that batches \
             cannot be put together",
            output.shape()
        ))
        .help("predict all samples at once with .batch_size(…)")),
        None => Ok(()),
    }
}

/// An output of all batches, put together.
struct Rows {
    array: Array,
    /// How many of its numbers are there.
    len: usize,
}

impl Rows {
    /// Begins with the first batch, with room for all samples if their number is known.
    fn begin(first: Array, samples: Option<usize>, batch: usize) -> Rows {
        match samples {
            Some(samples) if samples > batch => {
                let mut shape = first.shape().to_vec();
                shape[0] = samples;
                let mut rows = Rows { array: Array::zeros(shape, first.dtype()), len: 0 };
                rows.store(&first, 0);
                rows
            }
            _ => Rows { len: first.len(), array: first },
        }
    }

    /// Copies a batch to its place among all samples.
    fn store(&mut self, part: &Array, row: usize) {
        let width = part.len() / part.rows().max(1);
        let range = row * width..row * width + part.len();
        if range.end > self.array.len() {
            self.grow(range.end.max(self.array.len() * 2).next_multiple_of(width.max(1)));
        }
        self.len = range.end;
        with_values!(self.array.values_mut(), values => copy_into(&mut values[range], part.values()));
    }

    /// More room: a generator does not say how much it will yield.
    fn grow(&mut self, len: usize) {
        let mut shape = self.array.shape().to_vec();
        let width = self.array.len() / shape[0].max(1);
        shape[0] = len / width.max(1);
        let larger = Array::zeros(shape, self.array.dtype());
        let old = std::mem::replace(&mut self.array, larger);
        self.store(&old, 0);
    }

    /// Without the room that was left: `samples` rows of several batches. The output of one batch
    /// is as it is, whatever its rows are.
    fn finish(self, samples: usize) -> Array {
        if self.len == self.array.len() {
            return self.array;
        }
        self.array.slice_rows(0, samples).unwrap_or(self.array)
    }
}

fn copy_into<T: cornu_graph::Element>(target: &mut [T], source: &Values) {
    target.copy_from_slice(T::slice(source).expect("batches have one dtype"));
}

//! `predict`: the outputs for new data.

use super::batches::Batches;
use super::feeds::Feeds;
use super::fit::check_data;
use super::progress::{Progress, Verbose};
use super::step::{self, Purpose};
use super::{Logs, trainer};
use crate::data::{Column, IntoColumns};
use crate::lines;
use crate::model::{Built, Model};
use cornu_graph::{Array, Dim, Error, Result, Values, with_values};
use std::panic::Location;

/// The options of [`Model::predict`]; ends with [`Predict::run`].
#[must_use = "predict does nothing until .run() is called"]
pub struct Predict<'a> {
    line: &'static Location<'static>,
    model: &'a Model,
    x: Vec<Column>,
    batch_size: usize,
    verbose: Verbose,
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
        Predict {
            line: Location::caller(),
            model: self,
            x: x.into_columns(),
            batch_size: 32,
            verbose: Verbose::Silent,
        }
    }
}

impl Predict<'_> {
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
        check_data(&self.x, &[], None)?;
        if self.batch_size == 0 {
            return Err(Error::value("batch_size must be at least 1, not 0"));
        }
        let built = self.model.built_for(&self.x)?;
        if built.inputs.len() != self.x.len() {
            return Err(Error::data(format!(
                "the model has {} inputs, but {} arrays were given",
                built.inputs.len(),
                self.x.len()
            )));
        }
        check_rows(&built, self.x[0].len().div_ceil(self.batch_size))?;
        let feeds = Feeds::new(&self.x.iter().collect::<Vec<_>>());
        let batches = Batches::new(feeds.samples(), self.batch_size);
        let mut progress = Progress::new(self.verbose, batches.count());
        let mut outputs: Vec<Array> = vec![];
        let mut programs = self.model.predict_programs();
        for index in 0..batches.count() {
            let samples = batches.get(index);
            let size = samples.len();
            let program = programs.get_or_build(size, feeds.spec(), || {
                let random = trainer::random_state(0);
                step::build(&built, None, Purpose::Predict, size, &feeds, &random)
            })?;
            program.run(&feeds, samples)?;
            let results = (0..built.outputs.len()).map(|i| program.output(i));
            if index == 0 {
                outputs = results.map(|first| room_for(first, feeds.samples(), size)).collect();
            } else {
                let offset = index * self.batch_size;
                for (output, part) in outputs.iter_mut().zip(results) {
                    store(output, &part, offset);
                }
            }
            if progress.is_due() {
                progress.step(index + 1, &Logs::default());
            }
        }
        progress.finish(batches.count(), &Logs::default());
        Ok(outputs)
    }
}

/// Batches are put together row by row: each output must have a row for each sample.
fn check_rows(built: &Built, batches: usize) -> Result<()> {
    let wrong = built.outputs.iter().find(|o| o.shape().dims().first() != Some(&Dim::BATCH));
    match wrong {
        Some(output) if batches > 1 => Err(Error::shape(format!(
            "an output of the model has shape {}, not one row for each sample, so that batches \
             cannot be put together",
            output.shape()
        ))
        .help("predict all samples at once with .batch_size(…)")),
        _ => Ok(()),
    }
}

/// An array for all samples that begins with the first batch.
fn room_for(first: Array, samples: usize, batch: usize) -> Array {
    if samples <= batch {
        return first;
    }
    let mut shape = first.shape().to_vec();
    shape[0] = samples;
    let mut all = Array::zeros(shape, first.dtype());
    store(&mut all, &first, 0);
    all
}

/// Copies a batch to its place among all samples.
fn store(all: &mut Array, part: &Array, offset: usize) {
    let width = part.len() / part.rows().max(1);
    let range = offset * width..offset * width + part.len();
    with_values!(all.values_mut(), values => copy_into(&mut values[range], part.values()));
}

fn copy_into<T: cornu_graph::Element>(target: &mut [T], source: &Values) {
    target.copy_from_slice(T::slice(source).expect("batches have one dtype"));
}

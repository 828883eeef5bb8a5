//! Where the batches of a run come from: resident data, or a generator.

use super::DataPlace;
use super::batches::Batches;
use super::checks::{check_counts, check_data, check_label_arrays, check_labels};
use super::feeds::{FeedSpec, Feeds, StepData};
use super::step::Purpose;
use super::stream::{Next, Prepared, Stream};
use super::trainer::{ProgramId, Trainer};
use crate::data::Column;
use crate::model::{Built, Model};
use cornu_graph::{Error, Result};
use std::sync::Arc;

/// Columns of data that belong together.
#[derive(Clone)]
pub struct Columns {
    pub x: Vec<Column>,
    pub y: Vec<Column>,
    pub sample_weight: Option<Column>,
}

impl Columns {
    /// Checks that the data fit together.
    pub fn check(&self) -> Result<()> {
        check_data(&self.x, &self.y, self.sample_weight.as_ref())
    }
}

/// The batches of a run, one after the other.
pub enum Source {
    Rows(Box<Rows>),
    Stream(Stream),
}

/// Batches of resident data.
pub struct Rows {
    columns: Columns,
    feeds: Feeds,
    batches: Batches,
    /// The batch that comes next.
    next: usize,
    /// The number that decided the order.
    order: u64,
    labels_checked: bool,
}

impl Source {
    /// Resident data in batches of a size.
    pub fn rows(columns: Columns, batch_size: usize) -> Result<Source> {
        columns.check()?;
        if batch_size == 0 {
            return Err(Error::value("batch_size must be at least 1, not 0"));
        }
        let all = columns.x.iter().chain(&columns.y).chain(&columns.sample_weight);
        let feeds = Feeds::new(&all.collect::<Vec<_>>());
        let batches = Batches::new(feeds.samples(), batch_size);
        let rows = Rows { columns, feeds, batches, next: 0, order: 0, labels_checked: false };
        Ok(Source::Rows(Box::new(rows)))
    }

    /// The model, built for these data if it was not before, after a look at the first batch.
    ///
    /// # Errors
    /// If there is no first batch, or it does not fit the model.
    pub fn build(&mut self, model: &Model) -> Result<Arc<Built>> {
        match self {
            Source::Rows(rows) => build(model, &rows.columns.x, rows.columns.y.len()),
            Source::Stream(stream) => {
                let first = stream.first()?;
                build(model, &first.x, first.targets.len()).map_err(|e| e.within(batch_name(1)))
            }
        }
    }

    /// As [`Source::build`], for inputs alone.
    ///
    /// # Errors
    /// As [`Source::build`].
    pub fn build_to_predict(&mut self, model: &Model) -> Result<Arc<Built>> {
        match self {
            Source::Rows(rows) => build_to_predict(model, &rows.columns.x),
            Source::Stream(stream) => {
                build_to_predict(model, &stream.first()?.x).map_err(|e| e.within(batch_name(1)))
            }
        }
    }

    /// Checks that the batch has what a prediction needs, and tells where a mistake is.
    ///
    /// # Errors
    /// If the batch has another number of inputs than the model.
    pub fn check_to_predict(&self, built: &Built) -> Result<()> {
        match self {
            Source::Rows(_) => Ok(()),
            Source::Stream(stream) => {
                check_inputs(built, stream.current().x.len()).map_err(|e| self.locate(e))
            }
        }
    }

    /// Adds to an error which batch of a generator it is about.
    pub fn locate(&self, error: Error) -> Error {
        match self {
            Source::Rows(_) => error,
            Source::Stream(stream) => error.within(batch_name(stream.taken())),
        }
    }

    /// How many samples there are in all, if that is known.
    pub fn all_samples(&self) -> Option<usize> {
        match self {
            Source::Rows(rows) => Some(rows.feeds.samples()),
            Source::Stream(_) => None,
        }
    }

    /// Builds the program of the first batch: most mistakes come out here, before anything is
    /// printed.
    pub fn prepare(
        &mut self,
        trainer: &mut Trainer,
        built: &Built,
        purpose: Purpose,
    ) -> Result<()> {
        match self {
            Source::Rows(rows) => {
                if !rows.labels_checked {
                    check_labels(trainer, built, &rows.columns.y)?;
                    rows.labels_checked = true;
                }
                let (size, weighted) = (rows.batches.get(0).len(), rows.is_weighted());
                trainer.program(built, purpose, size, rows.feeds.spec(), weighted)?;
            }
            Source::Stream(stream) => {
                program_of_batch(stream.first()?, trainer, built, purpose)
                    .map_err(|e| e.within(batch_name(1)))?;
            }
        }
        Ok(())
    }

    /// How many batches an epoch has, if that is known.
    pub fn steps(&self) -> Option<usize> {
        match self {
            Source::Rows(rows) => Some(rows.batches.count()),
            Source::Stream(_) => None,
        }
    }

    /// Begins anew. A seed and a number decide the order, if one is given; a generator goes on.
    pub fn restart(&mut self, seed: Option<u64>, number: u64) {
        if let Source::Rows(rows) = self {
            (rows.next, rows.order) = (0, number);
            if let Some(seed) = seed {
                rows.batches.shuffle(seed, number);
            }
        }
    }

    /// Where the run stands in these data.
    pub fn place(&self) -> DataPlace {
        match self {
            Source::Rows(rows) => DataPlace { order: rows.order, epoch: 0, batches: rows.next },
            Source::Stream(stream) => stream.place(),
        }
    }

    /// Goes on from a place. A generator was started there.
    pub fn resume(&mut self, seed: Option<u64>, place: DataPlace) {
        self.restart(seed, place.order);
        if let Source::Rows(rows) = self {
            rows.next = place.batches.min(rows.batches.count());
        }
    }

    /// Goes on to the next batch.
    pub fn advance(&mut self) -> Result<Next> {
        match self {
            Source::Stream(stream) => stream.advance(),
            Source::Rows(rows) if rows.next == rows.batches.count() => Ok(Next::EpochEnd),
            Source::Rows(rows) => {
                rows.next += 1;
                Ok(Next::Batch)
            }
        }
    }

    /// Runs the program of a purpose on the batch.
    pub fn run(&self, trainer: &mut Trainer, built: &Built, purpose: Purpose) -> Result<()> {
        let id = self.program(trainer, built, purpose)?;
        trainer.get(id).run(self.data())
    }

    /// The program of a purpose for the batch, once the batch is checked.
    pub fn program(
        &self,
        trainer: &mut Trainer,
        built: &Built,
        purpose: Purpose,
    ) -> Result<ProgramId> {
        match self {
            Source::Rows(rows) => {
                let size = rows.current().len();
                trainer.program(built, purpose, size, rows.feeds.spec(), rows.is_weighted())
            }
            Source::Stream(stream) => {
                let program = program_of_batch(stream.current(), trainer, built, purpose);
                program.map_err(|e| self.locate(e))
            }
        }
    }

    /// The data of the batch.
    pub fn data(&self) -> StepData<'_> {
        match self {
            Source::Rows(rows) => StepData::Rows(&rows.feeds, rows.current()),
            Source::Stream(stream) => StepData::Batch(&stream.current().arrays),
        }
    }

    /// What a program has to know of the batch.
    pub fn spec(&self) -> &FeedSpec {
        match self {
            Source::Rows(rows) => rows.feeds.spec(),
            Source::Stream(stream) => &stream.current().spec,
        }
    }

    /// How many samples the batch has.
    pub fn samples(&self) -> usize {
        match self {
            Source::Rows(rows) => rows.current().len(),
            Source::Stream(stream) => stream.current().samples,
        }
    }
}

impl Rows {
    fn current(&self) -> &[u32] {
        self.batches.get(self.next - 1)
    }

    fn is_weighted(&self) -> bool {
        self.columns.sample_weight.is_some()
    }
}

/// How a batch of a generator is called, counted from 1.
pub fn batch_name(number: usize) -> String {
    format!("batch {number} of the generator")
}

fn build(model: &Model, x: &[Column], outputs: usize) -> Result<Arc<Built>> {
    let built = model.built_for(x)?;
    check_counts(&built, x.len(), outputs)?;
    Ok(built)
}

fn build_to_predict(model: &Model, x: &[Column]) -> Result<Arc<Built>> {
    let built = model.built_for(x)?;
    check_inputs(&built, x.len())?;
    Ok(built)
}

fn check_inputs(built: &Built, inputs: usize) -> Result<()> {
    if built.inputs.len() == inputs {
        return Ok(());
    }
    let wanted = built.inputs.len();
    Err(Error::data(format!("the model has {wanted} inputs, but {inputs} arrays were given")))
}

fn program_of_batch(
    batch: &Prepared,
    trainer: &mut Trainer,
    built: &Built,
    purpose: Purpose,
) -> Result<ProgramId> {
    check_counts(built, batch.x.len(), batch.targets.len())?;
    check_label_arrays(trainer, built, &batch.arrays[batch.targets.clone()])?;
    trainer.program(built, purpose, batch.samples, &batch.spec, batch.weighted)
}

//! Batches from generators, prepared on threads beside the training.

use super::DataPlace;
use super::class_weight::weights_by_class;
use super::feeds::FeedSpec;
use super::queue::{Receiver, Sender, queue};
use super::source::batch_name;
use crate::backend;
use crate::data::{Batch, Column, Generator, Part, Step};
use cornu_graph::{Array, Error, Result};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Scope;

/// A batch as the program takes it.
pub struct Prepared {
    /// What the program is fed: inputs before they are scaled, targets, sample weights.
    pub arrays: Vec<Array>,
    pub spec: FeedSpec,
    pub samples: usize,
    pub weighted: bool,
    /// The targets, to check labels.
    pub targets: std::ops::Range<usize>,
    /// The inputs as columns, to build a model for them.
    pub x: Vec<Column>,
}

/// How a generator is run.
#[derive(Clone, Copy)]
pub struct Pull<'a> {
    /// Decides the order of a sequence that is shuffled.
    pub seed: u64,
    /// Where to begin, if the generator can begin anew.
    pub place: DataPlace,
    /// What will be taken at most: no batch is made in vain.
    pub limit: Limit,
    pub class_weight: Option<&'a BTreeMap<usize, f32>>,
}

/// What is taken of a generator at most.
#[derive(Clone, Copy)]
pub struct Limit {
    pub batches: usize,
    /// How often it is begun.
    pub epochs: usize,
}

/// What a thread sends.
enum Message {
    Batch(Box<Prepared>),
    EpochEnd,
    Failed(Error),
}

/// The receiving end of a generator.
pub struct Stream {
    /// One for each thread; the batches come in turns.
    receivers: Vec<Receiver<Message>>,
    turn: usize,
    /// How many batches were taken.
    taken: usize,
    place: DataPlace,
    current: Option<Box<Prepared>>,
    /// The batch that was looked at before the first step.
    peeked: Option<Box<Prepared>>,
    /// Whether an epoch ended before that batch.
    peeked_end: bool,
}

/// What came from a stream.
pub enum Next {
    Batch,
    EpochEnd,
    End,
}

impl Stream {
    /// Starts the threads of a generator. They end when the stream is dropped.
    pub fn start<'scope, 'g: 'scope>(
        scope: &'scope Scope<'scope, '_>,
        generator: Generator<'g>,
        pull: &Pull<'_>,
    ) -> Stream {
        let Pull { seed, place, limit, class_weight } = *pull;
        let most = generator.queue;
        let parts = generator.into_parts(seed, place);
        let count = parts.len();
        let receivers = parts.into_iter().enumerate().map(|(number, part)| {
            let (sender, receiver) = queue(most.div_ceil(count));
            let class_weight = class_weight.cloned();
            // Of all batches every `count`th.
            let batches = limit.batches.saturating_sub(number).div_ceil(count);
            let limit = Limit { batches, ..limit };
            scope.spawn(move || produce(part, &sender, limit, class_weight.as_ref()));
            receiver
        });
        let receivers = receivers.collect();
        Stream {
            receivers,
            turn: 0,
            taken: 0,
            place,
            current: None,
            peeked: None,
            peeked_end: false,
        }
    }

    /// The first batch, before it is used.
    ///
    /// # Errors
    /// If the generator fails or has none.
    pub fn first(&mut self) -> Result<&Prepared> {
        while self.peeked.is_none() {
            match self.receive()? {
                Next::Batch => self.peeked = self.current.take(),
                Next::EpochEnd if !self.peeked_end => self.peeked_end = true,
                Next::EpochEnd | Next::End => break,
            }
        }
        self.peeked.as_deref().ok_or_else(|| {
            Error::data("the generator ended before its first batch")
                .help("it must yield at least one batch: (x, y)")
        })
    }

    /// Goes on to the next batch.
    pub fn advance(&mut self) -> Result<Next> {
        let next = if std::mem::take(&mut self.peeked_end) {
            Next::EpochEnd
        } else if let Some(peeked) = self.peeked.take() {
            self.current = Some(peeked);
            Next::Batch
        } else {
            self.receive()?
        };
        match next {
            Next::Batch => {
                self.taken += 1;
                self.place.batches += 1;
            }
            Next::EpochEnd => {
                self.place = DataPlace { epoch: self.place.epoch + 1, ..DataPlace::default() };
            }
            Next::End => {}
        }
        Ok(next)
    }

    /// Where the run stands in the generator.
    pub fn place(&self) -> DataPlace {
        self.place
    }

    fn receive(&mut self) -> Result<Next> {
        match self.receivers[self.turn].receive() {
            Some(Message::Batch(batch)) => self.current = Some(batch),
            Some(Message::EpochEnd) => return Ok(Next::EpochEnd),
            Some(Message::Failed(error)) => {
                return Err(error.within(batch_name(self.taken + 1)));
            }
            None => return Ok(Next::End),
        }
        self.turn = (self.turn + 1) % self.receivers.len();
        Ok(Next::Batch)
    }

    /// The batch that [`Stream::advance`] went on to.
    pub fn current(&self) -> &Prepared {
        self.current.as_deref().expect("advance gave a batch")
    }

    /// How many batches were taken so far.
    pub fn taken(&self) -> usize {
        self.taken
    }
}

/// What a thread does: prepares batches until there are no more, or nobody takes them.
fn produce(
    mut part: Part<'_>,
    sender: &Sender<Message>,
    mut limit: Limit,
    weights: Option<&BTreeMap<usize, f32>>,
) {
    let cpu = backend::cpu();
    while limit.batches > 0 && limit.epochs > 0 && sender.wait_for_room() {
        let core = cpu.lend_core();
        let step = catch_unwind(AssertUnwindSafe(|| match part() {
            Step::End => None,
            Step::EpochEnd => Some(Message::EpochEnd),
            Step::Batch(batch) => Some(
                batch
                    .and_then(|batch| prepare(batch, weights))
                    .map_or_else(Message::Failed, |prepared| Message::Batch(Box::new(prepared))),
            ),
        }));
        let message = match step {
            Ok(None) => return,
            Ok(Some(message)) => message,
            Err(panic) => Message::Failed(panicked(panic.as_ref())),
        };
        match message {
            Message::Batch(_) => limit.batches -= 1,
            Message::EpochEnd => limit.epochs -= 1,
            Message::Failed(_) => limit.batches = 0,
        }
        drop(core);
        if !sender.send(message) {
            return;
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Error::state(format!("the generator panicked: {text}"))
}

/// Copies chosen rows, and checks what can be checked without the model.
fn prepare(mut batch: Batch, class_weight: Option<&BTreeMap<usize, f32>>) -> Result<Prepared> {
    super::checks::check_data(&batch.x, &batch.y, batch.sample_weight.as_ref())?;
    if let Some(weights) = class_weight {
        let weights = weights_by_class(&batch.y, weights, batch.sample_weight.as_ref())?;
        batch.sample_weight = Some(weights);
    }
    let inputs = batch.x.len();
    // The program scales inputs: bytes are a quarter of what floats are. Targets are looked at.
    let x = batch.x.iter().map(|column| Ok((column.unscaled()?, column.scale())));
    let rest = batch.y.iter().chain(&batch.sample_weight);
    let rest = rest.map(|column| Ok((column.to_array()?, None)));
    let parts = x.chain(rest).collect::<Result<Vec<_>>>()?;
    let spec = FeedSpec::of_batch(parts.iter().map(|(array, scale)| (array.ty(), *scale)));
    let arrays = parts.into_iter().map(|(array, _)| array).collect();
    Ok(Prepared {
        spec,
        samples: batch.samples(),
        weighted: batch.sample_weight.is_some(),
        targets: inputs..inputs + batch.y.len(),
        x: batch.x,
        arrays,
    })
}

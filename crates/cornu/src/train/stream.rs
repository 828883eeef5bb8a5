//! Batches from generators, prepared on threads beside the training.

use super::class_weight::weights_by_class;
use super::feeds::FeedSpec;
use crate::data::{Batch, Column, Generator, Part, Step};
use cornu_graph::{Array, Error, Result};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// How many batches wait at most: Keras's `max_queue_size`. It bounds the memory.
const QUEUE: usize = 10;

/// A batch as the program takes it.
pub struct Prepared {
    pub arrays: Vec<Array>,
    pub spec: FeedSpec,
    pub samples: usize,
    pub weighted: bool,
    /// The targets, to check labels.
    pub targets: std::ops::Range<usize>,
    /// The inputs as columns, to build a model for them.
    pub x: Vec<Column>,
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
    current: Option<Box<Prepared>>,
    /// The batch that was looked at before the first step.
    peeked: Option<Box<Prepared>>,
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
        seed: u64,
        class_weight: Option<&BTreeMap<usize, f32>>,
    ) -> Stream {
        let parts = generator.into_parts(seed);
        let room = QUEUE.div_ceil(parts.len().max(1));
        let receivers = parts.into_iter().map(|part| {
            let (sender, receiver) = sync_channel(room);
            let class_weight = class_weight.cloned();
            scope.spawn(move || produce(part, &sender, class_weight.as_ref()));
            receiver
        });
        let receivers = receivers.collect();
        Stream { receivers, turn: 0, taken: 0, current: None, peeked: None }
    }

    /// The first batch, before it is used.
    ///
    /// # Errors
    /// If the generator fails or has none.
    pub fn first(&mut self) -> Result<&Prepared> {
        if self.peeked.is_none()
            && let Next::Batch = self.receive()?
        {
            self.peeked = self.current.take();
        }
        self.peeked.as_deref().ok_or_else(|| {
            Error::data("the generator ended before its first batch")
                .help("it must yield at least one batch: (x, y)")
        })
    }

    /// Goes on to the next batch.
    pub fn advance(&mut self) -> Result<Next> {
        if let Some(peeked) = self.peeked.take() {
            self.current = Some(peeked);
        } else {
            match self.receive()? {
                Next::Batch => {}
                end => return Ok(end),
            }
        }
        self.taken += 1;
        Ok(Next::Batch)
    }

    fn receive(&mut self) -> Result<Next> {
        match self.receivers[self.turn].recv() {
            Ok(Message::Batch(batch)) => self.current = Some(batch),
            Ok(Message::EpochEnd) => return Ok(Next::EpochEnd),
            Ok(Message::Failed(error)) => {
                return Err(error.within(format!("batch {} of the generator", self.taken + 1)));
            }
            Err(_) => return Ok(Next::End),
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
    sender: &SyncSender<Message>,
    weights: Option<&BTreeMap<usize, f32>>,
) {
    loop {
        let step = catch_unwind(AssertUnwindSafe(&mut part));
        let message = match step {
            Err(panic) => Message::Failed(panicked(panic.as_ref())),
            Ok(Step::End) => return,
            Ok(Step::EpochEnd) => Message::EpochEnd,
            Ok(Step::Batch(batch)) => match batch.and_then(|batch| prepare(batch, weights)) {
                Ok(prepared) => Message::Batch(Box::new(prepared)),
                Err(error) => Message::Failed(error),
            },
        };
        let last = matches!(message, Message::Failed(_));
        if sender.send(message).is_err() || last {
            return;
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Error::state(format!("the generator panicked: {text}"))
}

/// Copies chosen rows, scales them, and checks what can be checked without the model.
fn prepare(mut batch: Batch, class_weight: Option<&BTreeMap<usize, f32>>) -> Result<Prepared> {
    super::checks::check_data(&batch.x, &batch.y, batch.sample_weight.as_ref())?;
    if let Some(weights) = class_weight {
        let weights = weights_by_class(&batch.y, weights, batch.sample_weight.as_ref())?;
        batch.sample_weight = Some(weights);
    }
    let arrays: Vec<Array> = batch.columns().map(Column::to_array).collect::<Result<_>>()?;
    let inputs = batch.x.len();
    Ok(Prepared {
        spec: FeedSpec::of_batch(arrays.iter().map(Array::ty)),
        samples: batch.samples(),
        weighted: batch.sample_weight.is_some(),
        targets: inputs..inputs + batch.y.len(),
        x: batch.x,
        arrays,
    })
}

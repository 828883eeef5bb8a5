//! Generators: batches made while training runs, for data that are drawn, changed or read on the way.

use super::{Batch, IntoBatch};
use crate::train::DataPlace;
use cornu_graph::Result;
use cornu_graph::philox::Philox;
use std::sync::Arc;

/// Batches that are made one after the other, on threads beside the training.
///
/// [`Model::fit_generator`](crate::model::Model::fit_generator) takes anything that becomes one:
/// a closure that gives a batch at each call, endlessly; a closure that gives `Option`s, and ends
/// with `None`; an iterator of batches; a [`Sequence`], whose batches have numbers. Each batch is
/// what [`IntoBatch`] allows: `(x, y)`, a [`Batch`], a `Result` of one.
///
/// ```
/// use cornu::prelude::*;
///
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("sgd", "mse").build()?;
/// let mut drawn = 0;
/// let batches = || {
///     drawn += 1;
///     let x = Array::new([2, 1], vec![drawn as f32, 1.0])?;
///     Ok((x.clone(), x))
/// };
/// model.fit_generator(batches).steps_per_epoch(10).epochs(2).verbose(0).run()?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// Batches are made before they are wanted, but none in vain if the number of steps is known. A
/// panic of a generator becomes an error. A run that ends early waits for the batch that is being
/// made: a generator that waits for something for ever keeps `fit` from coming back.
pub struct Generator<'a> {
    pub(crate) source: Source<'a>,
    /// How many batches are ready at most.
    pub(crate) queue: usize,
}

/// Keras's default of `max_queue_size`.
const QUEUE: usize = 10;

/// Where the batches come from.
pub(crate) enum Source<'a> {
    /// One after the other.
    Stream {
        next: Box<dyn FnMut() -> Option<Result<Batch>> + Send + 'a>,
        /// Whether it is known that it never ends.
        endless: bool,
    },
    /// Anew for each epoch.
    EachEpoch(Box<dyn Anew + 'a>),
    /// By number, prepared by several threads.
    Sequence { sequence: Arc<dyn Sequence + 'a>, len: usize, workers: usize, shuffle: bool },
}

/// Batches that are made anew for each epoch. (A trait of its own, so that a generator that borrows
/// for long is one that borrows for a shorter time.)
pub(crate) trait Anew: Send {
    /// Begins an epoch.
    fn begin(&mut self, epoch: usize);

    /// Its next batch.
    fn next(&mut self) -> Option<Result<Batch>>;
}

struct EachEpoch<F, I> {
    make: F,
    current: Option<I>,
}

impl<F, I> Anew for EachEpoch<F, I>
where
    F: FnMut(usize) -> I + Send,
    I: Iterator<Item: IntoBatch> + Send,
{
    fn begin(&mut self, epoch: usize) {
        self.current = Some((self.make)(epoch));
    }

    fn next(&mut self) -> Option<Result<Batch>> {
        self.current.as_mut()?.next().map(IntoBatch::into_batch)
    }
}

impl<'a> Generator<'a> {
    /// The batches of an iterator, which is made anew for each epoch: how a finite generator is
    /// used for more than one.
    pub fn each_epoch<I>(batches: impl FnMut(usize) -> I + Send + 'a) -> Generator<'a>
    where
        I: Iterator<Item: IntoBatch> + Send + 'a,
    {
        let batches = EachEpoch { make: batches, current: None };
        Generator::new(Source::EachEpoch(Box::new(batches)))
    }

    /// The batches of a [`Sequence`], in another order in each epoch if `shuffle` is set, prepared
    /// by this many threads. They come in the same order for any number of threads. How many there
    /// are is asked once.
    pub fn sequence(sequence: impl Sequence + 'a, workers: usize, shuffle: bool) -> Generator<'a> {
        let (len, sequence) = (sequence.len(), Arc::new(sequence));
        Generator::new(Source::Sequence { sequence, len, workers: workers.max(1), shuffle })
    }

    fn new(source: Source<'a>) -> Generator<'a> {
        Generator { source, queue: QUEUE }
    }

    /// How many batches are made before they are wanted, at most: 10 unless said otherwise (each
    /// thread of a [`Sequence`] makes at least one). This and the size of a batch bound the memory.
    pub fn max_queue_size(mut self, batches: usize) -> Generator<'a> {
        self.queue = batches.max(1);
        self
    }

    fn stream(next: impl FnMut() -> Option<Result<Batch>> + Send + 'a, endless: bool) -> Self {
        Generator::new(Source::Stream { next: Box::new(next), endless })
    }

    /// The number of batches of an epoch, if it has one.
    pub(crate) fn steps(&self) -> Option<usize> {
        match &self.source {
            Source::Sequence { len, .. } => Some(*len),
            _ => None,
        }
    }

    /// Whether it never ends, so that an epoch must be given a number of steps.
    pub(crate) fn is_endless(&self) -> bool {
        matches!(self.source, Source::Stream { endless: true, .. })
    }

    /// Leaves out what comes after so many batches of each epoch, where batches have numbers.
    pub(crate) fn cut(mut self, steps: Option<usize>) -> Generator<'a> {
        if let (Source::Sequence { len, .. }, Some(steps)) = (&mut self.source, steps) {
            *len = steps.min(*len);
        }
        self
    }

    /// Cuts the work into independent parts, one for each thread. Batch `i` of all comes from part
    /// `i % parts`. Begins at a place, if the generator is one that can begin anew.
    pub(crate) fn into_parts(self, seed: u64, place: DataPlace) -> Vec<Part<'a>> {
        match self.source {
            Source::Stream { mut next, .. } => vec![Box::new(move || match next() {
                Some(batch) => Step::Batch(batch),
                None => Step::End,
            })],
            Source::EachEpoch(batches) => vec![each_epoch(batches, place)],
            Source::Sequence { len: 0, .. } => vec![Box::new(|| Step::End)],
            Source::Sequence { sequence, len, workers, shuffle } => {
                let first = place.epoch * len + place.batches;
                let part = |worker| Numbers {
                    sequence: Arc::clone(&sequence),
                    len,
                    number: first + worker,
                    step: workers,
                    seed: shuffle.then_some(seed),
                    order: (usize::MAX, vec![]),
                };
                (0..workers).map(|worker| part(worker).into_part()).collect()
            }
        }
    }
}

/// What one thread runs, again and again.
pub(crate) type Part<'a> = Box<dyn FnMut() -> Step + Send + 'a>;

/// What comes next from a generator.
pub(crate) enum Step {
    Batch(Result<Batch>),
    /// The end of an epoch; another follows.
    EpochEnd,
    /// There is no more.
    End,
}

fn each_epoch<'a>(mut batches: Box<dyn Anew + 'a>, place: DataPlace) -> Part<'a> {
    let (mut epoch, mut done) = (place.epoch, place.batches);
    let mut begun = false;
    let mut empty = done == 0;
    Box::new(move || {
        if !begun {
            batches.begin(epoch);
            begun = true;
            // What an earlier training took is made again, and left out.
            while done > 0 && batches.next().is_some() {
                done -= 1;
            }
            done = 0;
        }
        if let Some(batch) = batches.next() {
            empty = false;
            return Step::Batch(batch);
        }
        if std::mem::replace(&mut empty, true) {
            // An epoch without batches would go on for ever.
            return Step::End;
        }
        (begun, epoch) = (false, epoch + 1);
        Step::EpochEnd
    })
}

/// Every so many batches of a sequence: the part of one thread.
struct Numbers<'a> {
    sequence: Arc<dyn Sequence + 'a>,
    len: usize,
    /// The batch that comes next, counted over all epochs.
    number: usize,
    step: usize,
    /// Decides the order of each epoch, if it is another each time.
    seed: Option<u64>,
    /// The order of an epoch.
    order: (usize, Vec<u32>),
}

impl<'a> Numbers<'a> {
    fn into_part(mut self) -> Part<'a> {
        Box::new(move || {
            let (epoch, index) = (self.number / self.len, self.number % self.len);
            let index = self.ordered(epoch, index);
            self.number += self.step;
            Step::Batch(self.sequence.get(epoch, index))
        })
    }

    fn ordered(&mut self, epoch: usize, index: usize) -> usize {
        let Some(seed) = self.seed else { return index };
        if self.order.0 != epoch {
            self.order = (epoch, (0..self.len as u32).collect());
            Philox::stream(seed, epoch as u64).shuffle(&mut self.order.1);
        }
        self.order.1[index] as usize
    }
}

/// Batches with numbers, so that several threads can prepare them: Keras's `PyDataset`, in Keras 2
/// `Sequence`.
pub trait Sequence: Send + Sync {
    /// How many batches an epoch has.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A batch of an epoch, both counted from 0.
    ///
    /// # Errors
    /// As it likes; the error ends the training.
    fn get(&self, epoch: usize, index: usize) -> Result<Batch>;
}

/// What [`Model::fit_generator`](crate::model::Model::fit_generator) takes.
///
/// The parameter only tells the ways apart; it is never written.
pub trait IntoGenerator<'a, Way> {
    /// The generator.
    fn into_generator(self) -> Generator<'a>;
}

/// Ways to be a generator.
pub mod ways {
    /// It is one.
    pub struct Itself;
    /// A closure that never ends.
    pub struct Endless;
    /// A closure that ends with `None`.
    pub struct Ending;
    /// An iterator.
    pub struct Items;
}

impl<'a> IntoGenerator<'a, ways::Itself> for Generator<'a> {
    fn into_generator(self) -> Generator<'a> {
        self
    }
}

impl<'a, F, B> IntoGenerator<'a, ways::Endless> for F
where
    F: FnMut() -> B + Send + 'a,
    B: IntoBatch,
{
    fn into_generator(mut self) -> Generator<'a> {
        Generator::stream(move || Some(self().into_batch()), true)
    }
}

impl<'a, F, B> IntoGenerator<'a, ways::Ending> for F
where
    F: FnMut() -> Option<B> + Send + 'a,
    B: IntoBatch,
{
    fn into_generator(mut self) -> Generator<'a> {
        Generator::stream(move || self().map(B::into_batch), false)
    }
}

impl<'a, I> IntoGenerator<'a, ways::Items> for I
where
    I: Iterator<Item: IntoBatch> + Send + 'a,
{
    fn into_generator(mut self) -> Generator<'a> {
        Generator::stream(move || self.next().map(IntoBatch::into_batch), false)
    }
}

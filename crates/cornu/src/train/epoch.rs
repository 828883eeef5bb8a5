//! One epoch's batches after the other.

use super::DataPlace;
use super::source::Source;
use super::stream::Next;
use cornu_graph::{Error, Result};

/// The batches of a run, cut into epochs.
pub struct Epochs {
    pub source: Source,
    /// The steps of an epoch that the user asked for; else an epoch is what the data give.
    asked: Option<usize>,
    /// The steps of an epoch, once they are known.
    known: Option<usize>,
    order: Order,
    begun: bool,
}

/// In which order the batches of resident data come.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// As they are, from the first on, in every epoch: how models are evaluated.
    Anew,
    /// As they are.
    AsTheyAre,
    /// In another order each time, decided by a seed.
    Shuffled(u64),
}

impl Epochs {
    pub fn new(source: Source, asked: Option<usize>, order: Order) -> Epochs {
        // An evaluation takes no sample twice.
        let asked = match (order, source.steps()) {
            (Order::Anew, Some(all)) => asked.map(|asked| asked.min(all)),
            _ => asked,
        };
        let known = asked.or(source.steps());
        Epochs { source, asked, known, order, begun: false }
    }

    /// The steps of an epoch, if they are known.
    pub fn steps(&self) -> Option<usize> {
        self.known
    }

    /// Begins an epoch after so many steps of training. That number decides the order, so that a
    /// training that is taken up again goes on as if it had not been interrupted.
    pub fn begin(&mut self, iterations: u64) {
        // With a number of steps, an epoch goes on in the data where the last one ended.
        if self.asked.is_none() || !self.begun || matches!(self.order, Order::Anew) {
            self.restart(iterations);
        }
        self.begun = true;
    }

    fn restart(&mut self, iterations: u64) {
        self.source.restart(self.seed(), iterations);
    }

    fn seed(&self) -> Option<u64> {
        match self.order {
            Order::Shuffled(seed) => Some(seed),
            Order::Anew | Order::AsTheyAre => None,
        }
    }

    /// Where the run stands in its data.
    pub fn place(&self) -> DataPlace {
        self.source.place()
    }

    /// Goes on from a place. A generator was started there.
    pub fn resume(&mut self, place: DataPlace) {
        self.source.resume(self.seed(), place);
        self.begun = true;
    }

    /// Goes on to the next batch of the epoch, of which `done` are done; false at its end.
    pub fn next(&mut self, done: usize, iterations: impl Fn() -> u64) -> Result<bool> {
        if self.asked.is_some_and(|asked| done >= asked) {
            return Ok(false);
        }
        let mut ends = 0;
        loop {
            match (self.source.advance()?, self.asked) {
                (Next::Batch, _) => return Ok(true),
                (Next::EpochEnd, Some(_)) if ends == 0 => {
                    ends += 1;
                    self.restart(iterations());
                }
                (Next::EpochEnd | Next::End, None) if done > 0 => {
                    self.known = Some(done);
                    return Ok(false);
                }
                (Next::EpochEnd | Next::End, asked) => return Err(ended(done, asked)),
            }
        }
    }
}

fn ended(done: usize, asked: Option<usize>) -> Error {
    let again = "cornu::data::Generator::each_epoch makes a generator anew for each epoch";
    match asked {
        Some(asked) => Error::data(format!(
            "the generator ended after {done} of the {asked} batches of an epoch"
        ))
        .help(format!("let it go on for ever, or ask for fewer steps; {again}")),
        None => Error::data(
            "the generator has no batches left: it ended with an earlier epoch or validation",
        )
        .help(format!("{again}; or train one epoch, or say how many steps an epoch has")),
    }
}

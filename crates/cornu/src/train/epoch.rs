//! One epoch's batches after the other.

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
    /// Decides the order of resident data; `None` leaves them as they are.
    shuffle: Option<u64>,
    begun: bool,
}

impl Epochs {
    pub fn new(source: Source, asked: Option<usize>, shuffle: Option<u64>) -> Epochs {
        let known = asked.or(source.steps());
        Epochs { source, asked, known, shuffle, begun: false }
    }

    /// The steps of an epoch, if they are known.
    pub fn steps(&self) -> Option<usize> {
        self.known
    }

    /// Begins an epoch after so many steps of training. That number decides the order, so that a
    /// training that is taken up again goes on as if it had not been interrupted.
    pub fn begin(&mut self, iterations: u64) {
        // With a number of steps, an epoch goes on in the data where the last one ended.
        if self.asked.is_none() || !self.begun {
            self.restart(iterations);
        }
        self.begun = true;
    }

    fn restart(&mut self, iterations: u64) {
        self.source.restart(self.shuffle.map(|seed| (seed, iterations)));
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
                (Next::EpochEnd, None) if done > 0 => {
                    self.known = Some(done);
                    return Ok(false);
                }
                (Next::End, None) if done > 0 => {
                    self.known = Some(done);
                    return Ok(false);
                }
                (Next::EpochEnd | Next::End, asked) => return Err(self.ended(done, asked)),
            }
        }
    }

    fn ended(&self, done: usize, asked: Option<usize>) -> Error {
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
}

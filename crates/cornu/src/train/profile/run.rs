//! The steps of a profile.

use super::figures::Profile;
use super::timeline::{Span, TimedStep, Timeline};
use super::{Data, Profiler};
use crate::backend;
use crate::model::Built;
use crate::train::Trainer;
use crate::train::run::{Batching, start};
use crate::train::source::Source;
use crate::train::step::{self, Purpose, StepProgram};
use crate::train::stream::Next;
use crate::train::trainer::random_state;
use cornu_graph::{Error, Result};
use std::thread;

/// Steps before the first that counts: memory that is touched first, caches, a processor that wakes
/// up.
const WARM_UP: usize = 5;

/// Ends of epochs and batches of another size, one after the other, that are taken for an end.
const MOST_SKIPPED: usize = 4;

/// Decides the order of batches and what is drawn at random for predictions.
const SEED: u64 = 0;

pub fn run(profiler: Profiler<'_>) -> Result<Profile> {
    let Profiler { model, mut data, purpose, batch_size, steps, .. } = profiler;
    if let (Data::Columns(columns), Purpose::Predict) = (&mut data, purpose) {
        columns.y = vec![];
    }
    thread::scope(|scope| {
        // Those of another size are left out.
        let batches = 2 * (WARM_UP + 2 * steps);
        let options = Batching::to_evaluate(batch_size, Some(batches), SEED);
        let mut source = start(scope, data, &options)?.source;
        let (built, mut trainer) = match purpose {
            Purpose::Predict => (source.build_to_predict(model)?, None),
            Purpose::Train | Purpose::Evaluate => {
                let built = source.build(model)?;
                (built, Some(model.trainer_mut("profile")?.anew()))
            }
        };
        if let Some(trainer) = &mut trainer {
            source.prepare(trainer, &built, purpose)?;
        }
        let shuffled = (purpose == Purpose::Train).then_some(SEED);
        let mut batches = Batches::new(source, shuffled);
        batches.next()?;
        let mut program = build(&batches.source, &built, trainer.as_mut(), purpose)?;
        let machine = backend::measure_machine();
        let before = program.snapshot();
        let timed = time(&mut program, &mut batches, steps);
        program.restore(before);
        let samples = batches.source.samples();
        let is_streamed = matches!(batches.source, Source::Stream(_));
        let (whole, timed) = timed?;
        let machine = machine.best(&backend::measure_machine());
        Ok(Profile::new((purpose, samples), machine, program.plan(), &whole, timed, is_streamed))
    })
}

/// The program of the batch. It is not kept: a profile leaves nothing behind.
fn build(
    source: &Source,
    built: &Built,
    trainer: Option<&mut Trainer>,
    purpose: Purpose,
) -> Result<StepProgram> {
    if purpose == Purpose::Predict {
        source.check_to_predict(built)?;
    }
    let random = match &trainer {
        Some(trainer) => trainer.state.random.clone(),
        None => random_state(SEED),
    };
    step::build(built, trainer, purpose, source.samples(), source.spec(), &random)
        .and_then(|program| match purpose {
            Purpose::Predict => program.in_one(),
            Purpose::Train | Purpose::Evaluate => Ok(program),
        })
        .map_err(|e| source.locate(e))
}

/// Runs steps: one is timed as a whole, as it is in a training, the next op by op.
fn time(
    program: &mut StepProgram,
    batches: &mut Batches,
    steps: usize,
) -> Result<(Vec<Span>, Vec<TimedStep>)> {
    let mut clock = Timeline::new(program.plan().steps().len());
    for _ in 0..WARM_UP {
        program.run_observed(batches.source.data(), &mut clock)?;
        batches.next()?;
    }
    let (mut whole, mut timed) = (vec![], vec![]);
    for step in 0..steps {
        let (span, done) = clock.time(|_| program.run(batches.source.data()));
        done?;
        whole.push(span);
        let (waiting, next) = clock.time(|_| batches.next());
        next?;
        let data = batches.source.data();
        let (span, done) = clock.time(|clock| program.run_observed(data, clock));
        done?;
        timed.push(TimedStep { waiting, whole: span, ops: clock.ops() });
        if step + 1 < steps {
            batches.next()?;
        }
    }
    Ok((whole, timed))
}

/// The batches of a source, without end, that are as large as its first: the last of an epoch may
/// be smaller.
struct Batches {
    source: Source,
    size: Option<usize>,
    /// Decides the order of resident data, if they are shuffled.
    seed: Option<u64>,
    /// How often the data were begun anew.
    number: u64,
}

impl Batches {
    fn new(mut source: Source, seed: Option<u64>) -> Batches {
        source.restart(seed, 0);
        Batches { source, size: None, seed, number: 0 }
    }

    fn next(&mut self) -> Result<()> {
        for _ in 0..MOST_SKIPPED {
            match self.source.advance()? {
                Next::Batch => {
                    let samples = self.source.samples();
                    if *self.size.get_or_insert(samples) == samples {
                        return Ok(());
                    }
                }
                Next::EpochEnd => {
                    self.number += 1;
                    self.source.restart(self.seed, self.number);
                }
                Next::End => break,
            }
        }
        let size = self.size.unwrap_or_default();
        let message = format!("the generator has not enough batches of {size} samples");
        Err(Error::data(message).help("let it go on for ever, or ask for fewer .steps(…)"))
    }
}

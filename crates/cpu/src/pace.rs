//! On how many threads a program runs best, found out by running it.
//!
//! Two cores may be 30 ns apart or 300, and where they belong to somebody else's machine that changes
//! within minutes. A step of 150 µs takes 105 on two threads if they are near, and 220 if they are
//! far. So a program tries from time to time what another number of threads would do, and stays with
//! the faster one. What it computes does not depend on that: the work is cut when the program is
//! made, and only who does the parts changes.

use std::time::Duration;

/// Runs whose shortest time is taken, so that what else the machine did does not count.
const SAMPLES: usize = 4;
/// Runs after a change whose times do not count: what is in which cache must settle.
const SETTLING: usize = 1;
/// Runs between two trials: after one that changed something, and at most, when many have not.
const SOON: usize = 128;
const LATE: usize = 2048;
/// By how much that grows with each trial that has lost.
const PATIENCE: usize = 4;
/// A single run that is slower by this factor ends a trial.
const FAR: f64 = 1.25;
/// What a trial must win, lest the number of threads goes to and fro for nothing.
const GAIN: f64 = 0.97;
/// Longer runs are not tried otherwise: all threads have enough to do.
const LONGEST: Duration = Duration::from_millis(3);

/// The number of threads of a program, and what is known of others.
pub(crate) struct Pace {
    /// All threads.
    most: usize,
    /// Those that are best, as far as is known.
    best: usize,
    phase: Phase,
    /// How many runs lie between two trials.
    wait: usize,
    /// Whether the next trial is on more threads or on fewer.
    up: bool,
}

/// What the coming runs are for.
enum Phase {
    /// Only for themselves, so many of them.
    Rest(usize),
    /// To be timed on the best number.
    Before(Sample),
    /// To be timed on another number; the first time is what it must beat.
    Trial(Duration, usize, Sample),
}

/// The shortest time of some runs.
struct Sample {
    shortest: Duration,
    /// The runs that are still to come, those that do not count first.
    left: usize,
}

impl Sample {
    fn new(ignored: usize) -> Sample {
        Sample { shortest: Duration::MAX, left: ignored + SAMPLES }
    }

    /// The shortest time, when all runs are done.
    fn add(&mut self, time: Duration) -> Option<Duration> {
        if self.left <= SAMPLES {
            self.shortest = self.shortest.min(time);
        }
        self.left -= 1;
        (self.left == 0).then_some(self.shortest)
    }
}

impl Pace {
    /// A program that may run on so many threads, and does at first.
    pub(crate) fn new(most: usize) -> Pace {
        Pace { most, best: most, phase: Phase::Rest(SOON / 4), wait: SOON, up: false }
    }

    /// On how many threads the next run is.
    pub(crate) fn threads(&self) -> usize {
        match self.phase {
            Phase::Trial(_, threads, _) => threads,
            _ => self.best,
        }
    }

    /// Tells how long a run took, with nothing else on those threads.
    pub(crate) fn took(&mut self, time: Duration) {
        if self.most == 1 {
            return;
        }
        match &mut self.phase {
            Phase::Rest(0) => self.phase = Phase::Before(Sample::new(0)),
            Phase::Rest(left) => *left -= 1,
            Phase::Before(sample) => {
                if let Some(before) = sample.add(time) {
                    self.begin_trial(before);
                }
            }
            Phase::Trial(before, threads, sample) => {
                let (before, threads) = (*before, *threads);
                let counts = sample.left <= SAMPLES;
                let end = sample.add(time);
                let lost = Some(time).filter(|time| counts && *time > before.mul_f64(FAR));
                if let Some(after) = end.or(lost) {
                    self.end_trial(before, after, threads);
                }
            }
        }
    }

    /// Tells that others had some of those threads, so that the time of a run says nothing.
    pub(crate) fn disturbed(&mut self) {
        // Nobody chose what a trial of more threads than are there runs on.
        if matches!(self.phase, Phase::Trial(_, threads, _) if threads > self.best) {
            self.phase = Phase::Rest(self.wait);
        }
    }

    fn begin_trial(&mut self, before: Duration) {
        if before > LONGEST {
            (self.best, self.phase) = (self.most, Phase::Rest(LATE));
            return;
        }
        self.up = self.best == 1 || (self.up && self.best < self.most);
        let other = if self.up { (2 * self.best).min(self.most) } else { self.best.div_ceil(2) };
        self.phase = Phase::Trial(before, other, Sample::new(SETTLING));
    }

    fn end_trial(&mut self, before: Duration, after: Duration, threads: usize) {
        let ratio = after.as_secs_f64() / before.as_secs_f64().max(1e-9);
        if ratio < GAIN {
            (self.best, self.wait) = (threads, SOON);
        } else {
            self.up = !self.up;
            self.wait = (PATIENCE * self.wait).min(LATE);
        }
        self.phase = Phase::Rest(self.wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program whose time depends on the threads; tells on how many it ran how often.
    fn run(pace: &mut Pace, runs: usize, micros: impl Fn(usize) -> u64) -> Vec<usize> {
        let mut counts = vec![0; pace.most + 1];
        for _ in 0..runs {
            let threads = pace.threads();
            counts[threads] += 1;
            pace.took(Duration::from_micros(micros(threads)));
        }
        counts
    }

    #[test]
    fn the_faster_number_of_threads_is_found_again_and_again() {
        let mut pace = Pace::new(2);
        let near = |threads| [0, 150, 105][threads];
        let far = |threads| [0, 150, 220][threads];
        let counts = run(&mut pace, 20_000, near);
        assert!(counts[1] < 200, "{counts:?}");
        let counts = run(&mut pace, 20_000, far);
        assert!(counts[2] < 5000 && pace.threads() == 1, "{counts:?}");
        let counts = run(&mut pace, 20_000, near);
        assert!(counts[1] < 5000 && pace.threads() == 2, "{counts:?}");
    }

    #[test]
    fn among_many_threads_the_best_number_is_found() {
        let cases = [(40, 1), (40, 4), (40, 16), (40, 40), (3, 2), (5, 3), (7, 4), (7, 7)];
        for (most, best) in cases {
            let mut pace = Pace::new(most);
            let time =
                |threads: usize| 100 + 20 * threads.max(best) as u64 / threads.min(best) as u64;
            run(&mut pace, 10_000, time);
            let counts = run(&mut pace, 20_000, time);
            let found = (1..=most).max_by_key(|&threads| counts[threads]).unwrap();
            assert!(found.abs_diff(best) <= best / 4, "{found}, not {best}: {counts:?}");
        }
    }

    #[test]
    fn a_run_that_is_disturbed_changes_nothing() {
        let mut pace = Pace::new(2);
        for run in 0..10_000 {
            let time = if pace.threads() == 2 { 100 } else { 120 };
            let disturbed = if run % 3 == 0 { 1000 } else { 0 };
            pace.took(Duration::from_micros(time + disturbed));
        }
        assert_eq!(pace.best, 2);
    }

    #[test]
    fn long_runs_and_single_threads_are_left_alone() {
        let counts = run(&mut Pace::new(4), 10_000, |_| 10_000);
        assert_eq!(counts, [0, 0, 0, 0, 10_000]);
        // Once they are long, all threads take part again.
        let mut pace = Pace::new(4);
        run(&mut pace, 3000, |threads| 10 * threads as u64);
        assert_eq!(pace.best, 1);
        run(&mut pace, 3000, |threads| 20_000 / threads as u64);
        assert_eq!(pace.best, 4);
        let counts = run(&mut Pace::new(1), 10_000, |_| 10);
        assert_eq!(counts, [0, 10_000]);
    }
}

//! The clock beside a step.

use cornu_graph::Observer;
use std::time::Instant;

/// When something began and ended, in nanoseconds since the profile began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub begin: u64,
    pub end: u64,
}

impl Span {
    pub fn nanoseconds(self) -> u64 {
        self.end - self.begin
    }
}

/// One step with its ops, and the time before it in which it waited for its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedStep {
    pub waiting: Span,
    pub whole: Span,
    /// In the order of the plan.
    pub ops: Vec<Span>,
}

impl TimedStep {
    /// The nanoseconds of all ops.
    pub fn in_ops(&self) -> u64 {
        self.ops.iter().map(|op| op.nanoseconds()).sum()
    }
}

/// What the clock showed.
pub struct Timeline {
    start: Instant,
    /// Of the step that runs.
    ops: Vec<Span>,
}

impl Timeline {
    /// A clock for steps of so many ops. It allocates nothing while a step runs.
    pub fn new(ops: usize) -> Timeline {
        Timeline { start: Instant::now(), ops: vec![Span::default(); ops] }
    }

    /// Times something.
    pub fn time<T>(&mut self, body: impl FnOnce(&mut Timeline) -> T) -> (Span, T) {
        let begin = self.now();
        let result = body(self);
        (Span { begin, end: self.now() }, result)
    }

    /// The ops of the last step.
    pub fn ops(&self) -> Vec<Span> {
        self.ops.clone()
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}

impl Observer for Timeline {
    fn begin(&mut self, step: usize) {
        self.ops[step].begin = self.now();
    }

    fn end(&mut self, step: usize) {
        self.ops[step].end = self.now();
    }
}

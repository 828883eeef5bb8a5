//! The figures of a profile.

use super::label::label;
use super::timeline::{Span, TimedStep};
use crate::train::Purpose;
use cornu_cpu::Machine;
use cornu_graph::cost::{Cost, cost};
use cornu_graph::op::Precision;
use cornu_graph::plan::{Buffer, Place, Step, StepKind};
use cornu_graph::{Op, Phase, Plan, TensorType};

/// What a step costs, op by op. Printed, it is a table.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What the step is for.
    pub purpose: Purpose,
    /// Samples of a step.
    pub batch_size: usize,
    /// What the machine can do at most with the threads that were used.
    pub machine: Machine,
    /// The ops in the order in which they run.
    pub ops: Vec<OpProfile>,
    /// Seconds of a whole step without the clock beside its ops: the median. The batch is there.
    pub step_seconds: f64,
    /// Seconds that a step waits for its batch, if a generator makes it: the median.
    pub waiting_seconds: Option<f64>,
    /// Bytes for values between the ops.
    pub arena_bytes: usize,
    /// Bytes of weights, of what the optimizer remembers and of other variables of the step.
    pub variable_bytes: usize,
    /// Each step whose ops were timed.
    pub(super) timed: Vec<TimedStep>,
}

/// What an op of a step costs.
#[derive(Clone, Debug)]
pub struct OpProfile {
    /// The layer (with those that it is in), or `data`, `loss`, `metrics`, `optimizer`. A loop that
    /// was made of ops of several layers counts for that of its first result.
    pub layer: String,
    /// Which part of the step it belongs to; a loop as its first result does.
    pub phase: Phase,
    /// The op with its shapes in short: `matmul 128x784 784x512`.
    pub op: String,
    /// The types of what it reads.
    pub inputs: Vec<TensorType>,
    /// The types of what it writes.
    pub outputs: Vec<TensorType>,
    /// Arithmetic and memory.
    pub cost: Cost,
    /// Seconds that it took: the median of all steps.
    pub seconds: f64,
    /// Seconds that it took at its fastest.
    pub fastest_seconds: f64,
    /// Seconds that the machine would need at least: for the arithmetic in registers or for reading
    /// as many bytes from the smallest cache that they fit, whichever is longer.
    pub floor_seconds: f64,
}

impl Profile {
    pub(super) fn new(
        (purpose, batch_size): (Purpose, usize),
        machine: Machine,
        plan: &Plan,
        whole: &[Span],
        timed: Vec<TimedStep>,
        is_streamed: bool,
    ) -> Profile {
        let ops = plan.steps().iter().enumerate().map(|(index, step)| {
            let times: Vec<u64> = timed.iter().map(|t| t.ops[index].nanoseconds()).collect();
            OpProfile::new(plan, step, &times, &machine)
        });
        let waiting: Vec<u64> = timed.iter().map(|t| t.waiting.nanoseconds()).collect();
        let whole: Vec<u64> = whole.iter().map(|span| span.nanoseconds()).collect();
        Profile {
            purpose,
            batch_size,
            ops: ops.collect(),
            step_seconds: median(&whole),
            waiting_seconds: is_streamed.then(|| median(&waiting)),
            arena_bytes: plan.arena_bytes(),
            variable_bytes: plan.variables().iter().map(TensorType::bytes).sum(),
            machine,
            timed,
        }
    }

    /// How many steps were timed op by op.
    pub fn steps(&self) -> usize {
        self.timed.len()
    }

    /// The seconds of all ops of a step: the median. A little more than the sum of their medians,
    /// as in every step some take longer.
    pub fn ops_seconds(&self) -> f64 {
        median(&self.timed.iter().map(TimedStep::in_ops).collect::<Vec<_>>())
    }

    /// The seconds of a step that belong to no op, the median: gathering what it is fed, going from
    /// op to op, and looking at the clock.
    pub fn between_seconds(&self) -> f64 {
        let between = |step: &TimedStep| step.whole.nanoseconds().saturating_sub(step.in_ops());
        median(&self.timed.iter().map(between).collect::<Vec<_>>())
    }

    /// The seconds that the machine would need at least for all ops, one after the other.
    pub fn floor_seconds(&self) -> f64 {
        self.ops.iter().map(|op| op.floor_seconds).sum()
    }

    /// What all ops cost.
    pub fn cost(&self) -> Cost {
        self.ops.iter().fold(Cost::default(), |sum, op| sum + op.cost)
    }
}

impl OpProfile {
    fn new(plan: &Plan, step: &Step, times: &[u64], machine: &Machine) -> OpProfile {
        let graph = plan.graph();
        let types = |buffers: &[Buffer]| buffers.iter().map(|b| b.ty.clone()).collect();
        let (inputs, outputs): (Vec<TensorType>, Vec<TensorType>) =
            (types(&step.inputs), types(&step.outputs));
        let read: Vec<&TensorType> = inputs.iter().collect();
        let (layer, phase, cost, precision) = match step.kind {
            StepKind::Node(id) => {
                let node = graph.node(id);
                let layer = node.origin.as_deref().unwrap_or("");
                (layer, node.phase, cost(&node.op, &read, &outputs), node.op.precision())
            }
            // A new value of a variable that could not be written where it belongs at once.
            StepKind::Copy => {
                let copy = Op::Reshape(outputs[0].shape.clone());
                ("", copied_in(step), cost(&copy, &read, &outputs), Precision::Float32)
            }
        };
        OpProfile {
            layer: layer.to_owned(),
            phase,
            op: label(graph, step),
            cost,
            seconds: median(times),
            fastest_seconds: times.iter().min().map_or(0.0, |&time| seconds(time)),
            floor_seconds: machine.floor(cost, precision, touched(step, cost)),
            inputs,
            outputs,
        }
    }

    /// Billions of operations for each second.
    pub fn gflops(&self) -> f64 {
        per_second(self.cost.flops, self.seconds)
    }

    /// Billions of bytes for each second, read and written.
    pub fn gigabytes(&self) -> f64 {
        per_second(self.cost.bytes(), self.seconds)
    }

    /// Which part of its time the machine would need at least: 1 is as fast as can be.
    pub fn share_of_floor(&self) -> f64 {
        if self.seconds > 0.0 { self.floor_seconds / self.seconds } else { 1.0 }
    }
}

fn copied_in(step: &Step) -> Phase {
    match step.outputs[0].place {
        Place::Variable(_) => Phase::Update,
        _ => Phase::Forward,
    }
}

/// The bytes of memory that an instruction touches: what is written in place is there once, and of a
/// table only the rows that are read count.
fn touched(step: &Step, cost: Cost) -> usize {
    let mut places: Vec<Place> = vec![];
    let mut bytes = 0;
    for buffer in step.inputs.iter().chain(&step.outputs) {
        if !places.contains(&buffer.place) {
            places.push(buffer.place);
            bytes += buffer.ty.bytes();
        }
    }
    bytes.min(cost.bytes() as usize)
}

/// The middle of some times in nanoseconds, in seconds, so that interruptions do not count.
fn median(times: &[u64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map_or(0.0, |&time| seconds(time))
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 * 1e-9
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds * 1e-9 } else { 0.0 }
}

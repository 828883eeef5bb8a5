//! From a graph to a plan: the order of execution, and a place for every value.
//!
//! Intermediate values share one arena: two values whose lifetimes do not overlap may take the same
//! bytes. New values of variables are written straight into the variables where that is safe.

mod memory;
mod order;
mod steps;

pub use order::order;

use crate::graph::{Node, NodeId};
use crate::{Graph, TensorType};
use std::ops::Range;

/// Bytes to which every arena offset is aligned: a cache line, and the widest vector register.
pub const ALIGNMENT: usize = 64;

/// Where the bytes of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The `n`-th array fed to the run.
    Input(usize),
    /// The `n`-th variable.
    Variable(usize),
    /// The constant of this node.
    Constant(NodeId),
    /// This many bytes into the arena.
    Arena(usize),
}

/// A value an instruction reads or writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// Where it is.
    pub place: Place,
    /// Its dtype and shape (all sizes known).
    pub ty: TensorType,
}

/// One instruction of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// What to do.
    pub kind: StepKind,
    /// What it reads, in the order of the op's inputs.
    pub inputs: Vec<Buffer>,
    /// What it writes. An output may be the very place of an elementwise input (in place).
    pub outputs: Vec<Buffer>,
    /// Scratch memory in the arena, as many bytes as the executor asked for.
    pub scratch: Option<Range<usize>>,
}

/// What a [`Step`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Runs the op of this node.
    Node(NodeId),
    /// Copies its input to its output, of the same type.
    Copy,
}

/// Choices of the planner.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Let elementwise ops write over an input that is not needed any more.
    pub in_place: bool,
    /// Let values share bytes of the arena.
    pub reuse: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { in_place: true, reuse: true }
    }
}

/// A graph with the order and the memory of its execution.
#[derive(Clone, Debug)]
pub struct Plan {
    graph: Graph,
    steps: Vec<Step>,
    outputs: Vec<Buffer>,
    inputs: Vec<TensorType>,
    variables: Vec<TensorType>,
    arena: usize,
}

impl Plan {
    /// Plans a graph. `scratch` tells how many bytes of scratch memory a node's kernel wants, given
    /// the types of its inputs.
    pub fn new(
        graph: Graph,
        options: Options,
        scratch: impl Fn(&Node, &[&TensorType]) -> usize,
    ) -> Plan {
        steps::plan(graph, options, scratch)
    }

    /// The planned graph: constants and the attributes of ops are looked up here.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The instructions in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Where the graph's outputs are when a run ends; always in the arena.
    pub fn outputs(&self) -> &[Buffer] {
        &self.outputs
    }

    /// The types of the arrays fed to a run.
    pub fn inputs(&self) -> &[TensorType] {
        &self.inputs
    }

    /// The types of the variables.
    pub fn variables(&self) -> &[TensorType] {
        &self.variables
    }

    /// Bytes of the arena.
    pub fn arena_bytes(&self) -> usize {
        self.arena
    }
}

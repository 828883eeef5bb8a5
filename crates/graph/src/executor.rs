//! The seam behind which a backend lives.
//!
//! This is the line where another engine (a GPU, another library's kernels) is put in: it takes a
//! finished [`Plan`] and runs it. Gradients, passes and the memory plan are done before.

use crate::graph::Node;
use crate::{Array, Elements, Error, Op, Plan, Result, TensorType};

/// A backend: it turns plans into programs.
pub trait Executor: Send + Sync {
    /// A short name for messages: `"cpu"`.
    fn name(&self) -> &'static str;

    /// Whether the backend has a kernel for this op on inputs of these types.
    fn supports(&self, op: &Op, inputs: &[&TensorType]) -> bool;

    /// How many bytes of scratch memory the op's kernel wants. The plan hands it in, so that
    /// nothing allocates during a run.
    fn scratch(&self, node: &Node, inputs: &[&TensorType]) -> usize;

    /// Makes a plan ready to run.
    ///
    /// # Errors
    /// If the plan needs an op that the backend does not support.
    fn load(&self, plan: Plan) -> Result<Box<dyn Program>>;
}

/// A plan that is ready to run, with its memory.
pub trait Program: Send {
    /// Runs once: reads the inputs, updates the variables in place, keeps the outputs until the
    /// next run. Does not allocate.
    ///
    /// # Errors
    /// If the number or types of inputs or variables are not those of the graph.
    fn run(&mut self, inputs: &[&Array], variables: &mut [&mut Array]) -> Result<()>;

    /// As [`Program::run`], on elements that need be in no [`Array`]. Their number is checked; their
    /// shape is the program's.
    ///
    /// # Errors
    /// If the inputs have other dtypes or numbers of elements than those of the graph; as
    /// [`Program::run`] for variables.
    fn run_on(&mut self, inputs: &[Elements<'_>], variables: &mut [&mut Array]) -> Result<()>;

    /// As [`Program::run_on`], and tells when each instruction begins and ends.
    ///
    /// # Errors
    /// As [`Program::run_on`].
    fn run_observed(
        &mut self,
        inputs: &[Elements<'_>],
        variables: &mut [&mut Array],
        observer: &mut dyn Observer,
    ) -> Result<()>;

    /// The plan.
    fn plan(&self) -> &Plan;

    /// The elements of the `index`-th output of the last run, where they are.
    ///
    /// # Errors
    /// If there is no such output.
    fn elements(&self, index: usize) -> Result<Elements<'_>>;

    /// A copy of the `index`-th output of the last run.
    fn output(&self, index: usize) -> Array;

    /// Copies the `index`-th output of the last run into an array of its type, without allocating.
    ///
    /// # Errors
    /// If the array is of another type.
    fn read_output(&self, index: usize, into: &mut Array) -> Result<()>;
}

/// Follows a run, instruction by instruction. An instruction is known by its place in
/// [`Plan::steps`].
pub trait Observer {
    /// An instruction begins.
    fn begin(&mut self, step: usize);

    /// It has ended.
    fn end(&mut self, step: usize);
}

/// The observer of a run that nobody follows.
pub struct Nobody;

impl Observer for Nobody {
    fn begin(&mut self, _: usize) {}

    fn end(&mut self, _: usize) {}
}

/// The check that every backend's `load` begins with.
///
/// # Errors
/// If a node's op is not supported.
pub fn check_support(executor: &dyn Executor, plan: &Plan) -> Result<()> {
    let graph = plan.graph();
    for node in graph.nodes() {
        let inputs: Vec<&TensorType> = node.inputs.iter().map(|&i| graph.ty(i)).collect();
        if !executor.supports(&node.op, &inputs) {
            return Err(Error::new(
                crate::ErrorKind::Unsupported,
                format!("the {} backend has no kernel for {:?}", executor.name(), node.op),
            ));
        }
    }
    Ok(())
}

//! A loss that is not a number: stopping, and finding where it began.

use super::feeds::StepData;
use super::step::StepProgram;
use cornu_graph::{Array, Error, ErrorKind, interpret, print};

/// The error for a loss that became NaN or infinite.
pub fn not_finite(epoch: usize, step: usize) -> Error {
    Error::new(
        ErrorKind::NotFinite,
        format!("the loss is not finite after step {} of epoch {}", step + 1, epoch + 1),
    )
    .help(
        "check the data for NaN, lower the learning rate or set clipnorm; .trace_nan(true) finds \
         the first op that made it, .allow_nan(true) trains on",
    )
}

/// Runs the step again, slowly, and names the first op whose result is not finite although what
/// it was given is.
pub fn locate(
    error: Error,
    program: &mut StepProgram,
    data: StepData<'_>,
    before: &[Array],
) -> Error {
    let inputs = program.fed(data);
    let found = interpret::first_not_finite(&program.graph, &inputs, before);
    let Ok(Some(id)) = found else { return error };
    let node = program.graph.node(id);
    let place = node.origin.as_deref().unwrap_or("the loss, the gradients or the update");
    error.within(format!("first in {} of {place}", print::name(&node.op)))
}

//! A model as a function: the same expressions on other inputs.

use super::{Composite, Kind, Tensor};
use crate::layers::Call;
use cornu_graph::{Dim, Error, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// Rebuilds `outputs` with `arguments` in the place of `inputs`.
///
/// # Errors
/// If the arguments do not have the shapes of the inputs.
pub(crate) fn replay(
    inputs: &[Tensor],
    outputs: &[Tensor],
    arguments: &[Tensor],
) -> Result<Vec<Tensor>> {
    if inputs.len() != arguments.len() {
        return Err(Error::value(format!(
            "the model has {} inputs but was called with {}",
            inputs.len(),
            arguments.len()
        )));
    }
    let mut batch = Dim::BATCH;
    for (i, (input, argument)) in inputs.iter().zip(arguments).enumerate() {
        argument.check()?;
        batch = matching_batch(input, argument, batch).ok_or_else(|| {
            Error::shape(format!(
                "input {i} of the model has shape {}, but it was called with {}",
                input.shape(),
                argument.shape()
            ))
        })?;
    }
    let bound = inputs.iter().zip(arguments).map(|(i, a)| (i.id(), a.clone())).collect();
    let mut replay = Replay { bound, calls: HashMap::new(), batch };
    Ok(outputs.iter().map(|output| replay.tensor(output)).collect())
}

/// What stands for the batch, if the argument fits the input.
fn matching_batch(input: &Tensor, argument: &Tensor, batch: Dim) -> Option<Dim> {
    let (expected, given) = (input.shape().dims(), argument.shape().dims());
    let batch = match (expected.first(), given.first()) {
        (Some(Dim::Batch(1)), Some(&given)) => given,
        _ => batch,
    };
    let fits = input.shape().with_batch(batch).dims() == given;
    fits.then_some(batch)
}

struct Replay {
    bound: HashMap<u64, Tensor>,
    /// The results of each call of a layer.
    calls: HashMap<*const Call, Vec<Tensor>>,
    batch: Dim,
}

impl Replay {
    fn tensor(&mut self, tensor: &Tensor) -> Tensor {
        if let Some(known) = self.bound.get(&tensor.id()) {
            return known.clone();
        }
        let new = match tensor.kind() {
            Kind::Error(_)
            | Kind::Input { .. }
            | Kind::Constant(_)
            | Kind::Variable(_)
            | Kind::RandomState => tensor.clone(),
            Kind::Op(op, inputs) => {
                let inputs = self.tensors(inputs);
                Tensor::op(op.with_batch(self.batch), &inputs.iter().collect::<Vec<_>>())
            }
            Kind::Composite(Composite { operation, inputs, body }) => {
                let inputs = self.tensors(inputs);
                let body = self.tensor(body);
                Tensor::named(operation.clone(), &inputs.iter().collect::<Vec<_>>(), body)
            }
            Kind::Call(call, index) => {
                let key = Arc::as_ptr(call);
                if !self.calls.contains_key(&key) {
                    let inputs = self.tensors(&call.inputs);
                    self.calls.insert(key, call.layer.call_all(&inputs));
                }
                let results = &self.calls[&key];
                // A mistake is one tensor, whatever the number of results.
                results.get(*index).unwrap_or(&results[0]).clone()
            }
        };
        self.bound.insert(tensor.id(), new.clone());
        new
    }

    fn tensors(&mut self, tensors: &[Tensor]) -> Vec<Tensor> {
        tensors.iter().map(|t| self.tensor(t)).collect()
    }
}

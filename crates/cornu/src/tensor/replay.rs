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
    let mut replay = Replay { bound, calls: HashMap::new(), batch, expands: |_| false };
    Ok(outputs.iter().map(|output| replay.tensor(output)).collect())
}

/// Rebuilds `outputs` with some named functions as what they are made of.
pub(crate) fn expand(
    inputs: &[Tensor],
    outputs: &[Tensor],
    expands: fn(&Composite) -> bool,
) -> Vec<Tensor> {
    let bound = inputs.iter().map(|input| (input.id(), input.clone())).collect();
    let mut replay = Replay { bound, calls: HashMap::new(), batch: Dim::BATCH, expands };
    outputs.iter().map(|output| replay.tensor(output)).collect()
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
    /// Which named functions become what they are made of.
    expands: fn(&Composite) -> bool,
}

impl Replay {
    /// Rebuilds a tensor. With a stack of its own: expressions may be deeper than the thread's.
    fn tensor(&mut self, tensor: &Tensor) -> Tensor {
        let mut open = vec![tensor.clone()];
        while let Some(next) = open.last().cloned() {
            let missing: Vec<Tensor> = match self.bound.contains_key(&next.id()) {
                true => vec![],
                false => self.missing(&next),
            };
            if missing.is_empty() {
                self.rebuild(&next);
                open.pop();
            } else {
                open.extend(missing.into_iter().rev());
            }
        }
        self.known(tensor)
    }

    /// What must be rebuilt before a tensor.
    fn missing(&self, tensor: &Tensor) -> Vec<Tensor> {
        let named = match tensor.kind() {
            Kind::Composite(composite) => &composite.inputs[..],
            _ => &[],
        };
        let needs = named.iter().chain(tensor.sources());
        needs.filter(|t| !self.bound.contains_key(&t.id())).cloned().collect()
    }

    fn rebuild(&mut self, tensor: &Tensor) {
        if self.bound.contains_key(&tensor.id()) {
            return;
        }
        let new = match tensor.kind() {
            Kind::Error(_)
            | Kind::Input { .. }
            | Kind::Constant(_)
            | Kind::Variable(_)
            | Kind::RandomState => tensor.clone(),
            Kind::Op(op, inputs) => {
                let inputs = self.all_known(inputs);
                Tensor::op(op.with_batch(self.batch), &inputs.iter().collect::<Vec<_>>())
            }
            Kind::Composite(composite) if (self.expands)(composite) => self.known(&composite.body),
            Kind::Composite(Composite { operation, inputs, body }) => {
                let inputs = self.all_known(inputs);
                let inputs: Vec<&Tensor> = inputs.iter().collect();
                Tensor::named(operation.clone(), &inputs, self.known(body))
            }
            Kind::Call(call, index) => {
                let key = Arc::as_ptr(call);
                if !self.calls.contains_key(&key) {
                    let inputs = self.all_known(&call.inputs);
                    self.calls.insert(key, call.layer.call_all(&inputs));
                }
                let results = &self.calls[&key];
                // A mistake is one tensor, whatever the number of results.
                results.get(*index).unwrap_or(&results[0]).clone()
            }
        };
        self.bound.insert(tensor.id(), new);
    }

    fn known(&self, tensor: &Tensor) -> Tensor {
        self.bound[&tensor.id()].clone()
    }

    fn all_known(&self, tensors: &[Tensor]) -> Vec<Tensor> {
        tensors.iter().map(|t| self.known(t)).collect()
    }
}

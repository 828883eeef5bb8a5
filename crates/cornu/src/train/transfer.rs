//! The optimizer's state to and from Keras's order.

use super::Trainer;
use super::state::State;
use crate::optimizers::{Entry, Era, Memory, Optimizer, WeightSpec, layout, slot_of_name};
use crate::variable::Variable;
use cornu_graph::{Array, DType, Error, Result};
use std::collections::HashMap;

/// Keras's optimizer that scales losses has four variables of its own before those of the one inside:
/// its number of steps, its learning rate, the steps since the scale changed, the scale.
const OF_LOSS_SCALE: usize = 4;

impl Trainer {
    /// The optimizer's variables in the order in which Keras 3.10 and later keeps them: what stands at
    /// `optimizer/vars/0` and on in a file. `weights` are the trainable ones in the model's order.
    /// Before the first step they have the values that they begin with.
    ///
    /// What is missing is the random state, which Keras does not save. Nothing else is needed to go on
    /// to the bit.
    pub fn keras_optimizer_variables(&self, weights: &[Variable]) -> Vec<Variable> {
        let memories: Vec<_> = weights.iter().map(|w| self.state.known_or_first(w)).collect();
        let entries = entries(self.optimizer.as_ref(), weights, Era::Now);
        entries.iter().enumerate().map(|(i, e)| self.state.variable(e, &memories, i)).collect()
    }

    /// Goes on with the variables of Keras's optimizer, in the order in which the version kept them.
    ///
    /// # Errors
    /// If they are not as many as this optimizer has, or have other shapes: then all stays as it is.
    pub fn assign_keras_optimizer_variables(
        &mut self,
        weights: &[Variable],
        mut arrays: Vec<Array>,
        version: Option<(u32, u32)>,
    ) -> Result<()> {
        let era = Era::of(version);
        let known = entries(self.optimizer.as_ref(), weights, era).len();
        if arrays.len() == known + OF_LOSS_SCALE {
            arrays.drain(..OF_LOSS_SCALE);
        }
        if arrays.len() + 1 == known
            && arrays.first().is_some_and(|first| first.dtype() == DType::I32)
            && let Some(rate) = &self.state.learning_rate
        {
            // Keras 2 has no learning rate among them; it stands in the configuration.
            arrays.insert(1.min(arrays.len()), rate.value());
        }
        let targets = self.targets(weights, era, &arrays).or_else(|error| {
            // A file that does not say its version, or says another than that of its optimizer.
            self.targets(weights, era.other(), &arrays).map_err(|_| error)
        })?;
        self.decide_trained(weights);
        self.assign_all(weights, &targets, arrays)
    }

    /// Goes on with the variables of an optimizer of Keras 2, which stand in the group
    /// `optimizer_weights` of an `.h5` file under names that tell what they are. Names of Keras 3 tell
    /// nothing: their order does.
    ///
    /// # Errors
    /// As [`Trainer::assign_keras_optimizer_variables`].
    pub fn assign_named_optimizer_variables(
        &mut self,
        weights: &[Variable],
        names: &[String],
        arrays: Vec<Array>,
        version: Option<(u32, u32)>,
    ) -> Result<()> {
        if !names.iter().any(|name| name.contains(':')) {
            return self.assign_keras_optimizer_variables(weights, arrays, version);
        }
        let arrays = self.in_order(weights, names, arrays)?;
        self.assign_keras_optimizer_variables(weights, arrays, None)
    }

    /// What the variables of a file become, if all of them fit.
    fn targets(&self, weights: &[Variable], era: Era, arrays: &[Array]) -> Result<Vec<Entry>> {
        let entries = entries(self.optimizer.as_ref(), weights, era);
        if entries.len() != arrays.len() {
            return Err(Error::file(format!(
                "the file has {} variables of an optimizer, {} with these weights has {}",
                arrays.len(),
                self.optimizer.kind(),
                entries.len()
            )));
        }
        let memories: Vec<_> = weights.iter().map(|w| self.state.known_or_first(w)).collect();
        for (i, (entry, array)) in entries.iter().zip(arrays).enumerate() {
            let variable = self.state.variable(entry, &memories, i);
            if variable.shape() != array.shape() {
                return Err(Error::file(format!(
                    "variable {i} of the optimizer has shape {:?} in the file, but '{}' has {:?}",
                    array.shape(),
                    variable.path(),
                    variable.shape()
                )));
            }
        }
        Ok(entries)
    }

    fn assign_all(
        &mut self,
        weights: &[Variable],
        targets: &[Entry],
        arrays: Vec<Array>,
    ) -> Result<()> {
        let memories: Vec<_> = weights.iter().map(|w| self.state.memory_of(w)).collect();
        for (i, (entry, array)) in targets.iter().zip(arrays).enumerate() {
            if let Entry::Shared { slot } = entry {
                for memory in &memories {
                    memory.slots[*slot].assign(array.cast(DType::F32))?;
                }
                continue;
            }
            let variable = self.state.variable(entry, &memories, i);
            variable.assign(array.cast(variable.ty().dtype))?;
        }
        Ok(())
    }

    /// Named variables in the present order. What a file does not have, as Keras 2 has no learning
    /// rate there, is what it is now.
    fn in_order(
        &self,
        weights: &[Variable],
        names: &[String],
        arrays: Vec<Array>,
    ) -> Result<Vec<Array>> {
        let optimizer = self.optimizer.as_ref();
        let found = Named::new(optimizer.kind(), names, arrays);
        let memories: Vec<_> = weights.iter().map(|w| self.state.known_or_first(w)).collect();
        let entries = entries(optimizer, weights, Era::Now);
        let value = |(i, entry): (usize, &Entry)| {
            let array = match entry {
                Entry::Iteration => found.take("iteration"),
                Entry::Average(weight) => found.of_weight("average", *weight, weights.len()),
                Entry::Slot { weight, slot } => {
                    let name = slot_name(optimizer, &weights[*weight], *slot);
                    let having =
                        (0..weights.len()).filter(|&w| has_slot(optimizer, &weights[w], name));
                    let having: Vec<usize> = having.collect();
                    let place = having.iter().position(|w| w == weight).unwrap_or_default();
                    match found.count(name) == having.len() {
                        true => found.of_weight(name, place, having.len()),
                        false => found.of_weight(name, *weight, weights.len()),
                    }
                }
                Entry::Shared { .. } => found.take("u_product").or_else(|| self.u_product(&found)),
                Entry::LearningRate | Entry::Accumulator(_) | Entry::Unused { .. } => {
                    Some(self.state.variable(entry, &memories, i).value())
                }
            };
            let variable = || self.state.variable(entry, &memories, i);
            array.ok_or_else(|| {
                Error::file(format!("the file has no '{}' of the optimizer", variable().path()))
            })
        };
        entries.iter().enumerate().map(value).collect()
    }

    /// Nadam's product after the steps of a file that does not have it.
    fn u_product(&self, found: &Named) -> Option<Array> {
        let steps = found.arrays.get("iteration")?.first()?.item().ok()?;
        let beta_1 = self.optimizer.config().get("beta_1")?.as_f64()?;
        // From a few hundred steps on it is 0.
        let steps = (steps as i32).min(10_000);
        let product: f64 = (1..=steps).map(|t| beta_1 * (1.0 - 0.5 * 0.96f64.powi(t))).product();
        Some(Array::scalar(product as f32))
    }
}

/// The arrays of a file by what they are, each in the order of the weights.
struct Named {
    arrays: HashMap<String, Vec<Array>>,
}

impl Named {
    fn new(kind: &str, names: &[String], arrays: Vec<Array>) -> Named {
        let before_2_11 = names.iter().any(|name| name.ends_with("/iter:0"));
        let mut found = Named { arrays: HashMap::new() };
        for (name, array) in names.iter().zip(arrays) {
            if let Some(slot) = slot_of_name(kind, name, before_2_11) {
                found.arrays.entry(slot.to_owned()).or_default().push(array);
            }
        }
        found
    }

    fn count(&self, name: &str) -> usize {
        self.arrays.get(name).map_or(0, Vec::len)
    }

    fn take(&self, name: &str) -> Option<Array> {
        self.of_weight(name, 0, 1)
    }

    /// The array of one of `count` weights, if there is one for each.
    fn of_weight(&self, name: &str, weight: usize, count: usize) -> Option<Array> {
        self.arrays.get(name).filter(|all| all.len() == count)?.get(weight).cloned()
    }
}

fn entries(optimizer: &dyn Optimizer, weights: &[Variable], era: Era) -> Vec<Entry> {
    let shapes: Vec<Vec<usize>> = weights.iter().map(Variable::shape).collect();
    let specs = weights.iter().zip(&shapes);
    let specs: Vec<_> = specs.map(|(w, shape)| WeightSpec { path: w.path(), shape }).collect();
    layout(optimizer, &specs, era)
}

fn slot_name(optimizer: &dyn Optimizer, weight: &Variable, slot: usize) -> &'static str {
    let shape = weight.shape();
    let slots = optimizer.slots(&WeightSpec { path: weight.path(), shape: &shape });
    slots.get(slot).map_or("", |slot| slot.name)
}

fn has_slot(optimizer: &dyn Optimizer, weight: &Variable, name: &str) -> bool {
    let shape = weight.shape();
    let slots = optimizer.slots(&WeightSpec { path: weight.path(), shape: &shape });
    slots.iter().any(|slot| slot.name == name)
}

impl State {
    /// The variable of an entry, the `place`-th; made for what only Keras has.
    fn variable(&self, entry: &Entry, memories: &[Memory<Variable>], place: usize) -> Variable {
        let found = match entry {
            Entry::Iteration => Some(self.iterations.clone()),
            Entry::LearningRate => self.learning_rate.clone(),
            Entry::Average(weight) => memories[*weight].average.clone(),
            Entry::Accumulator(weight) => memories[*weight].accumulator.clone(),
            Entry::Slot { weight, slot } => Some(memories[*weight].slots[*slot].clone()),
            Entry::Shared { slot } => memories.first().map(|memory| memory.slots[*slot].clone()),
            Entry::Unused { .. } => None,
        };
        found.unwrap_or_else(|| {
            let zeros = match entry {
                Entry::Unused { shape, dtype } => Array::zeros(shape.clone(), *dtype),
                _ => Array::zeros([], DType::F32),
            };
            Variable::new(format!("optimizer/unused/{place}"), zeros, false)
        })
    }
}

#[cfg(test)]
mod tests;

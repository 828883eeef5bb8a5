//! What training changes beside the weights: the number of steps, the learning rate, the random
//! state, and what the optimizer remembers of each weight.

use super::trainer::random_state;
use crate::optimizers::{Memory, Optimizer, WeightSpec, check_learning_rate, not_settable};
use crate::session;
use crate::tensor::Tensor;
use crate::variable::Variable;
use cornu_graph::{Array, Error, Result};
use std::sync::Arc;

/// Variables that last from step to step beside the weights.
pub(crate) struct State {
    optimizer: Arc<dyn Optimizer>,
    /// Steps done, an `int32` scalar.
    pub iterations: Variable,
    /// How far a step goes, if no schedule decides it.
    pub learning_rate: Option<Variable>,
    /// What random ops draw from.
    pub random: Variable,
    /// Each weight with what the optimizer remembers of it, in the order of their first use.
    memories: Vec<(Variable, Memory<Variable>)>,
}

impl State {
    /// The state before the first step.
    pub fn new(optimizer: Arc<dyn Optimizer>) -> State {
        State::with_random(optimizer, random_state(session::next_seed()))
    }

    /// The state before the first step, with random numbers from somewhere.
    pub fn with_random(optimizer: Arc<dyn Optimizer>, random: Variable) -> State {
        let rate = optimizer.common().learning_rate.constant();
        let rate =
            rate.map(|rate| Variable::new("optimizer/learning_rate", Array::scalar(rate), false));
        State {
            optimizer,
            iterations: Variable::new("optimizer/iteration", Array::scalar(0i32), false),
            learning_rate: rate,
            random,
            memories: vec![],
        }
    }

    /// What is remembered of a weight, made at the first use.
    pub fn memory_of(&mut self, weight: &Variable) -> Memory<Variable> {
        let memory = self.known_or_first(weight);
        if !self.memories.iter().any(|(w, _)| w.id() == weight.id()) {
            self.memories.push((weight.clone(), memory.clone()));
        }
        memory
    }

    /// What is remembered of a weight, or would be at the first use.
    pub fn known_or_first(&self, weight: &Variable) -> Memory<Variable> {
        if let Some((_, memory)) = self.memories.iter().find(|(w, _)| w.id() == weight.id()) {
            return memory.clone();
        }
        let spec = WeightSpec { path: weight.path(), shape: &weight.shape() };
        Memory::plan(self.optimizer.as_ref(), &spec).map(|slot| {
            let path = format!("optimizer/{}/{}", weight.path(), slot.name);
            Variable::new(path, slot.first_value(&weight.value()), false)
        })
    }

    /// Whether the optimizer knows weights already.
    pub fn is_built(&self) -> bool {
        !self.memories.is_empty()
    }

    /// The variables of the optimizer: the number of steps, the learning rate (if it is no
    /// schedule), the slots of each weight, the moving averages, the sums of gradients; each of
    /// these in the order of the model's weights.
    pub fn optimizer_variables(&self) -> Vec<Variable> {
        let memories = || self.memories.iter().map(|(_, memory)| memory);
        std::iter::once(&self.iterations)
            .chain(&self.learning_rate)
            .chain(memories().flat_map(|memory| &memory.slots))
            .chain(memories().flat_map(|memory| &memory.average))
            .chain(memories().flat_map(|memory| &memory.accumulator))
            .cloned()
            .collect()
    }

    /// The number of steps done and the learning rate of the next, for its program.
    pub fn clock(&self) -> Result<(Tensor, Tensor)> {
        let iterations = self.iterations.tensor();
        let now = self.learning_rate.as_ref().map(Variable::tensor);
        let rate = self.optimizer.common().learning_rate.tensor(now, &iterations)?;
        Ok((iterations, rate))
    }

    /// The learning rate of the next step.
    ///
    /// # Errors
    /// If a schedule's expression has a mistake.
    pub fn learning_rate(&self) -> Result<f32> {
        match &self.learning_rate {
            Some(variable) => Ok(variable.number() as f32),
            None => {
                let step = self.iterations.number() as usize;
                Ok(self.optimizer.common().learning_rate.at(step)? as f32)
            }
        }
    }

    /// Changes the learning rate.
    ///
    /// # Errors
    /// If a schedule decides it, or the number is negative or not finite.
    pub fn set_learning_rate(&self, rate: f32) -> Result<()> {
        check_learning_rate(rate)?;
        let variable = self.learning_rate.as_ref().ok_or_else(not_settable)?;
        variable.assign(Array::scalar(rate))
    }

    /// Puts the moving averages in the place of the weights, with `use_ema`: what `fit` ends with.
    /// `there` says that they are there already, exchanged with the weights, whose place they keep.
    /// Keras's `finalize_variable_values`.
    pub fn finalize_variable_values(&self, there: bool) -> Result<()> {
        // Before the first step the averages are the weights as they were when the step was built.
        if self.iterations.number() == 0.0 {
            return Ok(());
        }
        self.averages().try_for_each(|(weight, average)| match there {
            true => average.assign(weight.value()),
            false => weight.assign(average.value()),
        })
    }

    /// Exchanges the weights and their moving averages.
    ///
    /// # Errors
    /// If the optimizer keeps none, or no step was made yet.
    pub fn swap_averages(&self) -> Result<()> {
        if !self.optimizer.common().use_ema {
            return Err(Error::state("the optimizer keeps no moving averages of the weights")
                .help("compile with an optimizer that has use_ema(true)"));
        }
        if self.iterations.number() == 0.0 {
            return Err(Error::state("no step was made: there are no moving averages yet"));
        }
        self.averages().try_for_each(|(weight, average)| {
            let value = weight.value();
            weight.assign(average.value())?;
            average.assign(value)
        })
    }

    fn averages(&self) -> impl Iterator<Item = (&Variable, &Variable)> {
        self.memories.iter().filter_map(|(weight, memory)| Some((weight, memory.average.as_ref()?)))
    }
}

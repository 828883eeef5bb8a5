//! An optimizer for loops of one's own.

use super::learning_rate::not_settable;
use super::slot::Memory;
use super::step::{Before, step};
use super::{LearningRate, Optimizer, OptimizerSpec, WeightSpec, check_learning_rate};
use crate::tensor::Tensor;
use cornu_graph::{Array, Error, Result};
use std::sync::Arc;

/// An optimizer with what it remembers, which changes arrays by their gradients.
///
/// Each step is compiled anew; [`fit`](crate::model::Model::fit) compiles once and is far faster.
pub struct Stepper {
    optimizer: Arc<dyn Optimizer>,
    learning_rate: LearningRate,
    iterations: u32,
    memories: Vec<Memory<Array>>,
}

impl Stepper {
    /// An optimizer before its first step.
    ///
    /// # Errors
    /// If the optimizer's name is not known, or a setting is outside what is allowed.
    pub fn new(optimizer: impl Into<OptimizerSpec>) -> Result<Stepper> {
        let optimizer = optimizer.into().get()?;
        let learning_rate = optimizer.common().learning_rate.clone();
        Ok(Stepper { optimizer, learning_rate, iterations: 0, memories: vec![] })
    }

    /// How many steps were made.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// How far the next step goes.
    ///
    /// # Errors
    /// If a schedule's expression has a mistake.
    pub fn learning_rate(&self) -> Result<f32> {
        Ok(self.learning_rate.at(self.iterations as usize)? as f32)
    }

    /// Changes how far a step goes.
    ///
    /// # Errors
    /// If the optimizer was made with a schedule, or the number is negative or not finite.
    pub fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        check_learning_rate(learning_rate)?;
        self.learning_rate.constant().ok_or_else(not_settable)?;
        self.learning_rate = LearningRate::Constant(learning_rate);
        Ok(())
    }

    /// Makes a step: the same weights in the same order every time. With `loss_scale_factor`, the
    /// gradients are those of the loss times the factor.
    ///
    /// # Errors
    /// If there are not as many gradients as weights, or they do not have the weights' shapes.
    pub fn apply(&mut self, weights: &mut [Array], gradients: &[Array]) -> Result<()> {
        if weights.len() != gradients.len() {
            let (weights, gradients) = (weights.len(), gradients.len());
            return Err(Error::value(format!("{weights} weights, but {gradients} gradients")));
        }
        if self.memories.is_empty() {
            self.memories = weights.iter().map(|weight| self.first_memory(weight)).collect();
        }
        self.check_count(weights)?;
        let before: Vec<Before<'_>> = weights
            .iter()
            .zip(gradients)
            .zip(&self.memories)
            .map(|((weight, gradient), memory)| Before {
                path: "",
                weight: Tensor::from(weight),
                gradient: Tensor::from(gradient),
                memory: memory.map(|array| Tensor::from(array)),
            })
            .collect();
        let iterations = Tensor::from(i32::try_from(self.iterations).unwrap_or(i32::MAX));
        let rate = self.learning_rate.tensor(None, &iterations)?;
        let after = step(self.optimizer.as_ref(), &before, &iterations, &rate)?;
        // Nothing is changed before all is computed.
        let new = after.iter().map(|a| a.weight.eval()).collect::<Result<Vec<Array>>>()?;
        self.memories =
            after.iter().map(|a| a.memory.try_map(Tensor::eval)).collect::<Result<_>>()?;
        weights.iter_mut().zip(new).for_each(|(weight, new)| *weight = new);
        self.iterations += 1;
        Ok(())
    }

    /// Puts the moving averages in the place of the weights, with `use_ema`: what `fit` does when
    /// it ends. Keras's `finalize_variable_values`.
    ///
    /// # Errors
    /// If there are not as many weights as [`Stepper::apply`] was given.
    pub fn finalize(&self, weights: &mut [Array]) -> Result<()> {
        if self.memories.is_empty() {
            return Ok(());
        }
        self.check_count(weights)?;
        for (weight, memory) in weights.iter_mut().zip(&self.memories) {
            if let Some(average) = &memory.average {
                *weight = average.clone();
            }
        }
        Ok(())
    }

    fn first_memory(&self, weight: &Array) -> Memory<Array> {
        let spec = WeightSpec { path: "", shape: weight.shape() };
        Memory::plan(self.optimizer.as_ref(), &spec).map(|slot| slot.first_value(weight))
    }

    fn check_count(&self, weights: &[Array]) -> Result<()> {
        let (known, given) = (self.memories.len(), weights.len());
        if known != given {
            return Err(Error::value(format!("{given} weights, after steps of {known}")));
        }
        Ok(())
    }
}

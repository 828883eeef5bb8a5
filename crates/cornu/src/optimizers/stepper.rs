//! An optimizer for loops of one's own.

use super::{Optimizer, OptimizerSpec, step};
use crate::tensor::Tensor;
use cornu_graph::{Array, Result};
use std::sync::Arc;

/// An optimizer with what it remembers, which changes arrays by their gradients.
///
/// Each step is compiled anew; [`fit`](crate::model::Model::fit) compiles once and is far faster.
pub struct Stepper {
    optimizer: Arc<dyn Optimizer>,
    learning_rate: f32,
    iterations: u32,
    slots: Vec<Vec<Array>>,
}

impl Stepper {
    /// An optimizer before its first step.
    ///
    /// # Errors
    /// If the optimizer's name is not known, or a setting is outside what is allowed.
    pub fn new(optimizer: impl Into<OptimizerSpec>) -> Result<Stepper> {
        let optimizer = optimizer.into().get()?;
        let learning_rate = optimizer.common().learning_rate;
        Ok(Stepper { optimizer, learning_rate, iterations: 0, slots: vec![] })
    }

    /// How many steps were made.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// How far a step goes now.
    pub fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    /// Changes how far a step goes.
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        self.learning_rate = learning_rate;
    }

    /// Makes a step: the same weights in the same order every time.
    ///
    /// # Errors
    /// If the gradients do not have the shapes of the weights.
    pub fn apply(&mut self, weights: &mut [Array], gradients: &[Array]) -> Result<()> {
        if self.slots.is_empty() {
            let slots = self.optimizer.slots();
            let first = |weight: &Array| -> Vec<Array> {
                slots.iter().map(|slot| slot.first_value(weight.shape())).collect()
            };
            self.slots = weights.iter().map(first).collect();
        }
        let tensors = |arrays: &[Array]| arrays.iter().map(Tensor::from).collect::<Vec<Tensor>>();
        let slots: Vec<Vec<Tensor>> = self.slots.iter().map(|s| tensors(s)).collect();
        let (new_weights, new_slots) = step(
            self.optimizer.as_ref(),
            &tensors(weights),
            &tensors(gradients),
            &slots,
            &Tensor::from(self.learning_rate),
            &Tensor::from((self.iterations + 1) as f32),
        )?;
        // Nothing is changed before all is computed.
        let eval =
            |tensors: &[Tensor]| tensors.iter().map(Tensor::eval).collect::<Result<Vec<_>>>();
        let new_weights = eval(&new_weights)?;
        self.slots = new_slots.iter().map(|slots| eval(slots)).collect::<Result<_>>()?;
        weights.iter_mut().zip(new_weights).for_each(|(weight, new)| *weight = new);
        self.iterations += 1;
        Ok(())
    }
}

//! A training that goes on from a file.

use super::Trainer;
use crate::variable::Variable;
use cornu_graph::{Array, Error, Result};

impl Trainer {
    /// What training draws its random numbers from: a seed of two halves, and how far it is.
    pub fn random_numbers(&self) -> Option<Vec<i32>> {
        self.state.random.value().into_vec().ok()
    }

    /// Goes on with the variables of an optimizer from a file: in Keras's order, or by their names.
    /// A model that was compiled but not trained has none but the number of steps and the learning
    /// rate, which its configuration says too.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn restore(
        &mut self,
        weights: &[Variable],
        names: &[String],
        arrays: &[Array],
        keras_version: Option<(u32, u32)>,
    ) -> Result<()> {
        if arrays.len() <= 2 && arrays.iter().all(|array| array.shape().is_empty()) {
            return Ok(());
        }
        let trained: Vec<Variable> = weights.iter().filter(|w| w.trainable()).cloned().collect();
        let arrays = arrays.to_vec();
        self.assign_named_optimizer_variables(&trained, names, arrays, keras_version)
    }

    /// Goes on with random numbers where an earlier training stopped.
    ///
    /// # Errors
    /// If these are no random state.
    pub fn set_random_numbers(&self, numbers: &[i32]) -> Result<()> {
        let state = Array::new([numbers.len()], numbers.to_vec())?;
        let fits = state.ty() == *self.state.random.ty();
        if !fits {
            return Err(Error::file(format!("a random state of {} numbers", numbers.len())));
        }
        self.state.random.assign(state)
    }
}

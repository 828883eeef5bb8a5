//! One step of all weights: clipping, weight decay and update, in Keras's order.

use super::{Common, Optimizer, WeightStep};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};

/// The new weights and the new slots of each.
///
/// # Errors
/// If the optimizer's settings make no sense, or gradients or slots are not those of the weights.
pub(crate) fn step(
    optimizer: &dyn Optimizer,
    weights: &[Tensor],
    gradients: &[Tensor],
    slots: &[Vec<Tensor>],
    learning_rate: &Tensor,
    iteration: &Tensor,
) -> Result<(Vec<Tensor>, Vec<Vec<Tensor>>)> {
    let common = optimizer.common();
    common.check()?;
    optimizer.check()?;
    check_fit(optimizer, weights, gradients, slots)?;
    let gradients = clip(common, gradients);
    let mut new_weights = Vec::with_capacity(weights.len());
    let mut new_slots = Vec::with_capacity(weights.len());
    for ((weight, gradient), slots) in weights.iter().zip(&gradients).zip(slots) {
        let weight = &decay(common, weight, learning_rate);
        let step = WeightStep { weight, gradient, slots, learning_rate, iteration };
        let (weight, slots) = optimizer.update(&step);
        new_weights.push(weight.check()?.clone());
        for slot in &slots {
            slot.check()?;
        }
        new_slots.push(slots);
    }
    Ok((new_weights, new_slots))
}

fn check_fit(
    optimizer: &dyn Optimizer,
    weights: &[Tensor],
    gradients: &[Tensor],
    slots: &[Vec<Tensor>],
) -> Result<()> {
    if weights.len() != gradients.len() || weights.len() != slots.len() {
        return Err(Error::value(format!(
            "{} weights, but {} gradients and the slots of {}",
            weights.len(),
            gradients.len(),
            slots.len()
        )));
    }
    let wanted = optimizer.slots().len();
    for ((weight, gradient), slots) in weights.iter().zip(gradients).zip(slots) {
        if weight.shape() != gradient.shape() {
            return Err(Error::shape(format!(
                "a weight of shape {} has a gradient of shape {}",
                weight.shape(),
                gradient.shape()
            )));
        }
        if slots.len() != wanted {
            return Err(Error::value(format!(
                "{} remembers {wanted} things of each weight, not {}",
                optimizer.kind(),
                slots.len()
            )));
        }
    }
    Ok(())
}

fn clip(common: &Common, gradients: &[Tensor]) -> Vec<Tensor> {
    // As in Keras, a bound of 0 or less is none.
    let positive = |bound: Option<f32>| bound.filter(|&bound| bound > 0.0);
    if let Some(bound) = positive(common.clipnorm) {
        gradients.iter().map(|g| g * scale(ops::sum(g.square(), Axis::ALL), bound)).collect()
    } else if let Some(bound) = positive(common.global_clipnorm) {
        let squares = gradients.iter().map(|g| ops::sum(g.square(), Axis::ALL));
        let Some(total) = squares.reduce(|a, b| a + b) else { return vec![] };
        let scale = scale(total, bound);
        gradients.iter().map(|g| g * &scale).collect()
    } else if let Some(bound) = positive(common.clipvalue) {
        gradients.iter().map(|g| g.clip(-bound, bound)).collect()
    } else {
        gradients.to_vec()
    }
}

/// What brings a gradient down to a norm, if its own is larger.
fn scale(squares: Tensor, bound: f32) -> Tensor {
    bound / squares.sqrt().maximum(bound)
}

fn decay(common: &Common, weight: &Tensor, learning_rate: &Tensor) -> Tensor {
    match common.weight_decay {
        Some(decay) => weight - weight * (learning_rate * decay),
        None => weight.clone(),
    }
}

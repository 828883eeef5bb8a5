//! What an optimizer remembers of a weight.

use super::{Optimizer, WeightSpec};
use cornu_graph::{Array, DType, Result};

/// Something that is remembered for each weight from step to step.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Keras's name: `"momentum"`.
    pub name: &'static str,
    /// The value of all elements before the first step; none is the value of the weight itself.
    pub initial: Option<f32>,
    /// The shape; none is the shape of the weight.
    pub shape: Option<Vec<usize>>,
}

impl Slot {
    /// Zeros of the shape of the weight.
    pub fn zeros(name: &'static str) -> Slot {
        Slot::filled(name, 0.0)
    }

    /// A number repeated to the shape of the weight.
    pub fn filled(name: &'static str, initial: f32) -> Slot {
        Slot { name, initial: Some(initial), shape: None }
    }

    /// One number.
    pub fn number(name: &'static str, initial: f32) -> Slot {
        Slot { name, initial: Some(initial), shape: Some(vec![]) }
    }

    /// Zeros of a shape of their own.
    pub fn shaped(name: &'static str, shape: Vec<usize>) -> Slot {
        Slot { name, initial: Some(0.0), shape: Some(shape) }
    }

    /// What the weight is before the first step.
    pub fn weight(name: &'static str) -> Slot {
        Slot { name, initial: None, shape: None }
    }

    /// The value before the first step, for a weight.
    pub fn first_value(&self, weight: &Array) -> Array {
        let Some(initial) = self.initial else { return weight.clone() };
        let shape = self.shape.as_deref().unwrap_or(weight.shape());
        let mut value = Array::zeros(shape, DType::F32);
        value.as_mut_slice::<f32>().expect("it is float32").fill(initial);
        value
    }
}

/// All that is remembered of one weight: as slots, arrays, variables or expressions.
#[derive(Clone, Debug)]
pub(crate) struct Memory<T> {
    /// What the optimizer's own rule needs.
    pub slots: Vec<T>,
    /// The moving average of the weight, with `use_ema`.
    pub average: Option<T>,
    /// The sum of gradients since the last update, with `gradient_accumulation_steps`.
    pub accumulator: Option<T>,
}

impl Memory<Slot> {
    /// What an optimizer with its settings remembers of a weight.
    pub fn plan(optimizer: &dyn Optimizer, weight: &WeightSpec<'_>) -> Memory<Slot> {
        let common = optimizer.common();
        let accumulates = common.gradient_accumulation_steps.is_some();
        Memory {
            slots: optimizer.slots(weight),
            average: common.use_ema.then(|| Slot::weight("average")),
            accumulator: accumulates.then(|| Slot::zeros("gradient_accumulator")),
        }
    }
}

impl<T> Memory<T> {
    /// Everything: the slots, the average, the sum of gradients.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().chain(&self.average).chain(&self.accumulator)
    }

    /// The same things in another form.
    pub fn map<U>(&self, form: impl Fn(&T) -> U) -> Memory<U> {
        Memory {
            slots: self.slots.iter().map(&form).collect(),
            average: self.average.as_ref().map(&form),
            accumulator: self.accumulator.as_ref().map(&form),
        }
    }

    /// The same things in another form, if all can be brought to it.
    pub fn try_map<U>(&self, form: impl Fn(&T) -> Result<U>) -> Result<Memory<U>> {
        Ok(Memory {
            slots: self.slots.iter().map(&form).collect::<Result<_>>()?,
            average: self.average.as_ref().map(&form).transpose()?,
            accumulator: self.accumulator.as_ref().map(&form).transpose()?,
        })
    }
}

//! What an optimizer remembers of a weight.

use cornu_graph::{Array, DType};

/// Something that is remembered for each weight from step to step.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Keras's name: `"momentum"`.
    pub name: &'static str,
    /// The value of all elements before the first step.
    pub initial: f32,
    /// Whether it is one number, instead of one for each element of the weight.
    pub scalar: bool,
}

impl Slot {
    /// Zeros of the shape of the weight.
    pub fn zeros(name: &'static str) -> Slot {
        Slot::filled(name, 0.0)
    }

    /// A number repeated to the shape of the weight.
    pub fn filled(name: &'static str, initial: f32) -> Slot {
        Slot { name, initial, scalar: false }
    }

    /// One number.
    pub fn number(name: &'static str, initial: f32) -> Slot {
        Slot { name, initial, scalar: true }
    }

    /// The value before the first step, for a weight of a shape.
    pub fn first_value(&self, weight: &[usize]) -> Array {
        if self.scalar {
            return Array::scalar(self.initial);
        }
        let mut value = Array::zeros(weight, DType::F32);
        value.as_mut_slice::<f32>().expect("it is float32").fill(self.initial);
        value
    }
}

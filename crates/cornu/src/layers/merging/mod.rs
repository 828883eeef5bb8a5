//! Layers that make one tensor of several.

mod concatenate;
mod dot;
mod elementwise;

pub use concatenate::Concatenate;
pub use dot::{Dot, DotAxes};
pub use elementwise::{Add, Average, Maximum, Minimum, Multiply, Subtract};

use crate::tensor::Tensor;

/// The shapes of tensors for a message: `(None, 3) and (None, 4)`.
fn shapes(inputs: &[Tensor]) -> String {
    let shapes: Vec<String> = inputs.iter().map(|x| x.shape().to_string()).collect();
    shapes.join(" and ")
}

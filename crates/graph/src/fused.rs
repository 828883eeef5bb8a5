//! The body of a fused elementwise loop: a little program over single numbers.

use crate::scalar::{BinaryOp, CompareOp, UnaryOp};
use crate::{DType, Shape};

/// A chain of elementwise ops over one iteration shape.
///
/// Values are numbered: first the inputs (each broadcast to `shape` by NumPy's rule), then one for
/// each step. All outputs have the shape `shape`.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// The shape of the loop.
    pub shape: Shape,
    /// The dtypes of the inputs.
    pub inputs: Vec<DType>,
    /// The steps, each using earlier values.
    pub steps: Vec<Step>,
    /// Which values are results.
    pub outputs: Vec<usize>,
}

/// One step of a [`Kernel`].
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What to do.
    pub op: ScalarOp,
    /// The values it uses.
    pub args: Vec<usize>,
    /// The dtype of the result.
    pub dtype: DType,
}

/// The ops of a [`Kernel`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarOp {
    /// See [`crate::Op::Unary`].
    Unary(UnaryOp),
    /// See [`crate::Op::Binary`].
    Binary(BinaryOp),
    /// See [`crate::Op::Compare`].
    Compare(CompareOp),
    /// See [`crate::Op::Select`].
    Select,
    /// See [`crate::Op::Cast`].
    Cast,
    /// A number of the step's dtype (exact in `f64`).
    Constant(f64),
}

impl Kernel {
    /// The dtype of a value.
    pub fn dtype(&self, value: usize) -> DType {
        match value.checked_sub(self.inputs.len()) {
            None => self.inputs[value],
            Some(step) => self.steps[step].dtype,
        }
    }
}

//! The body of a fused elementwise loop: a little program over single numbers. The first of them may
//! be the element of a matrix product, so that the product is worked on while it is in the cache.

use crate::op::Precision;
use crate::scalar::{BinaryOp, CompareOp, UnaryOp};
use crate::{DType, Op, Shape};

/// A chain of elementwise ops over one iteration shape.
///
/// Values are numbered: first the inputs (each broadcast to `shape` by NumPy's rule), then one for
/// each step. All outputs have the shape `shape`.
///
/// With a `product` the node's first two inputs are the operands of the product, whose elements are
/// value 0; the node's other inputs are the values from 1 on.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// The shape of the loop.
    pub shape: Shape,
    /// The product whose elements are the first input, if there is one.
    pub product: Option<Product>,
    /// The dtypes of the inputs.
    pub inputs: Vec<DType>,
    /// The steps, each using earlier values.
    pub steps: Vec<Step>,
    /// Which values are results.
    pub outputs: Vec<usize>,
}

/// A product of two matrices, as [`crate::Op::MatMul`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// The first operand is stored `(k, m)`.
    pub transpose_a: bool,
    /// The second operand is stored `(n, k)`.
    pub transpose_b: bool,
    /// What the operands are rounded to.
    pub precision: Precision,
}

impl Product {
    /// The product as an op of its own.
    pub fn op(self) -> Op {
        let Product { transpose_a, transpose_b, precision } = self;
        Op::MatMul { transpose_a, transpose_b, precision }
    }
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
    /// How many of the node's inputs are operands of a product: 2 or 0.
    pub fn operands(&self) -> usize {
        if self.product.is_some() { 2 } else { 0 }
    }

    /// How many inputs the node has.
    pub fn arity(&self) -> usize {
        self.inputs.len() + usize::from(self.product.is_some())
    }

    /// Whether the loop reads the node's `index`-th input, of this shape, element by element.
    pub fn reads_in_step(&self, index: usize, shape: &Shape) -> bool {
        index >= self.operands() && *shape == self.shape
    }

    /// The dtype of a value.
    pub fn dtype(&self, value: usize) -> DType {
        match value.checked_sub(self.inputs.len()) {
            None => self.inputs[value],
            Some(step) => self.steps[step].dtype,
        }
    }
}

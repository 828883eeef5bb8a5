//! Computing tensors that are made of arrays.

use super::Tensor;
use super::lower::{Lowerer, Mode};
use crate::backend;
use crate::variable::Variables;
use cornu_graph::{Array, Result};

impl Tensor {
    /// Computes the tensor.
    ///
    /// # Errors
    /// The first mistake in the expression, or that it depends on a model's input.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let a = Tensor::from([3.0f32, 4.0]);
    /// assert_eq!(ops::norm(&a, Axis::ALL).eval()?.item()?, 5.0);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn eval(&self) -> Result<Array> {
        if let super::Kind::Constant(array) = self.kind() {
            return Ok(array.clone());
        }
        let mut lowerer = Lowerer::new(Mode::Predict, 1);
        let output = lowerer.lower(self)?;
        lowerer.graph.outputs.push(output);
        let mut program = backend::compile(lowerer.graph)?;
        Variables::new(lowerer.variables).lend(|variables| program.run(&[], variables))?;
        Ok(program.output(0))
    }

    /// Computes the tensor and gives the single number in it.
    ///
    /// # Errors
    /// As [`Tensor::eval`], and if there is more than one element.
    pub fn item(&self) -> Result<f64> {
        self.eval()?.item()
    }
}

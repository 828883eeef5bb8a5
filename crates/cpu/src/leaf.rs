//! What a program is handed, and its checks: they allocate nothing unless they fail.

use cornu_graph::{Array, DType, Elements, Error, Result, TensorType};

/// The type of an array that a run is handed, ready to be compared.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    dtype: DType,
    shape: Vec<usize>,
}

impl From<&TensorType> for Leaf {
    fn from(ty: &TensorType) -> Leaf {
        Leaf { dtype: ty.dtype, shape: ty.shape.sizes() }
    }
}

impl Leaf {
    /// The type of the elements.
    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    /// The sizes.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Checks the `index`-th array of those that are called `what`: inputs, variables, outputs.
    ///
    /// # Errors
    /// If the array is of another type.
    pub(crate) fn check(&self, what: &str, index: usize, array: &Array) -> Result<()> {
        if self.dtype == array.dtype() && self.shape == array.shape() {
            return Ok(());
        }
        Err(self.mismatch(what, index, array.dtype(), &array.ty().to_string()))
    }

    /// Checks the elements of the `index`-th input, which have no shape of their own.
    ///
    /// # Errors
    /// If they are of another type, or not as many.
    pub(crate) fn check_elements(&self, index: usize, elements: Elements<'_>) -> Result<()> {
        let (dtype, count) = (elements.dtype(), elements.len());
        if (self.dtype, self.len()) == (dtype, count) {
            return Ok(());
        }
        Err(self.mismatch("input", index, dtype, &format!("{count} {dtype}")))
    }

    fn mismatch(&self, what: &str, index: usize, dtype: DType, given: &str) -> Error {
        let ty = TensorType::new(self.dtype, self.shape.as_slice());
        let message = format!("{what} {index} of the program is {ty}, not {given}");
        if self.dtype == dtype { Error::shape(message) } else { Error::dtype(message) }
    }
}

/// Checks that as many of them are there as the program takes.
///
/// # Errors
/// If they are more or fewer.
pub(crate) fn check_count(what: &str, expected: usize, given: usize) -> Result<()> {
    if expected == given {
        return Ok(());
    }
    Err(Error::data(format!("the program takes {expected} {what}, not {given}")))
}

//! The interpreter's values: `f64` numbers with a shape and a dtype.

use crate::{Array, DType, Error, Result, Shape, TensorType, Values};

/// How exactly the interpreter calculates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Results are rounded to their dtype after each op, as a backend rounds them.
    F32,
    /// `float32` tensors keep all the digits of `f64`, so that finite differences are sharp.
    F64,
}

/// The nearest number that a dtype holds: floats are rounded, integers truncated and wrapped,
/// bool is "not zero".
pub(super) fn round(x: f64, dtype: DType, precision: Precision) -> f64 {
    match dtype {
        DType::F32 if precision == Precision::F64 => x,
        DType::F32 => f64::from(x as f32),
        DType::I32 => f64::from(x as i64 as i32),
        DType::U8 => f64::from(x as i64 as u8),
        DType::Bool => f64::from(u8::from(x != 0.0)),
    }
}

/// A tensor whose elements are held as `f64`, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    shape: Vec<usize>,
    dtype: DType,
    data: Vec<f64>,
}

impl Value {
    /// A value from its parts.
    ///
    /// # Errors
    /// If the shape does not hold that many elements.
    pub fn new(dtype: DType, shape: impl Into<Vec<usize>>, data: Vec<f64>) -> Result<Value> {
        let shape = shape.into();
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if count != Some(data.len()) {
            let (count, shape) = (data.len(), Shape::from(shape));
            return Err(Error::shape(format!("{count} numbers do not fill the shape {shape}")));
        }
        Ok(Value { shape, dtype, data })
    }

    /// The sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Shape and dtype.
    pub fn ty(&self) -> TensorType {
        TensorType::new(self.dtype, self.shape.as_slice())
    }

    /// The elements.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// The elements to write to.
    pub fn data_mut(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// The value with every element rounded to the dtype.
    pub fn rounded(mut self, precision: Precision) -> Value {
        self.data.iter_mut().for_each(|x| *x = round(*x, self.dtype, precision));
        self
    }

    /// Whether no element is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|x| x.is_finite())
    }

    /// The array of the dtype.
    pub fn to_array(&self) -> Array {
        let values = Values::from_f64(self.dtype, &self.data);
        Array::from_values(self.shape.as_slice(), values).expect("a value fills its shape")
    }
}

impl From<&Array> for Value {
    fn from(array: &Array) -> Value {
        let data = array.values().to_f64();
        Value { shape: array.shape().to_vec(), dtype: array.dtype(), data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_arrays() {
        let x = [-1.5, 0.1, 300.7, 4_294_967_298.0];
        for dtype in [DType::F32, DType::I32, DType::U8, DType::Bool] {
            let value = Value::new(dtype, [4], x.to_vec()).unwrap();
            let rounded = value.clone().rounded(Precision::F32);
            assert_eq!(rounded.data(), Values::from_f64(dtype, &x).to_f64());
            assert_eq!(rounded.to_array(), value.to_array());
            assert_eq!(Value::from(&rounded.to_array()), rounded);
        }
    }

    #[test]
    fn double_precision_keeps_the_digits_of_floats_only() {
        let float = Value::new(DType::F32, [], vec![0.1]).unwrap();
        assert_eq!(float.rounded(Precision::F64).data(), [0.1]);
        let whole = Value::new(DType::I32, [], vec![2.9]).unwrap();
        assert_eq!(whole.rounded(Precision::F64).data(), [2.0]);
    }

    #[test]
    fn a_value_fills_its_shape() {
        assert!(Value::new(DType::F32, [2, 2], vec![0.0; 3]).is_err());
        assert!(Value::new(DType::F32, [], vec![0.0]).unwrap().is_finite());
        assert!(!Value::new(DType::F32, [1], vec![f64::NAN]).unwrap().is_finite());
    }
}

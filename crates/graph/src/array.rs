//! Arrays on the host: what data, weights and results are made of.

use crate::{DType, Elements, Error, Result, Shape, TensorType};
use std::fmt;
use std::sync::Arc;

/// The elements of an [`Array`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// `float32`
    F32(Vec<f32>),
    /// `int32`
    I32(Vec<i32>),
    /// `uint8`
    U8(Vec<u8>),
    /// `bool`
    Bool(Vec<bool>),
}

/// A Rust type that arrays can hold.
pub trait Element: Copy + Send + Sync + 'static {
    /// The dtype of this type.
    const DTYPE: DType;
    /// Wraps a vector, without a copy.
    fn wrap(values: Vec<Self>) -> Values;
    /// The elements, if they are of this type.
    fn slice(values: &Values) -> Option<&[Self]>;
    /// The elements to write to, if they are of this type.
    fn slice_mut(values: &mut Values) -> Option<&mut [Self]>;
    /// The vector itself, if it is of this type.
    fn unwrap(values: Values) -> Option<Vec<Self>>;
    /// Lends a slice.
    fn lend(slice: &[Self]) -> Elements<'_>;
    /// The slice that is lent, if it is of this type.
    fn borrowed(elements: Elements<'_>) -> Option<&[Self]>;
}

macro_rules! element {
    ($type:ty, $variant:ident) => {
        impl Element for $type {
            const DTYPE: DType = DType::$variant;
            fn wrap(values: Vec<Self>) -> Values {
                Values::$variant(values)
            }
            fn slice(values: &Values) -> Option<&[Self]> {
                if let Values::$variant(v) = values { Some(v) } else { None }
            }
            fn slice_mut(values: &mut Values) -> Option<&mut [Self]> {
                if let Values::$variant(v) = values { Some(v) } else { None }
            }
            fn unwrap(values: Values) -> Option<Vec<Self>> {
                if let Values::$variant(v) = values { Some(v) } else { None }
            }
            fn lend(slice: &[Self]) -> Elements<'_> {
                Elements::$variant(slice)
            }
            fn borrowed(elements: Elements<'_>) -> Option<&[Self]> {
                if let Elements::$variant(slice) = elements { Some(slice) } else { None }
            }
        }
    };
}
element!(f32, F32);
element!(i32, I32);
element!(u8, U8);
element!(bool, Bool);

/// Applies one expression to the typed vector inside a [`Values`].
#[macro_export]
macro_rules! with_values {
    ($values:expr, $v:ident => $body:expr) => {
        match $values {
            $crate::Values::F32($v) => $body,
            $crate::Values::I32($v) => $body,
            $crate::Values::U8($v) => $body,
            $crate::Values::Bool($v) => $body,
        }
    };
}

impl Values {
    /// Zeros (or `false`).
    pub fn zeros(dtype: DType, len: usize) -> Values {
        match dtype {
            DType::F32 => Values::F32(vec![0.0; len]),
            DType::I32 => Values::I32(vec![0; len]),
            DType::U8 => Values::U8(vec![0; len]),
            DType::Bool => Values::Bool(vec![false; len]),
        }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        match self {
            Values::F32(_) => DType::F32,
            Values::I32(_) => DType::I32,
            Values::U8(_) => DType::U8,
            Values::Bool(_) => DType::Bool,
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        with_values!(self, v => v.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as `f64`, which holds every dtype exactly.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Values::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Values::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Values::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Values::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
        }
    }

    /// Elements of `dtype` from `f64` values (rounded to nearest for `float32`, truncated and
    /// wrapped for the integers, "not zero" for `bool`).
    pub fn from_f64(dtype: DType, values: &[f64]) -> Values {
        match dtype {
            DType::F32 => Values::F32(values.iter().map(|&x| x as f32).collect()),
            DType::I32 => Values::I32(values.iter().map(|&x| x as i64 as i32).collect()),
            DType::U8 => Values::U8(values.iter().map(|&x| x as i64 as u8).collect()),
            DType::Bool => Values::Bool(values.iter().map(|&x| x != 0.0).collect()),
        }
    }
}

/// An n-dimensional array on the host, row-major. A clone shares the elements until one of the two
/// is written to.
#[derive(Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Arc<Values>,
}

impl Array {
    /// An array from a shape and its elements in row-major order.
    ///
    /// # Errors
    /// If the shape does not hold that many elements.
    pub fn new<T: Element>(shape: impl Into<Vec<usize>>, values: Vec<T>) -> Result<Array> {
        Array::from_values(shape, T::wrap(values))
    }

    /// An array from a shape and typed elements.
    ///
    /// # Errors
    /// If the shape does not hold that many elements.
    pub fn from_values(shape: impl Into<Vec<usize>>, values: Values) -> Result<Array> {
        let shape = shape.into();
        if count(&shape) != Some(values.len()) {
            return Err(Error::shape(format!(
                "{} values do not fill an array of shape {}",
                values.len(),
                Shape::from(shape)
            )));
        }
        Ok(Array { shape, values: Arc::new(values) })
    }

    /// An array of one number.
    pub fn scalar<T: Element>(value: T) -> Array {
        Array { shape: vec![], values: Arc::new(T::wrap(vec![value])) }
    }

    /// An array of zeros (or `false`).
    ///
    /// # Panics
    /// If no memory can hold it.
    pub fn zeros(shape: impl Into<Vec<usize>>, dtype: DType) -> Array {
        let shape = shape.into();
        let values = Values::zeros(dtype, count(&shape).expect("memory can hold the array"));
        Array { shape, values: Arc::new(values) }
    }

    /// The sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.values.dtype()
    }

    /// Shape and dtype.
    pub fn ty(&self) -> TensorType {
        TensorType::new(self.dtype(), self.shape.as_slice())
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The size of the first dimension: how many samples, if the array is a batch.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// The elements.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The elements to write to. Copies them first if a clone shares them.
    pub fn values_mut(&mut self) -> &mut Values {
        Arc::make_mut(&mut self.values)
    }

    /// The elements as a slice.
    ///
    /// # Errors
    /// If the array holds another type.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        T::slice(&self.values).ok_or_else(|| self.wrong_type(T::DTYPE))
    }

    /// The elements as a slice to write to. Copies them first if a clone shares them.
    ///
    /// # Errors
    /// If the array holds another type.
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T]> {
        if self.dtype() != T::DTYPE {
            return Err(self.wrong_type(T::DTYPE));
        }
        Ok(T::slice_mut(self.values_mut()).expect("the dtype was checked"))
    }

    /// The elements as a vector, without a copy if nothing else shares them.
    ///
    /// # Errors
    /// If the array holds another type.
    pub fn into_vec<T: Element>(self) -> Result<Vec<T>> {
        let error = self.wrong_type(T::DTYPE);
        T::unwrap(Arc::unwrap_or_clone(self.values)).ok_or(error)
    }

    /// The single number in an array of one element, as `f64`.
    ///
    /// # Errors
    /// If there is not exactly one element.
    pub fn item(&self) -> Result<f64> {
        match self.len() {
            1 => Ok(self.values.to_f64()[0]),
            n => Err(Error::shape(format!("item() needs an array of one element, this has {n}"))),
        }
    }

    /// The same elements in another shape, shared.
    ///
    /// # Errors
    /// If the shape holds another number of elements.
    pub fn reshape(&self, shape: impl Into<Vec<usize>>) -> Result<Array> {
        let shape = shape.into();
        if count(&shape) != Some(self.len()) {
            let (from, to) = (Shape::from(self.shape()), Shape::from(shape));
            return Err(Error::shape(format!("cannot reshape an array of shape {from} to {to}")));
        }
        Ok(Array { shape, values: Arc::clone(&self.values) })
    }

    /// The elements converted to another type. Shared if it is the same type.
    pub fn cast(&self, dtype: DType) -> Array {
        if dtype == self.dtype() {
            return self.clone();
        }
        let values = match (&*self.values, dtype) {
            // The usual way of images.
            (Values::U8(v), DType::F32) => Values::F32(v.iter().copied().map(f32::from).collect()),
            (values, _) => Values::from_f64(dtype, &values.to_f64()),
        };
        Array { shape: self.shape.clone(), values: Arc::new(values) }
    }

    /// The rows (along the first dimension) at `indexes`, copied.
    ///
    /// # Errors
    /// If the array is a scalar or an index is past the end.
    pub fn take(&self, indexes: &[usize]) -> Result<Array> {
        let Some((&rows, inner)) = self.shape.split_first() else {
            return Err(Error::shape("cannot take rows of a scalar"));
        };
        if let Some(bad) = indexes.iter().find(|&&i| i >= rows) {
            return Err(Error::data(format!("row {bad} of an array with {rows} rows")));
        }
        let width: usize = inner.iter().product();
        let mut shape = vec![indexes.len()];
        shape.extend_from_slice(inner);
        let values = with_values!(&*self.values, v => {
            let mut taken = Vec::with_capacity(indexes.len() * width);
            indexes.iter().for_each(|&i| taken.extend_from_slice(&v[i * width..(i + 1) * width]));
            wrap_like(taken)
        });
        Array::from_values(shape, values)
    }

    /// The rows `start..end` (along the first dimension), copied.
    ///
    /// # Errors
    /// If the array is a scalar or the range is past the end.
    pub fn slice_rows(&self, start: usize, end: usize) -> Result<Array> {
        let Some((&rows, inner)) = self.shape.split_first() else {
            return Err(Error::shape("cannot take rows of a scalar"));
        };
        if start > end || end > rows {
            return Err(Error::data(format!("rows {start}..{end} of an array with {rows} rows")));
        }
        let width: usize = inner.iter().product();
        let mut shape = vec![end - start];
        shape.extend_from_slice(inner);
        let values =
            with_values!(&*self.values, v => wrap_like(v[start * width..end * width].to_vec()));
        Array::from_values(shape, values)
    }

    fn wrong_type(&self, wanted: DType) -> Error {
        Error::dtype(format!("the array holds {}, not {wanted}", self.dtype()))
            .help(format!("convert it with .cast(DType::{wanted:?})"))
    }
}

/// How many elements a shape holds, if a `usize` can say it.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}

fn wrap_like<T: Element>(values: Vec<T>) -> Values {
    T::wrap(values)
}

/// The shape, the dtype and the first few elements.
impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "Array {}{} [", self.dtype(), Shape::from(self.shape()))?;
        with_values!(&*self.values, v => for (i, x) in v.iter().take(SHOWN).enumerate() {
            write!(f, "{}{x:?}", if i == 0 { "" } else { ", " })?;
        });
        f.write_str(if self.len() > SHOWN { ", …]" } else { "]" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_until_it_is_written_to() {
        let a = Array::new([2, 2], vec![1.0f32, 2.0, 3.0, 4.0]).unwrap();
        let mut b = a.reshape([4]).unwrap();
        b.as_mut_slice::<f32>().unwrap()[0] = 9.0;
        assert_eq!(a.as_slice::<f32>().unwrap()[0], 1.0);
        assert_eq!(b.take(&[0, 3]).unwrap(), Array::new([2], vec![9.0f32, 4.0]).unwrap());
        assert_eq!(a.slice_rows(1, 2).unwrap().shape(), [1, 2]);
    }

    #[test]
    fn mistakes_are_errors() {
        assert!(Array::new([3], vec![1i32]).is_err());
        let a = Array::scalar(1.5f32);
        assert!(a.as_slice::<i32>().unwrap_err().to_string().contains("float32, not int32"));
        assert!(a.take(&[0]).is_err());
        assert_eq!(a.item().unwrap(), 1.5);
        assert!(Array::zeros([2], DType::U8).item().is_err());
    }

    #[test]
    fn casts_truncate_and_wrap() {
        let a = Array::new([4], vec![-1.5f32, 0.0, 2.9, 300.0]).unwrap();
        assert_eq!(a.cast(DType::I32).as_slice::<i32>().unwrap(), [-1, 0, 2, 300]);
        assert_eq!(a.cast(DType::U8).as_slice::<u8>().unwrap(), [255, 0, 2, 44]);
        assert_eq!(a.cast(DType::Bool).as_slice::<bool>().unwrap(), [true, false, true, true]);
    }
}

//! To and from the arrays of the ndarray crate, without a copy where their layouts agree.

use super::Column;
use crate::tensor::Tensor;
use cornu_graph::{Array, Element, Error, Result};
use ndarray::{ArrayBase, ArrayD, ArrayView, ArrayViewD, Data, Dimension, IxDyn};

/// What arrays of the ndarray crate can do: become arrays of Cornu.
///
/// Wherever Cornu takes a [`Column`] or a [`Tensor`], it takes them as they are: `model.fit(&x, &y)`.
pub trait NdarrayExt {
    /// The array as one of Cornu's.
    ///
    /// An owned array in standard layout (row by row, as nearly all are) gives its elements away
    /// without a copy. Others are copied once, row by row.
    ///
    /// ```
    /// use cornu::data::NdarrayExt;
    /// use cornu::ndarray::array;
    ///
    /// let a = array![[1.0f32, 2.0], [3.0, 4.0]].into_array();
    /// assert_eq!(a.shape(), [2, 2]);
    /// ```
    fn into_array(self) -> Array;
}

impl<T: Element, D: Dimension> NdarrayExt for ndarray::Array<T, D> {
    fn into_array(self) -> Array {
        if !self.is_standard_layout() {
            return copied(&self);
        }
        let (shape, len) = (self.shape().to_vec(), self.len());
        let (mut values, offset) = self.into_raw_vec_and_offset();
        if values.len() > len {
            // The array was a part of what it owns.
            values.truncate(offset.unwrap_or(0) + len);
            values.drain(..offset.unwrap_or(0));
        }
        filled(shape, values)
    }
}

impl<S: Data<Elem: Element>, D: Dimension> NdarrayExt for &ArrayBase<S, D> {
    fn into_array(self) -> Array {
        copied(self)
    }
}

impl<T: Element, D: Dimension> NdarrayExt for ArrayView<'_, T, D> {
    fn into_array(self) -> Array {
        copied(&self)
    }
}

fn copied<S: Data<Elem: Element>, D: Dimension>(array: &ArrayBase<S, D>) -> Array {
    let values = match array.as_slice() {
        Some(values) => values.to_vec(),
        None => array.iter().copied().collect(),
    };
    filled(array.shape().to_vec(), values)
}

fn filled<T: Element>(shape: Vec<usize>, values: Vec<T>) -> Array {
    Array::new(shape, values).expect("an ndarray array holds as many values as its shape says")
}

/// What arrays of Cornu can do: be seen as, and become, arrays of the ndarray crate.
///
/// ```
/// use cornu::data::AsNdarray;
/// use cornu::prelude::*;
///
/// let embeddings = Array::new([2, 3], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let mean = embeddings.view::<f32>()?.mean_axis(cornu::ndarray::Axis(0)).unwrap();
/// assert_eq!(mean.as_slice().unwrap(), [2.5, 3.5, 4.5]);
/// # Ok::<(), cornu::Error>(())
/// ```
pub trait AsNdarray {
    /// The array as ndarray sees it, without a copy.
    ///
    /// # Errors
    /// If the elements are of another type.
    fn view<T: Element>(&self) -> Result<ArrayViewD<'_, T>>;

    /// The array as one of ndarray's. The elements are moved, and copied only if a clone shares
    /// them.
    ///
    /// # Errors
    /// If the elements are of another type.
    fn into_ndarray<T: Element>(self) -> Result<ArrayD<T>>;
}

impl AsNdarray for Array {
    fn view<T: Element>(&self) -> Result<ArrayViewD<'_, T>> {
        ArrayViewD::from_shape(IxDyn(self.shape()), self.as_slice()?).map_err(refused)
    }

    fn into_ndarray<T: Element>(self) -> Result<ArrayD<T>> {
        let shape = IxDyn(self.shape());
        ArrayD::from_shape_vec(shape, self.into_vec()?).map_err(refused)
    }
}

/// ndarray refuses sizes whose product overflows, even beside a size of 0.
fn refused(error: ndarray::ShapeError) -> Error {
    Error::shape(format!("ndarray does not take this shape: {error}"))
}

/// Without a copy if the array is in standard layout.
impl<T: Element, D: Dimension> From<ndarray::Array<T, D>> for Column {
    fn from(array: ndarray::Array<T, D>) -> Column {
        Column::new(array.into_array())
    }
}

/// Copies the elements.
impl<S: Data<Elem: Element>, D: Dimension> From<&ArrayBase<S, D>> for Column {
    fn from(array: &ArrayBase<S, D>) -> Column {
        Column::new(copied(array))
    }
}

/// Copies the elements.
impl<T: Element, D: Dimension> From<ArrayView<'_, T, D>> for Column {
    fn from(array: ArrayView<'_, T, D>) -> Column {
        Column::new(copied(&array))
    }
}

/// Without a copy if the array is in standard layout.
impl<T: Element, D: Dimension> From<ndarray::Array<T, D>> for Tensor {
    #[track_caller]
    fn from(array: ndarray::Array<T, D>) -> Tensor {
        Tensor::from(array.into_array())
    }
}

/// Copies the elements.
impl<S: Data<Elem: Element>, D: Dimension> From<&ArrayBase<S, D>> for Tensor {
    #[track_caller]
    fn from(array: &ArrayBase<S, D>) -> Tensor {
        Tensor::from(copied(array))
    }
}

/// Copies the elements.
impl<T: Element, D: Dimension> From<ArrayView<'_, T, D>> for Tensor {
    #[track_caller]
    fn from(array: ArrayView<'_, T, D>) -> Tensor {
        Tensor::from(copied(&array))
    }
}

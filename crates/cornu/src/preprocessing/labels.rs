//! Classes as vectors.

use crate::data::Column;
use cornu_graph::{Array, Error, Result, Values};

/// A class for each sample becomes a vector for each sample, with 1 at the class and 0 elsewhere:
/// `float32 (…, num_classes)`. Keras's `keras.utils.to_categorical`.
///
/// Give the number of classes, or `None` for one more than the largest class. A last dimension of
/// size 1 is dropped first, as Keras does: labels of shape `(n, 1)` give `(n, num_classes)`.
///
/// # Errors
/// If a label is no whole number from 0, or not below the number of classes; if there are no
/// labels and no number of classes.
///
/// ```
/// use cornu::prelude::*;
///
/// let y = utils::to_categorical(&Array::new([3], vec![0u8, 2, 1])?, 3)?;
/// assert_eq!(y.shape(), [3, 3]);
/// assert_eq!(y.as_slice::<f32>()?[3..6], [0.0, 0.0, 1.0]);
/// # Ok::<(), cornu::Error>(())
/// ```
pub fn to_categorical(
    labels: impl Into<Column>,
    num_classes: impl Into<Option<usize>>,
) -> Result<Array> {
    let labels = labels.into().to_array()?;
    let classes = classes_of(labels.values())?;
    let count = match (num_classes.into(), classes.iter().max()) {
        (Some(count), _) => count,
        (None, Some(largest)) => largest + 1,
        (None, None) => {
            let error = Error::data("there are no labels to tell the number of classes");
            return Err(error.help("give the number of classes"));
        }
    };
    if let Some((at, class)) = classes.iter().enumerate().find(|(_, class)| **class >= count) {
        let error = Error::data(format!("label {at} is {class}, but there are {count} classes"));
        return Err(error.help("classes are numbered from 0"));
    }
    let mut shape = labels.shape().to_vec();
    if shape.len() > 1 && shape.last() == Some(&1) {
        shape.pop();
    }
    shape.push(count);
    let size = classes.len().checked_mul(count).filter(|&size| size <= isize::MAX as usize / 4);
    let size = size.ok_or_else(|| {
        Error::value(format!(
            "no memory holds {count} numbers for each of {} labels",
            classes.len()
        ))
    })?;
    let mut hot = vec![0.0f32; size];
    classes.iter().enumerate().for_each(|(at, class)| hot[at * count + class] = 1.0);
    Array::new(shape, hot)
}

fn classes_of(values: &Values) -> Result<Vec<usize>> {
    let whole = |(at, x): (usize, f64)| match x >= 0.0 && x.fract() == 0.0 && x < 2e9 {
        true => Ok(x as usize),
        false => Err(Error::data(format!("label {at} is {x}, which is no class"))
            .help("classes are whole numbers from 0")),
    };
    values.to_f64().into_iter().enumerate().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_becomes_a_vector() {
        let labels = Array::new([2, 1], vec![1.0f32, 0.0]).unwrap();
        let expected = Array::new([2, 2], vec![0.0f32, 1.0, 1.0, 0.0]).unwrap();
        assert_eq!(to_categorical(&labels, None).unwrap(), expected);
        assert_eq!(to_categorical(&labels, 2).unwrap(), expected);
        let one = to_categorical(Array::scalar(2i32), 4).unwrap();
        assert_eq!(one, Array::new([4], vec![0.0f32, 0.0, 1.0, 0.0]).unwrap());
        let grid = Array::new([1, 2], vec![1u8, 0]).unwrap();
        assert_eq!(to_categorical(&grid, 2).unwrap().shape(), [1, 2, 2]);
    }

    #[test]
    fn labels_that_are_none_are_errors() {
        let of = |label: f32, classes: Option<usize>| {
            let labels = Array::new([2], vec![0.0, label]).unwrap();
            to_categorical(&labels, classes).unwrap_err().to_string()
        };
        assert!(of(3.0, Some(3)).contains("label 1 is 3, but there are 3 classes"));
        assert!(of(-1.0, None).contains("label 1 is -1"));
        assert!(of(0.5, Some(3)).contains("whole numbers"));
        assert!(of(f32::NAN, Some(3)).contains("no class"));
        let none = Array::new([0], Vec::<u8>::new()).unwrap();
        assert!(to_categorical(&none, None).unwrap_err().to_string().contains("no labels"));
        assert_eq!(to_categorical(&none, 3).unwrap().shape(), [0, 3]);
        assert!(to_categorical(Array::scalar(0u8), usize::MAX).is_err());
    }
}

//! Classes of samples, from wherever they come.

use super::Column;
use cornu_graph::{Array, Error, Result};

/// The class of each sample, as a whole number: slices of integers, arrays and columns `(n,)` or
/// `(n, 1)`.
pub trait Labels {
    /// The numbers.
    ///
    /// # Errors
    /// If there are several for a sample, or one is no whole number.
    fn to_labels(&self) -> Result<Vec<i64>>;
}

macro_rules! labels_of_integers {
    ($($integer:ty),*) => {$(
        impl Labels for [$integer] {
            fn to_labels(&self) -> Result<Vec<i64>> {
                Ok(self.iter().map(|&label| i64::from(label)).collect())
            }
        }

        impl<const N: usize> Labels for [$integer; N] {
            fn to_labels(&self) -> Result<Vec<i64>> {
                self.as_slice().to_labels()
            }
        }

        impl Labels for Vec<$integer> {
            fn to_labels(&self) -> Result<Vec<i64>> {
                self.as_slice().to_labels()
            }
        }
    )*};
}
labels_of_integers!(u8, u16, u32, i8, i16, i32, i64);

impl Labels for Array {
    fn to_labels(&self) -> Result<Vec<i64>> {
        if !matches!(self.shape(), [_] | [_, 1]) {
            return Err(Error::shape(format!(
                "labels must have the shape (n,) or (n, 1), not {}",
                cornu_graph::Shape::from(self.shape())
            ))
            .help("one-hot rows become labels with ops::argmax(&rows, -1).eval()"));
        }
        let values = self.values().to_f64();
        match values.iter().find(|v| v.fract() != 0.0 || !v.is_finite()) {
            Some(bad) => Err(Error::data(format!("label {bad} is no whole number"))),
            None => Ok(values.into_iter().map(|v| v as i64).collect()),
        }
    }
}

impl Labels for Column {
    fn to_labels(&self) -> Result<Vec<i64>> {
        self.to_array()?.to_labels()
    }
}

/// The samples of each class, in the order of the classes' numbers.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    /// The number of each class, ascending.
    pub numbers: Vec<i64>,
    /// The samples of each, ascending.
    pub samples: Vec<Vec<usize>>,
}

impl Classes {
    pub fn new(labels: &[i64]) -> Classes {
        let mut numbers = labels.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        let mut samples = vec![vec![]; numbers.len()];
        for (sample, label) in labels.iter().enumerate() {
            if let Ok(class) = numbers.binary_search(label) {
                samples[class].push(sample);
            }
        }
        Classes { numbers, samples }
    }

    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Checks that there are enough classes.
    pub fn at_least(&self, classes: usize, what: &str) -> Result<()> {
        if self.len() >= classes {
            return Ok(());
        }
        Err(Error::data(format!("{what} at least {classes} classes, the data has {}", self.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_from_anywhere() {
        assert_eq!([3u8, 1].to_labels().unwrap(), [3, 1]);
        let array = Array::new([2, 1], vec![5.0f32, -1.0]).unwrap();
        assert_eq!(array.to_labels().unwrap(), [5, -1]);
        assert_eq!(Column::new(array).select([1]).unwrap().to_labels().unwrap(), [-1]);
        let halves = Array::new([1], vec![0.5f32]).unwrap().to_labels().unwrap_err();
        assert!(halves.to_string().contains("0.5 is no whole number"));
        let hot = Array::new([1, 2], vec![0.0f32, 1.0]).unwrap().to_labels().unwrap_err();
        assert!(hot.to_string().contains("ops::argmax"));
    }

    #[test]
    fn classes_are_in_order() {
        let classes = Classes::new(&[7, -2, 7]);
        assert_eq!(classes.numbers, [-2, 7]);
        assert_eq!(classes.samples, [vec![1], vec![0, 2]]);
        assert!(classes.at_least(3, "this needs").is_err());
    }
}

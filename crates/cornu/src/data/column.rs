//! A column: the samples of one input or output of a model, kept as small as they came.

use cornu_graph::{Array, DType, Error, Result};
use std::sync::Arc;

/// The samples of one input or output: rows of an array, in any order and any number of times.
///
/// Nothing is copied or converted before a training step needs it: images stay `uint8` until the
/// step gathers its rows and scales them, and a column of chosen rows holds their indexes only.
#[derive(Clone, Debug)]
pub struct Column {
    array: Array,
    rows: Option<Arc<[i32]>>,
    scale: Option<f32>,
}

impl Column {
    /// All rows of an array, in order.
    pub fn new(array: impl Into<Array>) -> Column {
        Column { array: array.into(), rows: None, scale: None }
    }

    /// Only these rows, in this order.
    ///
    /// # Errors
    /// If a row is not in the array, or the array has more than `i32::MAX` rows.
    pub fn select(&self, rows: impl IntoIterator<Item = usize>) -> Result<Column> {
        let selected = rows.into_iter().map(|row| self.row(row)).collect::<Result<Vec<i32>>>()?;
        Ok(Column { rows: Some(selected.into()), ..self.clone() })
    }

    fn row(&self, row: usize) -> Result<i32> {
        if row >= self.len() {
            return Err(Error::data(format!("row {row} of a column with {} rows", self.len())));
        }
        match &self.rows {
            Some(rows) => Ok(rows[row]),
            None => i32::try_from(row)
                .map_err(|_| Error::data("an array can have at most 2147483647 rows")),
        }
    }

    /// All rows of this column's array that another column chooses of its own.
    pub(crate) fn with_rows_of(&self, other: &Column) -> Column {
        Column { rows: other.rows.clone(), ..self.clone() }
    }

    /// Multiplies the values by a number when they are used: `1.0 / 255.0` for images.
    pub fn rescale(mut self, scale: f32) -> Column {
        self.scale = Some(self.scale.unwrap_or(1.0) * scale);
        self
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or_else(|| self.array.rows(), |rows| rows.len())
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one sample.
    pub fn sample_shape(&self) -> &[usize] {
        self.array.shape().get(1..).unwrap_or_default()
    }

    /// The dtype of the values as they are used: `float32` if they are scaled.
    pub fn dtype(&self) -> DType {
        if self.scale.is_some() { DType::F32 } else { self.array.dtype() }
    }

    /// The array behind the column.
    pub fn array(&self) -> &Array {
        &self.array
    }

    pub(crate) fn rows(&self) -> Option<&Arc<[i32]>> {
        self.rows.as_ref()
    }

    pub(crate) fn scale(&self) -> Option<f32> {
        self.scale
    }

    /// The samples as an array of their own: rows copied, values scaled.
    ///
    /// # Errors
    /// If the array behind the column is a single number.
    pub fn to_array(&self) -> Result<Array> {
        let chosen = self.unscaled()?;
        let Some(scale) = self.scale else { return Ok(chosen) };
        let mut scaled = chosen.cast(DType::F32);
        scaled.as_mut_slice::<f32>()?.iter_mut().for_each(|x| *x *= scale);
        Ok(scaled)
    }

    /// The rows as one array, before they are multiplied by the scale.
    pub(crate) fn unscaled(&self) -> Result<Array> {
        match &self.rows {
            None => Ok(self.array.clone()),
            Some(rows) => self.array.take(&rows.iter().map(|&r| r as usize).collect::<Vec<_>>()),
        }
    }
}

impl From<Array> for Column {
    fn from(array: Array) -> Column {
        Column::new(array)
    }
}

impl From<&Array> for Column {
    fn from(array: &Array) -> Column {
        Column::new(array.clone())
    }
}

impl From<&Column> for Column {
    fn from(column: &Column) -> Column {
        column.clone()
    }
}

/// What arrays can do as data.
pub trait ArrayExt {
    /// A column of the array's rows whose values are multiplied by a number when they are used.
    fn rescale(&self, scale: f32) -> Column;
}

impl ArrayExt for Array {
    fn rescale(&self, scale: f32) -> Column {
        Column::from(self).rescale(scale)
    }
}

/// What `fit`, `evaluate` and `predict` take: the data of one input, or of several.
pub trait IntoColumns {
    /// The columns.
    fn into_columns(self) -> Vec<Column>;
}

impl<T: Into<Column>> IntoColumns for T {
    fn into_columns(self) -> Vec<Column> {
        vec![self.into()]
    }
}

impl<T: Into<Column>, const N: usize> IntoColumns for [T; N] {
    fn into_columns(self) -> Vec<Column> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<Column>> IntoColumns for Vec<T> {
    fn into_columns(self) -> Vec<Column> {
        self.into_iter().map(Into::into).collect()
    }
}

impl IntoColumns for &[Column] {
    fn into_columns(self) -> Vec<Column> {
        self.to_vec()
    }
}

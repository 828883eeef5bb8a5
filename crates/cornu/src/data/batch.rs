//! The data of one step, as a generator yields it.

use super::{Column, IntoColumns};
use cornu_graph::{Array, Result};

/// The data of one step: a column for each input and output of the model.
///
/// ```
/// use cornu::data::Batch;
/// use cornu::prelude::*;
///
/// let (left, right) = (Array::zeros([20, 784], DType::F32), Array::zeros([20, 784], DType::F32));
/// let same = Array::zeros([20], DType::F32);
/// let batch = Batch::new([left, right], same);
/// assert_eq!(batch.samples(), 20);
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    /// What the model is given, one column for each input.
    pub x: Vec<Column>,
    /// What its outputs should be; empty for predictions.
    pub y: Vec<Column>,
    /// How much each sample counts in the loss.
    pub sample_weight: Option<Column>,
}

impl Batch {
    /// Inputs, and what the outputs should be.
    pub fn new(x: impl IntoColumns, y: impl IntoColumns) -> Batch {
        Batch { x: x.into_columns(), y: y.into_columns(), sample_weight: None }
    }

    /// Inputs alone, to predict.
    pub fn inputs(x: impl IntoColumns) -> Batch {
        Batch { x: x.into_columns(), y: vec![], sample_weight: None }
    }

    /// How much each sample counts in the loss.
    pub fn sample_weight(mut self, weights: impl Into<Column>) -> Batch {
        self.sample_weight = Some(weights.into());
        self
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.x.first().map_or(0, Column::len)
    }
}

/// What a generator may yield: a [`Batch`], `(x, y)`, `(x, y, sample_weight)`, or a `Result` of one.
pub trait IntoBatch {
    /// The batch.
    ///
    /// # Errors
    /// The generator's own.
    fn into_batch(self) -> Result<Batch>;
}

impl IntoBatch for Batch {
    fn into_batch(self) -> Result<Batch> {
        Ok(self)
    }
}

impl<X: IntoColumns, Y: IntoColumns> IntoBatch for (X, Y) {
    fn into_batch(self) -> Result<Batch> {
        Ok(Batch::new(self.0, self.1))
    }
}

impl<X: IntoColumns, Y: IntoColumns, W: Into<Column>> IntoBatch for (X, Y, W) {
    fn into_batch(self) -> Result<Batch> {
        Ok(Batch::new(self.0, self.1).sample_weight(self.2))
    }
}

/// Inputs alone, to predict.
impl IntoBatch for Array {
    fn into_batch(self) -> Result<Batch> {
        Ok(Batch::inputs(self))
    }
}

impl<B: IntoBatch> IntoBatch for Result<B> {
    fn into_batch(self) -> Result<Batch> {
        self.and_then(B::into_batch)
    }
}

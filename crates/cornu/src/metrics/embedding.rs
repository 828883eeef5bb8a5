//! Whether embeddings still differ from each other.

use super::{Metric, added, mean, ratio};
use crate::losses::shapes;
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{Array, DType, Error, Result, TensorType};

/// How much embeddings `(n, d)` of length 1 differ: the mean over the dimensions of the standard
/// deviation over all samples, times √d. 1 if they point everywhere alike, 0 if the network has
/// collapsed and gives all samples the same.
///
/// Chen and He, "Exploring simple siamese representation learning", 2020, figure 2, where it is not
/// multiplied by √d. The targets are not looked at.
///
/// ```
/// use cornu::metrics::{Accumulator, EmbeddingSpread};
/// use cornu::prelude::*;
///
/// let mut spread = Accumulator::new(EmbeddingSpread);
/// let labels = Array::zeros([4], DType::I32);
/// let collapsed = Array::new([4, 2], vec![0.6f32, 0.8, 0.6, 0.8, 1.2, 1.6, 0.3, 0.4])?;
/// spread.update_state(&labels, &collapsed, None)?;
/// assert!(spread.result() < 1e-3);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbeddingSpread;

impl Metric for EmbeddingSpread {
    fn name(&self) -> String {
        "embedding_spread".to_owned()
    }

    // Sums, sums of squares, and the weight.
    fn state(&self, _y_true: &TensorType, y_pred: &TensorType) -> Result<Vec<Array>> {
        let size = y_pred.shape.dims().last().and_then(|d| d.known());
        match (y_pred.shape.rank(), size) {
            (2, Some(size)) => Ok(vec![
                Array::zeros([size], DType::F32),
                Array::zeros([size], DType::F32),
                Array::zeros([], DType::F32),
            ]),
            _ => Err(Error::shape(format!(
                "the spread is of embeddings (n, d), not of {}",
                y_pred.shape
            ))),
        }
    }

    fn update(
        &self,
        state: &[Tensor],
        _y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let x = shapes::convert(y_pred.check()?, DType::F32);
        let x = ops::normalize(&x, -1, ops::SMALLEST_NORM);
        let ones = ops::ones_like(ops::sum(&x, -1));
        let weights = match sample_weight {
            Some(given) => shapes::with_weights(&ones, given)?.1 * ones,
            None => ones,
        };
        let weighted = &x * ops::expand_dims(&weights, 1);
        added(
            state,
            &[ops::sum(&weighted, 0), ops::sum(weighted * x, 0), ops::sum(weights, Axis::ALL)],
        )
    }

    fn result(&self, state: &[Array]) -> f64 {
        let (sums, squares) = (state[0].values().to_f64(), state[1].values().to_f64());
        let weight = mean::number(&state[2]);
        let deviation = |(sum, square): (&f64, &f64)| {
            let mean = ratio(*sum, weight);
            (ratio(*square, weight) - mean * mean).max(0.0).sqrt()
        };
        let total: f64 = sums.iter().zip(&squares).map(deviation).sum();
        ratio(total, (sums.len() as f64).sqrt())
    }

    fn kind(&self) -> Option<&str> {
        Some("EmbeddingSpread")
    }
}

//! Scores of pairs: distances or similarities, from wherever they come.

use cornu_graph::{Array, Error, Result};
use serde::{Deserialize, Serialize};

/// What a score says of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// The smaller, the more alike. A pair is accepted if its distance is below the threshold.
    Distance,
    /// The larger, the more alike. A pair is accepted if its similarity is above the threshold.
    Similarity,
}

impl Score {
    /// Whether a score is accepted as "same". A score that is NaN is not.
    pub fn accepts(self, score: f64, threshold: f64) -> bool {
        match self {
            Score::Distance => score < threshold,
            Score::Similarity => score > threshold,
        }
    }

    /// The score, or a threshold, turned so that larger is more alike; and back.
    pub(super) fn likeness(self, score: f64) -> f64 {
        match self {
            Score::Distance => -score,
            Score::Similarity => score,
        }
    }
}

/// Scores, one for each pair: an array `(n,)` or `(n, 1)` as `predict` gives it, or plain numbers.
pub trait Scores {
    /// The numbers.
    ///
    /// # Errors
    /// If there are several for a pair.
    fn to_scores(&self) -> Result<Vec<f64>>;
}

impl Scores for Array {
    fn to_scores(&self) -> Result<Vec<f64>> {
        match self.shape() {
            [_] | [_, 1] => Ok(self.values().to_f64()),
            shape => Err(Error::shape(format!(
                "scores must have the shape (n,) or (n, 1), one for each pair, not {}",
                cornu_graph::Shape::from(shape)
            ))),
        }
    }
}

macro_rules! scores_of_numbers {
    ($($number:ty),*) => {$(
        impl Scores for [$number] {
            fn to_scores(&self) -> Result<Vec<f64>> {
                Ok(self.iter().map(|&score| f64::from(score)).collect())
            }
        }

        impl<const N: usize> Scores for [$number; N] {
            fn to_scores(&self) -> Result<Vec<f64>> {
                self.as_slice().to_scores()
            }
        }

        impl Scores for Vec<$number> {
            fn to_scores(&self) -> Result<Vec<f64>> {
                self.as_slice().to_scores()
            }
        }
    )*};
}
scores_of_numbers!(f32, f64);

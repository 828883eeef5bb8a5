//! From the values of a batch to one number.

use super::shapes::{count, divide_or_zero};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;

/// How the values of a loss become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum of the (weighted) values divided by their number. The default.
    #[default]
    SumOverBatchSize,
    /// The sum of the (weighted) values.
    Sum,
    /// The sum of the weighted values divided by the sum of the weights.
    MeanWithSampleWeight,
    /// The (weighted) values themselves.
    None,
}

impl Reduction {
    /// Keras's name: `"sum_over_batch_size"`.
    pub fn name(self) -> &'static str {
        match self {
            Reduction::SumOverBatchSize => "sum_over_batch_size",
            Reduction::Sum => "sum",
            Reduction::MeanWithSampleWeight => "mean_with_sample_weight",
            Reduction::None => "none",
        }
    }

    /// The reduction of a name, in whichever way a version of Keras calls it.
    pub(super) fn named(name: &str) -> Option<Reduction> {
        match name {
            // "auto" is Keras 2's default; "mean" divides by the number of values as well.
            "sum_over_batch_size" | "mean" | "auto" => Some(Reduction::SumOverBatchSize),
            "sum" => Some(Reduction::Sum),
            "mean_with_sample_weight" => Some(Reduction::MeanWithSampleWeight),
            "none" => Some(Reduction::None),
            _ => None,
        }
    }

    /// Reduces values that are multiplied with their weights already.
    pub(super) fn apply(self, values: &Tensor, weights: Option<&Tensor>) -> Tensor {
        // A loss that reduces itself, such as Dice, is left as it is.
        if self == Reduction::None || values.rank() == 0 {
            return values.clone();
        }
        let total = ops::sum(values, Axis::ALL);
        match (self, weights) {
            (Reduction::Sum, _) => total,
            (Reduction::MeanWithSampleWeight, Some(weights)) => {
                let weights = weights.broadcast_to(values.shape());
                divide_or_zero(&total, &ops::sum(weights, Axis::ALL))
            }
            _ => divide_or_zero(&total, &count(values)),
        }
    }
}

//! The contrastive loss of distances.

use super::must_be_positive;
use crate::config::{fields, named};
use crate::data::PairLabel;
use crate::losses::{LossFunction, shapes};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// `d²` for a pair of one class and `max(0, margin - d)²` for others, of the distance `d` that a
/// siamese network predicts; halved unless said otherwise.
///
/// Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping", 2006:
/// margin 1, and a label of 1 says "different". Keras's older example has 1 for "same" and does not
/// halve; the convention is therefore always given. By name: `"contrastive_one_is_different"` and
/// `"contrastive_one_is_same"`, both halved.
///
/// ```
/// use cornu::losses::{ContrastiveLoss, Loss};
/// use cornu::prelude::*;
///
/// let different = Tensor::from([[0.0f32], [1.0]]);
/// let distance = Tensor::from([[0.75f32], [0.75]]);
/// let loss = Loss::from(ContrastiveLoss::new(PairLabel::OneIsDifferent));
/// let values = loss.values(&different, &distance)?.eval()?;
/// assert_eq!(values.as_slice::<f32>()?, [0.5625 / 2.0, 0.0625 / 2.0]);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ContrastiveLoss {
    convention: PairLabel,
    margin: f32,
    half: bool,
}

impl ContrastiveLoss {
    /// The loss with margin 1, halved.
    pub fn new(convention: PairLabel) -> ContrastiveLoss {
        ContrastiveLoss { convention, margin: 1.0, half: true }
    }

    /// The distance from which on pairs of different classes are far enough.
    pub fn margin(mut self, margin: f32) -> ContrastiveLoss {
        self.margin = margin;
        self
    }

    /// Whether the squares are halved. It changes the size of the loss only.
    pub fn half(mut self, half: bool) -> ContrastiveLoss {
        self.half = half;
        self
    }
}

fields! { ContrastiveLoss(convention: PairLabel) { margin, half } }

impl LossFunction for ContrastiveLoss {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        must_be_positive("margin", self.margin)?;
        shapes::must_be_binary(y_true, y_pred)?;
        let same = match self.convention {
            PairLabel::OneIsSame => y_true.clone(),
            PairLabel::OneIsDifferent => 1.0 - y_true,
        };
        let apart = (self.margin - y_pred).maximum(0.0).square();
        let values = &same * y_pred.square() + (1.0 - &same) * apart;
        Ok(if self.half { values / 2.0 } else { values })
    }

    fn name(&self) -> &str {
        match self.convention {
            PairLabel::OneIsSame => "contrastive_one_is_same",
            PairLabel::OneIsDifferent => "contrastive_one_is_different",
        }
    }

    fn kind(&self) -> Option<&str> {
        Some("ContrastiveLoss")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

named! {
    PairLabel { OneIsSame = "one_is_same", OneIsDifferent = "one_is_different" }
}

//! Losses of embeddings: what puts samples of one class near each other and others far apart.
//!
//! | loss | `y_true` | `y_pred` |
//! |---|---|---|
//! | [`ContrastiveLoss`] | whether a pair is of one class | the distance of the pair, `(n, 1)` |
//! | [`TripletLoss`], [`NTXent`], [`SupCon`], [`MultiSimilarity`], [`CircleLoss`] | classes `(n,)` or `(n, 1)` | embeddings `(n, d)` |
//! | [`MultipleNegativesRanking`] | classes of the pairs `(n,)` | two embeddings a pair, `(n, 2, d)` |
//! | [`ArcFace`], [`CosFace`], [`ProxyAnchor`] | classes `(n,)` | cosines `(n, classes)` of a [`CosineDense`](crate::layers::CosineDense) |
//!
//! The losses of embeddings compare the samples of one batch, so a batch must hold several of each
//! class: see [`ClassBalanced`](crate::data::ClassBalanced). Any whole numbers are classes there.
//!
//! A sample without a partner of its class, or without one of another, never makes a loss NaN: what
//! it cannot contribute to is 0, and a batch of which nothing counts has the loss 0.

mod circle;
mod contrastive;
mod geometry;
mod info_nce;
mod margin_softmax;
mod multi_similarity;
mod proxy_anchor;
mod ranking;
mod triplet;

pub use circle::CircleLoss;
pub use contrastive::ContrastiveLoss;
pub use info_nce::{NTXent, SupCon};
pub use margin_softmax::{ArcFace, CosFace};
pub use multi_similarity::MultiSimilarity;
pub use proxy_anchor::ProxyAnchor;
pub use ranking::MultipleNegativesRanking;
pub use triplet::{Mining, TripletLoss};

use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use geometry::Batch;

/// The values of a loss and which of them count in its mean; `None` is all.
type Terms = (Tensor, Option<Tensor>);

/// A loss that compares the samples of a batch of embeddings.
trait EmbeddingLoss {
    fn terms(&self, batch: &Batch) -> Result<Terms>;
}

/// Makes an [`EmbeddingLoss`] a [`LossFunction`](super::LossFunction), with its name and the
/// fields of its configuration.
macro_rules! embedding_loss {
    ($class:ident, $name:literal, |$it:ident| $config:expr) => {
        impl $crate::losses::LossFunction for $class {
            fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
                Ok(self.terms(&Batch::new(y_true, y_pred)?)?.0)
            }

            fn mask(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Option<Tensor>> {
                Ok(self.terms(&Batch::new(y_true, y_pred)?)?.1)
            }

            fn name(&self) -> &str {
                $name
            }

            fn takes_labels(&self) -> bool {
                true
            }

            fn labels_are_outputs(&self) -> bool {
                false
            }

            fn config(&self) -> serde_json::Value {
                let $it = self;
                $config
            }
        }
    };
}
use embedding_loss;

/// Says that a setting has to be more than 0.
fn must_be_positive(name: &str, value: f32) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::value(format!("{name} must be more than 0, not {value}")))
}

/// Says that a setting has to be a number.
fn must_be_finite(name: &str, value: f32) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::value(format!("{name} must be a finite number, not {value}")))
}

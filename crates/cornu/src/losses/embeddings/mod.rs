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
//!
//! ```
//! use cornu::data::ClassBalanced;
//! use cornu::losses::TripletLoss;
//! use cornu::prelude::*;
//! use cornu::similarity::Retrieval;
//!
//! utils::set_random_seed(1);
//! let mnist = datasets::mnist()?;
//! let (x, y) = (mnist.train.flat(), &mnist.train.labels);
//!
//! let mut model = Sequential::new()
//!     .add(Input::new([784]))
//!     .add(Dense::new(64).activation("relu"))
//!     .add(Dense::new(16));
//! model.compile("adam", TripletLoss::new()).build()?;
//!
//! // Batches of 10 digits with 8 images of each.
//! for batch in ClassBalanced::new(y, 10, 8)?.seed(2).batches(&x, y).take(30) {
//!     let (x, y) = batch?;
//!     model.train_on_batch(&x, &y)?;
//! }
//! let embeddings = model.predict(mnist.test.flat().select(0..500)?).run()?;
//! let report = Retrieval::new(&embeddings, &mnist.test.classes()[..500]).run()?;
//! // Before training it is about 0.14.
//! assert!(report.map_at_r > 0.3);
//! # Ok::<(), cornu::Error>(())
//! ```

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

use super::LossFunction;
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use geometry::Batch;
use serde_json::Value;

/// The values of a loss and which of them count in its mean; `None` is all.
type Terms = (Tensor, Option<Tensor>);

/// A loss that compares the samples of a batch of embeddings.
trait EmbeddingLoss {
    fn terms(&self, batch: &Batch) -> Result<Terms>;

    fn name(&self) -> &'static str;

    /// [`LossFunction::kind`].
    fn kind(&self) -> Option<&str>;

    fn config(&self) -> Value;
}

/// Makes an [`EmbeddingLoss`] a [`LossFunction`]; closures are losses too, so that this cannot be
/// said of all at once.
macro_rules! embedding_losses {
    ($($class:ident),*) => {$(
        impl LossFunction for $class {
            fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
                Ok(self.terms(&Batch::new(y_true, y_pred)?)?.0 + zero(y_pred))
            }

            fn mask(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Option<Tensor>> {
                Ok(self.terms(&Batch::new(y_true, y_pred)?)?.1)
            }

            fn name(&self) -> &str {
                EmbeddingLoss::name(self)
            }

            fn takes_labels(&self) -> bool {
                true
            }

            fn labels_are_outputs(&self) -> bool {
                false
            }

            fn kind(&self) -> Option<&str> {
                EmbeddingLoss::kind(self)
            }

            fn config(&self) -> Value {
                EmbeddingLoss::config(self)
            }
        }
    )*};
}
embedding_losses!(CircleLoss, MultiSimilarity, NTXent, SupCon, TripletLoss);

/// 0, or NaN if an embedding is not finite. What is chosen by comparisons may leave out all that is
/// NaN: without this, a network that has diverged would show the loss 0 and train on.
fn zero(y_pred: &Tensor) -> Tensor {
    ops::sum(y_pred * 0.0, Axis::ALL)
}

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

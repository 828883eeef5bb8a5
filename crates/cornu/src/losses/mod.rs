//! Losses: what training makes small. By name, by value, or as a closure over tensors.
//!
//! ```
//! use cornu::losses::{Huber, Loss, Reduction};
//! use cornu::prelude::*;
//!
//! let y_true = Tensor::from([[0.0f32, 1.0], [0.0, 0.0]]);
//! let y_pred = Tensor::from([[0.5f32, 1.0], [3.0, 0.0]]);
//!
//! let squares = Loss::from("mse").call(&y_true, &y_pred, None)?;
//! assert_eq!(squares.item()?, 2.3125);
//!
//! let huber = Loss::from(Huber::new().delta(0.5)).reduction(Reduction::Sum);
//! assert_eq!(huber.call(&y_true, &y_pred, None)?.item()?, 0.75);
//!
//! let own = Loss::from(|y: &Tensor, p: &Tensor| (y - p).abs());
//! assert_eq!(own.call(&y_true, &y_pred, None)?.item()?, 0.875);
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! A loss gives a value for each sample (for images: for each pixel), and is reduced to one number
//! by a [`Reduction`]. Names, formulas and defaults are Keras's (`keras.losses`, 3.15), as computed
//! on JAX; of its losses only `CTC` is missing. Losses of pairs, triplets and embeddings, which Keras
//! lacks but for `Circle`, are in [`embeddings`].

/// Losses without settings, which broadcast `y_true` and `y_pred`.
macro_rules! plain_losses {
    ($($(#[$doc:meta])* $class:ident = $name:literal, $formula:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $class;

        impl $class {
            /// The loss; it has no settings.
            pub fn new() -> $class {
                $class
            }
        }

        impl LossFunction for $class {
            fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
                shapes::must_broadcast(y_true, y_pred)?;
                let formula: fn(&Tensor, &Tensor) -> Tensor = $formula;
                Ok(formula(y_true, y_pred))
            }

            fn name(&self) -> &str {
                $name
            }

            fn kind(&self) -> Option<&str> {
                Some(stringify!($class))
            }

            fn config(&self) -> serde_json::Value {
                self.fields()
            }
        }

        crate::config::fields! { $class {} }
    )*};
}

mod binary;
mod categorical;
mod divergence;
pub mod embeddings;
mod functions;
mod hinge;
mod loss;
mod named;
mod object;
mod overlap;
mod reduction;
mod regression;
pub(crate) mod shapes;
pub(crate) mod sparse;

pub use binary::{BinaryCrossentropy, BinaryFocalCrossentropy};
pub use categorical::{CategoricalCrossentropy, CategoricalFocalCrossentropy};
pub use divergence::{KLDivergence, Poisson};
pub use embeddings::{
    ArcFace, CircleLoss, ContrastiveLoss, CosFace, Mining, MultiSimilarity,
    MultipleNegativesRanking, NTXent, ProxyAnchor, SupCon, TripletLoss,
};
pub use functions::{
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_generalized_cross_entropy, categorical_hinge,
    cosine_similarity, dice, hinge, huber, kl_divergence, log_cosh, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, poisson,
    sparse_categorical_crossentropy, squared_hinge, tversky,
};
pub use hinge::{CategoricalHinge, Hinge, SquaredHinge};
pub use loss::Loss;
pub(crate) use loss::{prepare, values};
pub(crate) use named::named;
pub(crate) use object::{function_name, of_function};
pub use overlap::{Dice, Tversky};
pub use reduction::Reduction;
pub use regression::{
    CosineSimilarity, Huber, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError,
};
pub use sparse::{CategoricalGeneralizedCrossEntropy, SparseCategoricalCrossentropy};

use crate::names;
use crate::tensor::Tensor;
use cornu_graph::Result;

/// Keras's `epsilon()`: how near to 0 a probability or a divisor may come.
pub(crate) const EPSILON: f32 = 1e-7;

/// What a loss computes before its values are reduced to one number.
///
/// Every closure `|y_true: &Tensor, y_pred: &Tensor| -> Tensor` is one.
pub trait LossFunction: Send + Sync + 'static {
    /// One value for each sample (and position). The two have the same rank already where that is
    /// possible, and `y_true` the dtype of `y_pred` unless [`LossFunction::takes_labels`].
    ///
    /// # Errors
    /// If the shapes do not fit.
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor>;

    /// Keras's name: `"mean_squared_error"`.
    fn name(&self) -> &str {
        "loss"
    }

    /// Whether `y_true` holds the numbers of classes, with one dimension less than `y_pred`.
    fn takes_labels(&self) -> bool {
        false
    }

    /// Whether each label is the number of one of the outputs. A loss of embeddings says no: any
    /// whole numbers tell who belongs together.
    fn labels_are_outputs(&self) -> bool {
        true
    }

    /// A label that stands for no class and does not count.
    fn ignored_label(&self) -> Option<i32> {
        None
    }

    /// Which of the values count, as bools of their shape. `None` is all.
    ///
    /// # Errors
    /// If the shapes do not fit.
    fn mask(&self, _y_true: &Tensor, _y_pred: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// The class in files: Keras's, `"Huber"`, or the name under which
    /// [`register_loss`](crate::saving::register_loss) knows it; a function's own name. A loss without
    /// one cannot be saved.
    fn kind(&self) -> Option<&str> {
        None
    }

    /// The configuration with Keras's field names.
    fn config(&self) -> serde_json::Value {
        serde_json::json!({})
    }
}

impl<F> LossFunction for F
where
    F: Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
{
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        self(y_true, y_pred).check().cloned()
    }

    fn kind(&self) -> Option<&str> {
        names::of_function::<F>()
    }
}

//! The losses with Keras's default settings as functions of tensors, for expressions of one's own.

use super::{Loss, LossFunction};
use crate::tensor::Tensor;

macro_rules! functions {
    ($($name:ident = $class:ident;)*) => {$(
        #[doc = concat!("The values of [`", stringify!($class), "`](super::", stringify!($class),
            ") before they are reduced, with default settings.")]
        #[track_caller]
        pub fn $name(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
            values(super::$class::new(), y_true, y_pred)
        }
    )*};
}

functions! {
    binary_crossentropy = BinaryCrossentropy;
    binary_focal_crossentropy = BinaryFocalCrossentropy;
    categorical_crossentropy = CategoricalCrossentropy;
    categorical_focal_crossentropy = CategoricalFocalCrossentropy;
    categorical_generalized_cross_entropy = CategoricalGeneralizedCrossEntropy;
    categorical_hinge = CategoricalHinge;
    cosine_similarity = CosineSimilarity;
    dice = Dice;
    hinge = Hinge;
    huber = Huber;
    kl_divergence = KLDivergence;
    log_cosh = LogCosh;
    mean_absolute_error = MeanAbsoluteError;
    mean_absolute_percentage_error = MeanAbsolutePercentageError;
    mean_squared_error = MeanSquaredError;
    mean_squared_logarithmic_error = MeanSquaredLogarithmicError;
    poisson = Poisson;
    sparse_categorical_crossentropy = SparseCategoricalCrossentropy;
    squared_hinge = SquaredHinge;
    tversky = Tversky;
}

#[track_caller]
fn values(function: impl LossFunction, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    match Loss::from(function).values(y_true, y_pred) {
        Ok(values) => values,
        Err(error) => Tensor::error(error),
    }
}

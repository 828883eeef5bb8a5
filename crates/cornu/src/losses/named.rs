//! Losses by Keras's names.

use super::shapes::{Targets, convert, targets};
use super::*;
use crate::data::PairLabel;
use crate::names;
use cornu_graph::{DType, Error};
use std::sync::Arc;

type Make = fn() -> Arc<dyn LossFunction>;

/// The names of functions and classes, then the short ones.
const NAMES: &[(&[&str], Make)] = &[
    (&["mean_squared_error", "MeanSquaredError", "mse", "MSE"], || Arc::new(MeanSquaredError)),
    (&["mean_absolute_error", "MeanAbsoluteError", "mae", "MAE"], || Arc::new(MeanAbsoluteError)),
    (&["mean_absolute_percentage_error", "MeanAbsolutePercentageError", "mape", "MAPE"], || {
        Arc::new(MeanAbsolutePercentageError)
    }),
    (&["mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", "msle", "MSLE"], || {
        Arc::new(MeanSquaredLogarithmicError)
    }),
    (&["huber", "Huber"], || Arc::new(Huber::new())),
    (&["log_cosh", "LogCosh", "logcosh"], || Arc::new(LogCosh)),
    (&["cosine_similarity", "CosineSimilarity"], || Arc::new(CosineSimilarity::new())),
    (&["hinge", "Hinge"], || Arc::new(Hinge)),
    (&["squared_hinge", "SquaredHinge"], || Arc::new(SquaredHinge)),
    (&["categorical_hinge", "CategoricalHinge"], || Arc::new(CategoricalHinge)),
    (&["poisson", "Poisson"], || Arc::new(Poisson)),
    (&["kl_divergence", "KLDivergence", "kld", "KLD", "kullback_leibler_divergence"], || {
        Arc::new(KLDivergence)
    }),
    (&["binary_crossentropy", "BinaryCrossentropy", "bce", "BCE"], || {
        Arc::new(BinaryCrossentropy::new())
    }),
    (&["binary_focal_crossentropy", "BinaryFocalCrossentropy"], || {
        Arc::new(BinaryFocalCrossentropy::new())
    }),
    (&["categorical_crossentropy", "CategoricalCrossentropy"], || {
        Arc::new(CategoricalCrossentropy::new())
    }),
    (&["categorical_focal_crossentropy", "CategoricalFocalCrossentropy"], || {
        Arc::new(CategoricalFocalCrossentropy::new())
    }),
    (&["sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"], || {
        Arc::new(SparseCategoricalCrossentropy::new())
    }),
    (&["categorical_generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy"], || {
        Arc::new(CategoricalGeneralizedCrossEntropy::new())
    }),
    (&["dice", "Dice"], || Arc::new(Dice::new())),
    (&["tversky", "Tversky"], || Arc::new(Tversky::new())),
    (&["circle", "Circle", "CircleLoss"], || Arc::new(CircleLoss::new())),
    (&["contrastive_one_is_different"], || {
        Arc::new(ContrastiveLoss::new(PairLabel::OneIsDifferent))
    }),
    (&["contrastive_one_is_same"], || Arc::new(ContrastiveLoss::new(PairLabel::OneIsSame))),
    (&["triplet_batch_semi_hard", "triplet_loss", "TripletLoss"], || Arc::new(TripletLoss::new())),
    (&["triplet_batch_hard"], || Arc::new(TripletLoss::new().mining(Mining::BatchHard))),
    (&["triplet_batch_all"], || Arc::new(TripletLoss::new().mining(Mining::BatchAll))),
    (&["nt_xent", "NTXent"], || Arc::new(NTXent::new())),
    (&["sup_con", "SupCon"], || Arc::new(SupCon::new())),
    (&["multi_similarity", "MultiSimilarity"], || Arc::new(MultiSimilarity::new())),
    (&["multiple_negatives_ranking", "MultipleNegativesRanking"], || {
        Arc::new(MultipleNegativesRanking::new())
    }),
    (&["n_pairs"], || Arc::new(MultipleNegativesRanking::n_pairs())),
    (&["arc_face", "ArcFace"], || Arc::new(ArcFace::new())),
    (&["cos_face", "CosFace"], || Arc::new(CosFace::new())),
    (&["proxy_anchor", "ProxyAnchor"], || Arc::new(ProxyAnchor::new())),
    (&["crossentropy", "ce"], || Arc::new(Crossentropy)),
];

/// The loss of a name, with default settings.
pub(crate) fn named(name: &str) -> Option<Arc<dyn LossFunction>> {
    NAMES.iter().find(|(names, _)| names.contains(&name)).map(|(_, make)| make())
}

/// All names of the loss that has this one.
pub(super) fn names_of(name: &str) -> Option<&'static [&'static str]> {
    NAMES.iter().find(|(names, _)| names.contains(&name)).map(|(names, _)| *names)
}

pub(super) fn unknown(name: &str) -> Error {
    names::unknown("loss", name, NAMES.iter().map(|(names, _)| names[0]))
}

/// The cross-entropy that fits the shapes: Keras's "crossentropy".
#[derive(Default)]
pub(super) struct Crossentropy;

impl Crossentropy {
    fn fitting(&self, y_true: &Tensor, y_pred: &Tensor) -> Box<dyn LossFunction> {
        match targets(y_true.shape(), y_pred.shape()) {
            Targets::Binary => Box::new(BinaryCrossentropy::new()),
            Targets::Labels => Box::new(SparseCategoricalCrossentropy::new()),
            Targets::OneHot => Box::new(CategoricalCrossentropy::new()),
        }
    }
}

impl LossFunction for Crossentropy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let fitting = self.fitting(y_true, y_pred);
        let y_true = match fitting.takes_labels() {
            true => y_true.clone(),
            false => convert(y_true, DType::F32),
        };
        fitting.values(&y_true, y_pred)
    }

    fn name(&self) -> &str {
        "crossentropy"
    }

    fn kind(&self) -> Option<&str> {
        Some("Crossentropy")
    }

    // It may, so that nothing is converted before the shapes are looked at.
    fn takes_labels(&self) -> bool {
        true
    }
}

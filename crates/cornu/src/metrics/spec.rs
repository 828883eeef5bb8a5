//! A metric as it is given to `compile`.

use super::*;
use crate::losses;
use crate::losses::shapes::{Targets, targets};
use crate::names;
use cornu_graph::Error;
use std::fmt;
use std::sync::Arc;

type Make = fn() -> Arc<dyn Metric>;

/// Keras's names: snake case, class names, short names.
const NAMES: &[(&[&str], Make)] = &[
    (&["binary_accuracy", "BinaryAccuracy"], || Arc::new(BinaryAccuracy::new())),
    (&["categorical_accuracy", "CategoricalAccuracy"], || Arc::new(CategoricalAccuracy)),
    (&["sparse_categorical_accuracy", "SparseCategoricalAccuracy"], || {
        Arc::new(SparseCategoricalAccuracy)
    }),
    (&["top_k_categorical_accuracy", "TopKCategoricalAccuracy"], || {
        Arc::new(TopKCategoricalAccuracy::new())
    }),
    (&["sparse_top_k_categorical_accuracy", "SparseTopKCategoricalAccuracy"], || {
        Arc::new(SparseTopKCategoricalAccuracy::new())
    }),
    (&["true_positives", "TruePositives"], || Arc::new(TruePositives::new())),
    (&["true_negatives", "TrueNegatives"], || Arc::new(TrueNegatives::new())),
    (&["false_positives", "FalsePositives"], || Arc::new(FalsePositives::new())),
    (&["false_negatives", "FalseNegatives"], || Arc::new(FalseNegatives::new())),
    (&["precision", "Precision"], || Arc::new(Precision::new())),
    (&["recall", "Recall"], || Arc::new(Recall::new())),
    (&["auc", "AUC"], || Arc::new(AUC::new())),
    (&["f1_score", "F1Score"], || Arc::new(F1Score::new())),
    (&["fbeta_score", "f_beta_score", "FBetaScore"], || Arc::new(FBetaScore::new())),
    (&["embedding_spread", "EmbeddingSpread"], || Arc::new(EmbeddingSpread)),
    (&["root_mean_squared_error", "RootMeanSquaredError", "rmse", "RMSE"], || {
        Arc::new(RootMeanSquaredError)
    }),
    (&["r2_score", "R2Score"], || Arc::new(R2Score::new())),
    (&["cosine_similarity", "CosineSimilarity"], || Arc::new(CosineSimilarity::new())),
    (&["log_cosh_error", "LogCoshError", "logcosh"], || Arc::new(LogCoshError)),
    (&["mean_squared_error", "MeanSquaredError", "mse", "MSE"], || Arc::new(MeanSquaredError)),
    (&["mean_absolute_error", "MeanAbsoluteError", "mae", "MAE"], || Arc::new(MeanAbsoluteError)),
    (&["mean_absolute_percentage_error", "MeanAbsolutePercentageError", "mape", "MAPE"], || {
        Arc::new(MeanAbsolutePercentageError)
    }),
    (&["mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", "msle", "MSLE"], || {
        Arc::new(MeanSquaredLogarithmicError)
    }),
    (&["binary_crossentropy", "BinaryCrossentropy", "bce", "BCE"], || {
        Arc::new(BinaryCrossentropy::new())
    }),
    (&["categorical_crossentropy", "CategoricalCrossentropy"], || {
        Arc::new(CategoricalCrossentropy::new())
    }),
    (&["sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"], || {
        Arc::new(SparseCategoricalCrossentropy::new())
    }),
];

/// A metric by name (`"accuracy"`), by value (`BinaryAccuracy::new().threshold(0.3)`) or as a
/// closure over tensors. A name that is not known becomes an error where the metric is used.
#[derive(Clone)]
pub struct MetricSpec {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    /// The name by which it was asked for.
    pub(super) given: Option<String>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Known(Arc<dyn Metric>),
    /// "accuracy": which one is seen from the shapes.
    Accuracy,
    /// "crossentropy", likewise.
    Crossentropy,
    Unknown(Error),
}

impl MetricSpec {
    pub(super) fn known(metric: Arc<dyn Metric>) -> MetricSpec {
        MetricSpec { kind: Kind::Known(metric), name: None, given: None }
    }

    /// Shows the metric under another name.
    pub fn name(mut self, name: impl Into<String>) -> MetricSpec {
        self.name = Some(name.into());
        self
    }

    /// Under which name it is shown.
    pub(crate) fn shown(&self) -> String {
        match (&self.name, &self.kind) {
            (Some(name), _) => name.clone(),
            (None, Kind::Known(metric)) => metric.name(),
            (None, _) => "metric".to_owned(),
        }
    }

    /// The metric itself, or the error that it was given by a name that is not known.
    ///
    /// # Errors
    /// If the name is not known.
    pub fn check(&self) -> Result<&MetricSpec> {
        match &self.kind {
            Kind::Unknown(error) => Err(error.clone()),
            _ => Ok(self),
        }
    }

    /// The metric for targets and predictions of these types. The word "accuracy" means
    /// [`BinaryAccuracy`] for one output, [`SparseCategoricalAccuracy`] where the targets are
    /// numbers of classes, else [`CategoricalAccuracy`]; "crossentropy" likewise.
    ///
    /// # Errors
    /// If the name is not known.
    pub fn resolve(&self, y_true: &TensorType, y_pred: &TensorType) -> Result<Arc<dyn Metric>> {
        let fitting = || targets(&y_true.shape, &y_pred.shape);
        let metric: Arc<dyn Metric> = match &self.kind {
            Kind::Known(metric) => Arc::clone(metric),
            Kind::Unknown(error) => return Err(error.clone()),
            Kind::Accuracy => match fitting() {
                Targets::Binary => Arc::new(BinaryAccuracy::new()),
                Targets::Labels => Arc::new(SparseCategoricalAccuracy),
                Targets::OneHot => Arc::new(CategoricalAccuracy),
            },
            Kind::Crossentropy => match fitting() {
                Targets::Binary => Arc::new(BinaryCrossentropy::new()),
                Targets::Labels => Arc::new(SparseCategoricalCrossentropy::new()),
                Targets::OneHot => Arc::new(CategoricalCrossentropy::new()),
            },
        };
        Ok(match &self.name {
            Some(name) => Arc::new(Renamed { name: name.clone(), metric }),
            None => metric,
        })
    }
}

/// All names of the metric that has this one.
pub(super) fn names_of(name: &str) -> Option<&'static [&'static str]> {
    NAMES.iter().find(|(names, _)| names.contains(&name)).map(|(names, _)| *names)
}

fn known(name: &str) -> Option<Arc<dyn Metric>> {
    let own = NAMES.iter().find(|(names, _)| names.contains(&name)).map(|(_, make)| make());
    // Keras takes the names of some losses that are no metrics only as functions.
    own.or_else(|| Some(Arc::new(Mean::shared(name, losses::named(name)?))))
}

fn unknown(name: &str) -> Error {
    let names = NAMES.iter().map(|(names, _)| names[0]);
    names::unknown("metric", name, ["accuracy", "crossentropy"].into_iter().chain(names))
}

impl From<&str> for MetricSpec {
    fn from(name: &str) -> MetricSpec {
        let kind = match name.to_lowercase().as_str() {
            "accuracy" | "acc" => Kind::Accuracy,
            "crossentropy" | "ce" => Kind::Crossentropy,
            _ => known(name).map_or_else(|| Kind::Unknown(unknown(name)), Kind::Known),
        };
        // As Keras does it, a metric is shown under the name it was asked for.
        MetricSpec { kind, name: Some(name.to_owned()), given: Some(name.to_owned()) }
    }
}

impl<M: Metric> From<M> for MetricSpec {
    fn from(metric: M) -> MetricSpec {
        MetricSpec::known(Arc::new(metric))
    }
}

impl fmt::Debug for MetricSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MetricSpec {}", self.shown())
    }
}

/// A metric under another name.
struct Renamed {
    name: String,
    metric: Arc<dyn Metric>,
}

impl Metric for Renamed {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn direction(&self) -> Option<Direction> {
        self.metric.direction()
    }

    fn state(&self, y_true: &TensorType, y_pred: &TensorType) -> Result<Vec<Array>> {
        self.metric.state(y_true, y_pred)
    }

    fn update(
        &self,
        state: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        self.metric.update(state, y_true, y_pred, sample_weight)
    }

    fn result(&self, state: &[Array]) -> f64 {
        self.metric.result(state)
    }
}

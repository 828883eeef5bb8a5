//! Cross-entropies of classes, for targets that are the numbers of classes.

use super::categorical::log_probabilities;
use super::{LossFunction, shapes};
use crate::config::fields;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{DType, Dim, Error, Op, Result, Shape};
use serde_json::Value;

/// `-ln(y_pred[y_true])`: [`CategoricalCrossentropy`](super::CategoricalCrossentropy) for targets
/// that are numbers of classes, `(n,)` or `(n, 1)` for predictions `(n, classes)`.
///
/// Keras's defaults: probabilities, no class is ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct SparseCategoricalCrossentropy {
    from_logits: bool,
    ignore_class: Option<i32>,
}

impl SparseCategoricalCrossentropy {
    /// The loss of probabilities.
    pub fn new() -> SparseCategoricalCrossentropy {
        SparseCategoricalCrossentropy::default()
    }

    /// Whether the predictions are logits, without the softmax of the last layer.
    pub fn from_logits(mut self, from_logits: bool) -> SparseCategoricalCrossentropy {
        self.from_logits = from_logits;
        self
    }

    /// A number that is no class: such targets have the loss 0 and do not count in the mean.
    pub fn ignore_class(mut self, class: i32) -> SparseCategoricalCrossentropy {
        self.ignore_class = Some(class);
        self
    }

    /// Which labels are not those to ignore.
    fn valid(&self, labels: &Tensor) -> Option<Tensor> {
        self.ignore_class.map(|ignored| ops::not_equal(labels, ignored))
    }
}

fields! { SparseCategoricalCrossentropy { from_logits, ignore_class } }

impl LossFunction for SparseCategoricalCrossentropy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let labels = labels(y_true, y_pred)?;
        let valid = self.valid(&labels);
        let y_pred = match &valid {
            // What is predicted for an ignored target may be anything, NaN too.
            Some(valid) => ops::where_(ops::expand_dims(valid, -1), y_pred, 1.0),
            None => y_pred.clone(),
        };
        let logs = log_probabilities(&y_pred, self.from_logits, -1);
        let hot = is_class(&labels, y_pred.last_dim()?);
        // Chosen, not multiplied: the logarithm of another class may be infinite.
        let values = -ops::sum(ops::where_(hot, logs, 0.0), -1);
        Ok(match valid {
            Some(valid) => ops::where_(valid, values, 0.0),
            None => values,
        })
    }

    fn name(&self) -> &str {
        "sparse_categorical_crossentropy"
    }

    fn ignored_label(&self) -> Option<i32> {
        self.ignore_class
    }

    fn takes_labels(&self) -> bool {
        true
    }

    fn mask(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Option<Tensor>> {
        Ok(self.valid(&labels(y_true, y_pred)?))
    }

    fn kind(&self) -> Option<&str> {
        Some("SparseCategoricalCrossentropy")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// `(1 - y_pred[y_true]^q) / q`: between the cross-entropy (q near 0) and the mean absolute error
/// (q near 1), for labels that are partly wrong.
///
/// Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural networks with noisy
/// labels", 2018. In spite of its name it takes the numbers of classes. Keras's default q is 0.5.
#[derive(Clone, Copy, Debug)]
pub struct CategoricalGeneralizedCrossEntropy {
    q: f32,
}

impl CategoricalGeneralizedCrossEntropy {
    /// The loss with q 0.5.
    pub fn new() -> CategoricalGeneralizedCrossEntropy {
        CategoricalGeneralizedCrossEntropy { q: 0.5 }
    }

    /// The exponent, between 0 and 1.
    pub fn q(mut self, q: f32) -> CategoricalGeneralizedCrossEntropy {
        self.q = q;
        self
    }
}

impl Default for CategoricalGeneralizedCrossEntropy {
    fn default() -> CategoricalGeneralizedCrossEntropy {
        CategoricalGeneralizedCrossEntropy::new()
    }
}

fields! { CategoricalGeneralizedCrossEntropy { q } }

impl LossFunction for CategoricalGeneralizedCrossEntropy {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        if !(self.q > 0.0 && self.q < 1.0) {
            return Err(Error::value(format!("q must be between 0 and 1, not {}", self.q)));
        }
        let hot = is_class(&labels(y_true, y_pred)?, y_pred.last_dim()?);
        let p = ops::sum(ops::where_(hot, y_pred, 0.0), -1);
        Ok((1.0 - ops::power(p, self.q)) / self.q)
    }

    fn name(&self) -> &str {
        "categorical_generalized_cross_entropy"
    }

    fn takes_labels(&self) -> bool {
        true
    }

    fn kind(&self) -> Option<&str> {
        Some("CategoricalGeneralizedCrossEntropy")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// The numbers of classes without a last dimension of 1, checked against the predictions.
pub(crate) fn labels(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let column =
        y_true.rank() == y_pred.rank() && y_true.shape().dims().last() == Some(&Dim::Known(1));
    let labels = if column { ops::squeeze(y_true, -1) } else { y_true.clone() };
    shapes::must_be_labels(&labels, y_pred)?;
    Ok(labels)
}

/// Whether each class, along a new last axis, is the one whose number is given.
pub(crate) fn is_class(labels: &Tensor, classes: usize) -> Tensor {
    let mut dims = labels.shape().dims().to_vec();
    dims.push(Dim::Known(classes));
    let axis = dims.len() - 1;
    let numbers = Tensor::op(Op::Iota { shape: Shape::from(dims), axis }, &[]);
    ops::equal(ops::expand_dims(shapes::convert(labels, DType::I32), -1), numbers)
}

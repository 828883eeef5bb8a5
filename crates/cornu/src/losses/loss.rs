//! A loss as the trainer uses it: a function and a reduction.

use super::named::{named, unknown};
use super::{LossFunction, Reduction, shapes};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{DType, Error, Result};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// A loss: a function and how its values are reduced.
///
/// Made from a name (`"mse"`), a value (`Huber::new().delta(0.5)`) or a closure over tensors. A
/// name that is not known becomes an error where the loss is used.
#[derive(Clone)]
pub struct Loss {
    pub(super) function: std::result::Result<Arc<dyn LossFunction>, Error>,
    pub(super) reduction: Reduction,
    /// Another name than the function's, if a file gives one.
    pub(super) name: Option<String>,
}

impl Loss {
    pub(super) fn new(function: std::result::Result<Arc<dyn LossFunction>, Error>) -> Loss {
        Loss { function, reduction: Reduction::default(), name: None }
    }

    /// A function of tensors under the name by which files know it:
    /// [`register_loss`](crate::saving::register_loss) brings it back. A closure without one trains as
    /// well, but cannot be saved.
    ///
    /// ```
    /// use cornu::losses::Loss;
    /// use cornu::prelude::*;
    /// use cornu::saving::register_loss;
    ///
    /// let fourth = |y: &Tensor, p: &Tensor| (y - p).square().square();
    /// let loss = Loss::custom("fourth", fourth);
    /// assert_eq!(loss.name(), "fourth");
    /// register_loss("fourth", move |_| Ok(fourth));
    /// ```
    pub fn custom<F>(name: impl Into<String>, function: F) -> Loss
    where
        F: Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
    {
        Loss::from(Custom { name: name.into(), function })
    }

    /// How the values become one number; the default is their mean.
    pub fn reduction(mut self, reduction: Reduction) -> Loss {
        self.reduction = reduction;
        self
    }

    /// Keras's name: `"mean_squared_error"`. A closure is called `"loss"`.
    pub fn name(&self) -> &str {
        let own = || self.function.as_ref().map_or("loss", |function| function.name());
        self.name.as_deref().unwrap_or_else(own)
    }

    /// The loss itself, or the error that it was given by a name that is not known.
    ///
    /// # Errors
    /// If the name is not known.
    pub fn check(&self) -> Result<&Loss> {
        self.function().map(|_| self)
    }

    /// Whether `y_true` holds the numbers of classes, with one dimension less than `y_pred`.
    pub fn takes_labels(&self) -> bool {
        self.function.as_ref().is_ok_and(|function| function.takes_labels())
    }

    /// Whether each label is the number of one of the outputs, not any whole number.
    pub fn labels_are_outputs(&self) -> bool {
        self.function.as_ref().is_ok_and(|function| function.labels_are_outputs())
    }

    /// A label that stands for no class and does not count.
    pub fn ignored_label(&self) -> Option<i32> {
        self.function.as_ref().ok().and_then(|function| function.ignored_label())
    }

    /// The values before weights and reduction: one for each sample (and position).
    ///
    /// Before, `y_true` and `y_pred` are brought to one rank where they differ by a last dimension
    /// of 1, and to `float32` (but for numbers of classes).
    ///
    /// # Errors
    /// If the shapes do not fit, or the loss is not known.
    pub fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let function = self.function()?;
        let (y_true, y_pred) = prepare(function, y_true, y_pred)?;
        values(function, &y_true, &y_pred)
    }

    /// The loss of a batch. Weights are one for each sample, or for each value.
    ///
    /// # Errors
    /// If the shapes do not fit, or the loss is not known.
    pub fn call(
        &self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
    ) -> Result<Tensor> {
        let function = self.function()?;
        let (y_true, y_pred) = prepare(function, y_true, y_pred)?;
        let values = values(function, &y_true, &y_pred)?;
        let mask = function.mask(&y_true, &y_pred)?;
        let weights = self.weights(sample_weight, mask.as_ref())?;
        let (values, weights) = match weights {
            None => (values, None),
            Some(weights) => {
                let (values, weights) = shapes::with_weights(&values, &weights)
                    .map_err(|error| error.within(function.name()))?;
                (values * &weights, Some(weights))
            }
        };
        self.reduction.apply(&values, weights.as_ref()).check().cloned()
    }

    /// The weights of the samples and those that a mask amounts to, in one.
    fn weights(&self, given: Option<&Tensor>, mask: Option<&Tensor>) -> Result<Option<Tensor>> {
        let Some(mask) = mask else { return Ok(given.cloned()) };
        let mut mask = shapes::convert(mask, DType::F32);
        if self.reduction == Reduction::SumOverBatchSize {
            // Divided by the number of all values later, this is the mean of those that count.
            let scale = shapes::divide_or_zero(&shapes::count(&mask), &ops::sum(&mask, Axis::ALL));
            mask = mask * scale;
        }
        Ok(Some(match given {
            None => mask,
            Some(given) => {
                let (mask, given) = shapes::with_weights(&mask, given)?;
                mask * given
            }
        }))
    }

    /// The configuration with Keras's field names.
    pub fn config(&self) -> Value {
        let mut config = json!({ "name": self.name(), "reduction": self.reduction.name() });
        let own = self.function.as_ref().map(|function| function.config());
        if let (Some(all), Ok(Value::Object(own))) = (config.as_object_mut(), own) {
            all.extend(own);
        }
        config
    }

    pub(super) fn function(&self) -> Result<&dyn LossFunction> {
        self.function.as_deref().map_err(Clone::clone)
    }
}

/// A closure with a name.
struct Custom<F> {
    name: String,
    function: F,
}

impl<F> LossFunction for Custom<F>
where
    F: Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
{
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        self.function.values(y_true, y_pred)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Option<&str> {
        Some(&self.name)
    }
}

/// The values of a loss, with its name in the error if they cannot be computed.
pub(crate) fn values(
    function: &dyn LossFunction,
    y_true: &Tensor,
    y_pred: &Tensor,
) -> Result<Tensor> {
    function
        .values(y_true, y_pred)
        .and_then(|values| values.check().cloned())
        .map_err(|error| error.within(function.name()))
}

/// Targets and predictions as a loss expects them.
pub(crate) fn prepare(
    function: &dyn LossFunction,
    y_true: &Tensor,
    y_pred: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let y_pred = shapes::convert(y_pred.check()?, DType::F32);
    let y_true = match function.takes_labels() {
        true => y_true.check()?.clone(),
        false => shapes::convert(y_true.check()?, DType::F32),
    };
    Ok(shapes::same_rank(&y_true, &y_pred))
}

impl From<&str> for Loss {
    fn from(name: &str) -> Loss {
        Loss::new(named(name).ok_or_else(|| unknown(name)))
    }
}

impl<L: LossFunction> From<L> for Loss {
    fn from(function: L) -> Loss {
        Loss::new(Ok(Arc::new(function)))
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loss {} ({})", self.name(), self.reduction.name())
    }
}

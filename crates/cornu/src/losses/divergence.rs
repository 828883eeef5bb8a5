//! Losses of counts and distributions.

use super::{EPSILON, LossFunction, shapes};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;

plain_losses! {
    /// `mean(y_pred - y_true · ln(y_pred + 1e-7))` over the last dimension: the negative
    /// log-likelihood of counts, but for a constant.
    Poisson = "poisson", |y, p| ops::mean(p - y * ops::log(p + EPSILON), -1);

    /// `sum(y_true · ln(y_true / y_pred))` over the last dimension, of probabilities that are
    /// clipped to [1e-7, 1].
    KLDivergence = "kl_divergence", |y, p| {
        let (y, p) = (y.clip(EPSILON, 1.0), p.clip(EPSILON, 1.0));
        ops::sum(&y * ops::log(&y / p), -1)
    };
}

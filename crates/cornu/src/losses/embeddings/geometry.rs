//! A batch of embeddings: who belongs to whom, how near they are, and reductions over some of them.

use crate::losses::shapes;
use crate::ops::{self, Axis};
use crate::similarity::Distance;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Op, Result, Shape};

/// Farther than any distance, and smaller than the largest `float32` by enough to add such numbers.
const FAR: f32 = 1e30;

/// A batch of embeddings with what the labels say of every pair, `(n, n)`.
pub(super) struct Batch {
    /// `(n, d)`.
    pub embeddings: Tensor,
    /// Whether two samples are of one class; no sample is its own partner.
    pub same: Tensor,
    /// Whether two samples are of different classes.
    pub different: Tensor,
}

impl Batch {
    /// # Errors
    /// If there is not one label for each embedding, or they are no rows of numbers.
    pub fn new(y_true: &Tensor, y_pred: &Tensor) -> Result<Batch> {
        if y_pred.rank() != 2 {
            let expected = "y_pred must hold one embedding (n, d) for each label";
            return Err(shapes::mismatch(y_true, y_pred, expected).help(
                "end the model with a layer that gives one vector a sample: Flatten, Dense",
            ));
        }
        let labels = labels(y_true, y_pred)?;
        let equal = ops::equal(ops::expand_dims(&labels, 1), ops::expand_dims(&labels, 0));
        let itself = same_place(y_pred.shape().dims()[0]);
        Ok(Batch {
            embeddings: y_pred.clone(),
            same: ops::logical_and(&equal, ops::logical_not(itself)),
            different: ops::logical_not(equal),
        })
    }

    /// The same batch with embeddings of length 1.
    pub fn normalized(&self) -> Batch {
        Batch {
            embeddings: unit(&self.embeddings),
            same: self.same.clone(),
            different: self.different.clone(),
        }
    }

    /// The cosines of all pairs.
    pub fn cosines(&self) -> Tensor {
        products(&unit(&self.embeddings))
    }

    /// The distances of all pairs.
    pub fn distances(&self, distance: Distance) -> Tensor {
        match distance {
            Distance::Euclidean => squared_distances(&self.embeddings).sqrt(),
            Distance::SquaredEuclidean => squared_distances(&self.embeddings),
            Distance::Cosine => 1.0 - self.cosines(),
        }
    }
}

/// The labels as `(n,)`.
///
/// # Errors
/// If there is not one for each row of the predictions.
pub(super) fn labels(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let rows = y_pred.shape().dims().first().copied();
    let labels = match y_true.shape().dims() {
        [_, Dim::Known(1)] => ops::squeeze(y_true, -1),
        _ => y_true.clone(),
    };
    match labels.shape().dims() {
        [n] if Some(*n) == rows => Ok(labels),
        _ => {
            let expected = "y_true must hold one number of a class for each row of y_pred";
            Err(shapes::mismatch(y_true, y_pred, expected)
                .help("labels have the shape (n,) or (n, 1); one-hot rows are not taken"))
        }
    }
}

/// Whether row and column are the same: true on the diagonal.
pub(super) fn same_place(n: Dim) -> Tensor {
    let count = |axis| Tensor::op(Op::Iota { shape: Shape::from(vec![n, n]), axis }, &[]);
    ops::equal(count(0), count(1))
}

/// The vectors of the last axis with length 1; a vector of zeros stays one.
pub(super) fn unit(x: &Tensor) -> Tensor {
    ops::normalize(x, -1, ops::SMALLEST_NORM)
}

/// The dot products of all pairs of rows.
pub(super) fn products(x: &Tensor) -> Tensor {
    ops::matmul(x, ops::transpose(x, None))
}

/// The squared distances of all pairs of rows, as `|a|² + |b|² - 2ab`.
///
/// Distances do not change when all points move; seen from their mean, less is lost to rounding.
fn squared_distances(x: &Tensor) -> Tensor {
    let x = x - ops::stop_gradient(ops::mean(x, Axis::new(0).keepdims()));
    let squares = ops::sum(x.square(), -1);
    let sums = ops::expand_dims(&squares, 1) + ops::expand_dims(&squares, 0);
    (sums - products(&x) * 2.0).maximum(0.0)
}

/// The largest of the chosen elements along the last axis; far below 0 if there is none.
pub(super) fn largest(x: &Tensor, chosen: &Tensor) -> Tensor {
    ops::max(ops::where_(chosen, x, -FAR), -1)
}

/// The smallest of the chosen elements along the last axis; far above 0 if there is none.
pub(super) fn smallest(x: &Tensor, chosen: &Tensor) -> Tensor {
    ops::min(ops::where_(chosen, x, FAR), -1)
}

/// `ln Σ eˣ` of the chosen elements along an axis; far below 0 if there is none.
pub(super) fn logsumexp(x: &Tensor, chosen: &Tensor, axis: i32) -> Tensor {
    ops::logsumexp(ops::where_(chosen, x, -FAR), axis)
}

/// `ln(1 + Σ eˣ)` of the chosen elements along an axis; 0 if there is none.
pub(super) fn log1p_sum_exp(x: &Tensor, chosen: &Tensor, axis: i32) -> Tensor {
    ops::softplus(logsumexp(x, chosen, axis))
}

/// Whether any element along the last axis is true.
pub(super) fn any(chosen: &Tensor) -> Tensor {
    ops::any(chosen, -1)
}

/// The mean of the chosen elements along the last axis; 0 if there is none.
pub(super) fn mean_of(x: &Tensor, chosen: &Tensor) -> Tensor {
    let total = ops::sum(ops::where_(chosen, x, 0.0), -1);
    let count = ops::sum(shapes::convert(chosen, cornu_graph::DType::F32), -1);
    shapes::divide_or_zero(&total, &count)
}

//! Matrix products and norms.

use super::layout::or_error;
use super::{Axis, abs, float, max, sqrt, square, sum};
use crate::tensor::{Operation, Tensor};
use cornu_graph::{Dim, Error, Op, Result, Shape};

/// The matrix product, by NumPy's rules: the last two dimensions are multiplied, the others
/// broadcast; a vector counts as a row on the left and a column on the right.
#[track_caller]
pub fn matmul(a: impl Into<Tensor>, b: impl Into<Tensor>) -> Tensor {
    let (a, b) = (float(a), float(b));
    if let Some(poisoned) = [&a, &b].into_iter().find(|t| t.is_error()) {
        return poisoned.clone();
    }
    Tensor::named("Matmul", &[&a, &b], or_error(product(&a, &b))).here()
}

#[track_caller]
fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.rank() == 0 || b.rank() == 0 {
        return Err(Error::shape("matmul takes vectors and matrices, not single numbers"));
    }
    let (mut left, mut right) = (a.shape().dims().to_vec(), b.shape().dims().to_vec());
    if a.rank() == 1 {
        left.insert(0, Dim::Known(1));
    }
    if b.rank() == 1 {
        right.push(Dim::Known(1));
    }
    let y = if right.len() == 2 && left.len() > 2 {
        rows_times_matrix(a, left, b, right)?
    } else {
        batched(a, left, b, right)?
    };
    // The dimensions that only made a vector a matrix disappear again.
    let mut dims = y.shape().dims().to_vec();
    if b.rank() == 1 {
        dims.pop();
    }
    if a.rank() == 1 {
        dims.remove(dims.len() - 1 - usize::from(b.rank() > 1));
    }
    Ok(y.reshape_to(&Shape::from(dims)))
}

/// Many matrices times one: all rows in one product.
#[track_caller]
fn rows_times_matrix(a: &Tensor, left: Vec<Dim>, b: &Tensor, right: Vec<Dim>) -> Result<Tensor> {
    let (&inner, outer) = left.split_last().expect("a matrix has dimensions");
    let rows = Shape::from(outer.to_vec()).count();
    let (Some(rows), true) = (rows, inner.known().is_some()) else {
        return batched(a, left, b, right);
    };
    let matrix = a.reshape_to(&Shape::from(vec![rows, inner]));
    let flat = multiply_matrices(&matrix, &b.reshape_to(&Shape::from(right.clone())));
    let mut dims = outer.to_vec();
    dims.push(right[1]);
    flat.check().map_err(|_| mismatch(a, b))?;
    Ok(flat.reshape_to(&Shape::from(dims)))
}

#[track_caller]
fn batched(a: &Tensor, left: Vec<Dim>, b: &Tensor, right: Vec<Dim>) -> Result<Tensor> {
    let split = |dims: &[Dim]| {
        let (outer, matrix) = dims.split_at(dims.len() - 2);
        (Shape::from(outer.to_vec()), matrix.to_vec())
    };
    let ((outer_a, matrix_a), (outer_b, matrix_b)) = (split(&left), split(&right));
    let outer = outer_a.broadcast(&outer_b).ok_or_else(|| mismatch(a, b))?;
    let operand = |x: &Tensor, own: Vec<Dim>, matrix: &[Dim]| {
        let full: Vec<Dim> = outer.dims().iter().chain(matrix).copied().collect();
        x.reshape_to(&Shape::from(own)).broadcast_to(&Shape::from(full))
    };
    let y = multiply_matrices(&operand(a, left, &matrix_a), &operand(b, right, &matrix_b));
    y.check().map_err(|_| mismatch(a, b))?;
    Ok(y)
}

#[track_caller]
fn multiply_matrices(a: &Tensor, b: &Tensor) -> Tensor {
    Tensor::op(Op::matmul(false, false), &[a, b])
}

fn mismatch(a: &Tensor, b: &Tensor) -> Error {
    Error::shape(format!("matmul of {} and {}: the inner dimensions differ", a.shape(), b.shape()))
}

/// The dot product: of vectors, or of the last axis of `a` and the second to last of `b`.
#[track_caller]
pub fn dot(a: impl Into<Tensor>, b: impl Into<Tensor>) -> Tensor {
    let (a, b) = (a.into(), b.into());
    if a.is_error() || b.is_error() {
        return if a.is_error() { a } else { b };
    }
    if a.rank() == 0 || b.rank() == 0 {
        return super::multiply(a, b);
    }
    if b.rank() > 2 {
        let error = Error::shape(format!(
            "dot of {} and {}: the second may have at most two dimensions",
            a.shape(),
            b.shape()
        ));
        return Tensor::error(error.help("use matmul for batches of matrices"));
    }
    Tensor::named("Dot", &[&a, &b], matmul(&a, &b))
}

/// The Euclidean norm `√Σx²` along axes (of all elements with [`Axis::ALL`]).
///
/// Its gradient where the norm is 0 is 0; Keras gives NaN there on some backends.
#[track_caller]
pub fn norm(x: impl Into<Tensor>, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (float(x), axis.into());
    let y = sqrt(sum(square(&x), axis.clone()));
    // Keras knows norms of vectors and matrices only.
    if axis.list().is_some_and(|axes| axes.len() > 2) {
        return y;
    }
    Tensor::named(Operation::new("Norm").along(&axis), &[&x], y)
}

/// The `ord`-norm of vectors along an axis: 1 (sum of magnitudes), 2 (Euclidean) or infinite
/// (largest magnitude).
#[track_caller]
pub fn vector_norm(x: impl Into<Tensor>, ord: f32, axis: impl Into<Axis>) -> Tensor {
    let (x, axis) = (float(x), axis.into());
    if ord == 2.0 {
        return norm(x, axis);
    }
    if ord == f32::INFINITY {
        // A file cannot say infinity: there it is what it is here.
        return max(abs(&x), axis);
    }
    // Along several axes Keras's norm is one of matrices.
    let vector = axis.list().is_some_and(|axes| axes.len() == 1);
    let operation = Operation::new("Norm").with_number("ord", ord).along(&axis);
    let y = if ord == 1.0 {
        sum(abs(&x), axis)
    } else {
        super::power(sum(super::power(abs(&x), ord), axis), 1.0 / ord)
    };
    if vector { Tensor::named(operation, &[&x], y) } else { y }
}

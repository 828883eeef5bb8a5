//! Functions of tensors, with Keras's names: `keras.ops`.
//!
//! They broadcast by NumPy's rule and promote dtypes (bool, uint8, int32, float32). A mistake does
//! not panic but travels with the result; see [`Tensor`].

mod axis;
mod einsum;
mod images;
mod indexing;
mod layout;
mod linalg;
mod logic;
mod math;
mod nn;
pub(crate) mod nodes;
mod reduce;

pub use axis::Axis;
pub(crate) use axis::resolve as resolve_axis;
pub(crate) use einsum::Equation;
pub use einsum::einsum;
pub use images::{Padding, average_pool, conv, conv_transpose, depthwise_conv, max_pool};
pub(crate) use indexing::rows;
pub use indexing::{one_hot, slice, take};
pub use layout::{
    broadcast_to, cast, concatenate, expand_dims, flip, ones_like, pad, ravel, repeat, reshape,
    squeeze, stack, tile, transpose, zeros_like,
};
pub use linalg::{dot, matmul, norm, vector_norm};
pub use logic::{
    equal, greater, greater_equal, less, less_equal, logical_and, logical_not, logical_or,
    not_equal, where_,
};
pub use math::{
    abs, add, ceil, clip, cos, divide, erf, exp, expm1, floor, log, log1p, maximum, minimum, mod_,
    multiply, negative, power, reciprocal, round, rsqrt, sign, sin, sqrt, square, subtract, tanh,
};
pub(crate) use nn::SMALLEST_NORM;
pub use nn::{
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu,
    log_sigmoid, log_softmax, mish, normalize, relu, relu6, selu, sigmoid, silu, soft_shrink,
    softmax, softplus, softsign, sparse_plus, squareplus, tanh_shrink, threshold,
};
pub use reduce::{
    all, any, argmax, argmin, count_nonzero, logsumexp, max, mean, min, prod, std, stop_gradient,
    sum, var,
};

use crate::tensor::Tensor;
use cornu_graph::{DType, Error, Op};

/// Two operands in their common dtype and shape.
#[track_caller]
fn meet(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor), Tensor> {
    for operand in [a, b] {
        if operand.is_error() {
            return Err(operand.clone());
        }
    }
    let dtype = a.dtype().promote(b.dtype());
    // Not in a closure: that would be the line the error names.
    let Some(shape) = a.shape().broadcast(b.shape()) else {
        let (a, b) = (a.shape(), b.shape());
        let error = Error::shape(format!("operands of shapes {a} and {b} do not broadcast"));
        return Err(Tensor::error(
            error.help("aligned at the right, sizes must be equal or one of them 1"),
        ));
    };
    Ok((convert(a, dtype).broadcast_to(&shape), convert(b, dtype).broadcast_to(&shape)))
}

#[track_caller]
fn convert(x: &Tensor, dtype: DType) -> Tensor {
    if x.is_error() || x.dtype() == dtype { x.clone() } else { Tensor::op(Op::Cast(dtype), &[x]) }
}

/// The operand as `float32`.
#[track_caller]
fn float(x: impl Into<Tensor>) -> Tensor {
    convert(&x.into(), DType::F32)
}

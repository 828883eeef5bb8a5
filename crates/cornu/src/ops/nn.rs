//! The functions of neural networks: activations. Formulas and constants are Keras's.

use super::reduce::stop_gradient_of_max;
use super::{
    Axis, abs, clip, exp, expm1, float, greater, less_equal, log, log1p, minimum, sum, tanh, where_,
};
use crate::tensor::{Operation, Tensor};
use cornu_graph::op::SliceRange;
use cornu_graph::scalar::UnaryOp;
use cornu_graph::{Error, Op};

/// Names the result of an expression of one tensor.
#[track_caller]
fn named(operation: impl Into<Operation>, x: &Tensor, y: Tensor) -> Tensor {
    Tensor::named(operation, &[x], y)
}

/// `max(x, 0)`
#[track_caller]
pub fn relu(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    let y = Tensor::op(Op::Unary(UnaryOp::Relu), &[&float(&x)]);
    named("Relu", &x, y)
}

/// `min(max(x, 0), 6)`
#[track_caller]
pub fn relu6(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    named("Relu6", &x, minimum(relu(&x), 6.0))
}

/// `x`, or `negative_slope · x` below 0. Keras's default slope is 0.2.
#[track_caller]
pub fn leaky_relu(x: impl Into<Tensor>, negative_slope: f32) -> Tensor {
    let x = float(x);
    let operation = Operation::new("LeakyRelu").with_number("negative_slope", negative_slope);
    named(operation, &x, where_(greater(&x, 0.0), &x, &x * negative_slope))
}

/// `1 / (1 + e⁻ˣ)`
#[track_caller]
pub fn sigmoid(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    let y = Tensor::op(Op::Unary(UnaryOp::Sigmoid), &[&float(&x)]);
    named("Sigmoid", &x, y)
}

/// `ln(1 / (1 + e⁻ˣ))` without overflow.
#[track_caller]
pub fn log_sigmoid(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    named("LogSigmoid", &x, -softplus(-&x))
}

/// `ln(1 + eˣ)` without overflow.
#[track_caller]
pub fn softplus(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    // max(x, 0) + ln(1 + e^-|x|), with the gradient sigmoid(x) at 0 too.
    named("Softplus", &x, softplus_of(&x))
}

fn softplus_of(x: &Tensor) -> Tensor {
    let positive = greater(x, 0.0);
    let folded = where_(&positive, -x, x);
    where_(&positive, x, 0.0) + log1p(exp(folded))
}

/// `x / (1 + |x|)`
#[track_caller]
pub fn softsign(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    named("Softsign", &x, &x / (abs(&x) + 1.0))
}

/// `eˣ / Σ eˣ` along an axis, without overflow.
#[track_caller]
pub fn softmax(x: impl Into<Tensor>, axis: i32) -> Tensor {
    let x = float(x);
    let shifted = &x - stop_gradient_of_max(&x, Axis::new(axis).keepdims());
    let e = exp(shifted);
    let operation = Operation::new("Softmax").with("axis", axis);
    named(operation, &x, &e / sum(&e, Axis::new(axis).keepdims()))
}

/// The logarithm of [`softmax`], exact where the softmax rounds to 0.
#[track_caller]
pub fn log_softmax(x: impl Into<Tensor>, axis: i32) -> Tensor {
    let x = float(x);
    let shifted = &x - stop_gradient_of_max(&x, Axis::new(axis).keepdims());
    let total = log(sum(exp(&shifted), Axis::new(axis).keepdims()));
    let operation = Operation::new("LogSoftmax").with("axis", axis);
    named(operation, &x, shifted - total)
}

/// `x`, or `alpha · (eˣ - 1)` below 0. Keras's default alpha is 1.
#[track_caller]
pub fn elu(x: impl Into<Tensor>, alpha: f32) -> Tensor {
    let x = float(x);
    // The exponential of a large positive number would be infinite, and its gradient NaN.
    let negative = expm1(minimum(&x, 0.0)) * alpha;
    let operation = Operation::new("Elu").with_number("alpha", alpha);
    named(operation, &x, where_(greater(&x, 0.0), &x, negative))
}

/// `max(x, 0) + min(alpha · (e^(x/alpha) - 1), 0)`. Keras's default alpha is 1.
#[track_caller]
pub fn celu(x: impl Into<Tensor>, alpha: f32) -> Tensor {
    let x = float(x);
    let negative = expm1(minimum(&x, 0.0) / alpha) * alpha;
    let operation = Operation::new("Celu").with_number("alpha", alpha);
    named(operation, &x, where_(greater(&x, 0.0), &x, negative))
}

/// The scaled exponential linear unit (Klambauer et al., "Self-normalizing neural networks", 2017).
#[track_caller]
pub fn selu(x: impl Into<Tensor>) -> Tensor {
    const ALPHA: f32 = 1.673_263_2;
    const SCALE: f32 = 1.050_701;
    let x = float(x);
    named("Selu", &x, elu(&x, ALPHA) * SCALE)
}

/// `x · Φ(x)`, with the normal distribution function exactly or by a tanh (Keras's default).
#[track_caller]
pub fn gelu(x: impl Into<Tensor>, approximate: bool) -> Tensor {
    let x = float(x);
    let cdf = if approximate {
        let inner = (&x + &x * &x * &x * 0.044_715) * (2.0 / std::f32::consts::PI).sqrt();
        (tanh(inner) + 1.0) * 0.5
    } else {
        (super::erf(&x * std::f32::consts::FRAC_1_SQRT_2) + 1.0) * 0.5
    };
    let operation = Operation::new("Gelu").with("approximate", approximate);
    named(operation, &x, &x * cdf)
}

/// `a · sigmoid(b)` of the two halves along an axis.
#[track_caller]
pub fn glu(x: impl Into<Tensor>, axis: i32) -> Tensor {
    let x = float(x);
    if x.is_error() {
        return x;
    }
    let halves = super::axis::resolve(axis, x.rank()).and_then(|axis| {
        let size = super::layout::known_size(&x, axis)?;
        if size % 2 == 1 {
            return Err(Error::shape(format!("glu halves axis {axis} of odd size {size}")));
        }
        let half = |start: usize, end: usize| {
            let mut ranges = vec![SliceRange::ALL; x.rank()];
            ranges[axis] = SliceRange { start, end: Some(end), step: 1 };
            Tensor::op(Op::Slice(ranges), &[&x])
        };
        Ok(half(0, size / 2) * sigmoid(half(size / 2, size)))
    });
    let operation = Operation::new("Glu").with("axis", axis);
    named(operation, &x, super::layout::or_error(halves))
}

/// `x · sigmoid(x)`, also called swish.
#[track_caller]
pub fn silu(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    named("Silu", &x, &x * sigmoid(&x))
}

/// `x · tanh(softplus(x))`
#[track_caller]
pub fn mish(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    &x * tanh(softplus(&x))
}

/// `eˣ`
#[track_caller]
pub fn exponential(x: impl Into<Tensor>) -> Tensor {
    exp(x)
}

/// `relu6(x + 3) / 6`
#[track_caller]
pub fn hard_sigmoid(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    named("HardSigmoid", &x, relu6(&x + 3.0) / 6.0)
}

/// `x · hard_sigmoid(x)`
#[track_caller]
pub fn hard_silu(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    named("HardSilu", &x, &x * hard_sigmoid(&x))
}

/// `x` clipped to [-1, 1].
#[track_caller]
pub fn hard_tanh(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    named("HardTanh", &x, clip(&x, -1.0, 1.0))
}

/// `x`, or 0 where `|x| ≤ threshold`. Keras's default threshold is 0.5.
#[track_caller]
pub fn hard_shrink(x: impl Into<Tensor>, threshold: f32) -> Tensor {
    let x = float(x);
    let operation = Operation::new("HardShrink").with_number("threshold", threshold);
    named(operation, &x, where_(greater(abs(&x), threshold), &x, 0.0))
}

/// `x` moved towards 0 by the threshold, and 0 within it. Keras's default threshold is 0.5.
#[track_caller]
pub fn soft_shrink(x: impl Into<Tensor>, threshold: f32) -> Tensor {
    let x = float(x);
    let below = where_(super::less(&x, -threshold), &x + threshold, 0.0);
    let operation = Operation::new("SoftShrink").with_number("threshold", threshold);
    named(operation, &x, where_(greater(&x, threshold), &x - threshold, below))
}

/// `x - tanh(x)`
#[track_caller]
pub fn tanh_shrink(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    named("TanhShrink", &x, &x - tanh(&x))
}

/// `x`, or `default` where `x ≤ threshold`.
#[track_caller]
pub fn threshold(x: impl Into<Tensor>, threshold: f32, default: f32) -> Tensor {
    let x = float(x);
    let operation = Operation::new("Threshold")
        .with_number("threshold", threshold)
        .with_number("default_value", default);
    named(operation, &x, where_(greater(&x, threshold), &x, default))
}

/// `(x + √(x² + b)) / 2`. Keras's default b is 4.
#[track_caller]
pub fn squareplus(x: impl Into<Tensor>, b: f32) -> Tensor {
    let x = float(x);
    let operation = Operation::new("Squareplus").with_number("b", b);
    named(operation, &x, (&x + (x.square() + b).sqrt()) / 2.0)
}

/// 0 up to -1, `x` from 1, and a parabola between.
#[track_caller]
pub fn sparse_plus(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    let curve = where_(super::less(&x, 1.0), (&x + 1.0).square() * 0.25, &x);
    named("SparsePlus", &x, where_(less_equal(&x, -1.0), 0.0, curve))
}

/// Shorter vectors are not made longer to the length 1: Keras's default of [`normalize`].
pub(crate) const SMALLEST_NORM: f32 = 1e-7;

/// `x / ‖x‖` along axes, with a norm of at least `epsilon`. Keras's defaults are the axis -1 and
/// 1e-7.
///
/// The gradient is 0 where the norm is below `epsilon`; Keras gives NaN there on some backends.
#[track_caller]
pub fn normalize(x: impl Into<Tensor>, axis: impl Into<Axis>, epsilon: f32) -> Tensor {
    let (x, axis) = (float(x), axis.into());
    let mut operation = Operation::new("Normalize").with("axis", &axis);
    if epsilon != SMALLEST_NORM {
        operation = operation.with_number("epsilon", epsilon);
    }
    let squares = sum(x.square(), axis.keepdims());
    // Clipped before the root, so that no gradient meets an infinity.
    let norm = super::sqrt(super::maximum(squares, epsilon * epsilon));
    named(operation, &x, &x / norm)
}

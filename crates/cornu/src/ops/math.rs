//! Arithmetic and elementary functions, element by element.

use super::{convert, float, meet};
use crate::tensor::{Operation, Tensor};
use cornu_graph::scalar::{BinaryOp, UnaryOp};
use cornu_graph::{DType, Op};

/// Applies a primitive function of one number, named as Keras names its operation.
#[track_caller]
fn unary(name: &'static str, op: UnaryOp, x: Tensor) -> Tensor {
    let y = Tensor::op(Op::Unary(op), &[&x]);
    Tensor::named(name, &[&x], y)
}

#[track_caller]
fn binary(name: &'static str, op: BinaryOp, a: Tensor, b: Tensor) -> Tensor {
    match meet(&a, &b) {
        Ok((left, right)) => {
            Tensor::named(name, &[&a, &b], Tensor::op(Op::Binary(op), &[&left, &right]))
        }
        Err(error) => error.here(),
    }
}

/// A number that a signed function can take: `uint8` and `bool` become `int32`.
#[track_caller]
fn signed(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    let dtype = x.dtype().promote(DType::I32);
    convert(&x, dtype)
}

macro_rules! float_functions {
    ($($(#[$doc:meta])* $name:ident = $class:literal, $op:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl Into<Tensor>) -> Tensor {
            unary($class, UnaryOp::$op, float(x))
        }
    )*};
}

float_functions! {
    /// `eˣ`
    exp = "Exp", Exp;
    /// `eˣ - 1`, exact near 0.
    expm1 = "Expm1", Expm1;
    /// The natural logarithm.
    log = "Log", Log;
    /// `ln(1 + x)`, exact near 0.
    log1p = "Log1p", Log1p;
    /// The square root. Its gradient at 0 is 0, where Keras gives infinity (and then NaN).
    sqrt = "Sqrt", Sqrt;
    /// The sine.
    sin = "Sin", Sin;
    /// The cosine.
    cos = "Cos", Cos;
    /// The hyperbolic tangent.
    tanh = "Tanh", Tanh;
    /// The error function.
    erf = "Erf", Erf;
    /// The largest whole number not above.
    floor = "Floor", Floor;
    /// The smallest whole number not below.
    ceil = "Ceil", Ceil;
    /// The nearest whole number, halves to the even one.
    round = "Round", Round;
    /// `1 / x`
    reciprocal = "Reciprocal", Reciprocal;
}

macro_rules! signed_functions {
    ($($(#[$doc:meta])* $name:ident = $class:literal, $op:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl Into<Tensor>) -> Tensor {
            unary($class, UnaryOp::$op, signed(x))
        }
    )*};
}

signed_functions! {
    /// `|x|`
    abs = "Absolute", Abs;
    /// `-x`
    negative = "Negative", Neg;
    /// -1, 0 or 1.
    sign = "Sign", Sign;
    /// `x²`
    square = "Square", Square;
}

macro_rules! binary_functions {
    ($($(#[$doc:meta])* $name:ident = $class:literal, $op:ident, $prepare:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(a: impl Into<Tensor>, b: impl Into<Tensor>) -> Tensor {
            binary($class, BinaryOp::$op, $prepare(a), $prepare(b))
        }
    )*};
}

binary_functions! {
    /// `a + b`
    add = "Add", Add, signed;
    /// `a - b`
    subtract = "Subtract", Sub, signed;
    /// `a · b`
    multiply = "Multiply", Mul, signed;
    /// `a / b`, always as `float32`.
    divide = "Divide", Div, float;
    /// The remainder with the sign of `b`, as Python's `%`.
    mod_ = "Mod", Mod, signed;
    /// `aᵇ`
    power = "Power", Pow, float;
    /// The larger of each pair; where they are equal the gradient goes to the first.
    maximum = "Maximum", Max, signed;
    /// The smaller of each pair; where they are equal the gradient goes to the first.
    minimum = "Minimum", Min, signed;
}

/// `1 / √x`
#[track_caller]
pub fn rsqrt(x: impl Into<Tensor>) -> Tensor {
    let x = float(x);
    Tensor::named("Rsqrt", &[&x], reciprocal(sqrt(&x)))
}

/// The number in `[low, high]` that is nearest.
#[track_caller]
pub fn clip(x: impl Into<Tensor>, low: f32, high: f32) -> Tensor {
    let x = x.into();
    let y = minimum(maximum(&x, low), high);
    let operation = Operation::new("Clip").with_number("x_min", low).with_number("x_max", high);
    Tensor::named(operation, &[&x], y)
}

impl Tensor {
    /// `|x|`
    #[track_caller]
    pub fn abs(&self) -> Tensor {
        abs(self)
    }

    /// `x²`
    #[track_caller]
    pub fn square(&self) -> Tensor {
        square(self)
    }

    /// The square root; see [`crate::ops::sqrt`].
    #[track_caller]
    pub fn sqrt(&self) -> Tensor {
        sqrt(self)
    }

    /// `eˣ`
    #[track_caller]
    pub fn exp(&self) -> Tensor {
        exp(self)
    }

    /// The natural logarithm.
    #[track_caller]
    pub fn log(&self) -> Tensor {
        log(self)
    }

    /// The larger of each pair.
    #[track_caller]
    pub fn maximum(&self, other: impl Into<Tensor>) -> Tensor {
        maximum(self, other)
    }

    /// The smaller of each pair.
    #[track_caller]
    pub fn minimum(&self, other: impl Into<Tensor>) -> Tensor {
        minimum(self, other)
    }

    /// The number in `[low, high]` that is nearest.
    #[track_caller]
    pub fn clip(&self, low: f32, high: f32) -> Tensor {
        clip(self, low, high)
    }
}

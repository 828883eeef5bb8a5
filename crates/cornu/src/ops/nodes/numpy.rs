//! The operations of `keras.src.ops.numpy`. What Cornu has no function for is composed of those it
//! has.

mod arrange;

use super::item::get_item;
use super::{Build, Call, Table};
use crate::ops;
use crate::tensor::Tensor;
use Build::{One, Several, Two, With};
use cornu_graph::scalar::UnaryOp;
use cornu_graph::{DType, Op, Result};
use std::f32::consts::{LN_2, LN_10};

pub(super) use arrange::{slice, unstack};

pub(super) const OPERATIONS: &Table = &[
    // Of one tensor.
    ("Absolute", One(ops::abs)),
    ("Abs", One(ops::abs)),
    ("Negative", One(ops::negative)),
    ("Positive", One(|x| x)),
    ("Copy", One(|x| x)),
    ("Sign", One(ops::sign)),
    ("Square", One(ops::square)),
    ("Sqrt", One(ops::sqrt)),
    ("Cbrt", One(|x| ops::sign(&x) * ops::power(ops::abs(x), 1.0 / 3.0))),
    ("Reciprocal", One(ops::reciprocal)),
    ("Exp", One(ops::exp)),
    ("Exp2", One(|x| ops::power(2.0, x))),
    ("Expm1", One(ops::expm1)),
    ("Log", One(ops::log)),
    ("Log1p", One(ops::log1p)),
    ("Log2", One(|x| ops::log(x) / LN_2)),
    ("Log10", One(|x| ops::log(x) / LN_10)),
    ("Sin", One(ops::sin)),
    ("Cos", One(ops::cos)),
    ("Tan", One(|x| ops::sin(&x) / ops::cos(x))),
    ("Sinh", One(|x| (ops::exp(&x) - ops::exp(-x)) * 0.5)),
    ("Cosh", One(|x| (ops::exp(&x) + ops::exp(-x)) * 0.5)),
    ("Tanh", One(ops::tanh)),
    ("Arctanh", One(|x| (ops::log1p(&x) - ops::log1p(-x)) * 0.5)),
    ("Floor", One(ops::floor)),
    ("Ceil", One(ops::ceil)),
    ("Trunc", One(|x| ops::sign(&x) * ops::floor(ops::abs(x)))),
    ("Round", With(round)),
    ("LogicalNot", One(ops::logical_not)),
    ("Isfinite", One(is_finite)),
    ("Ravel", One(ops::ravel)),
    ("ZerosLike", With(|c| c.in_dtype(ops::zeros_like(c.tensor("x")?)))),
    ("OnesLike", With(|c| c.in_dtype(ops::ones_like(c.tensor("x")?)))),
    ("FullLike", With(full_like)),
    // Of two.
    ("Add", Two(ops::add)),
    ("Subtract", Two(ops::subtract)),
    ("Multiply", Two(ops::multiply)),
    ("Divide", Two(ops::divide)),
    ("TrueDivide", Two(ops::divide)),
    ("DivideNoNan", Two(divide_no_nan)),
    ("FloorDivide", Two(floor_divide)),
    ("Mod", Two(ops::mod_)),
    ("Power", Two(ops::power)),
    ("Maximum", Two(ops::maximum)),
    ("Minimum", Two(ops::minimum)),
    ("Logaddexp", Two(log_add_exp)),
    ("Equal", Two(ops::equal)),
    ("NotEqual", Two(ops::not_equal)),
    ("Less", Two(ops::less)),
    ("LessEqual", Two(ops::less_equal)),
    ("Greater", Two(ops::greater)),
    ("GreaterEqual", Two(ops::greater_equal)),
    ("LogicalAnd", Two(ops::logical_and)),
    ("LogicalOr", Two(ops::logical_or)),
    ("LogicalXor", Two(|a, b| ops::not_equal(truth(a), truth(b)))),
    ("Matmul", Two(ops::matmul)),
    ("Dot", Two(ops::dot)),
    ("Outer", Two(|a, b| ops::reshape(a, [-1, 1]) * ops::reshape(b, [1, -1]))),
    // Reductions.
    ("Sum", With(|c| Ok(ops::sum(c.tensor("x")?, c.axis()?)))),
    ("Prod", With(|c| c.in_dtype(ops::prod(c.tensor("x")?, c.axis()?)))),
    ("Mean", With(|c| Ok(ops::mean(c.tensor("x")?, c.axis()?)))),
    ("Average", With(average)),
    ("Max", With(max)),
    ("Amax", With(max)),
    ("Min", With(min)),
    ("Amin", With(min)),
    ("Var", With(|c| Ok(ops::var(c.tensor("x")?, c.axis()?)))),
    ("Std", With(|c| Ok(ops::std(c.tensor("x")?, c.axis()?)))),
    ("Any", With(|c| Ok(ops::any(c.tensor("x")?, c.axis()?)))),
    ("All", With(|c| Ok(ops::all(c.tensor("x")?, c.axis()?)))),
    ("CountNonzero", With(|c| Ok(ops::count_nonzero(c.tensor("x")?, c.axis()?)))),
    ("Argmax", With(|c| arg(c, ops::argmax))),
    ("Argmin", With(|c| arg(c, ops::argmin))),
    // Of several, and choices.
    ("Concatenate", With(|c| Ok(ops::concatenate(c.tensors("xs")?, c.get_or("axis", -1)?)))),
    ("Stack", With(|c| Ok(ops::stack(c.tensors("x")?, c.get_or("axis", 0)?)))),
    ("Hstack", With(|c| arrange::joined(c, 1))),
    ("Vstack", With(|c| arrange::joined(c, 0))),
    ("Where", With(where_)),
    ("Take", With(take)),
    ("GetItem", With(|c| get_item(&c.tensor("x")?, c.next_value("key")?))),
    ("Clip", With(clip)),
    ("Einsum", With(einsum)),
    ("Tensordot", With(arrange::tensordot)),
    // The same numbers elsewhere.
    ("Reshape", With(arrange::reshape)),
    ("Transpose", With(arrange::transpose)),
    ("Swapaxes", With(arrange::swapaxes)),
    ("Moveaxis", With(arrange::moveaxis)),
    ("BroadcastTo", With(arrange::broadcast_to)),
    ("ExpandDims", With(arrange::expand_dims)),
    ("Squeeze", With(arrange::squeeze)),
    ("Flip", With(arrange::flip)),
    ("Roll", With(arrange::roll)),
    ("Repeat", With(arrange::repeat)),
    ("Tile", With(arrange::tile)),
    ("Pad", With(arrange::pad)),
    ("Split", Several(arrange::split)),
];

fn truth(x: Tensor) -> Tensor {
    ops::cast(x, DType::Bool)
}

fn is_finite(x: Tensor) -> Tensor {
    let y = Tensor::op(Op::Unary(UnaryOp::IsFinite), &[&ops::float(&x)]);
    Tensor::named("Isfinite", &[&x], y)
}

fn divide_no_nan(a: Tensor, b: Tensor) -> Tensor {
    let zero = ops::equal(&b, 0);
    ops::where_(&zero, 0.0, a / ops::where_(&zero, 1, b))
}

fn floor_divide(a: Tensor, b: Tensor) -> Tensor {
    let dtype = a.dtype().promote(b.dtype());
    let y = ops::floor(a / b);
    if dtype == DType::F32 { y } else { ops::cast(y, dtype) }
}

fn log_add_exp(a: Tensor, b: Tensor) -> Tensor {
    let apart = -ops::abs(&a - &b);
    ops::maximum(a, b) + ops::log1p(ops::exp(apart))
}

fn round(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let decimals: i32 = c.get_or("decimals", 0)?;
    let scale = 10f32.powi(decimals);
    Ok(if decimals == 0 { ops::round(x) } else { ops::round(x * scale) / scale })
}

fn full_like(c: &Call<'_>) -> Result<Tensor> {
    let (x, value) = (c.tensor("x")?, c.tensor("fill_value")?);
    let dtype = x.dtype();
    let full = ops::zeros_like(x) + value;
    if c.value("dtype").is_none() && full.dtype() != dtype {
        return Ok(ops::cast(full, dtype));
    }
    c.in_dtype(full)
}

fn average(c: &Call<'_>) -> Result<Tensor> {
    let (x, axis) = (c.tensor("x")?, c.axis()?);
    let Some(weights) = c.optional("weights")? else { return Ok(ops::mean(x, axis)) };
    if weights.rank() != x.rank() {
        return Err(c.wrong("the weights of an average must have the shape of what they weigh"));
    }
    Ok(ops::sum(x * &weights, axis.clone()) / ops::sum(weights, axis))
}

fn max(c: &Call<'_>) -> Result<Tensor> {
    let largest = ops::max(c.tensor("x")?, c.axis()?);
    let initial = c.value("initial").map(|_| c.get::<f32>("initial")).transpose()?;
    Ok(initial.map_or(largest.clone(), |initial| ops::maximum(largest, initial)))
}

fn min(c: &Call<'_>) -> Result<Tensor> {
    let smallest = ops::min(c.tensor("x")?, c.axis()?);
    let initial = c.value("initial").map(|_| c.get::<f32>("initial")).transpose()?;
    Ok(initial.map_or(smallest.clone(), |initial| ops::minimum(smallest, initial)))
}

fn arg(c: &Call<'_>, function: fn(Tensor, i32) -> Tensor) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let keepdims = c.get_or("keepdims", false)?;
    let Some(axis) = c.get_or("axis", None::<i32>)? else {
        let ones = vec![1i64; x.rank()];
        let y = function(ops::ravel(x), 0);
        return Ok(if keepdims { ops::reshape(y, ones) } else { y });
    };
    let y = function(x, axis);
    Ok(if keepdims { ops::expand_dims(y, axis) } else { y })
}

fn where_(c: &Call<'_>) -> Result<Tensor> {
    Ok(ops::where_(c.tensor("condition")?, c.tensor("x1")?, c.tensor("x2")?))
}

fn take(c: &Call<'_>) -> Result<Tensor> {
    let (x, indices) = (c.tensor("x")?, c.tensor("indices")?);
    Ok(match c.get_or("axis", None)? {
        Some(axis) => ops::take(x, indices, axis),
        None => ops::take(ops::ravel(x), indices, 0),
    })
}

fn clip(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let (low, high) = (c.get_or("x_min", f32::NEG_INFINITY)?, c.get_or("x_max", f32::INFINITY)?);
    Ok(ops::clip(x, low, high))
}

fn einsum(c: &Call<'_>) -> Result<Tensor> {
    let equation: String = c.get("subscripts")?;
    let (a, b) = (c.tensor("operands")?, c.optional("operands")?);
    if c.optional("operands")?.is_some() {
        return Err(c.wrong("Cornu has Einstein sums of one tensor and of two"));
    }
    match (b, equation.split_once("->")) {
        (Some(b), _) => Ok(ops::einsum(&equation, a, b)),
        // A sum of one tensor is one of it and 1.
        (None, Some((of_a, y))) => Ok(ops::einsum(&format!("{of_a},->{y}"), a, 1.0)),
        (None, None) => Err(c.wrong("the equation of an Einstein sum needs its '->'")),
    }
}

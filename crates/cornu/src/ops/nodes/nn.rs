//! The operations of `keras.src.ops.nn`, `math`, `linalg` and `core`.

use super::numpy::{slice, unstack};
use super::{Build, Call, Table, windows};
use crate::ops;
use crate::tensor::Tensor;
use Build::{One, Several, With};
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::Value;

pub(super) const OPERATIONS: &Table = &[
    ("Relu", One(ops::relu)),
    ("Relu6", One(ops::relu6)),
    ("LeakyRelu", With(|c| Ok(ops::leaky_relu(c.tensor("x")?, c.get_or("negative_slope", 0.2)?)))),
    ("Sigmoid", One(ops::sigmoid)),
    ("LogSigmoid", One(ops::log_sigmoid)),
    ("HardSigmoid", One(ops::hard_sigmoid)),
    ("SparseSigmoid", One(|x| ops::clip((x + 1.0) * 0.5, 0.0, 1.0))),
    ("Softplus", One(ops::softplus)),
    ("SparsePlus", One(ops::sparse_plus)),
    ("Squareplus", With(|c| Ok(ops::squareplus(c.tensor("x")?, c.get_or("b", 4.0)?)))),
    ("Softsign", One(ops::softsign)),
    ("SoftShrink", With(|c| Ok(ops::soft_shrink(c.tensor("x")?, c.get_or("threshold", 0.5)?)))),
    ("HardShrink", With(|c| Ok(ops::hard_shrink(c.tensor("x")?, c.get_or("threshold", 0.5)?)))),
    ("TanhShrink", One(ops::tanh_shrink)),
    ("HardTanh", One(ops::hard_tanh)),
    ("Threshold", With(threshold)),
    ("Softmax", With(|c| Ok(ops::softmax(c.tensor("x")?, c.get_or("axis", -1)?)))),
    ("LogSoftmax", With(|c| Ok(ops::log_softmax(c.tensor("x")?, c.get_or("axis", -1)?)))),
    ("Elu", With(|c| Ok(ops::elu(c.tensor("x")?, c.get_or("alpha", 1.0)?)))),
    ("Celu", With(|c| Ok(ops::celu(c.tensor("x")?, c.get_or("alpha", 1.0)?)))),
    ("Selu", One(ops::selu)),
    ("Gelu", With(|c| Ok(ops::gelu(c.tensor("x")?, c.get_or("approximate", true)?)))),
    ("Glu", With(|c| Ok(ops::glu(c.tensor("x")?, c.get_or("axis", -1)?)))),
    ("Silu", One(ops::silu)),
    ("HardSilu", One(ops::hard_silu)),
    ("Normalize", With(normalize)),
    ("OneHot", With(one_hot)),
    ("MultiHot", With(multi_hot)),
    ("Conv", With(windows::conv)),
    ("DepthwiseConv", With(windows::depthwise_conv)),
    ("SeparableConv", With(windows::separable_conv)),
    ("ConvTranspose", With(windows::conv_transpose)),
    ("MaxPool", With(|c| windows::pool(c, ops::max_pool))),
    ("AveragePool", With(|c| windows::pool(c, ops::average_pool))),
];

pub(super) const MATH: &Table = &[
    ("Rsqrt", One(ops::rsqrt)),
    ("Erf", One(ops::erf)),
    ("Logsumexp", With(|c| Ok(ops::logsumexp(c.tensor("x")?, c.axis()?)))),
];

pub(super) const LINALG: &Table = &[("Norm", With(norm))];

pub(super) const CORE: &Table = &[
    ("Cast", With(|c| c.in_dtype(c.tensor("x")?))),
    ("StopGradient", One(ops::stop_gradient)),
    ("Slice", With(slice)),
    ("Unstack", Several(unstack)),
];

/// Its arguments had other names up to Keras 3.10.
fn threshold(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let name = |new, old| if c.value(old).is_some() { old } else { new };
    let at: f32 = c.get(name("threshold", "threshold_value"))?;
    Ok(ops::threshold(x, at, c.get(name("default_value", "value"))?))
}

fn normalize(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let axis = match c.value("axis") {
        Some(_) => c.axis()?,
        None => ops::Axis::new(-1),
    };
    let order: f32 = c.get_or("order", 2.0)?;
    let epsilon = c.get_or("epsilon", ops::SMALLEST_NORM)?;
    if order == 2.0 {
        return Ok(ops::normalize(x, axis, epsilon));
    }
    let norm = ops::vector_norm(&x, order, axis.keepdims());
    Ok(x / ops::maximum(norm, epsilon))
}

fn one_hot(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let rank = x.rank();
    let hot = ops::one_hot(x, c.get("num_classes")?);
    let place = ops::resolve_axis(c.get_or("axis", -1)?, rank + 1)? as i32;
    let last = rank as i32;
    let axes: Vec<i32> = (0..place).chain([last]).chain(place..last).collect();
    c.in_dtype(if place == last { hot } else { ops::transpose(hot, Some(&axes)) })
}

fn multi_hot(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let classes = i32::from(x.rank() > 1);
    let axis: i32 = c.get_or("axis", -1)?;
    if axis != -1 {
        return Err(c.wrong("the classes of MultiHot must be the last axis"));
    }
    c.in_dtype(ops::max(ops::one_hot(x, c.get("num_classes")?), classes))
}

fn norm(c: &Call<'_>) -> Result<Tensor> {
    let (x, axis) = (c.tensor("x")?, c.axis()?);
    let several = axis.resolve(x.rank())?.len() != 1;
    let order = match c.value("ord") {
        None => return Ok(ops::norm(x, axis)),
        Some(Value::String(name)) if name == "fro" => return Ok(ops::norm(x, axis)),
        // What Python writes as Infinity may come as a text.
        Some(Value::String(name)) => name.parse::<f32>().ok(),
        Some(_) => Some(c.get("ord")?),
    };
    match order {
        Some(order) if !several && (order > 0.0) => Ok(ops::vector_norm(x, order, axis)),
        _ => {
            let order = c.value("ord").map(Value::to_string).unwrap_or_default();
            let message = format!("Cornu has no norm of order {order} along these axes");
            Err(Error::new(ErrorKind::Unsupported, message))
        }
    }
}

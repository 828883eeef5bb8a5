//! Operations of Keras 2: layers that hold a function of TensorFlow.

use super::{Argument, Call, build};
use crate::config::Object;
use crate::tensor::Tensor;
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a function of TensorFlow is in Keras 3: its class, and the arguments with other names.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PAIR: &[(&str, &str)] = &[("x", "x1"), ("y", "x2")];
const INPUT: &[(&str, &str)] = &[("input_tensor", "x"), ("keep_dims", "keepdims")];
const FEATURES: &[(&str, &str)] = &[("features", "x"), ("logits", "x")];
const INPUTS: &[(&str, &str)] = &[("input", "x")];

const FUNCTIONS: &[Row] = &[
    ("__operators__.add", "Add", PAIR),
    ("__operators__.getitem", "GetItem", &[("tensor", "x"), ("slice_spec", "key")]),
    ("math.add", "Add", PAIR),
    ("math.subtract", "Subtract", PAIR),
    ("math.multiply", "Multiply", PAIR),
    ("math.divide", "Divide", PAIR),
    ("math.truediv", "Divide", PAIR),
    ("math.pow", "Power", PAIR),
    ("math.maximum", "Maximum", PAIR),
    ("math.minimum", "Minimum", PAIR),
    ("math.abs", "Absolute", &[]),
    ("math.negative", "Negative", &[]),
    ("math.square", "Square", &[]),
    ("math.sqrt", "Sqrt", &[]),
    ("math.exp", "Exp", &[]),
    ("math.log", "Log", &[]),
    ("math.tanh", "Tanh", &[]),
    ("math.sigmoid", "Sigmoid", &[]),
    ("math.reduce_sum", "Sum", INPUT),
    ("math.reduce_mean", "Mean", INPUT),
    ("math.reduce_max", "Max", INPUT),
    ("math.reduce_min", "Min", INPUT),
    ("math.reduce_prod", "Prod", INPUT),
    ("linalg.matmul", "Matmul", &[("a", "x1"), ("b", "x2")]),
    ("norm", "Norm", &[("tensor", "x")]),
    ("linalg.norm", "Norm", &[("tensor", "x")]),
    ("nn.relu", "Relu", FEATURES),
    ("nn.sigmoid", "Sigmoid", &[]),
    ("nn.softmax", "Softmax", FEATURES),
    ("nn.tanh", "Tanh", &[]),
    ("concat", "Concatenate", &[("values", "xs")]),
    ("stack", "Stack", &[("values", "x")]),
    ("reshape", "Reshape", &[("tensor", "x"), ("shape", "newshape")]),
    ("transpose", "Transpose", &[("a", "x"), ("perm", "axes")]),
    ("expand_dims", "ExpandDims", INPUTS),
    ("squeeze", "Squeeze", INPUTS),
    ("tile", "Tile", &[("input", "x"), ("multiples", "repeats")]),
    ("cast", "Cast", &[]),
    (
        "clip_by_value",
        "Clip",
        &[("t", "x"), ("clip_value_min", "x_min"), ("clip_value_max", "x_max")],
    ),
];

pub(super) fn apply(
    object: &Object<'_>,
    args: &[Argument],
    kwargs: &BTreeMap<String, Argument>,
) -> Result<Vec<Tensor>> {
    let function: String = object.config()?.get("function")?;
    let (_, class, renamed) = FUNCTIONS.iter().find(|row| row.0 == function).ok_or_else(|| {
        let message = format!("there is no operation for 'tf.{function}' in Cornu");
        Error::new(ErrorKind::Unsupported, message)
            .help("before saving, put a layer of Keras in its place")
    })?;
    let rename = |(name, argument): (&String, &Argument)| {
        let new = renamed.iter().find(|(old, _)| old == name).map_or(name.as_str(), |(_, new)| new);
        let argument = if new == "key" { key(argument) } else { argument.clone() };
        (new.to_owned(), argument)
    };
    let kwargs: BTreeMap<String, Argument> = kwargs.iter().map(rename).collect();
    let object = Object { class, config: &Value::Null, ..*object };
    build(&object, &Call::new(&object, args, &kwargs)?)
}

/// Keras 2 writes a slice as its three bounds, and an ellipsis as a text.
fn key(argument: &Argument) -> Argument {
    let Argument::Value(value) = argument else { return argument.clone() };
    let part = |part: &Value| match part {
        Value::Object(bounds) if bounds.contains_key("start") => {
            serde_json::json!({ "class_name": "__slice__", "config": bounds })
        }
        Value::String(text) if text.to_lowercase().contains("ellipsis") || text == "..." => {
            serde_json::json!({ "class_name": "__ellipsis__", "config": {} })
        }
        other => other.clone(),
    };
    Argument::Value(match value {
        Value::Array(parts) => parts.iter().map(part).collect(),
        one => part(one),
    })
}

//! Operations on tensors as Keras's functional models write them, and as they come back.
//!
//! Beside its layers such a model holds private objects of Keras, one for each operation:
//! `{"module": "keras.src.ops.numpy", "class_name": "Mean", "config": {"axis": 1, …}}`, with the
//! arguments of the call in its node. What is written follows from a [`Composite`] alone. Reading
//! is a table, an operation a line, in `numpy.rs` and `nn.rs`; it understands the arguments of
//! Keras 3.2 to 3.15.

mod argument;
mod call;
mod constant;
mod item;
mod legacy;
mod nn;
mod numpy;
mod windows;

pub(crate) use argument::Argument;
use call::Call;

use crate::config::Object;
use crate::tensor::{Composite, Operation, Tensor};
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How an operation is built from what a file says.
#[derive(Clone, Copy)]
enum Build {
    /// A function of one tensor.
    One(fn(Tensor) -> Tensor),
    /// A function of two.
    Two(fn(Tensor, Tensor) -> Tensor),
    /// One with arguments.
    With(fn(&Call<'_>) -> Result<Tensor>),
    /// One with several results.
    Several(fn(&Call<'_>) -> Result<Vec<Tensor>>),
}

/// Operations by class.
type Table = [(&'static str, Build)];

/// Keras's modules and what they hold.
const MODULES: [(&str, &Table); 5] = [
    ("keras.src.ops.numpy", numpy::OPERATIONS),
    ("keras.src.ops.nn", nn::OPERATIONS),
    ("keras.src.ops.math", nn::MATH),
    ("keras.src.ops.linalg", nn::LINALG),
    ("keras.src.ops.core", nn::CORE),
];

fn find(class: &str) -> Option<(&'static str, Build)> {
    let in_table = |table: &Table| table.iter().find(|(name, _)| *name == class).map(|row| row.1);
    MODULES.iter().find_map(|(module, table)| Some((*module, in_table(table)?)))
}

/// An operation as a file says it.
#[derive(Debug)]
pub(crate) struct NodeDescription {
    /// Keras's module.
    pub module: &'static str,
    /// Keras's class.
    pub class_name: &'static str,
    /// What the object is made with. Without its name: up to Keras 3.10 many operations do not
    /// take one, and none needs it beside the name of the model's entry.
    pub config: Map<String, Value>,
    /// What it is called with.
    pub args: Vec<Argument>,
    /// What it is called with by name.
    pub kwargs: BTreeMap<String, Argument>,
}

/// What a file says about an operation.
///
/// # Errors
/// If Keras has no such operation.
pub(crate) fn describe(composite: &Composite) -> Result<NodeDescription> {
    let Operation { name: class_name, attributes } = &composite.operation;
    let (module, _) = find(class_name).ok_or_else(|| unknown(class_name, None))?;
    let owned = |(key, value): &(&str, Value)| ((*key).to_owned(), value.clone());
    let mut config: Map<String, Value> = attributes.iter().map(owned).collect();
    let mut args: Vec<Argument> = composite.inputs.iter().map(Argument::of).collect();
    match *class_name {
        "Concatenate" | "Stack" => args = vec![Argument::List(args)],
        // Of these Keras gets the key at the call.
        "GetItem" => args.extend(config.remove("key").map(Argument::Value)),
        _ => {}
    }
    Ok(NodeDescription { module, class_name, config, args, kwargs: BTreeMap::new() })
}

/// Applies an operation that a file describes: an object of Keras 3, or a `TFOpLambda` or
/// `SlicingOpLambda` of Keras 2.
///
/// # Errors
/// If there is no such operation here, or its arguments are missing or make no sense.
pub(crate) fn apply(
    object: &Object<'_>,
    args: &[Argument],
    kwargs: &BTreeMap<String, Argument>,
) -> Result<Vec<Tensor>> {
    if let "TFOpLambda" | "SlicingOpLambda" = object.class {
        return legacy::apply(object, args, kwargs);
    }
    build(object, &Call::new(object, args, kwargs)?)
}

fn build(object: &Object<'_>, call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (_, build) = find(object.class).ok_or_else(|| unknown(object.class, object.module))?;
    let tensors = match build {
        Build::One(function) => vec![function(call.tensor("x")?)],
        Build::Two(function) => vec![function(call.tensor("x1")?, call.tensor("x2")?)],
        Build::With(function) => vec![function(call)?],
        Build::Several(function) => function(call)?,
    };
    for tensor in &tensors {
        // A line of this crate's sources says nothing about a file.
        tensor.check().map_err(|e| call.fail(&e))?;
    }
    Ok(tensors)
}

fn unknown(class: &str, module: Option<&str>) -> Error {
    let of = module.map(|module| format!(" of {module}")).unwrap_or_default();
    let message = format!("there is no operation '{class}'{of} in Cornu");
    Error::new(ErrorKind::Unsupported, message).help(
        "before saving, put operations that Cornu has (cornu::ops) in its place, \
         or end the model before it",
    )
}

#[cfg(test)]
mod tests;

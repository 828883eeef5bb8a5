//! The calls of layers in a model's configuration, of Keras 3 and of Keras 2.

use cornu_graph::{Error, Result};
use serde_json::Value;

/// A reference to a tensor: a layer's name, which of its calls, which of the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub layer: String,
    pub call: usize,
    pub result: usize,
}

/// What a layer or an operation is called on.
#[derive(Clone, Debug)]
pub(super) enum Written {
    Reference(Reference),
    List(Vec<Written>),
    Value(Value),
}

/// One call.
#[derive(Clone, Debug, Default)]
pub(super) struct WrittenCall {
    pub args: Vec<Written>,
    pub kwargs: Vec<(String, Written)>,
}

impl Written {
    /// The references in it, in order.
    pub fn references(&self) -> Vec<&Reference> {
        match self {
            Written::Reference(reference) => vec![reference],
            Written::List(list) => list.iter().flat_map(Written::references).collect(),
            Written::Value(_) => vec![],
        }
    }
}

impl WrittenCall {
    /// All references of the call.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let kwargs = self.kwargs.iter().map(|(_, written)| written);
        self.args.iter().chain(kwargs).flat_map(Written::references)
    }
}

/// Whether calls are written as Keras 2 did, as lists.
pub(super) fn is_keras2(nodes: &Value) -> bool {
    nodes.as_array().and_then(|nodes| nodes.first()).is_some_and(Value::is_array)
}

/// The calls of a layer: its `inbound_nodes`.
pub(super) fn read_calls(nodes: &Value) -> Result<Vec<WrittenCall>> {
    match nodes {
        Value::Null => Ok(vec![]),
        Value::Array(nodes) => nodes.iter().map(read_call).collect(),
        _ => Err(Error::file("its inbound_nodes are no list")),
    }
}

fn read_call(node: &Value) -> Result<WrittenCall> {
    match node {
        Value::Object(_) => {
            let args = node.get("args").and_then(Value::as_array);
            let kwargs = node.get("kwargs").and_then(Value::as_object);
            Ok(WrittenCall {
                args: args.into_iter().flatten().map(written).collect::<Result<_>>()?,
                kwargs: (kwargs.into_iter().flatten())
                    .map(|(key, value)| Ok((key.clone(), written(value)?)))
                    .collect::<Result<_>>()?,
            })
        }
        Value::Array(list) => keras2_call(list),
        _ => Err(Error::file("one of its inbound_nodes is no call")),
    }
}

/// An argument as Keras 3 writes it.
fn written(value: &Value) -> Result<Written> {
    Ok(match value {
        Value::Object(object) if object.get("class_name").is_none() && !object.is_empty() => {
            Written::List(in_order_of_keys(value).into_iter().map(written).collect::<Result<_>>()?)
        }
        Value::Object(object)
            if object.get("class_name").and_then(Value::as_str) == Some("__keras_tensor__") =>
        {
            let history = value.pointer("/config/keras_history").unwrap_or(&Value::Null);
            let reference = reference(history);
            Written::Reference(reference.ok_or_else(|| Error::file("a tensor without history"))?)
        }
        Value::Array(list) => {
            let list: Vec<Written> = list.iter().map(written).collect::<Result<_>>()?;
            match list.iter().all(|inner| matches!(inner, Written::Value(_))) && !list.is_empty() {
                true => Written::Value(value.clone()),
                false => Written::List(list),
            }
        }
        other => Written::Value(other.clone()),
    })
}

/// `["dense", 0, 0]`.
fn reference(value: &Value) -> Option<Reference> {
    let list = value.as_array()?;
    let number = |i: usize| usize::try_from(list.get(i)?.as_u64()?).ok();
    let layer = list.first()?.as_str()?.to_owned();
    Some(Reference { layer, call: number(1)?, result: number(2)? })
}

/// `[["a", 0, 0, {…}], ["b", 0, 0, {…}]]`, or for one tensor also `["a", 0, 0, {…}]`. What else the
/// layer was called with stands beside the first.
fn keras2_call(list: &[Value]) -> Result<WrittenCall> {
    let single = list.first().is_some_and(Value::is_string);
    let whole = [Value::Array(list.to_vec())];
    let tensors = if single { &whole[..] } else { list };
    let mut args = vec![];
    let mut kwargs = vec![];
    for (i, tensor) in tensors.iter().enumerate() {
        args.push(keras2_argument(tensor)?);
        if let (0, Some(Value::Object(object))) = (i, tensor.get(3)) {
            let written = |value: &Value| keras2_kwarg(value);
            kwargs.extend(object.iter().map(|(key, value)| (key.clone(), written(value))));
        }
    }
    let args = if args.len() == 1 { args } else { vec![Written::List(args)] };
    Ok(WrittenCall { args, kwargs })
}

fn keras2_argument(tensor: &Value) -> Result<Written> {
    if tensor.get(0).and_then(Value::as_str) == Some("_CONSTANT_VALUE") {
        return Ok(Written::Value(tensor.get(2).cloned().unwrap_or_default()));
    }
    let reference = reference(tensor);
    let wrong = || Error::file(format!("a call on '{}', which is no tensor", brief(tensor)));
    reference.map(Written::Reference).ok_or_else(wrong)
}

fn keras2_kwarg(value: &Value) -> Written {
    let is_triple = value.as_array().is_some_and(|list| list.len() == 3);
    if let Some(reference) = reference(value).filter(|_| is_triple) {
        return Written::Reference(reference);
    }
    match value {
        // A list of tensors, as of a concatenation.
        Value::Array(list) if !list.is_empty() && list.iter().all(|v| reference(v).is_some()) => {
            Written::List(list.iter().map(keras2_kwarg).collect())
        }
        other => Written::Value(other.clone()),
    }
}

fn brief(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

/// The inputs or outputs of a model, one after another; of a dictionary in the order of its keys,
/// which is Keras's.
pub(super) fn read_ends(value: &Value) -> Result<Vec<Reference>> {
    if let Some(reference) = reference(value) {
        return Ok(vec![reference]);
    }
    let inner: Vec<&Value> = match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(_) => in_order_of_keys(value),
        _ => return Err(Error::file(format!("'{}' is no input or output", brief(value)))),
    };
    let ends: Vec<Vec<Reference>> = inner.into_iter().map(read_ends).collect::<Result<_>>()?;
    Ok(ends.concat())
}

fn in_order_of_keys(value: &Value) -> Vec<&Value> {
    let mut entries: Vec<(&String, &Value)> = value.as_object().into_iter().flatten().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tensor(name: &str, call: usize) -> Value {
        json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, 0]}})
    }

    #[test]
    fn calls_of_both_versions_are_read() {
        let nodes = json!([
            {"args": [tensor("a", 0), 2.0], "kwargs": {"mask": null}},
            {"args": [[tensor("a", 0), tensor("b", 3)]], "kwargs": {}}
        ]);
        let calls = read_calls(&nodes).unwrap();
        assert!(!is_keras2(&nodes));
        assert!(matches!(calls[0].args[1], Written::Value(_)));
        let names: Vec<&str> = calls[1].references().map(|r| r.layer.as_str()).collect();
        assert_eq!(names, ["a", "b"]);

        let nodes =
            json!([[["a", 0, 0, {}], ["b", 1, 0, {}]], ["c", 0, 0, {"y": ["a", 0, 0], "axis": 1}]]);
        assert!(is_keras2(&nodes));
        let calls = read_calls(&nodes).unwrap();
        assert_eq!(calls[0].references().map(|r| r.call).collect::<Vec<_>>(), [0, 1]);
        let names: Vec<&str> = calls[1].references().map(|r| r.layer.as_str()).collect();
        assert_eq!(names, ["c", "a"]);
    }

    #[test]
    fn ends_are_flattened_and_wrong_ones_named() {
        let ends = read_ends(&json!({"r": ["b", 0, 0], "l": [["a", 0, 1]]})).unwrap();
        assert_eq!((ends[0].layer.as_str(), ends[0].result), ("a", 1));
        assert_eq!(ends[1].layer, "b");
        assert!(read_ends(&json!(["a", 0, 0])).unwrap().len() == 1);
        assert!(read_ends(&json!(["a", -1, 0])).is_err());
        assert!(read_calls(&json!([[["a", 0]]])).is_err());
        assert!(read_calls(&json!("x")).is_err());
    }
}

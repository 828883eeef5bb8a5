//! A model's configuration as a tree, and which of its layers are not known here.

use super::{InspectedCompile, InspectedLayer, Problem};
use crate::config::{FromConfig, Object};
use crate::layers::LayerRef;
use cornu_graph::Error;
use serde_json::Value;

/// Under which keys layers have others inside: wrappers, recurrent layers.
const INNER: [&str; 5] = ["layer", "forward_layer", "backward_layer", "cell", "cells"];

/// The tree of a model's configuration.
pub(super) fn tree(value: &Value) -> InspectedLayer {
    let Ok(object) = Object::read(value) else {
        return InspectedLayer { class: "not a layer".into(), ..InspectedLayer::default() };
    };
    let layers = match listed(&object) {
        Some(layers) => layers.iter().map(tree).collect(),
        None => {
            let inner = INNER.iter().filter_map(|key| object.config.get(key));
            let inner = inner.flat_map(|value| match value {
                Value::Array(several) => several.as_slice(),
                one => std::slice::from_ref(one),
            });
            inner.filter(|value| value.is_object()).map(tree).collect()
        }
    };
    let class = object.registered.unwrap_or(object.class).to_owned();
    InspectedLayer { name: name_of(value).to_owned(), class, layers }
}

/// The layers of a model. The first Keras wrote the bare list.
fn listed<'v>(object: &Object<'v>) -> Option<&'v [Value]> {
    let layers = object.config.get("layers").unwrap_or(object.config);
    let is_model = matches!(object.class, "Sequential" | "Functional" | "Model");
    layers.as_array().filter(|_| is_model).map(Vec::as_slice)
}

/// Finds the layers that cannot be made here.
pub(super) fn find_problems(value: &Value, problems: &mut Vec<Problem>) {
    let found = Object::read(value).and_then(|object| {
        if let Some(layers) = listed(&object) {
            layers.iter().for_each(|layer| find_problems(layer, problems));
        } else if !is_operation(&object) {
            LayerRef::from_config(value)?;
        }
        Ok(())
    });
    if let Err(error) = found {
        let class = Object::read(value).map_or("", |object| object.class);
        problems.push(problem(format!("{} ({class})", name_of(value)), &error));
    }
}

/// Whether it is an operation on tensors: only the whole model tells whether it is known.
fn is_operation(object: &Object<'_>) -> bool {
    let of_keras = |module: &str| module.starts_with("keras.src.ops") || module == "keras.ops";
    matches!(object.class, "TFOpLambda" | "SlicingOpLambda") || object.module.is_some_and(of_keras)
}

fn name_of(value: &Value) -> &str {
    let name = value.get("name").or_else(|| value.pointer("/config/name"));
    name.and_then(Value::as_str).unwrap_or_default()
}

/// What is wrong in a place, without the line of code that looked.
pub(super) fn problem(place: impl Into<String>, error: &Error) -> Problem {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("  at ")).collect();
    Problem { place: place.into(), reason: lines.join("\n") }
}

/// What stands in a `compile_config`, or in the `training_config` of an older file.
pub(super) fn compiled(config: &Value) -> InspectedCompile {
    let optimizer = config.get("optimizer").or_else(|| config.get("optimizer_config"));
    let setting = |key: &str| optimizer?.pointer(&format!("/config/{key}"));
    let learning_rate = setting("learning_rate").or_else(|| setting("lr"));
    let learning_rate = learning_rate.and_then(|rate| match rate {
        // It was written for a float32.
        Value::Number(number) => number.as_f64().map(|rate| (rate as f32).to_string()),
        schedule => words(Some(schedule)).pop(),
    });
    let mut metrics = words(config.get("metrics"));
    metrics.extend(words(config.get("weighted_metrics")));
    InspectedCompile {
        optimizer: words(optimizer).pop(),
        learning_rate,
        loss: words(config.get("loss")),
        metrics,
    }
}

/// The names of objects and functions, singly, in lists or by the names of outputs.
fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(values)) => values.iter().flat_map(|value| words(Some(value))).collect(),
        Some(value) if value.get("class_name").is_some() => {
            Object::read(value).map_or(vec![], |object| vec![object.class.to_owned()])
        }
        Some(Value::Object(by_output)) => {
            let outputs = by_output.iter().flat_map(|(output, value)| {
                words(Some(value)).into_iter().map(move |word| format!("{output}: {word}"))
            });
            outputs.collect()
        }
        _ => vec![],
    }
}

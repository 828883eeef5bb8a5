//! The older format of whole models, one HDF5 file: Keras 1 to 3 read and write it.
//!
//! The root says the configuration as text; `model_weights` has a group for each layer with the
//! names of its weights in order, a model inside counting as one layer; `optimizer_weights` likewise.

use super::branch::Branch;
use super::contents::{Contents, version};
use super::extras::Extras;
use super::json::parse;
use super::weights::{Fitting, Matching, in_keras_order};
use crate::layers::LayerRef;
use crate::saving::h5::{Attribute, Group};
use crate::variable::Variable;
use cornu_graph::{Array, Error, Result};
use serde_json::json;
use std::collections::HashSet;

/// The groups of the file.
const MODEL_WEIGHTS: &str = "model_weights";
const OPTIMIZER_WEIGHTS: &str = "optimizer_weights";

/// The version of Keras that files are written for.
pub(super) const KERAS_VERSION: &str = "3.15.1";

/// Whether it is a whole model, or weights, in this format.
pub(crate) fn is_legacy(root: &Group) -> bool {
    root.attributes.contains_key("model_config")
        || root.texts("layer_names").is_some()
        || root.at(MODEL_WEIGHTS).is_some()
}

/// Takes the file apart.
pub(crate) fn read_contents(mut root: Group) -> Result<Contents> {
    let config = root.text("model_config").ok_or_else(|| {
        Error::file("it holds weights but no model")
            .help("build the model in code, then read them with model.load_weights(…)")
    })?;
    let config = parse(config.as_bytes(), "model_config")?;
    let training = match root.text("training_config") {
        Some(text) => Some(parse(text.as_bytes(), "training_config")?),
        None => None,
    };
    let optimizer = match root.at(OPTIMIZER_WEIGHTS) {
        Some(group) => listed(group, "the optimizer")?,
        None => vec![],
    };
    let (optimizer_names, optimizer) = optimizer.into_iter().unzip();
    Ok(Contents {
        config,
        compile: training,
        training_config: None,
        optimizer,
        optimizer_names,
        keras_version: root.text("keras_version").and_then(version),
        weights: root.groups.remove(MODEL_WEIGHTS).unwrap_or_default(),
        extras: Extras::default(),
    })
}

/// The tree of a whole model.
pub(crate) fn write_contents(contents: &Contents, model: &Branch) -> Group {
    let mut root = Group::default();
    let text = |text: &str| Attribute::Text(text.to_owned());
    root.attributes.insert("keras_version".into(), text(KERAS_VERSION));
    root.attributes.insert("backend".into(), text("cornu"));
    let config = json!({
        "class_name": contents.config["class_name"],
        "config": contents.config["config"],
    });
    root.attributes.insert("model_config".into(), text(&config.to_string()));
    if let Some(training) = &contents.training_config {
        root.attributes.insert("training_config".into(), text(&training.to_string()));
    }
    root.groups.insert(MODEL_WEIGHTS.into(), write_weights(model));
    if !contents.optimizer.is_empty() {
        let names = (0..contents.optimizer.len()).map(|i| format!("optimizer/{i}"));
        let weights = names.zip(contents.optimizer.iter().cloned()).collect();
        root.groups.insert(OPTIMIZER_WEIGHTS.into(), with_names(weights));
    }
    root
}

/// The tree of a model's weights, which may also stand alone in a file.
pub(crate) fn write_weights(model: &Branch) -> Group {
    let mut root = Group::default();
    let names = model.children.iter().map(|child| child.layer.name().to_owned()).collect();
    root.set_texts("layer_names", names);
    let text = |text: &str| Attribute::Text(text.to_owned());
    root.attributes.insert("keras_version".into(), text(KERAS_VERSION));
    root.attributes.insert("backend".into(), text("cornu"));
    let top = root.make("top_level_model_weights");
    top.set_texts("weight_names", vec![]);
    for child in &model.children {
        let weights = layer_weights(child).into_iter();
        let weights = weights.map(|v| (v.path().to_owned(), v.value())).collect();
        root.groups.insert(child.layer.name().to_owned(), with_names(unique(weights)));
    }
    root
}

/// Two layers in a model inside may have weights of one name.
fn unique(mut weights: Vec<(String, Array)>) -> Vec<(String, Array)> {
    for i in 1..weights.len() {
        let (before, rest) = weights.split_at_mut(i);
        let name = &mut rest[0].0;
        let stem = name.clone();
        let mut count = 0;
        while before.iter().any(|(other, _)| other == name) {
            count += 1;
            *name = format!("{stem}_{count}");
        }
    }
    weights
}

fn with_names(weights: Vec<(String, Array)>) -> Group {
    let mut group = Group::default();
    group.set_texts("weight_names", weights.iter().map(|(name, _)| name.clone()).collect());
    weights.into_iter().for_each(|(name, array)| group.insert(&name, array));
    group
}

/// The arrays of a group in the order of its list of names.
fn listed(group: &Group, of: &str) -> Result<Vec<(String, Array)>> {
    let names = group
        .texts("weight_names")
        .ok_or_else(|| Error::file(format!("the file does not list the weights of '{of}'")))?;
    let array = |name: String| {
        let stored = group.array(&name);
        let missing = || Error::file(format!("the file lacks the weight '{name}' of '{of}'"));
        let array = stored.ok_or_else(missing)?.array.clone();
        Ok((name, array))
    };
    names.into_iter().map(array).collect()
}

/// The weights of a layer, of a model inside with all of its layers: first those that are trained.
fn layer_weights(branch: &Branch) -> Vec<Variable> {
    let mut all: Vec<Variable> = vec![];
    collect(branch, &mut HashSet::new(), &mut all);
    let (trained, rest): (Vec<Variable>, Vec<Variable>) =
        all.into_iter().partition(Variable::trainable);
    trained.into_iter().chain(rest).collect()
}

fn collect(branch: &Branch, known: &mut HashSet<u64>, all: &mut Vec<Variable>) {
    let own = in_keras_order(&branch.layer).into_iter();
    all.extend(own.filter(|variable| known.insert(variable.id())));
    branch.children.iter().for_each(|child| collect(child, known, all));
}

/// Finds the values of a model's weights: those of the layers that have some, one after another, or
/// by the names of layers.
pub(crate) fn read_weights(model: &Branch, root: &Group, matching: Matching) -> Result<Fitting> {
    let root = root.at(MODEL_WEIGHTS).unwrap_or(root);
    let names = root
        .texts("layer_names")
        .ok_or_else(|| Error::file("the file does not list its layers"))?;
    let mut saved = vec![];
    for name in names {
        let missing = || Error::file(format!("the file has no group for its layer '{name}'"));
        let weights = listed(root.at(&name).ok_or_else(missing)?, &name)?;
        if !weights.is_empty() {
            saved.push((name, weights));
        }
    }
    let ours: Vec<(&LayerRef, Vec<Variable>)> =
        model.children.iter().map(|child| (&child.layer, layer_weights(child))).collect();
    let ours: Vec<_> = ours.into_iter().filter(|(_, weights)| !weights.is_empty()).collect();
    let arrays = |weights: &[(String, Array)]| weights.iter().map(|(_, a)| a.clone()).collect();
    let mut fitting = Fitting::default();
    if matching.by_name {
        for (layer, variables) in &ours {
            for (_, weights) in saved.iter().filter(|(name, _)| name == layer.name()) {
                fitting.add(layer, variables, Ok(arrays(weights)), matching.skip_mismatch)?;
            }
        }
        return Ok(fitting);
    }
    if ours.len() != saved.len() {
        return Err(Error::file(format!(
            "the file has weights of {} layers, the model has {} layers with weights",
            saved.len(),
            ours.len()
        )));
    }
    for ((layer, variables), (name, weights)) in ours.iter().zip(&saved) {
        let place = |e: Error| e.within(format!("the file's layer '{name}'"));
        let added = fitting.add(layer, variables, Ok(arrays(weights)), matching.skip_mismatch);
        added.map_err(place)?;
    }
    Ok(fitting)
}

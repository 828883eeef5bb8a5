//! What `compile` was given, to and from Keras's `compile_config`.

use super::Trainer;
use super::trainer::OutputSpec;
use crate::config::{Config, FromConfig, decimal};
use crate::losses::Loss;
use crate::metrics::MetricSpec;
use crate::model::Model;
use crate::optimizers::{OptimizerSpec, keras_object_of_optimizer, object_of_optimizer};
use cornu_graph::{Error, Result};
use serde_json::{Map, Value, json};

/// The key under which a file says why it does not hold something.
const UNWRITABLE: &str = "unwritable";

/// What `compile` was given, as Keras can load it and as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CompileConfigs {
    /// As Keras writes it. In the place of a loss or metric that Keras does not have stands its name,
    /// so that Keras loads the model, and its optimizer with all it remembers, and only training asks
    /// what the name means. Null if Keras does not have the optimizer: to Keras, the model is not
    /// compiled.
    pub keras: Value,
    /// The same with every object as it is, if that is something else.
    pub exact: Option<Value>,
}

impl CompileConfigs {
    /// The `training_config` of an `.h5` file. There Keras loads no model with a loss that it does not
    /// have: then, as without an optimizer, there is none.
    pub fn training_config(&self) -> Option<Value> {
        let mut config = self.keras.as_object()?.clone();
        let known = |loss: &Value| loss.is_object();
        match config.get("loss")? {
            Value::Array(losses) if losses.iter().all(known) => {}
            loss if known(loss) => {}
            _ => return None,
        }
        let optimizer = config.remove("optimizer")?;
        let optimizer = json!({
            "class_name": optimizer["class_name"], "config": optimizer["config"],
        });
        config.insert("optimizer_config".into(), optimizer);
        Some(Value::Object(config))
    }
}

/// What the model was compiled with, the learning rate as it is now.
pub(crate) fn compile_config(trainer: &Trainer) -> CompileConfigs {
    let optimizer = trainer.optimizer.as_ref();
    let exact_loss = |output: &OutputSpec| output.loss.to_config().unwrap_or_else(unwritable);
    let keras_loss =
        |output: &OutputSpec| output.loss.to_keras().unwrap_or_else(|| json!(output.loss.name()));
    let exact_metric = |metric: &MetricSpec| metric.to_config().unwrap_or_else(unwritable);
    let keras_metric =
        |metric: &MetricSpec| metric.to_keras().unwrap_or_else(|| json!(metric.shown()));
    let exact = written(trainer, object_of_optimizer(optimizer), &exact_loss, &exact_metric);
    let keras = match keras_object_of_optimizer(optimizer) {
        Some(object) => written(trainer, object, &keras_loss, &keras_metric),
        None => Value::Null,
    };
    let exact = Some(exact).filter(|exact| *exact != keras);
    CompileConfigs { keras, exact }
}

fn written(
    trainer: &Trainer,
    mut optimizer: Value,
    loss: &dyn Fn(&OutputSpec) -> Value,
    metric: &dyn Fn(&MetricSpec) -> Value,
) -> Value {
    if let Some(rate) = &trainer.state.learning_rate {
        optimizer["config"]["learning_rate"] = json!(decimal(rate.number() as f32));
    }
    let outputs = &trainer.outputs;
    let all_alike = outputs.iter().all(|output| output.loss_weight == 1.0);
    let weights = outputs.iter().map(|output| decimal(output.loss_weight));
    let metrics = |of: &dyn Fn(&OutputSpec) -> &[MetricSpec]| {
        if outputs.iter().all(|output| of(output).is_empty()) {
            return Value::Null;
        }
        one_or_all(outputs.iter().map(|output| of(output).iter().map(metric).collect()))
    };
    json!({
        "optimizer": optimizer,
        "loss": one_or_all(outputs.iter().map(loss)),
        "loss_weights": if all_alike { Value::Null } else { json!(weights.collect::<Vec<f64>>()) },
        "metrics": metrics(&|output| &output.metrics),
        "weighted_metrics": metrics(&|output| &output.weighted_metrics),
        "run_eagerly": false,
        "steps_per_execution": 1,
        "jit_compile": "auto",
    })
}

/// The value of the only output, or the list of those of several.
fn one_or_all(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = values.collect();
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

fn unwritable(error: Error) -> Value {
    json!({ UNWRITABLE: error.to_string() })
}

/// Compiles a model with what a file says: Keras 3's `compile_config`, Keras 2's `training_config`, or
/// what [`compile_config`] gave.
///
/// # Errors
/// If something is not known, or could not be written: the model is as it was.
pub(crate) fn compile_from_config(model: &mut Model, config: &Value) -> Result<()> {
    let config = Config::new("compile", config)?;
    let outputs = model.output_names();
    let value = |key: &str| config.value(key).unwrap_or(&Value::Null);
    let keras_2 = config.value("optimizer_config");
    let optimizer: OptimizerSpec = read(keras_2.unwrap_or_else(|| value("optimizer")))?;
    let mut losses = losses(value("loss"), &outputs)?.into_iter();
    let weights = loss_weights(value("loss_weights"), &outputs)?;
    // There the name of a metric begins with its output's.
    let prefixed = keras_2.is_some() && outputs.len() > 1;
    let metrics = metrics(value("metrics"), &outputs, prefixed)?;
    let weighted = self::metrics(value("weighted_metrics"), &outputs, prefixed)?;
    let Some(first) = losses.next() else {
        return Err(Error::state("the model has no output to compile a loss for"));
    };
    let mut compile = model.compile(optimizer, first).loss_weights(weights);
    for loss in losses {
        compile = compile.loss(loss);
    }
    for (output, metric) in metrics {
        compile = compile.metric_of(output, metric);
    }
    for (output, metric) in weighted {
        compile = compile.weighted_metric_of(output, metric);
    }
    compile.build()
}

/// Something in the file, or why it is not there.
fn read<T: FromConfig>(value: &Value) -> Result<T> {
    match value.get(UNWRITABLE).and_then(Value::as_str) {
        Some(reason) => Err(Error::file(reason)),
        None => T::from_config(value),
    }
}

fn losses(value: &Value, outputs: &[String]) -> Result<Vec<Loss>> {
    let of = |(value, output): (&Value, &String)| match value {
        Value::Null => Err(Error::file(format!("there is no loss for output '{output}'"))
            .help("compile the model anew: here every output of a trained model has a loss")),
        value => read(value).map_err(|e: Error| e.within(format!("output '{output}'"))),
    };
    per_output("loss", value, outputs)?.into_iter().zip(outputs).map(of).collect()
}

fn loss_weights(value: &Value, outputs: &[String]) -> Result<Vec<f32>> {
    let weights = per_output("loss_weights", value, outputs)?;
    let weight = |value: &Value| if value.is_null() { Ok(1.0) } else { f32::from_config(value) };
    weights.into_iter().map(weight).collect()
}

/// What the file says for each output: by their names, in their order, or the same for all.
fn per_output<'a>(what: &str, value: &'a Value, outputs: &[String]) -> Result<Vec<&'a Value>> {
    match value {
        Value::Array(list) if list.len() == outputs.len() => Ok(list.iter().collect()),
        Value::Array(list) => Err(Error::file(format!(
            "{what}: {} entries for {} outputs ({})",
            list.len(),
            outputs.len(),
            outputs.join(", ")
        ))),
        Value::Object(map) if is_by_name(map) => by_name(what, map, outputs),
        one => Ok(vec![one; outputs.len()]),
    }
}

/// Whether it is a dictionary of outputs, not one object.
fn is_by_name(map: &Map<String, Value>) -> bool {
    !map.contains_key("class_name") && !map.contains_key(UNWRITABLE)
}

fn by_name<'a>(
    what: &str,
    map: &'a Map<String, Value>,
    outputs: &[String],
) -> Result<Vec<&'a Value>> {
    if let Some(stranger) = map.keys().find(|key| !outputs.contains(key)) {
        let outputs = outputs.join(", ");
        return Err(Error::file(format!(
            "{what} names the output '{stranger}', but the model's are {outputs}"
        )));
    }
    Ok(outputs.iter().map(|name| map.get(name).unwrap_or(&Value::Null)).collect())
}

/// The metrics with the numbers of their outputs.
fn metrics(value: &Value, outputs: &[String], prefixed: bool) -> Result<Vec<(usize, MetricSpec)>> {
    let of_outputs: Vec<Vec<&Value>> = match value {
        Value::Object(map) if is_by_name(map) => {
            by_name("metrics", map, outputs)?.into_iter().map(items).collect()
        }
        Value::Array(list) if outputs.len() > 1 && list.len() == outputs.len() => {
            list.iter().map(items).collect()
        }
        all => vec![items(all); outputs.len()],
    };
    let mut found = vec![];
    for (index, metrics) in of_outputs.into_iter().enumerate() {
        let prefix = prefixed.then(|| format!("{}_", outputs[index]));
        for value in metrics {
            let metric: MetricSpec =
                read(value).map_err(|e| e.within(format!("output '{}'", outputs[index])))?;
            let bare =
                prefix.as_deref().and_then(|p| metric.shown().strip_prefix(p).map(str::to_owned));
            found.push((index, bare.into_iter().fold(metric, MetricSpec::name)));
        }
    }
    Ok(found)
}

/// The metrics of one output: one, a list, lists in a list, or Keras 2's `MetricsList`.
fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(list) => list.iter().flat_map(items).collect(),
        list if list["class_name"] == "MetricsList" => items(&list["config"]),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests;

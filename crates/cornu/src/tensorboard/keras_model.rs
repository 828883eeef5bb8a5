//! A model in Keras's JSON, as much of it as TensorBoard draws: names, classes, types and what each
//! layer is called on. No other program reads it.

use crate::layers::LayerRef;
use crate::model::{Model, Network, Station, Walk, key};
use crate::tensor::{Kind, Tensor};
use cornu_graph::Result;
use serde_json::{Value, json};

/// The model.
///
/// # Errors
/// If it is not built.
pub(super) fn json(model: &Model) -> Result<Value> {
    network(&model.as_layer(), model.network())
}

fn network(layer: &LayerRef, network: &Network) -> Result<Value> {
    let built = network.built()?;
    let walk = Walk::new(&built.inputs, &built.outputs)?;
    let places = Places::new(&walk);
    let functional = matches!(network, Network::Functional(_));
    let mut layers = vec![];
    for (group, name) in walk.groups().zip(&places.names) {
        let mut json = station(&group[0], name)?;
        if functional {
            json["inbound_nodes"] = group.iter().map(|station| places.node(station)).collect();
        }
        layers.push(json);
    }
    let mut config = json!({ "name": name(layer.name()), "dtype": "float32", "layers": layers });
    if functional {
        // Keras writes each as a history too, but TensorBoard finds them by their names.
        config["input_layers"] =
            built.inputs.iter().map(|t| places.history(t)[0].clone()).collect();
        config["output_layers"] = built.outputs.iter().map(|t| places.history(t)).collect();
    }
    Ok(json!({ "class_name": layer.kind(), "config": config }))
}

/// A layer, an input or an operation.
fn station(station: &Station, place: &str) -> Result<Value> {
    if let Some(layer) = station.layer()
        && let Some(inner) = layer.downcast::<Network>()
    {
        return network(layer, inner);
    }
    let mut config = json!({ "name": place, "dtype": station.tensor.dtype().to_string() });
    if let Kind::Input { .. } = station.tensor.kind() {
        config["batch_shape"] = shape(&station.tensor);
    }
    // TensorBoard takes other characters for a mistake.
    Ok(json!({ "class_name": name(&station.class()), "config": config }))
}

fn shape(tensor: &Tensor) -> Value {
    tensor.shape().dims().iter().map(|dim| dim.known()).collect()
}

fn name(name: &str) -> String {
    super::plain(name)
}

/// The names of layers and operations, and where each station stands.
struct Places<'a> {
    walk: &'a Walk,
    names: Vec<String>,
}

impl Places<'_> {
    fn new(walk: &Walk) -> Places<'_> {
        Places { walk, names: walk.names().iter().map(|layer| name(layer)).collect() }
    }

    /// What a layer was called on.
    fn node(&self, station: &Station) -> Value {
        let argument = |tensor: &Tensor| {
            let history = self.history(tensor);
            let config = json!({
                "shape": shape(tensor),
                "dtype": tensor.dtype().to_string(),
                "keras_history": history,
            });
            (!history.is_null())
                .then(|| json!({ "class_name": "__keras_tensor__", "config": config }))
        };
        let arguments: Vec<Value> = station.inputs.iter().filter_map(argument).collect();
        // Keras writes several tensors as a list in the first argument; TensorBoard reads both.
        json!({ "args": arguments, "kwargs": {} })
    }

    /// The layer a tensor comes from, by which call of it, and as which result. Null for a constant.
    ///
    /// Of a model inside, that is the layer in it which gives the result: Keras writes the model, from
    /// which TensorBoard does not always find the layer.
    fn history(&self, tensor: &Tensor) -> Value {
        for (group, name) in self.walk.groups().zip(&self.names) {
            if let Some(call) = group.iter().position(|s| key(&s.tensor) == key(tensor)) {
                let result = match tensor.kind() {
                    Kind::Call(_, result) => *result,
                    _ => 0,
                };
                return match inside(&group[call], result) {
                    Some(path) => json!([format!("{name}/{path}"), call, 0]),
                    None => json!([name, call, result]),
                };
            }
        }
        Value::Null
    }
}

/// The layer in a model that gives one of its results.
fn inside(station: &Station, result: usize) -> Option<String> {
    let built = station.layer()?.downcast::<Network>()?.built().ok()?;
    let walk = Walk::new(&built.inputs, &built.outputs).ok()?;
    let history = Places::new(&walk).history(built.outputs.get(result)?);
    Some(history[0].as_str()?.to_owned())
}

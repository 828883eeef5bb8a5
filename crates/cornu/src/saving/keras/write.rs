//! The configuration of a model, as Keras writes it.

use super::branch::is_functional;
use crate::config;
use crate::layers::{InputLayer, Lambda, LayerRef, Scope};
use crate::model::{Built, Extent, Key, Network, Station, Walk, key};
use crate::ops::nodes::{self, Argument};
use crate::tensor::lower::Mode;
use crate::tensor::{Composite, Kind, Tensor, replay};
use cornu_graph::{Error, ErrorKind, Result, TensorType};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The configuration of a model with everything inside it.
///
/// # Errors
/// If something in it cannot be written: a class that has no configuration, a closure that holds
/// weights.
pub(crate) fn model_config(model: &LayerRef) -> Result<Value> {
    Writer::new(model).layer(model, None)
}

/// Writes layers.
struct Writer {
    /// Layers that occur more than once get a number, by which they are one layer again.
    shared: HashMap<usize, u64>,
}

impl Writer {
    fn new(model: &LayerRef) -> Writer {
        let mut seen = HashSet::new();
        let mut several = vec![];
        find_shared(model, &mut seen, &mut several);
        Writer { shared: several.into_iter().zip(1..).collect() }
    }

    /// A layer; `inputs` are the types it is called on, where that is known.
    fn layer(&mut self, layer: &LayerRef, inputs: Option<&[TensorType]>) -> Result<Value> {
        let mut value = match layer.downcast::<Network>() {
            Some(Network::Functional(built)) => self.functional(layer, built)?,
            Some(network @ Network::Sequential(_)) => self.sequential(layer, network)?,
            None if layer.downcast::<Lambda>().is_some() => self.lambda(layer, inputs)?,
            None => layer.serialized(),
        };
        if let Some(&id) = self.shared.get(&layer.address()) {
            value["shared_object_id"] = json!(id);
        }
        Ok(value)
    }

    fn sequential(&mut self, layer: &LayerRef, network: &Network) -> Result<Value> {
        let built = network.built();
        let mut layers = vec![];
        let mut config = json!({ "name": layer.name(), "trainable": layer.trainable() });
        let mut types = vec![None; network.layer_list().len()];
        if let Ok(built) = &built {
            let input = &built.inputs[0];
            layers.push(input_layer(input).serialized());
            config["build_input_shape"] = shape(input.ty());
            types = chain_types(&built.outputs[0], built.layers.len());
        }
        for (inner, types) in network.layer_list().iter().zip(types) {
            layers.push(self.layer(inner, types.as_deref())?);
        }
        config["layers"] = json!(layers);
        let mut value = config::object("keras", "Sequential", config);
        if let Ok(built) = &built {
            value["build_config"] = json!({ "input_shape": shape(built.inputs[0].ty()) });
        }
        Ok(value)
    }

    fn functional(&mut self, layer: &LayerRef, built: &Built) -> Result<Value> {
        let mut outputs = built.outputs.clone();
        let mut graph = Graph::new(&built.inputs, &outputs)?;
        if graph.walk.stations.iter().any(|station| station.is(has_trouble_in_keras)) {
            outputs = replay::expand(&built.inputs, &outputs, has_trouble_in_keras);
            graph = Graph::new(&built.inputs, &outputs)?;
        }
        let mut layers = vec![];
        for (group, name) in graph.walk.groups().zip(&graph.names) {
            let mut entry = self.station(&group[0])?;
            let nodes = match group[0].tensor.kind() {
                Kind::Input { .. } => Ok(vec![]),
                _ => group.iter().map(|call| graph.node(call)).collect::<Result<Vec<Value>>>(),
            };
            entry["name"] = json!(name);
            entry["inbound_nodes"] = json!(nodes.map_err(|e| e.within(name.clone()))?);
            layers.push(entry);
        }
        let config = json!({
            "name": layer.name(),
            "trainable": layer.trainable(),
            "layers": layers,
            "input_layers": graph.ends(&built.inputs)?,
            "output_layers": graph.ends(&outputs)?,
        });
        let mut value = config::object("keras.src.models.functional", "Functional", config);
        value["registered_name"] = json!("Functional");
        value["build_config"] = json!({ "input_shape": null });
        Ok(value)
    }

    /// What stands in a graph, without its calls.
    fn station(&mut self, station: &Station) -> Result<Value> {
        match station.tensor.kind() {
            Kind::Input { .. } => Ok(input_layer(&station.tensor).serialized()),
            Kind::Call(call, _) => {
                let types: Vec<TensorType> = call.inputs.iter().map(|t| t.ty().clone()).collect();
                self.layer(&call.layer, Some(&types))
            }
            Kind::Composite(composite) => {
                let node = nodes::describe(composite)?;
                let config = Value::Object(node.config);
                let mut value = config::object(node.module, node.class_name, config);
                value["registered_name"] = json!(node.class_name);
                Ok(value)
            }
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                format!("Keras has no operation for '{}'", station.class()),
            )
            .at(station.tensor.expression().line)),
        }
    }

    /// A closure over tensors as a model of the operations that it does.
    fn lambda(&mut self, layer: &LayerRef, inputs: Option<&[TensorType]>) -> Result<Value> {
        let types = inputs.ok_or_else(|| {
            Error::state(format!("the Lambda '{}' was not called yet", layer.name()))
                .help("build the model first: add an Input, or fit it")
        })?;
        let name = |i: usize| Some(format!("{}_input_{i}", layer.name()));
        let inputs: Vec<Tensor> = types
            .iter()
            .enumerate()
            .map(|(i, ty)| Tensor::placeholder(ty.clone(), name(i)))
            .collect();
        let outputs = Scope::new(layer, Mode::Predict).run(&inputs)?;
        let outputs: Vec<Tensor> =
            outputs.iter().map(|t| t.check().cloned()).collect::<Result<_>>()?;
        let layers = Walk::new(&inputs, &outputs)?.layers_in_order();
        let extent = Extent::ONE;
        self.functional(layer, &Built { inputs, outputs, layers, extent })
            .map_err(|e| e.within(format!("{} (Lambda)", layer.name())))
    }
}

/// Whether an operation is better written as those that it is made of: in models on JAX, Keras 3.15
/// cannot call its own `Norm` along an axis.
fn has_trouble_in_keras(composite: &Composite) -> bool {
    composite.operation.name == "Norm"
}

/// A functional model's stations with the names and numbers by which calls refer to them.
struct Graph {
    walk: Walk,
    names: Vec<String>,
    /// For each station its group and which of the group's calls it is.
    numbers: Vec<(usize, usize)>,
    index: HashMap<Key, usize>,
}

impl Graph {
    fn new(inputs: &[Tensor], outputs: &[Tensor]) -> Result<Graph> {
        let walk = Walk::new(inputs, outputs)?;
        let (names, index) = (walk.names(), walk.index());
        let groups = walk.groups().enumerate();
        let numbers = groups.flat_map(|(g, group)| (0..group.len()).map(move |i| (g, i))).collect();
        Ok(Graph { walk, names, numbers, index })
    }

    /// What a call was made on.
    fn node(&self, station: &Station) -> Result<Value> {
        let (args, kwargs) = match station.tensor.kind() {
            Kind::Composite(composite) => {
                let node = nodes::describe(composite)?;
                let kwargs =
                    node.kwargs.iter().map(|(key, a)| Ok((key.clone(), self.argument(a)?)));
                let args = node.args.iter().map(|a| self.argument(a));
                (args.collect::<Result<Vec<Value>>>()?, kwargs.collect::<Result<_>>()?)
            }
            _ => {
                let inputs: Vec<Value> =
                    station.inputs.iter().map(|t| self.tensor(t)).collect::<Result<_>>()?;
                let args = if inputs.len() == 1 { inputs } else { vec![json!(inputs)] };
                (args, Map::new())
            }
        };
        Ok(json!({ "args": args, "kwargs": kwargs }))
    }

    fn argument(&self, argument: &Argument) -> Result<Value> {
        if let Argument::Tensor(tensor) = argument {
            return self.tensor(tensor);
        }
        argument.write(&|tensor| self.tensor(tensor).ok())
    }

    /// A tensor of the graph as a reference, any other as the value that it has.
    fn tensor(&self, tensor: &Tensor) -> Result<Value> {
        let tensor = tensor.unconverted();
        let Some(history) = self.history(tensor, 0) else {
            not_a_weight(tensor)?;
            return Argument::Tensor(tensor.clone()).write(&|_| None);
        };
        let config = json!({
            "shape": shape(tensor.ty()),
            "dtype": tensor.dtype().name(),
            "keras_history": history,
        });
        Ok(json!({ "class_name": "__keras_tensor__", "config": config }))
    }

    /// The layer's name, the number of its call and of the result.
    fn history(&self, tensor: &Tensor, first_call: usize) -> Option<Value> {
        let (group, call) = self.numbers[*self.index.get(&key(tensor))?];
        let result = match tensor.kind() {
            Kind::Call(_, result) => *result,
            _ => 0,
        };
        Some(json!([self.names[group], call + first_call, result]))
    }

    /// The inputs or the outputs of the model. Here the calls of a nested functional model are
    /// counted from 1: Keras counts its own making as the first.
    fn ends(&self, tensors: &[Tensor]) -> Result<Value> {
        let end = |tensor: &Tensor| {
            let nested = matches!(tensor.kind(), Kind::Call(call, _) if is_functional(&call.layer));
            self.history(tensor, usize::from(nested)).ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, "an output of the model is a constant")
            })
        };
        let ends: Vec<Value> = tensors.iter().map(end).collect::<Result<_>>()?;
        Ok(if ends.len() == 1 { ends[0].clone() } else { json!(ends) })
    }
}

fn not_a_weight(tensor: &Tensor) -> Result<()> {
    match tensor.kind() {
        Kind::Variable(variable) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the weight '{}' is used outside of its layer", variable.path()),
        )),
        _ => Ok(()),
    }
}

fn input_layer(tensor: &Tensor) -> LayerRef {
    let name = match tensor.kind() {
        Kind::Input { name } => name.as_deref(),
        _ => None,
    };
    LayerRef::with_name(InputLayer::new(tensor.ty().clone()), name.unwrap_or("input_layer"))
}

/// The types that the layers of a chain are called on, from its last to its first.
fn chain_types(output: &Tensor, count: usize) -> Vec<Option<Vec<TensorType>>> {
    let mut types = vec![];
    let mut tensor = output.clone();
    while let Kind::Call(call, _) = tensor.kind() {
        let call = Arc::clone(call);
        types.push(Some(call.inputs.iter().map(|t| t.ty().clone()).collect()));
        tensor = call.inputs[0].clone();
    }
    types.reverse();
    types.resize(count, None);
    types
}

/// A shape with null for the batch.
fn shape(ty: &TensorType) -> Value {
    json!(ty.shape.dims().iter().map(|dim| dim.known()).collect::<Vec<Option<usize>>>())
}

/// The layers that models have in common, in the order in which they are met again.
fn find_shared(layer: &LayerRef, seen: &mut HashSet<usize>, several: &mut Vec<usize>) {
    for inner in layer.definition().layers() {
        if seen.insert(inner.address()) {
            find_shared(&inner, seen, several);
        } else if !several.contains(&inner.address()) {
            several.push(inner.address());
        }
    }
}

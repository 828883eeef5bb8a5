//! A model as a graph of operations: a `GraphDef`. The numbers are those of the fields in TensorFlow's
//! `graph.proto`, `node_def.proto` and `attr_value.proto`.

use super::event::shape;
use super::plain;
use crate::model::{Built, Key, Network, Station, Walk, key};
use crate::protobuf::Message;
use crate::tensor::{Kind, Tensor};
use crate::variable::Variable;
use cornu_graph::Result;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The graph of a model. The layers of a model inside stand under its name, once for each use.
///
/// # Errors
/// If a model inside is not built.
pub(super) fn graph_def(built: &Built) -> Result<Message> {
    let mut graph = Graph { nodes: Message::new(), names: HashSet::new() };
    let inputs = vec![None; built.inputs.len()];
    graph.network(built, "", &inputs)?;
    // `producer`: a version of the format from which on node names are unique.
    Ok(graph.nodes.message(4, &Message::new().number(1, 27)))
}

/// The end of an edge: the node it comes from, and as which of its results. `None` is a constant,
/// or the input of the whole model, which becomes a node of its own.
type Source = Option<(String, usize)>;

struct Graph {
    nodes: Message,
    names: HashSet<String>,
}

impl Graph {
    /// Adds the nodes of a network; returns where its outputs come from.
    fn network(&mut self, built: &Built, scope: &str, inputs: &[Source]) -> Result<Vec<Source>> {
        let walk = Walk::new(&built.inputs, &built.outputs)?;
        let mut sources: HashMap<Key, Vec<Source>> = HashMap::new();
        for (tensor, input) in built.inputs.iter().zip(inputs).filter(|(_, i)| i.is_some()) {
            sources.insert(key(tensor), vec![input.clone()]);
        }
        let names = walk.names();
        let groups = walk.groups().zip(&names);
        let mut stations: Vec<(&Station, &str)> =
            groups.flat_map(|(group, name)| group.iter().map(|s| (s, name.as_str()))).collect();
        // Tensors are numbered as they are made, so each after those it is computed from.
        stations.sort_by_key(|(station, _)| station.tensor.id());
        for (station, name) in stations {
            let place = key(&station.tensor);
            if !sources.contains_key(&place) {
                let inputs: Vec<Source> =
                    station.inputs.iter().map(|tensor| source(&sources, tensor)).collect();
                let name = self.unused_name(&format!("{scope}{}", plain(name)));
                let inside = station.layer().and_then(|layer| layer.downcast::<Network>());
                let results = match inside {
                    Some(network) => {
                        let scope = format!("{name}/");
                        self.network(&*network.built()?, &scope, &inputs)?
                    }
                    None => self.node(station, name, &inputs),
                };
                sources.insert(place, results);
            }
        }
        Ok(built.outputs.iter().map(|tensor| source(&sources, tensor)).collect())
    }

    /// Adds a node; returns its first result, from which the others are counted.
    fn node(&mut self, station: &Station, name: String, inputs: &[Source]) -> Vec<Source> {
        let mut node = Message::new().bytes(1, &name).bytes(2, plain(&station.class()));
        for (from, result) in inputs.iter().flatten() {
            let edge = if *result == 0 { from.clone() } else { format!("{from}:{result}") };
            node = node.bytes(3, edge);
        }
        node = node.messages(5, attributes(station));
        self.nodes = std::mem::take(&mut self.nodes).message(1, &node);
        vec![Some((name, 0))]
    }

    /// The name, or one with the number of the use if a shared layer has it already.
    fn unused_name(&mut self, name: &str) -> String {
        let numbered = (2..).map(|use_| format!("{name}_use_{use_}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|name| self.names.insert(name.clone())).unwrap_or_default()
    }
}

/// Where a tensor comes from.
fn source(sources: &HashMap<Key, Vec<Source>>, tensor: &Tensor) -> Source {
    let results = sources.get(&key(tensor))?;
    let index = match tensor.kind() {
        Kind::Call(_, index) => *index,
        _ => 0,
    };
    match results.get(index) {
        Some(source) => source.clone(),
        // A further result of a single node.
        None => results.first()?.as_ref().map(|(name, result)| (name.clone(), result + index)),
    }
}

/// What TensorBoard tells of a node: the shape of its result, the number of its weights, and the
/// configuration of the layer. Entries of a map.
fn attributes(station: &Station) -> Vec<Message> {
    let entry = |name: &str, value: Message| Message::new().bytes(1, name).message(2, &value);
    let text = |text: &str| Message::new().bytes(2, text);
    let sizes: Vec<usize> =
        // The batch is -1, as in TensorFlow.
        station.tensor.shape().dims().iter().map(|dim| dim.known().unwrap_or(usize::MAX)).collect();
    let shapes = Message::new().message(1, &Message::new().message(7, &shape(&sizes)));
    let mut entries = vec![entry("_output_shapes", shapes)];
    let Some(layer) = station.layer() else { return entries };
    let params: usize = layer.weights().iter().map(Variable::len).sum();
    entries.push(entry("params", Message::new().number(3, params as u64)));
    if let Value::Object(config) = layer.config() {
        for (name, value) in config.iter().filter(|(name, _)| *name != "name") {
            let value = match value {
                Value::String(value) => text(value),
                value => text(&value.to_string()),
            };
            entries.push(entry(name, value));
        }
    }
    entries
}

//! The functional way: a model from its input and output tensors.

use super::Model;
use super::network::{Built, Extent, Network};
use crate::layers::{InputLayer, IntoTensors, LayerRef};
use crate::session;
use crate::tensor::{Composite, Kind, Tensor};
use cornu_graph::{Error, Op, Result};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl Model {
    /// A model from inputs to outputs.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let (left, right) = (Input::tensor([784]), Input::tensor([784]));
    /// let tower = Sequential::new().add(Dense::new(128).activation("relu"));
    /// let distance = ops::norm(tower.call(&left) - tower.call(&right), Axis::new(1).keepdims());
    /// let model = Model::new([&left, &right], &distance)?;
    /// assert_eq!(model.count_params()?, 785 * 128);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// # Errors
    /// The first mistake on the way from inputs to outputs, or that an output depends on an input
    /// that is not given.
    #[track_caller]
    pub fn new(inputs: impl IntoTensors, outputs: impl IntoTensors) -> Result<Model> {
        let name = session::unique_name("functional");
        Model::with_name(name, inputs, outputs)
    }

    /// As [`Model::new`], with a name of its own.
    ///
    /// # Errors
    /// As [`Model::new`].
    #[track_caller]
    pub fn with_name(
        name: impl Into<String>,
        inputs: impl IntoTensors,
        outputs: impl IntoTensors,
    ) -> Result<Model> {
        let (inputs, outputs) = (inputs.into_tensors(), outputs.into_tensors());
        for tensor in inputs.iter().chain(&outputs) {
            tensor.check()?;
        }
        if inputs.is_empty() || outputs.is_empty() {
            return Err(Error::value("a model needs at least one input and one output"));
        }
        if let Some(other) = inputs.iter().find(|t| !matches!(t.kind(), Kind::Input { .. })) {
            return Err(Error::value(format!(
                "the inputs of a model must be Input tensors, this is computed: {other:?}"
            )));
        }
        let walk = Walk::new(&inputs, &outputs)?;
        let layers = walk.layers_in_order();
        check_names(&layers)?;
        let extent = walk.stations.iter().map(Station::extent).sum();
        let network = Network::Functional(Arc::new(Built { inputs, outputs, layers, extent }));
        Ok(Model::from_layer(LayerRef::with_name(network, name)))
    }
}

/// What stands in a model's graph: an input, a call of a layer, an operation on tensors.
#[derive(Clone)]
pub(crate) struct Station {
    /// The tensor (of a call: the first of its results that was met).
    pub tensor: Tensor,
    /// What it was applied to.
    pub inputs: Vec<Tensor>,
    /// When the walk met it first.
    visit: usize,
}

impl Station {
    /// The layer, if this is a call.
    pub fn layer(&self) -> Option<&LayerRef> {
        match self.tensor.kind() {
            Kind::Call(call, _) => Some(&call.layer),
            _ => None,
        }
    }

    /// Whether this is an operation of a kind.
    pub fn is(&self, kind: impl Fn(&Composite) -> bool) -> bool {
        matches!(self.tensor.kind(), Kind::Composite(composite) if kind(composite))
    }

    fn extent(&self) -> Extent {
        self.layer().map_or(Extent::ONE, Extent::of)
    }

    /// Keras's class name: `"InputLayer"`, `"Dense"`, `"Subtract"`.
    pub fn class(&self) -> String {
        match self.tensor.kind() {
            Kind::Input { .. } => "InputLayer".to_owned(),
            Kind::Call(call, _) => call.layer.kind().to_owned(),
            Kind::Composite(composite) => composite.operation.name.to_owned(),
            Kind::Op(op, _) => operation_class(op),
            Kind::Constant(_) | Kind::Variable(_) | Kind::RandomState | Kind::Error(_) => {
                unreachable!("these are no stations")
            }
        }
    }
}

/// The name of a primitive op, which only a layer's or a loss's inner functions put into a graph
/// without a name of Keras's.
fn operation_class(op: &Op) -> String {
    // What follows it are attributes.
    let text = format!("{op:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// A walk through a model's graph from the outputs back to the inputs.
pub(crate) struct Walk {
    /// In the order in which Keras lists them: from the inputs, each after what it needs, but all
    /// calls of a layer together, in the order in which they were made.
    pub stations: Vec<Station>,
}

impl Walk {
    pub fn new(inputs: &[Tensor], outputs: &[Tensor]) -> Result<Walk> {
        let known: HashSet<u64> = inputs.iter().map(Tensor::id).collect();
        let mut visit = Visit { known, seen: HashMap::new(), count: 1, stations: vec![] };
        for output in outputs {
            visit.tensor(output)?;
        }
        for input in inputs {
            if !visit.seen.contains_key(&key(input)) {
                // Keras puts an input that nothing needs before the outputs.
                visit.count = 0;
                visit.tensor(input)?;
            }
        }
        Ok(Walk { stations: order(visit.stations) })
    }

    /// The stations of each layer or operation, in order.
    pub fn groups(&self) -> impl Iterator<Item = &[Station]> {
        self.stations.chunk_by(|a, b| match (a.layer(), b.layer()) {
            (Some(a), Some(b)) => a.is(b),
            _ => false,
        })
    }

    /// The inputs and the layers that are called, each once, in order.
    pub fn layers_in_order(&self) -> Vec<LayerRef> {
        let layer = |group: &[Station]| match group[0].tensor.kind() {
            Kind::Input { name } => {
                let layer = InputLayer::new(group[0].tensor.ty().clone());
                Some(LayerRef::with_name(layer, name.as_deref().unwrap_or("input_layer")))
            }
            _ => group[0].layer().cloned(),
        };
        self.groups().filter_map(layer).collect()
    }

    /// The names of [`Walk::groups`]. Operations on tensors are named as Keras names them, counted
    /// in the order in which they were made: `subtract`, `subtract_1`.
    pub fn names(&self) -> Vec<String> {
        let groups: Vec<&Station> = self.groups().map(|group| &group[0]).collect();
        let given = groups.iter().map(|station| match station.tensor.kind() {
            Kind::Call(call, _) => Some(call.layer.name().to_owned()),
            Kind::Input { name } => Some(name.as_deref().unwrap_or("input_layer").to_owned()),
            _ => None,
        });
        let mut names: Vec<Option<String>> = given.collect();
        let mut taken: HashSet<String> = names.iter().flatten().cloned().collect();
        let mut operations: Vec<usize> =
            (0..groups.len()).filter(|&i| names[i].is_none()).collect();
        operations.sort_by_key(|&i| groups[i].tensor.id());
        let mut counts = HashMap::new();
        for i in operations {
            let stem = session::snake_case(&groups[i].class());
            names[i] = Some(free_name(stem, &mut counts, &mut taken));
        }
        names.into_iter().map(|name| name.expect("all are named")).collect()
    }

    /// Where each station stands in [`Walk::stations`], to find what a tensor comes from.
    pub fn index(&self) -> HashMap<Key, usize> {
        index(&self.stations)
    }
}

struct Visit {
    known: HashSet<u64>,
    /// Whether what was visited depends on an input or a layer: what does not is a constant.
    seen: HashMap<Key, bool>,
    /// How many stations were met.
    count: usize,
    /// Each after what it needs.
    stations: Vec<Station>,
}

/// What identifies a station: a call's address, a tensor's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Call(usize),
    Tensor(u64),
}

/// What identifies the station a tensor comes from.
pub(crate) fn key(tensor: &Tensor) -> Key {
    match tensor.kind() {
        Kind::Call(call, _) => Key::Call(Arc::as_ptr(call) as usize),
        _ => Key::Tensor(tensor.id()),
    }
}

/// What a tensor was computed from; `None` for values that are no part of the graph.
fn sources(tensor: &Tensor) -> Option<Vec<Tensor>> {
    let inputs = match tensor.kind() {
        Kind::Input { .. } => return Some(vec![]),
        Kind::Constant(_) | Kind::Variable(_) | Kind::RandomState | Kind::Error(_) => return None,
        Kind::Op(_, inputs) => inputs,
        Kind::Composite(composite) => &composite.inputs,
        Kind::Call(call, _) => &call.inputs,
    };
    Some(inputs.iter().map(|t| t.unconverted().clone()).collect())
}

/// A tensor whose sources are being visited.
struct Open {
    tensor: Tensor,
    inputs: Vec<Tensor>,
    /// How many of the inputs were visited.
    done: usize,
    visit: usize,
    depends: bool,
}

impl Visit {
    /// Visits what a tensor is computed from, then the tensor. With a stack of its own: a graph may
    /// be deeper than the thread's.
    fn tensor(&mut self, tensor: &Tensor) -> Result<()> {
        let mut open: Vec<Open> = self.open(tensor)?.into_iter().collect();
        while let Some(top) = open.last_mut() {
            if let Some(input) = top.inputs.get(top.done).cloned() {
                top.done += 1;
                match self.seen.get(&key(&input)) {
                    Some(depends) => top.depends |= depends,
                    None => open.extend(self.open(&input)?),
                }
            } else if let Some(Open { tensor, inputs, visit, depends, .. }) = open.pop() {
                self.seen.insert(key(&tensor), depends);
                if depends {
                    self.stations.push(Station { tensor, inputs, visit });
                }
                if let Some(above) = open.last_mut() {
                    above.depends |= depends;
                }
            }
        }
        Ok(())
    }

    /// Begins to visit a tensor, unless it was visited or is no part of the graph.
    fn open(&mut self, tensor: &Tensor) -> Result<Option<Open>> {
        let Some(inputs) = sources(tensor) else { return Ok(None) };
        if self.seen.contains_key(&key(tensor)) {
            return Ok(None);
        }
        if let Kind::Input { name } = tensor.kind()
            && !self.known.contains(&tensor.id())
        {
            let name = name.as_deref().unwrap_or("an input");
            return Err(Error::value(format!(
                "the outputs depend on '{name}', which is not among the model's inputs"
            ))
            .at(tensor.expression().line));
        }
        let visit = self.count;
        self.count += 1;
        // A layer may have weights to train even if it is called on a constant.
        let depends = matches!(tensor.kind(), Kind::Input { .. } | Kind::Call(..));
        Ok(Some(Open { tensor: tensor.clone(), inputs, done: 0, visit, depends }))
    }
}

fn index(stations: &[Station]) -> HashMap<Key, usize> {
    stations.iter().enumerate().map(|(i, s)| (key(&s.tensor), i)).collect()
}

/// Where a layer or operation stands.
struct Place {
    depth: usize,
    visit: usize,
}

/// The layer or operation of each station, and when each of these was met first.
fn owners(stations: &[Station]) -> (Vec<usize>, Vec<Place>) {
    let mut layers: HashMap<usize, usize> = HashMap::new();
    let mut places: Vec<Place> = vec![];
    let mut owner = |station| {
        let layer = Station::layer(station).map(LayerRef::address);
        let known = layer.and_then(|layer| layers.get(&layer).copied());
        let owner = known.unwrap_or(places.len());
        if owner == places.len() {
            places.push(Place { depth: 0, visit: station.visit });
            layers.extend(layer.map(|layer| (layer, owner)));
        }
        places[owner].visit = places[owner].visit.min(station.visit);
        owner
    };
    (stations.iter().map(&mut owner).collect(), places)
}

/// Sorts as Keras does: by the longest way to an output, then by the order of the walk. All calls
/// of a layer stand where its deepest call stands.
fn order(stations: Vec<Station>) -> Vec<Station> {
    let index = index(&stations);
    let (owners, mut places) = owners(&stations);
    let mut depths = vec![0; stations.len()];
    for (i, station) in stations.iter().enumerate().rev() {
        let place = &mut places[owners[i]];
        place.depth = place.depth.max(depths[i]);
        let depth = place.depth;
        for input in station.inputs.iter().filter_map(|t| index.get(&key(t))) {
            depths[*input] = depths[*input].max(depth + 1);
        }
    }
    let mut placed: Vec<(usize, Station)> = owners.into_iter().zip(stations).collect();
    placed.sort_by_key(|(owner, station)| {
        let place = &places[*owner];
        (Reverse(place.depth), place.visit, *owner, station.tensor.id())
    });
    placed.into_iter().map(|(_, station)| station).collect()
}

/// Layers are found, and their weights saved, by name.
fn check_names(layers: &[LayerRef]) -> Result<()> {
    let mut names = HashSet::new();
    for layer in layers {
        if !names.insert(layer.name()) {
            let name = layer.name();
            return Err(Error::state(format!("two layers of the model are named '{name}'"))
                .help("give one of them another name with .name(…)"));
        }
    }
    Ok(())
}

/// The names of the outputs: of the layers they come from.
pub(crate) fn output_names(outputs: &[Tensor]) -> Vec<String> {
    let name = |(i, output): (usize, &Tensor)| match output.kind() {
        Kind::Call(call, _) => call.layer.name().to_owned(),
        Kind::Composite(composite) => session::snake_case(composite.operation.name),
        _ => format!("output_{i}"),
    };
    // Two outputs of one layer need different names.
    let (mut counts, mut taken) = (HashMap::new(), HashSet::new());
    let names = outputs.iter().enumerate().map(name);
    names.map(|name| free_name(name, &mut counts, &mut taken)).collect()
}

/// `subtract`, or the first of `subtract_1`, `subtract_2`, … that is not taken, which it is then.
/// `counts` are those that were tried, so that thousands of one name take no quadratic time.
fn free_name(
    stem: String,
    counts: &mut HashMap<String, usize>,
    taken: &mut HashSet<String>,
) -> String {
    let count = counts.entry(stem.clone()).or_insert(0);
    loop {
        let name = if *count == 0 { stem.clone() } else { format!("{stem}_{count}") };
        *count += 1;
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

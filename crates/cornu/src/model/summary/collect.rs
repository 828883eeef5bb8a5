//! The rows of a summary: what there is to tell of each layer.

use super::grouped;
use crate::layers::LayerRef;
use crate::model::functional::{Station, Walk, key};
use crate::model::network::{Built, Network};
use crate::tensor::{Kind, Tensor};
use crate::variable::Variable;
use cornu_graph::{Dim, Shape};

/// One layer, input or operation.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// In how many models inside the model it stands.
    pub level: usize,
    name: String,
    class: String,
    pub shape: String,
    pub params: String,
    /// What it was called on.
    pub connections: String,
    /// Whether it is trained, if it has weights.
    pub trainable: Option<bool>,
}

impl Row {
    /// The name and the class, as in `dense (Dense)`.
    pub fn title(&self) -> String {
        let indent = match self.level {
            0 => String::new(),
            level => format!("{}└ ", "   ".repeat(level)),
        };
        format!("{indent}{} ({})", self.name, self.class)
    }
}

/// The rows of a network and of those inside it, and whether it is a chain.
pub(super) fn rows(network: &Network) -> (Vec<Row>, bool) {
    let graph = Graph::of(network);
    let functional = matches!(network, Network::Functional(_));
    let chain = !functional || graph.as_ref().is_some_and(Graph::is_chain);
    let mut rows = vec![];
    collect(network, 0, graph.as_ref(), &mut rows);
    (rows, chain)
}

fn collect(network: &Network, level: usize, outermost: Option<&Graph>, rows: &mut Vec<Row>) {
    let inner = if level > 0 { Graph::of(network) } else { None };
    let graph = if level > 0 { inner.as_ref() } else { outermost };
    let stand: Vec<(Option<LayerRef>, Option<&Place>)> = match (network, graph) {
        (Network::Functional(_), Some(graph)) => {
            graph.places.iter().map(|place| (place.layer.clone(), Some(place))).collect()
        }
        _ => {
            let layers = network.layer_list().into_iter();
            layers.map(|l| (Some(l.clone()), graph.and_then(|graph| graph.place(&l)))).collect()
        }
    };
    for (layer, place) in stand {
        match (layer, place) {
            (Some(layer), place) => {
                let connections = outermost.and_then(|graph| graph.place(&layer));
                let connections = connections.map_or("-", |place| &place.connections).to_owned();
                rows.push(Row { level, connections, ..layer_row(&layer, place) });
                if let Some(network) = layer.downcast::<Network>() {
                    collect(network, level + 1, outermost, rows);
                }
            }
            // To Keras, an operation is no layer of a model inside.
            (None, Some(place)) if level == 0 || place.is_input => rows.push(place.row(level)),
            (None, _) => {}
        }
    }
}

/// What there is to tell of a layer wherever it stands.
fn layer_row(layer: &LayerRef, place: Option<&Place>) -> Row {
    let weights = layer.weights();
    let built = place.is_some() || !weights.is_empty() || is_built_from_the_start(layer);
    let count = grouped(weights.iter().map(Variable::len).sum());
    Row {
        level: 0,
        name: layer.name().to_owned(),
        class: layer.kind().to_owned(),
        shape: place.map_or("?".to_owned(), |place| place.shape.clone()),
        params: if built { count } else { format!("{count} (unbuilt)") },
        connections: String::new(),
        trainable: (!weights.is_empty()).then(|| weights.iter().any(Variable::trainable)),
    }
}

/// Whether Keras calls a layer built that was not called yet.
fn is_built_from_the_start(layer: &LayerRef) -> bool {
    const WITHOUT_WEIGHTS: [&str; 16] = [
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "LeakyReLU",
        "Masking",
        "ReLU",
        "Softmax",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "UnitNormalization",
    ];
    let kind = layer.kind();
    let network = layer.downcast::<Network>();
    WITHOUT_WEIGHTS.contains(&kind)
        || kind.contains("Pooling")
        || network.is_some_and(|network| network.built().is_ok())
}

/// The weights of layers, each once.
pub(super) fn weights(layers: &[LayerRef]) -> Vec<Variable> {
    let mut weights: Vec<Variable> = vec![];
    for weight in layers.iter().flat_map(LayerRef::weights) {
        if !weights.iter().any(|known| known.id() == weight.id()) {
            weights.push(weight);
        }
    }
    weights
}

/// How the layers and operations of a built network are connected.
struct Graph {
    places: Vec<Place>,
    walk: Walk,
}

/// Where a layer, an input or an operation stands in a graph.
struct Place {
    layer: Option<LayerRef>,
    is_input: bool,
    name: String,
    class: String,
    shape: String,
    connections: String,
}

impl Place {
    /// The row of an input or an operation.
    fn row(&self, level: usize) -> Row {
        Row {
            level,
            name: self.name.clone(),
            class: self.class.clone(),
            shape: self.shape.clone(),
            params: "0".to_owned(),
            connections: if level == 0 { self.connections.clone() } else { "-".to_owned() },
            trainable: None,
        }
    }
}

impl Graph {
    /// The graph of a network, if it is built.
    fn of(network: &Network) -> Option<Graph> {
        let built = network.built().ok()?;
        let walk = Walk::new(&built.inputs, &built.outputs).ok()?;
        let place = |(group, name): (&[Station], String)| {
            let last = group.last().expect("a group has a station");
            Place {
                layer: last.layer().cloned(),
                is_input: matches!(last.tensor.kind(), Kind::Input { .. }),
                name,
                class: last.class(),
                shape: results(&walk, &built, last),
                connections: String::new(),
            }
        };
        let mut places: Vec<Place> = walk.groups().zip(walk.names()).map(place).collect();
        let connections = connections(&walk);
        places.iter_mut().zip(connections).for_each(|(place, text)| place.connections = text);
        Some(Graph { places, walk })
    }

    fn place(&self, layer: &LayerRef) -> Option<&Place> {
        self.places.iter().find(|place| place.layer.as_ref().is_some_and(|l| l.is(layer)))
    }

    /// Whether each station is applied to the one before and to nothing else.
    fn is_chain(&self) -> bool {
        let stations = &self.walk.stations;
        let index = self.walk.index();
        let inputs = |station: &Station| -> Vec<usize> {
            station.inputs.iter().filter_map(|t| index.get(&key(t)).copied()).collect()
        };
        self.walk.groups().all(|group| group.len() == 1)
            && stations.iter().skip(1).enumerate().all(|(i, station)| inputs(station) == [i])
    }
}

/// What each group of stations was called on: `dense[0][0], dense[1][0]` are the first results of
/// the first and the second call of a layer.
fn connections(walk: &Walk) -> Vec<String> {
    let places = walk.groups().zip(walk.names());
    let calls = places.flat_map(|(group, name)| (0..group.len()).map(move |i| (name.clone(), i)));
    let calls: Vec<(String, usize)> = calls.collect();
    let index = walk.index();
    let connection = |tensor: &Tensor| {
        let (name, call) = &calls[*index.get(&key(tensor))?];
        let result = match tensor.kind() {
            Kind::Call(_, result) => *result,
            _ => 0,
        };
        Some(format!("{name}[{call}][{result}]"))
    };
    let group = |group: &[Station]| {
        let inputs = group.iter().flat_map(|station| &station.inputs);
        let texts: Vec<String> = inputs.filter_map(connection).collect();
        if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
    };
    walk.groups().map(group).collect()
}

/// The shapes of a station's results.
fn results(walk: &Walk, built: &Built, station: &Station) -> String {
    let inside = station.layer().and_then(|layer| layer.downcast::<Network>()?.built().ok());
    if let Some(inside) = inside.filter(|inside| inside.outputs.len() > 1) {
        let shapes: Vec<String> = inside.outputs.iter().map(|t| shape(t.shape())).collect();
        return format!("[{}]", shapes.join(", "));
    }
    let used = walk.stations.iter().flat_map(|s| &s.inputs).chain(&built.outputs);
    let of_this = used.filter(|tensor| key(tensor) == key(&station.tensor));
    let mut found: Vec<(usize, String)> = vec![];
    for tensor in of_this {
        if let Kind::Call(_, i) = tensor.kind()
            && !found.iter().any(|(known, _)| known == i)
        {
            found.push((*i, shape(tensor.shape())));
        }
    }
    found.sort();
    match found.as_slice() {
        [] | [_] => shape(station.tensor.shape()),
        several => {
            let shapes: Vec<&str> = several.iter().map(|(_, shape)| shape.as_str()).collect();
            format!("[{}]", shapes.join(", "))
        }
    }
}

/// A shape as Keras's summary writes it, without the comma of a tuple of one.
fn shape(shape: &Shape) -> String {
    let dims: Vec<String> = shape.dims().iter().map(Dim::to_string).collect();
    format!("({})", dims.join(", "))
}

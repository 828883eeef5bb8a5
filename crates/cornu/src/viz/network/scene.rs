//! What is to be drawn of a network, and where: cards, frames around models inside, and wires.

use super::Options;
use super::card::{Card, Row};
use super::layout::{self, Direction, Edge, Node, Pin, Route};
use crate::layers::LayerRef;
use crate::model::{Built, Network, Station, Walk, key};
use crate::tensor::{Kind, Tensor};
use crate::viz::paint::{Ink, Lettering, Point};
use cornu_graph::{Dim, Result, Shape};

/// The room between a frame and what is in it, and that for its title.
pub const FRAME: f64 = 16.0;
const TITLE: f64 = 26.0;
/// As many shapes of inputs are listed; of more it is told how many.
const MOST_SHAPES: usize = 6;

/// Cards and frames with their left upper corners, and the wires between them.
pub struct Scene {
    pub size: (f64, f64),
    pub parts: Vec<(Part, Point)>,
    /// Wires, and whether an arrow is at their end.
    pub wires: Vec<(Route, bool)>,
    /// Where wires come in and go out, along the side.
    entries: Vec<f64>,
    exits: Vec<f64>,
}

/// What stands in a scene.
pub enum Part {
    Card(Card),
    Frame(Box<Frame>),
}

/// A model inside, with its layers.
pub struct Frame {
    pub title: String,
    pub size: (f64, f64),
    /// Where the layers begin in it.
    pub inside: Point,
    pub scene: Scene,
    /// Which of the model's results each exit is.
    results: Vec<usize>,
}

impl Scene {
    /// The scene of a whole model.
    pub fn of_model(network: &Network, options: Options) -> Result<Scene> {
        let built = network.built()?;
        Builder::new(network, &built, options)?.scene(0, &[])
    }
}

impl Part {
    fn size(&self) -> (f64, f64) {
        match self {
            Part::Card(card) => card.size,
            Part::Frame(frame) => frame.size,
        }
    }

    /// Where a wire to an input comes in, if that is not for the layout to choose.
    fn entry(&self, input: usize, direction: Direction) -> Option<f64> {
        let Part::Frame(frame) = self else { return None };
        let place = frame.scene.entries.get(input).or(frame.scene.entries.first())?;
        Some(place + frame.along(direction))
    }

    fn exit(&self, result: usize, direction: Direction) -> Option<f64> {
        let Part::Frame(frame) = self else { return None };
        let exit = frame.results.iter().position(|&r| r == result)?;
        Some(frame.scene.exits.get(exit)? + frame.along(direction))
    }
}

impl Frame {
    /// Where the layers begin along the side where wires come in.
    fn along(&self, direction: Direction) -> f64 {
        match direction {
            Direction::Down => self.inside.0,
            Direction::Right => self.inside.1,
        }
    }
}

struct Builder<'a> {
    built: &'a Built,
    walk: Walk,
    names: Vec<String>,
    /// The group of each station.
    groups: Vec<usize>,
    /// A Sequential does not show its input, as in Keras.
    sequential: bool,
    options: Options,
}

impl<'a> Builder<'a> {
    fn new(network: &Network, built: &'a Built, options: Options) -> Result<Builder<'a>> {
        let walk = Walk::new(&built.inputs, &built.outputs)?;
        let groups = walk.groups().enumerate();
        let groups = groups.flat_map(|(i, group)| group.iter().map(move |_| i)).collect();
        let sequential = matches!(network, Network::Sequential(_));
        Ok(Builder { built, names: walk.names(), groups, walk, sequential, options })
    }

    /// The group that a tensor comes from, and which of its results it is.
    fn source(&self, tensor: &Tensor) -> Option<(usize, usize)> {
        let station = *self.walk.index().get(&key(tensor))?;
        let result = match tensor.kind() {
            Kind::Call(_, result) => *result,
            _ => 0,
        };
        Some((self.groups[station], result))
    }

    fn is_hidden(&self, group: &[Station]) -> bool {
        self.sequential && is_input(&group[0])
    }

    /// The scene with `entries` places where wires come in and one place for each of the results
    /// that are used outside.
    fn scene(&self, entries: usize, results: &[usize]) -> Result<Scene> {
        let groups: Vec<&[Station]> = self.walk.groups().collect();
        let used = self.used(&groups, results);
        let (mut parts, mut nodes, mut places) = (vec![], vec![], vec![None; groups.len()]);
        for (i, group) in groups.iter().enumerate() {
            if !self.is_hidden(group) {
                let part = self.part(group, &self.names[i], &used[i])?;
                places[i] = Some(nodes.len());
                let (width, height) = part.size();
                nodes.push(Node { width, height, pin: Pin::None });
                parts.push(part);
            }
        }
        let first_entry = nodes.len();
        nodes.extend((0..entries).map(|_| Node { width: 0.0, height: 0.0, pin: Pin::First }));
        let first_exit = nodes.len();
        nodes.extend(results.iter().map(|_| Node { width: 0.0, height: 0.0, pin: Pin::Last }));

        let mut edges = self.edges(&groups, &places, &parts, (entries > 0).then_some(first_entry));
        for (i, &result) in results.iter().enumerate() {
            let source = self.built.outputs.get(result).and_then(|tensor| self.source(tensor));
            if let Some((group, result)) = source {
                let direction = self.options.direction;
                let (from, from_port) = match places[group] {
                    Some(place) => (place, parts[place].exit(result, direction)),
                    None => (first_entry, None),
                };
                edges.push(Edge { from, to: first_exit + i, from_port, to_port: None });
            }
        }
        edges.sort();
        edges.dedup();
        Ok(arrange(parts, nodes, edges, first_entry, first_exit, self.options.direction))
    }

    /// Which results of each group are used, here or outside.
    fn used(&self, groups: &[&[Station]], results: &[usize]) -> Vec<Vec<usize>> {
        let mut used = vec![vec![]; groups.len()];
        let outside = results.iter().filter_map(|&result| self.built.outputs.get(result));
        let here = groups.iter().flat_map(|group| group.iter()).flat_map(|s| &s.inputs);
        for (group, result) in here.chain(outside).filter_map(|tensor| self.source(tensor)) {
            if !used[group].contains(&result) {
                used[group].push(result);
            }
        }
        used.iter_mut().for_each(|results| results.sort_unstable());
        used
    }

    fn edges(
        &self,
        groups: &[&[Station]],
        places: &[Option<usize>],
        parts: &[Part],
        entry: Option<usize>,
    ) -> Vec<Edge> {
        let direction = self.options.direction;
        let mut edges = vec![];
        for (i, group) in groups.iter().enumerate() {
            let Some(to) = places[i] else { continue };
            for station in *group {
                for (input, tensor) in station.inputs.iter().enumerate() {
                    let Some((source, result)) = self.source(tensor) else { continue };
                    let to_port = parts[to].entry(input, direction);
                    match (places[source], entry) {
                        (Some(from), _) => {
                            let from_port = parts[from].exit(result, direction);
                            edges.push(Edge { from, to, from_port, to_port });
                        }
                        (None, Some(from)) => {
                            edges.push(Edge { from, to, from_port: None, to_port });
                        }
                        (None, None) => {}
                    }
                }
            }
        }
        // A functional model inside: what comes in goes to its inputs.
        if let Some(entry) = entry.filter(|_| !self.sequential) {
            for (i, input) in self.built.inputs.iter().enumerate() {
                if let Some(to) = self.source(input).and_then(|(group, _)| places[group]) {
                    edges.push(Edge { from: entry + i, to, from_port: None, to_port: None });
                }
            }
        }
        edges
    }

    fn part(&self, group: &[Station], name: &str, used: &[usize]) -> Result<Part> {
        let station = &group[0];
        let network = station.layer().and_then(|layer| layer.downcast::<Network>());
        let inside = network.and_then(|network| Some((network, network.built().ok()?)));
        if let (Some((network, built)), true) = (inside, self.options.expand_nested) {
            let builder = Builder::new(network, &built, self.options)?;
            let entries = built.inputs.len();
            let scene = builder.scene(entries, used)?;
            let title = format!("{name} ({})", station.class());
            return Ok(Part::Frame(Box::new(frame(scene, &title, used, self.options.direction))));
        }
        let name = if self.options.names { name } else { "" };
        Ok(Part::Card(Card::new(&station.class(), name, self.rows(station))))
    }

    fn rows(&self, station: &Station) -> Vec<Row> {
        let (options, layer) = (self.options, station.layer());
        let mut rows = vec![];
        if options.activations
            && let Some(activation) = layer.and_then(activation)
        {
            rows.push(Row::new("activation", activation));
        }
        let results = results(station);
        if options.shapes {
            let inputs = station.inputs.iter().filter(|tensor| self.source(tensor).is_some());
            let inputs: Vec<Shape> = inputs.map(|tensor| tensor.shape().clone()).collect();
            if !is_input(station) {
                rows.extend(shape_rows("input", &inputs));
            }
            let outputs: Vec<Shape> = results.iter().map(|t| t.shape().clone()).collect();
            rows.extend(shape_rows("output", &outputs));
        }
        if options.dtype {
            let mut types: Vec<&str> = results.iter().map(|t| t.dtype().name()).collect();
            types.dedup();
            rows.push(Row::new("dtype", types.join(", ")));
        }
        if options.trainable
            && let Some(layer) = layer.filter(|layer| !layer.weights().is_empty())
        {
            rows.push(match layer.trainable() {
                true => Row::new("trainable", "yes").ink(Ink::RightText),
                false => Row::new("trainable", "no").ink(Ink::WrongText),
            });
        }
        rows
    }
}

fn is_input(station: &Station) -> bool {
    matches!(station.tensor.kind(), Kind::Input { .. })
}

/// The activation of a layer that has one.
fn activation(layer: &LayerRef) -> Option<String> {
    Some(layer.config().get("activation")?.as_str()?.to_owned())
}

/// What comes out of a station: all that a model inside gives, or the one result.
fn results(station: &Station) -> Vec<Tensor> {
    let network = station.layer().and_then(|layer| layer.downcast::<Network>());
    match network.and_then(|network| network.built().ok()) {
        Some(built) => built.outputs.clone(),
        None => vec![station.tensor.clone()],
    }
}

/// A row for each shape; the label stands before the first.
fn shape_rows(label: &'static str, shapes: &[Shape]) -> Vec<Row> {
    let shown = if shapes.len() > MOST_SHAPES { MOST_SHAPES - 1 } else { shapes.len() };
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    let rows = labels.zip(&shapes[..shown]);
    let mut rows: Vec<Row> = rows.map(|(label, shape)| Row::new(label, text(shape))).collect();
    if shown < shapes.len() {
        rows.push(Row::new("", format!("and {} more", shapes.len() - shown)));
    }
    rows
}

/// A shape as Keras's summary writes it.
fn text(shape: &Shape) -> String {
    let dims: Vec<String> = shape.dims().iter().map(Dim::to_string).collect();
    format!("({})", dims.join(", "))
}

/// Lays parts out. The nodes after them are the entries and the exits.
fn arrange(
    parts: Vec<Part>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    first_entry: usize,
    first_exit: usize,
    direction: Direction,
) -> Scene {
    let count = nodes.len();
    let arrows: Vec<bool> = edges.iter().map(|edge| edge.to < first_entry).collect();
    // A wire into a frame goes on inside, and has its arrow there.
    let is_frame = |to: usize| matches!(parts.get(to), Some(Part::Frame(_)));
    let arrow = |(edge, arrow): (&Edge, bool)| {
        arrow && (edge.to_port.is_none() || !is_frame(edge.to) || edge.from == edge.to)
    };
    let arrows: Vec<bool> = edges.iter().zip(arrows).map(arrow).collect();
    let layout = layout::layout(nodes, edges, direction);
    let along = |i: usize| match direction {
        Direction::Down => layout.corners[i].0,
        Direction::Right => layout.corners[i].1,
    };
    Scene {
        size: layout.size,
        entries: (first_entry..first_exit).map(along).collect(),
        exits: (first_exit..count).map(along).collect(),
        parts: parts.into_iter().zip(layout.corners.iter().copied()).collect(),
        wires: layout.routes.into_iter().zip(arrows).collect(),
    }
}

/// A frame around a scene, wide enough for its title beside the wires that come in.
fn frame(scene: Scene, title: &str, results: &[usize], direction: Direction) -> Frame {
    let title = Lettering::PLAIN.bold().fitted(title, 300.0);
    let room = Lettering::PLAIN.bold().width(&title) + FRAME;
    let (width, height) = scene.size;
    let (inside, size) = match direction {
        Direction::Down => {
            // The wires go down through the line of the title.
            let first = scene.entries.iter().copied().fold(width, f64::min);
            let side = FRAME.max(room + 10.0 - first);
            let wide = (width + 2.0 * side).max(room + FRAME);
            // Above and below there is room already, where wires come in and go out.
            let above = if scene.entries.is_empty() { TITLE + 8.0 } else { 0.0 };
            let below = if results.is_empty() { FRAME } else { 0.0 };
            (((wide - width) / 2.0, above), (wide, above + height + below))
        }
        Direction::Right => {
            let before = if scene.entries.is_empty() { FRAME } else { 0.0 };
            let after = if results.is_empty() { FRAME } else { 0.0 };
            let wide = (before + width + after).max(room + FRAME);
            // Wires reach from side to side.
            let left = if results.is_empty() { before } else { wide - width - after };
            ((left, TITLE + 6.0), (wide, TITLE + 6.0 + height + FRAME))
        }
    };
    Frame { title, size, inside, scene, results: results.to_vec() }
}

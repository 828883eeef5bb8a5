//! Where the nodes of a graph stand and how its edges run: layers from top to bottom (Sugiyama,
//! Tagawa and Toda, 1981). First the layer of each node, then the order in the layers, so that few
//! edges cross, then the places, so that edges are straight. Edges over several layers pass
//! between the nodes, never through them.

mod order;
mod place;
mod rank;
mod route;

use crate::viz::paint::Point;
use std::cmp::Ordering;

/// Between layers; between nodes side by side; between an edge and what is beside it.
const LAYER_GAP: f64 = 40.0;
const NODE_GAP: f64 = 32.0;
const EDGE_GAP: f64 = 16.0;
/// How far a node's edge to itself reaches out.
const LOOP: f64 = 30.0;

/// Where the edges go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    Down,
    Right,
}

/// Where a node must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    None,
    /// Before all others: where edges come in from outside.
    First,
    /// After all others: where they go out.
    Last,
}

/// A box to be placed.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub width: f64,
    pub height: f64,
    pub pin: Pin,
}

/// An edge, with the place along the side of a node where it must begin or end, if there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub from_port: Option<f64>,
    pub to_port: Option<f64>,
}

impl Eq for Edge {}

impl Ord for Edge {
    fn cmp(&self, other: &Edge) -> Ordering {
        let port = |port: Option<f64>| port.unwrap_or(-1.0);
        (self.from, self.to)
            .cmp(&(other.from, other.to))
            .then(port(self.from_port).total_cmp(&port(other.from_port)))
            .then(port(self.to_port).total_cmp(&port(other.to_port)))
    }
}

impl PartialOrd for Edge {
    fn partial_cmp(&self, other: &Edge) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How an edge runs, as if all went down: the caller mirrors what goes right.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// Through points: straight down where two stand below each other, in a bend elsewhere.
    Way(Vec<Point>),
    /// From the side of a node to the side of the same node.
    Loop { from: Point, to: Point, reach: f64 },
}

/// Where everything is.
pub struct Layout {
    pub size: (f64, f64),
    /// The left upper corners of the nodes.
    pub corners: Vec<Point>,
    /// One for each edge.
    pub routes: Vec<Route>,
}

/// A node, or the place where an edge passes a layer.
#[derive(Clone, Copy, Debug)]
struct Vertex {
    node: Option<usize>,
    width: f64,
    height: f64,
    rank: usize,
}

/// A piece of an edge, from one layer to the next, and how far from the middles of its ends.
#[derive(Clone, Copy, Debug)]
struct Link {
    ends: [usize; 2],
    offsets: [f64; 2],
    /// Whether the ends may be moved along the nodes' sides.
    free: [bool; 2],
}

/// The graph with edges from layer to layer only.
struct Layered {
    vertices: Vec<Vertex>,
    links: Vec<Link>,
    /// The vertices of each layer, in order.
    layers: Vec<Vec<usize>>,
    /// The links of each edge, from the upper end to the lower; none for an edge to itself.
    paths: Vec<Vec<usize>>,
    /// Whether an edge goes up.
    turned: Vec<bool>,
}

/// Lays a graph out.
pub fn layout(mut nodes: Vec<Node>, edges: Vec<Edge>, direction: Direction) -> Layout {
    if direction == Direction::Right {
        nodes.iter_mut().for_each(|n| (n.width, n.height) = (n.height, n.width));
    }
    let (ranks, turned) = rank::ranks(&nodes, &edges);
    let mut layered = Layered::new(&nodes, &edges, &ranks, turned);
    order::order(&mut layered);
    let middles = place::middles(&layered, &looped(&nodes, &edges));
    let mut layout = route::route(&nodes, &edges, layered, middles);
    if direction == Direction::Right {
        layout.corners.iter_mut().for_each(|corner| *corner = (corner.1, corner.0));
        layout.size = (layout.size.1, layout.size.0);
    }
    layout
}

/// The nodes with an edge to themselves.
fn looped(nodes: &[Node], edges: &[Edge]) -> Vec<bool> {
    let mut looped = vec![false; nodes.len()];
    edges.iter().filter(|e| e.from == e.to).for_each(|e| looped[e.from] = true);
    looped
}

impl Layered {
    fn new(nodes: &[Node], edges: &[Edge], ranks: &[usize], turned: Vec<bool>) -> Layered {
        let vertex = |(i, node): (usize, &Node)| Vertex {
            node: Some(i),
            width: node.width,
            height: node.height,
            rank: ranks[i],
        };
        let vertices: Vec<Vertex> = nodes.iter().enumerate().map(vertex).collect();
        let layers = vec![vec![]; ranks.iter().max().map_or(0, |rank| rank + 1)];
        let mut layered = Layered { vertices, links: vec![], layers, paths: vec![], turned };
        for (i, edge) in edges.iter().enumerate() {
            let path = layered.path(edge, layered.turned[i], nodes);
            layered.paths.push(path);
        }
        layered
    }

    /// The links of an edge, with a vertex in each layer that it passes.
    fn path(&mut self, edge: &Edge, turned: bool, nodes: &[Node]) -> Vec<usize> {
        if edge.from == edge.to {
            return vec![];
        }
        let offset = |node: usize, port: Option<f64>| {
            port.map_or(0.0, |port| port - nodes[node].width / 2.0)
        };
        let mut ends = [
            (edge.from, offset(edge.from, edge.from_port), edge.from_port.is_none()),
            (edge.to, offset(edge.to, edge.to_port), edge.to_port.is_none()),
        ];
        if turned {
            ends.reverse();
        }
        let [(upper, upper_offset, upper_free), (lower, lower_offset, lower_free)] = ends;
        let (mut path, mut above) = (vec![], (upper, upper_offset, upper_free));
        for rank in self.vertices[upper].rank + 1..=self.vertices[lower].rank {
            let below = if rank == self.vertices[lower].rank {
                (lower, lower_offset, lower_free)
            } else {
                self.vertices.push(Vertex { node: None, width: 0.0, height: 0.0, rank });
                (self.vertices.len() - 1, 0.0, false)
            };
            path.push(self.links.len());
            self.links.push(Link {
                ends: [above.0, below.0],
                offsets: [above.1, below.1],
                free: [above.2, below.2],
            });
            above = below;
        }
        path
    }

    /// The links that come to each vertex from above, or those that leave it below.
    fn links_at(&self, end: usize) -> Vec<Vec<usize>> {
        let mut links = vec![vec![]; self.vertices.len()];
        self.links.iter().enumerate().for_each(|(i, link)| links[link.ends[end]].push(i));
        links
    }
}

/// Places in order, as near as can be to those that are wished for (by weight, in squares), and at
/// least as far from each other as the gaps say: neighbours that come too close form a block (pool
/// adjacent violators).
fn settle(wishes: &[f64], weights: &[f64], gaps: &[f64]) -> Vec<f64> {
    let mut offsets = vec![0.0];
    gaps.iter().for_each(|gap| offsets.push(offsets[offsets.len() - 1] + gap));
    // Blocks: the mean of what their members wish for, their weight, how many they are.
    let mut blocks: Vec<(f64, f64, usize)> = vec![];
    for ((wish, &weight), offset) in wishes.iter().zip(weights).zip(&offsets) {
        let mut block = (wish - offset, weight, 1);
        while let Some(&last) = blocks.last().filter(|last| last.0 > block.0) {
            let weight = last.1 + block.1;
            block = ((last.0 * last.1 + block.0 * block.1) / weight, weight, last.2 + block.2);
            blocks.pop();
        }
        blocks.push(block);
    }
    let places = blocks.iter().flat_map(|&(mean, _, count)| std::iter::repeat_n(mean, count));
    places.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

#[cfg(test)]
mod tests;

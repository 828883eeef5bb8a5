//! The order in the layers, so that few edges cross.

use super::{Layered, Link};

/// As many times the layers are gone through, down and up.
const SWEEPS: usize = 12;
/// Beyond this, neighbours are not tried the other way round.
const MOST_TRIED: usize = 2000;

/// Orders each layer by the means of its neighbours (the barycenter method), then changes
/// neighbours where that helps; the best order that was met is kept.
pub fn order(graph: &mut Layered) {
    first(graph);
    let (above, below) = (graph.links_at(1), graph.links_at(0));
    let mut best = (crossings(graph), graph.layers.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        let count = graph.layers.len();
        let layers: Vec<usize> =
            if sweep % 2 == 0 { (1..count).collect() } else { (0..count - 1).rev().collect() };
        let (links, other) = if sweep % 2 == 0 { (&above, 0) } else { (&below, 1) };
        for layer in layers {
            by_means(graph, layer, links, other);
        }
        if graph.vertices.len() <= MOST_TRIED {
            exchange(graph, &above, &below);
        }
        let now = crossings(graph);
        if now < best.0 {
            best = (now, graph.layers.clone());
        }
    }
    graph.layers = best.1;
}

/// The order in which a walk from above meets the vertices.
fn first(graph: &mut Layered) {
    let below = graph.links_at(0);
    let mut met = vec![false; graph.vertices.len()];
    let mut starts: Vec<usize> = (0..graph.vertices.len()).collect();
    starts.sort_by_key(|&v| (graph.vertices[v].node.is_none(), graph.vertices[v].rank));
    for start in starts {
        let mut open = vec![start];
        while let Some(vertex) = open.pop() {
            if !std::mem::replace(&mut met[vertex], true) {
                graph.layers[graph.vertices[vertex].rank].push(vertex);
                open.extend(below[vertex].iter().rev().map(|&l| graph.links[l].ends[1]));
            }
        }
    }
}

/// Where each vertex stands in its layer.
fn positions(graph: &Layered) -> Vec<usize> {
    let mut positions = vec![0; graph.vertices.len()];
    for layer in &graph.layers {
        layer.iter().enumerate().for_each(|(at, &vertex)| positions[vertex] = at);
    }
    positions
}

/// The place of a link's end: that of the vertex, and of the port along it.
fn place(graph: &Layered, positions: &[usize], link: &Link, end: usize) -> f64 {
    let vertex = link.ends[end];
    let width = graph.vertices[vertex].width.max(1.0);
    positions[vertex] as f64 + (link.offsets[end] / width).clamp(-0.45, 0.45)
}

fn by_means(graph: &mut Layered, layer: usize, links: &[Vec<usize>], other: usize) {
    let positions = positions(graph);
    let mean = |vertex: usize| {
        let links = &links[vertex];
        if links.is_empty() {
            // It stays where it is.
            return positions[vertex] as f64;
        }
        let places = links.iter().map(|&l| place(graph, &positions, &graph.links[l], other));
        places.sum::<f64>() / links.len() as f64
    };
    let mut means: Vec<(f64, usize)> = graph.layers[layer].iter().map(|&v| (mean(v), v)).collect();
    means.sort_by(|a, b| a.0.total_cmp(&b.0));
    graph.layers[layer] = means.into_iter().map(|(_, vertex)| vertex).collect();
}

/// Exchanges neighbours as long as that takes crossings away.
fn exchange(graph: &mut Layered, above: &[Vec<usize>], below: &[Vec<usize>]) {
    let mut positions = positions(graph);
    for layer in 0..graph.layers.len() {
        let mut changed = true;
        // Each change takes away a crossing at least, but a limit does no harm.
        for _ in 0..graph.layers[layer].len() {
            if !std::mem::take(&mut changed) {
                break;
            }
            for at in 1..graph.layers[layer].len() {
                let (a, b) = (graph.layers[layer][at - 1], graph.layers[layer][at]);
                let between = |links: &[Vec<usize>], other: usize| {
                    let places = |v: usize| -> Vec<f64> {
                        let links = links[v].iter();
                        links.map(|&l| place(graph, &positions, &graph.links[l], other)).collect()
                    };
                    let (a, b) = (places(a), places(b));
                    let count = |a: &[f64], b: &[f64]| -> usize {
                        a.iter().map(|a| b.iter().filter(|b| a > b).count()).sum()
                    };
                    (count(&a, &b), count(&b, &a))
                };
                let (up, down) = (between(above, 0), between(below, 1));
                if up.0 + down.0 > up.1 + down.1 {
                    graph.layers[layer].swap(at - 1, at);
                    (positions[a], positions[b]) = (at, at - 1);
                    changed = true;
                }
            }
        }
    }
}

/// How many links cross.
pub fn crossings(graph: &Layered) -> usize {
    let positions = positions(graph);
    let mut layers: Vec<Vec<(f64, f64)>> = vec![vec![]; graph.layers.len()];
    for link in &graph.links {
        let ends = [0, 1].map(|end| place(graph, &positions, link, end));
        layers[graph.vertices[link.ends[0]].rank].push((ends[0], ends[1]));
    }
    layers.into_iter().map(inversions).sum()
}

/// How many pairs stand in one order at the upper ends and in the other at the lower.
fn inversions(mut links: Vec<(f64, f64)>) -> usize {
    links.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut lower: Vec<f64> = vec![];
    let mut count = 0;
    for (_, end) in links {
        // Those that began to the left and end to the right.
        let at = lower.partition_point(|&other| other <= end);
        count += lower.len() - at;
        lower.insert(at, end);
    }
    count
}

//! The heights of the layers, and how the edges run.

use super::{Edge, LAYER_GAP, LOOP, Layered, Layout, Node, Route, settle};
use crate::viz::paint::Point;

/// How near to its corners an edge may end at a node, and how near to each other.
const CORNER: f64 = 20.0;
const BESIDE: f64 = 14.0;

/// Puts everything in its place.
pub fn route(nodes: &[Node], edges: &[Edge], mut graph: Layered, mut middles: Vec<f64>) -> Layout {
    let loops = super::looped(nodes, edges);
    let width = shift(&graph, &loops, &mut middles);
    spread_ends(&mut graph, &middles);
    let bands = bands(&graph, &middles);
    let corner = |v: usize| {
        let vertex = graph.vertices[v];
        let (top, bottom) = bands[vertex.rank];
        (middles[v] - vertex.width / 2.0, (top + bottom - vertex.height) / 2.0)
    };
    let corners: Vec<Point> = (0..nodes.len()).map(corner).collect();
    let route = |(i, edge): (usize, &Edge)| {
        if edge.from == edge.to {
            let ((x, y), node) = (corners[edge.from], nodes[edge.from]);
            let side = |part: f64| (x + node.width, y + node.height * part);
            return Route::Loop { from: side(0.72), to: side(0.28), reach: LOOP };
        }
        let mut points = points(&graph, &graph.paths[i], &middles, &corners, &bands);
        if graph.turned[i] {
            points.reverse();
        }
        Route::Way(points)
    };
    let routes = edges.iter().enumerate().map(route).collect();
    Layout { size: (width, bands.last().map_or(0.0, |band| band.1)), corners, routes }
}

/// Moves everything to the right of 0, and tells how wide it is.
fn shift(graph: &Layered, loops: &[bool], middles: &mut [f64]) -> f64 {
    let (mut left, mut right) = (f64::INFINITY, f64::NEG_INFINITY);
    for (vertex, middle) in graph.vertices.iter().zip(&*middles) {
        let reach = if vertex.node.is_some_and(|node| loops[node]) { LOOP } else { 0.0 };
        left = left.min(middle - vertex.width / 2.0);
        right = right.max(middle + vertex.width / 2.0 + reach);
    }
    middles.iter_mut().for_each(|middle| *middle -= left);
    right - left
}

/// Lets edges end at a node towards where they come from, side by side: those from straight above
/// go straight down, those from the side come in at the side. Edges begin in the middle.
fn spread_ends(graph: &mut Layered, middles: &[f64]) {
    for (vertex, links) in graph.links_at(1).into_iter().enumerate() {
        let half = (graph.vertices[vertex].width / 2.0 - CORNER).max(0.0);
        let wish = |&link: &usize| {
            let link = &graph.links[link];
            let from = middles[link.ends[0]] + link.offsets[0] - middles[vertex];
            from.clamp(-half, half)
        };
        let free = links.iter().filter(|&&link| graph.links[link].free[1]);
        let mut ends: Vec<(f64, f64, usize)> = free
            .map(|link| {
                let from = graph.links[*link].ends[0];
                (wish(link), middles[from] + graph.links[*link].offsets[0], *link)
            })
            .collect();
        ends.sort_by(|a, b| a.1.total_cmp(&b.1));
        let wishes: Vec<f64> = ends.iter().map(|end| end.0).collect();
        let count = wishes.len().max(2) - 1;
        // Many edges come closer to each other.
        let gap = BESIDE.min(2.0 * half / count as f64);
        let weights = vec![1.0; wishes.len()];
        let places = settle(&wishes, &weights, &vec![gap; wishes.len().saturating_sub(1)]);
        for ((_, _, link), place) in ends.into_iter().zip(places) {
            graph.links[link].offsets[1] = place.clamp(-half, half);
        }
    }
}

/// The upper and the lower end of each layer. Where edges go far to the side, there is more room.
fn bands(graph: &Layered, middles: &[f64]) -> Vec<Point> {
    let mut heights = vec![0.0_f64; graph.layers.len()];
    for vertex in &graph.vertices {
        heights[vertex.rank] = heights[vertex.rank].max(vertex.height);
    }
    let mut gaps = vec![LAYER_GAP; graph.layers.len()];
    for link in &graph.links {
        let x = [0, 1].map(|end| middles[link.ends[end]] + link.offsets[end]);
        let rank = graph.vertices[link.ends[0]].rank;
        let wide = LAYER_GAP * 0.8 + (x[0] - x[1]).abs() * 0.12;
        gaps[rank] = gaps[rank].max(wide.min(2.2 * LAYER_GAP));
    }
    let mut at = 0.0;
    let band = |(height, gap): (f64, f64)| {
        let band = (at, at + height);
        at += height + gap;
        band
    };
    heights.into_iter().zip(gaps).map(band).collect()
}

/// The points of a path: straight through the layers, in bends between them.
fn points(
    graph: &Layered,
    path: &[usize],
    middles: &[f64],
    corners: &[Point],
    bands: &[Point],
) -> Vec<Point> {
    let mut points: Vec<Point> = vec![];
    for &link in path {
        let link = &graph.links[link];
        for end in [0, 1] {
            let vertex = graph.vertices[link.ends[end]];
            let x = middles[link.ends[end]] + link.offsets[end];
            let (top, bottom) = bands[vertex.rank];
            let at_node = vertex.node.map(|node| (corners[node].1, vertex.height));
            match (end, at_node) {
                (0, Some((y, height))) => points.extend([(x, y + height), (x, bottom)]),
                (0, None) => points.push((x, bottom)),
                (_, Some((y, _))) => points.extend([(x, top), (x, y)]),
                (_, None) => points.push((x, top)),
            }
        }
    }
    points.dedup();
    // A straight line needs no points between.
    let mut way: Vec<Point> = vec![];
    for point in points {
        if let [.., a, b] = way[..]
            && (a.0 - b.0).abs() < 0.01
            && (b.0 - point.0).abs() < 0.01
        {
            way.pop();
        }
        way.push(point);
    }
    way
}

//! Where the vertices stand in their layers, so that edges are straight.
//!
//! What belongs above each other forms a line, which is moved as a whole (after Brandes and Köpf,
//! 2001): the chain of layers that is a network's main way, and an edge that passes several layers.
//! Each line goes to the mean of what it is connected to, as near as its neighbours allow.

use super::{EDGE_GAP, LOOP, Layered, NODE_GAP};

/// As many times the lines are moved.
const SWEEPS: usize = 80;

/// The middles of the vertices.
pub fn middles(graph: &Layered, looped: &[bool]) -> Vec<f64> {
    let lines = Lines::new(graph);
    let limits = limits(graph, &lines, looped);
    let order = sorted(lines.count, &limits);
    let (mut left, mut right) = (vec![vec![]; lines.count], vec![vec![]; lines.count]);
    for &(a, b, gap) in &limits {
        left[b].push((a, gap));
        right[a].push((b, gap));
    }
    let mut places = vec![0.0; lines.count];
    for _ in 0..SWEEPS {
        let wishes = wishes(graph, &lines, &places);
        // Once as far to the left as the wishes allow, once to the right: between them, what has
        // the same wish stands evenly around it.
        let (mut one, mut other) = (wishes.clone(), wishes);
        for &line in &order {
            let least = left[line].iter().map(|&(a, gap)| one[a] + gap);
            one[line] = least.fold(one[line], f64::max);
        }
        for &line in order.iter().rev() {
            let most = right[line].iter().map(|&(b, gap)| other[b] - gap);
            other[line] = most.fold(other[line], f64::min);
        }
        places = one.iter().zip(&other).map(|(a, b)| (a + b) / 2.0).collect();
    }
    let middle = |v: usize| places[lines.of[v]] + lines.offsets[v];
    (0..graph.vertices.len()).map(middle).collect()
}

/// Which line each vertex belongs to, and how far it stands from the line's place.
struct Lines {
    of: Vec<usize>,
    offsets: Vec<f64>,
    count: usize,
}

impl Lines {
    fn new(graph: &Layered) -> Lines {
        let mut next = vec![None; graph.vertices.len()];
        let mut is_first = vec![true; graph.vertices.len()];
        for link in straight(graph) {
            let link = &graph.links[link];
            next[link.ends[0]] = Some((link.ends[1], link.offsets[0] - link.offsets[1]));
            is_first[link.ends[1]] = false;
        }
        let mut lines = Lines {
            of: vec![0; graph.vertices.len()],
            offsets: vec![0.0; graph.vertices.len()],
            count: 0,
        };
        for first in (0..graph.vertices.len()).filter(|&v| is_first[v]) {
            let (mut at, mut offset) = (Some((first, 0.0)), 0.0);
            while let Some((vertex, further)) = at {
                offset += further;
                lines.of[vertex] = lines.count;
                lines.offsets[vertex] = offset;
                at = next[vertex];
            }
            lines.count += 1;
        }
        lines
    }
}

fn is_node(graph: &Layered, vertex: usize) -> bool {
    graph.vertices[vertex].node.is_some()
}

/// Whether a link connects two nodes, or two places of a passing edge: what skips layers must not
/// bend the main way.
fn is_alike(graph: &Layered, link: usize) -> bool {
    let [a, b] = graph.links[link].ends;
    is_node(graph, a) == is_node(graph, b)
}

/// The links that become straight: those within an edge, and those between nodes that have no other
/// node to stand below or above. Of two that cross, one cannot be.
fn straight(graph: &Layered) -> Vec<usize> {
    let only = |links: &[usize]| links.iter().filter(|&&l| is_alike(graph, l)).count() == 1;
    let (above, below) = (graph.links_at(1), graph.links_at(0));
    let fits = |&link: &usize| {
        let [a, b] = graph.links[link].ends;
        is_alike(graph, link) && (!is_node(graph, a) || (only(&below[a]) && only(&above[b])))
    };
    let mut position = vec![0; graph.vertices.len()];
    for layer in &graph.layers {
        layer.iter().enumerate().for_each(|(at, &vertex)| position[vertex] = at);
    }
    let mut chosen: Vec<usize> = (0..graph.links.len()).filter(fits).collect();
    // Edges that pass first: a bend in a long edge is uglier than one between neighbours.
    chosen.sort_by_key(|&link| is_node(graph, graph.links[link].ends[0]));
    let mut kept: Vec<Vec<(usize, usize)>> = vec![vec![]; graph.layers.len()];
    chosen.retain(|&link| {
        let [a, b] = graph.links[link].ends;
        let (upper, lower) = (position[a], position[b]);
        let layer = &mut kept[graph.vertices[a].rank];
        let free = layer.iter().all(|&(u, l)| (u < upper) == (l < lower));
        if free {
            layer.push((upper, lower));
        }
        free
    });
    chosen
}

/// How far lines must be from each other: the left one, the right one, the least distance.
fn limits(graph: &Layered, lines: &Lines, looped: &[bool]) -> Vec<(usize, usize, f64)> {
    let mut limits = vec![];
    for layer in &graph.layers {
        for pair in layer.windows(2) {
            let [a, b] = [graph.vertices[pair[0]], graph.vertices[pair[1]]];
            let between = match (a.node, b.node) {
                (Some(_), Some(_)) => NODE_GAP,
                _ => EDGE_GAP,
            };
            let reach = if a.node.is_some_and(|node| looped[node]) { LOOP } else { 0.0 };
            let gap = (a.width + b.width) / 2.0 + between + reach;
            let gap = gap + lines.offsets[pair[0]] - lines.offsets[pair[1]];
            limits.push((lines.of[pair[0]], lines.of[pair[1]], gap));
        }
    }
    limits
}

/// The lines from left to right. (Lines that do not cross cannot stand in a circle.)
fn sorted(count: usize, limits: &[(usize, usize, f64)]) -> Vec<usize> {
    let mut waiting = vec![0; count];
    let mut next = vec![vec![]; count];
    for &(a, b, _) in limits {
        waiting[b] += 1;
        next[a].push(b);
    }
    let mut order: Vec<usize> = (0..count).filter(|&line| waiting[line] == 0).collect();
    let mut at = 0;
    while at < order.len() {
        for &line in &next[order[at]] {
            waiting[line] -= 1;
            if waiting[line] == 0 {
                order.push(line);
            }
        }
        at += 1;
    }
    order
}

/// Where each line would stand if what it is connected to had its way.
fn wishes(graph: &Layered, lines: &Lines, places: &[f64]) -> Vec<f64> {
    // Sums and counts: of links between alike, and of all.
    let mut sums = vec![[(0.0, 0.0); 2]; places.len()];
    for (i, link) in graph.links.iter().enumerate() {
        let [a, b] = link.ends;
        let place = |v: usize, end: usize| lines.offsets[v] + link.offsets[end];
        let (line_a, line_b) = (lines.of[a], lines.of[b]);
        if line_a == line_b {
            continue;
        }
        let (at_a, at_b) = (places[line_a] + place(a, 0), places[line_b] + place(b, 1));
        let mut add = |line: usize, wish: f64, kind: usize| {
            sums[line][kind].0 += wish;
            sums[line][kind].1 += 1.0;
        };
        let kind = usize::from(!is_alike(graph, i));
        add(line_a, at_b - place(a, 0), kind);
        add(line_b, at_a - place(b, 1), kind);
    }
    let wish = |([alike, other], place): (&[(f64, f64); 2], &f64)| {
        let mean = match (alike.1 > 0.0, other.1 > 0.0) {
            (true, _) => alike.0 / alike.1,
            (false, true) => other.0 / other.1,
            (false, false) => *place,
        };
        // Half the way, or two would change places for ever.
        (place + mean) / 2.0
    };
    sums.iter().zip(places).map(wish).collect()
}

//! The layer of each node.

use super::{Edge, Node, Pin};

/// The layers of the nodes, counted from the top, and which edges go up: those that close a circle,
/// as when a shared layer is called on its own result.
pub fn ranks(nodes: &[Node], edges: &[Edge]) -> (Vec<usize>, Vec<bool>) {
    let turned = turned(nodes.len(), edges);
    let down = |(edge, &turned): (&Edge, &bool)| match turned {
        true => (edge.to, edge.from),
        false => (edge.from, edge.to),
    };
    let edges: Vec<(usize, usize)> =
        edges.iter().zip(&turned).map(down).filter(|(from, to)| from != to).collect();
    let order = sorted(nodes.len(), &edges);
    let (mut above, mut below) = (vec![vec![]; nodes.len()], vec![vec![]; nodes.len()]);
    for &(from, to) in &edges {
        above[to].push(from);
        below[from].push(to);
    }
    let inside = usize::from(nodes.iter().any(|node| node.pin == Pin::First));
    let mut ranks = vec![0; nodes.len()];
    for &node in &order {
        let least = if nodes[node].pin == Pin::First { 0 } else { inside };
        ranks[node] = above[node].iter().map(|&n| ranks[n] + 1).max().unwrap_or(0).max(least);
    }
    let last = |ranks: &[usize]| {
        let others = ranks.iter().zip(nodes).filter(|(_, node)| node.pin != Pin::Last);
        others.map(|(rank, _)| rank + 1).max().unwrap_or(0)
    };
    let end = last(&ranks);
    ranks.iter_mut().zip(nodes).filter(|(_, n)| n.pin == Pin::Last).for_each(|(r, _)| *r = end);
    pull_down(&order, nodes, [&above, &below], &mut ranks);
    (ranks, turned)
}

/// Moves nodes down to those that need them, where that makes edges shorter: an input stands above
/// the layer that it goes into.
fn pull_down(
    order: &[usize],
    nodes: &[Node],
    [above, below]: [&[Vec<usize>]; 2],
    ranks: &mut [usize],
) {
    for &node in order.iter().rev() {
        let Some(next) = below[node].iter().map(|&n| ranks[n]).min() else { continue };
        if nodes[node].pin == Pin::None && above[node].len() <= below[node].len() {
            ranks[node] = ranks[node].max(next - 1);
        }
    }
}

/// Which edges lead back to a node on the way to which they were met.
fn turned(nodes: usize, edges: &[Edge]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut leaving = vec![vec![]; nodes];
    let mut entering = vec![0; nodes];
    for (i, edge) in edges.iter().enumerate().filter(|(_, edge)| edge.from != edge.to) {
        leaving[edge.from].push(i);
        entering[edge.to] += 1;
    }
    let mut turned = vec![false; edges.len()];
    let mut states = vec![State::New; nodes];
    // From where nothing comes before; circles without a beginning after that.
    let mut starts: Vec<usize> = (0..nodes).collect();
    starts.sort_by_key(|&node| entering[node] > 0);
    for start in starts {
        if states[start] != State::New {
            continue;
        }
        // Without recursion: models may be deep.
        states[start] = State::Open;
        let mut open = vec![(start, 0)];
        while let Some((node, next)) = open.last_mut() {
            let Some(&edge) = leaving[*node].get(*next) else {
                states[*node] = State::Done;
                open.pop();
                continue;
            };
            *next += 1;
            let to = edges[edge].to;
            match states[to] {
                State::New => {
                    states[to] = State::Open;
                    open.push((to, 0));
                }
                State::Open => turned[edge] = true,
                State::Done => {}
            }
        }
    }
    turned
}

/// The nodes, each after those before it.
fn sorted(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut waiting = vec![0; nodes];
    let mut next = vec![vec![]; nodes];
    for &(from, to) in edges {
        waiting[to] += 1;
        next[from].push(to);
    }
    let mut order: Vec<usize> = (0..nodes).filter(|&node| waiting[node] == 0).collect();
    let mut at = 0;
    while at < order.len() {
        for &to in &next[order[at]] {
            waiting[to] -= 1;
            if waiting[to] == 0 {
                order.push(to);
            }
        }
        at += 1;
    }
    order
}

//! Joins what leads to values that are wanted joined, where that copies no more than they would.

use super::families::{Families, inputs};
use super::find;
use crate::NodeId;
use crate::op::Op;
use crate::rows;
use std::collections::HashMap;

/// How far to look back.
const DEPTH: usize = 32;

/// Makes families of these nodes and those before them.
pub fn lift(families: &mut Families<'_>, stages: &[usize], nodes: &[NodeId]) {
    let mut lift = Lift { families, stages, known: HashMap::new() };
    lift.estimate(nodes, DEPTH);
    lift.commit(nodes);
}

struct Lift<'f, 'g> {
    families: &'f mut Families<'g>,
    stages: &'f [usize],
    /// The elements to copy for joining nodes, and whether that is by joining what they come from.
    known: HashMap<Vec<NodeId>, (usize, bool)>,
}

impl Lift<'_, '_> {
    /// How many elements are copied to have these nodes joined.
    fn estimate(&mut self, nodes: &[NodeId], depth: usize) -> usize {
        if self.families.whole(nodes).is_some() || self.families.repeated(nodes).is_some() {
            return 0;
        }
        if let Some(&(copied, _)) = self.known.get(nodes) {
            return copied;
        }
        let own = self.copied(nodes);
        self.known.insert(nodes.to_vec(), (own, false));
        if depth == 0 || !self.fits(nodes) {
            return own;
        }
        let before: usize = self.carried(nodes).iter().map(|n| self.estimate(n, depth - 1)).sum();
        if before <= own {
            self.known.insert(nodes.to_vec(), (before, true));
        }
        before.min(own)
    }

    fn commit(&mut self, nodes: &[NodeId]) {
        if self.known.get(nodes).is_some_and(|known| known.1) && self.fits(nodes) {
            self.families.add(nodes.to_vec());
            self.carried(nodes).iter().for_each(|n| self.commit(n));
        }
    }

    fn copied(&self, nodes: &[NodeId]) -> usize {
        let graph = self.families.graph;
        let elements = |&id: &NodeId| match graph.node(id).op {
            // Written before it is copied; a loop would read the small value.
            Op::Broadcast(_) => 2 * graph.ty(id).len(),
            _ => graph.ty(id).len(),
        };
        nodes.iter().map(elements).sum()
    }

    /// The operands that bring rows, of all nodes each.
    fn carried(&self, nodes: &[NodeId]) -> Vec<Vec<NodeId>> {
        let graph = self.families.graph;
        let carriers = rows::carriers(graph, nodes[0]).expect("a family works row by row");
        let operands = 0..graph.node(nodes[0]).inputs.len();
        operands.filter(|&i| carriers.has(i)).map(|i| inputs(graph, nodes, i)).collect()
    }

    /// Whether these nodes can be a family.
    fn fits(&self, nodes: &[NodeId]) -> bool {
        let graph = self.families.graph;
        let Some(carriers) = rows::carriers(graph, nodes[0]) else { return false };
        let free = |id: &NodeId| self.families.of(*id).is_none();
        let mut sorted = nodes.to_vec();
        sorted.sort_unstable();
        let kind = find::kind(graph, nodes[0]);
        let like_first = |&id: &NodeId| {
            let (first, other) = (graph.node(nodes[0]), graph.node(id));
            let mut operands = first.inputs.iter().zip(&other.inputs).enumerate();
            self.stages[id.0] == self.stages[nodes[0].0]
                && rows::carriers(graph, id).is_some()
                && find::kind(graph, id) == kind
                && first.inputs.len() == other.inputs.len()
                && operands.all(|(i, (&a, &b))| match carriers.has(i) {
                    true => rows::same_rows(graph.ty(a), graph.ty(b)),
                    false => a == b,
                })
        };
        nodes.iter().all(free)
            && sorted.windows(2).all(|pair| pair[0] != pair[1])
            && nodes[1..].iter().all(like_first)
    }
}

//! What joining saves and what it costs, in elements moved through memory.
//!
//! Families that read each other stand and fall together. They save reading the weights once for
//! each call but one, and, where gradients are added up, writing one gradient, reading it again and
//! writing the sum. They cost copying what is not joined yet before them, and the slices that others
//! want of their members; a copy reads and writes. Rows that fit a core's cache call by call but not
//! joined are fetched again by each product. The arithmetic is the same.

use super::families::{Families, Operand, inputs};
use super::find::weights;
use super::sums::Sum;
use crate::op::Op;
use crate::{Graph, NodeId};
use std::collections::HashSet;

/// An instruction less is worth moving this many elements.
const INSTRUCTION: usize = 1000;
/// Elements that stay near a core from one product to the next: half of a 1 MB cache.
const CACHED: usize = 128 * 1024;

pub fn drop_what_costs_more(families: &mut Families<'_>, sums: &mut Vec<Sum>) {
    let mut balance = Balance::new(families);
    balance.count_families();
    balance.count_sums(sums);
    balance.count_slices(sums);
    let (dropped, copied) = balance.result();
    dropped.into_iter().for_each(|family| families.dissolve(family));
    sums.retain(|sum| is_worth_it(families, sum, &copied));
}

struct Balance<'f, 'g> {
    families: &'f Families<'g>,
    /// A forest: families that stand and fall together have one root.
    parents: Vec<usize>,
    saved: Vec<usize>,
    cost: Vec<usize>,
    copied: HashSet<Vec<NodeId>>,
}

impl<'f, 'g> Balance<'f, 'g> {
    fn new(families: &'f Families<'g>) -> Balance<'f, 'g> {
        let count = families.len();
        Balance {
            families,
            parents: (0..count).collect(),
            saved: vec![0; count],
            cost: vec![0; count],
            copied: HashSet::new(),
        }
    }

    fn root(&mut self, mut family: usize) -> usize {
        while self.parents[family] != family {
            self.parents[family] = self.parents[self.parents[family]];
            family = self.parents[family];
        }
        family
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a] = b;
    }

    fn count_families(&mut self) {
        let graph = self.families.graph;
        for family in self.families.ids() {
            let members = self.families.members(family);
            if let Some(weights) = weights(graph, members[0]) {
                let read = graph.ty(weights).len();
                self.saved[family] += (members.len() - 1) * (read + INSTRUCTION);
                self.cost[family] += cost_of_fetching(graph, &inputs(graph, members, 0));
            }
            for operand in self.families.operands(family) {
                self.count_operand(family, operand);
            }
        }
    }

    fn count_operand(&mut self, family: usize, operand: Operand) {
        match operand {
            Operand::Family(other) => self.unite(family, other),
            Operand::Parts(nodes) => {
                let cost = cost_of_copy(self.families.graph, &nodes);
                if self.copied.insert(nodes) {
                    self.cost[family] += cost;
                }
            }
            Operand::Same(_) | Operand::Repeated(_) => {}
        }
    }

    fn count_sums(&mut self, sums: &[Sum]) {
        let graph = self.families.graph;
        for sum in sums {
            let operands = sum.operands(graph);
            let Some(family) = operands.iter().find_map(|nodes| self.families.whole(nodes)) else {
                continue;
            };
            self.saved[family] += saved_by(graph, sum);
            for nodes in operands {
                self.cost[family] += cost_of_fetching(graph, &nodes);
                self.count_operand(family, self.families.operand(nodes));
            }
        }
    }

    /// Members that are wanted by themselves.
    fn count_slices(&mut self, sums: &[Sum]) {
        let graph = self.families.graph;
        let mut sliced = HashSet::new();
        let mut want = |cost: &mut Vec<usize>, id: NodeId| {
            if let Some((family, _)) = self.families.of(id)
                && sliced.insert(id)
            {
                cost[family] += cost_of_copy(graph, &[id]);
            }
        };
        let inside: HashSet<NodeId> =
            sums.iter().flat_map(|sum| sum.inside.iter().copied()).collect();
        let roots: HashSet<NodeId> = sums.iter().map(|sum| sum.root).collect();
        for id in graph.ids() {
            if self.families.of(id).is_none() && !inside.contains(&id) && !roots.contains(&id) {
                graph.node(id).inputs.iter().for_each(|&i| want(&mut self.cost, i));
            } else if self.families.is_result(id) {
                want(&mut self.cost, id);
            }
        }
        let joined = self.families.ids().map(|family| self.families.members(family).to_vec());
        for ops in joined.chain(sums.iter().map(Sum::ops)) {
            for i in 0..graph.node(ops[0]).inputs.len() {
                let nodes = inputs(graph, &ops, i);
                if self.families.whole(&nodes).is_none() {
                    nodes.into_iter().for_each(|id| want(&mut self.cost, id));
                }
            }
        }
    }

    /// The families that cost more than they save, and what the others copy.
    fn result(mut self) -> (Vec<usize>, HashSet<Vec<NodeId>>) {
        let ids: Vec<usize> = self.families.ids().collect();
        for &family in &ids {
            let root = self.root(family);
            if root != family {
                self.saved[root] += self.saved[family];
                self.cost[root] += self.cost[family];
            }
        }
        let mut dropped = Vec::new();
        let mut copied = HashSet::new();
        for &family in &ids {
            let root = self.root(family);
            if self.cost[root] >= self.saved[root] {
                dropped.push(family);
                continue;
            }
            for operand in self.families.operands(family) {
                if let Operand::Parts(nodes) = operand {
                    copied.insert(nodes);
                }
            }
        }
        (dropped, copied)
    }
}

/// Whether a sum is worth joining beside the families that stay.
fn is_worth_it(families: &Families<'_>, sum: &Sum, copied: &HashSet<Vec<NodeId>>) -> bool {
    let graph = families.graph;
    let cost = sum.operands(graph).into_iter().map(|nodes| match families.operand(nodes) {
        Operand::Parts(nodes) if !copied.contains(&nodes) => cost_of_copy(graph, &nodes),
        _ => 0,
    });
    cost.sum::<usize>() < saved_by(graph, sum)
}

fn saved_by(graph: &Graph, sum: &Sum) -> usize {
    let written = graph.ty(sum.root).len();
    (sum.terms.len() - 1) * (3 * written + INSTRUCTION)
}

/// What leaves the cache only because it is joined.
fn cost_of_fetching(graph: &Graph, nodes: &[NodeId]) -> usize {
    let sizes = nodes.iter().map(|&id| graph.ty(id).len());
    let (all, largest) = (sizes.clone().sum::<usize>(), sizes.max().unwrap_or(0));
    if largest <= CACHED && all > CACHED { all } else { 0 }
}

fn cost_of_copy(graph: &Graph, nodes: &[NodeId]) -> usize {
    let written = |&id: &NodeId| match graph.node(id).op {
        Op::Broadcast(_) => 3 * graph.ty(id).len(),
        _ => 2 * graph.ty(id).len(),
    };
    INSTRUCTION + nodes.iter().map(written).sum::<usize>()
}

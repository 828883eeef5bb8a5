//! Finds the families: stage by stage, from products with the same weights.

use super::families::{Families, inputs};
use super::lift::lift;
use crate::op::Op;
use crate::rows;
use crate::{Graph, NodeId, print};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

pub fn families(graph: &Graph) -> Families<'_> {
    let stages = stages(graph);
    let mut families = Families::new(graph);
    if !shares_weights(graph, &stages) {
        return families;
    }
    let mut by_stage = vec![Vec::new(); stages.iter().max().map_or(0, |s| s + 1)];
    graph.ids().for_each(|id| by_stage[stages[id.0]].push(id));
    for nodes in &by_stage {
        for products in same_weights(graph, nodes) {
            begin(&mut families, &stages, products);
        }
        follow(&mut families, nodes);
    }
    families
}

/// How many products lie on the way to each node, its own included. Of two nodes of one stage of
/// which one depends on the other, the other is no product.
pub fn stages(graph: &Graph) -> Vec<usize> {
    let mut stages: Vec<usize> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let before = node.inputs.iter().map(|i| stages[i.0]).max().unwrap_or(0);
        stages.push(before + usize::from(is_product(&node.op)));
    }
    stages
}

fn is_product(op: &Op) -> bool {
    matches!(op, Op::MatMul { .. } | Op::Conv2d(_) | Op::Conv2dInputGrad { .. })
}

fn shares_weights(graph: &Graph, stages: &[usize]) -> bool {
    let mut seen = std::collections::HashSet::new();
    graph.ids().filter_map(|id| Some((stages[id.0], weights(graph, id)?))).any(|k| !seen.insert(k))
}

/// What a product multiplies each row with.
pub fn weights(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let node = graph.node(id);
    let by_row =
        is_product(&node.op) && matches!(rows::carriers(graph, id), Some(rows::Carriers::Only(0)));
    by_row.then(|| node.inputs[1])
}

/// Products that differ in the number of rows at most, but for the rows themselves.
fn same_weights(graph: &Graph, nodes: &[NodeId]) -> Vec<Vec<NodeId>> {
    let mut groups: BTreeMap<(NodeId, String), Vec<NodeId>> = BTreeMap::new();
    for &id in nodes {
        let Some(weights) = weights(graph, id) else { continue };
        let key = (weights, kind(graph, id));
        groups.entry(key).or_default().push(id);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// A text that is equal for nodes that do the same to each row of their operands.
pub fn kind(graph: &Graph, id: NodeId) -> String {
    let node = graph.node(id);
    let op = print::name(&rows::with_rows(&node.op, 0));
    format!("{op} {} {:?}", node.ty.dtype, &node.ty.shape.dims()[1..])
}

/// A family of products, and of what leads to their operands.
fn begin(families: &mut Families<'_>, stages: &[usize], products: Vec<NodeId>) {
    let graph = families.graph;
    let order = places(families, &products).unwrap_or_else(|| (0..products.len()).collect());
    let mut products: Vec<(usize, NodeId)> = order.into_iter().zip(products).collect();
    products.sort_unstable();
    let products: Vec<NodeId> = products.into_iter().map(|(_, id)| id).collect();
    let operands = inputs(graph, &products, 0);
    families.add(products);
    lift(families, stages, &operands);
}

/// Which call each product belongs to, as far as families of earlier stages tell: by its operand, or
/// by what it or its operand is used with. The gradients of a call meet its activations there.
fn places(families: &Families<'_>, products: &[NodeId]) -> Option<Vec<usize>> {
    let operands = inputs(families.graph, products, 0);
    families
        .places(&operands)
        .or_else(|| places_beside(families, products))
        .or_else(|| places_beside(families, &operands))
}

fn places_beside(families: &Families<'_>, nodes: &[NodeId]) -> Option<Vec<usize>> {
    let beside = |id: NodeId| {
        let users = families.users[id.0].iter();
        let operands = users.flat_map(|&user| &families.graph.node(user).inputs);
        operands.filter(move |&&o| o != id).filter_map(|&o| families.of(o))
    };
    beside(nodes[0]).map(|(family, _)| family).find_map(|family| {
        let place = |&id: &NodeId| beside(id).find(|of| of.0 == family).map(|of| of.1);
        let places: Vec<usize> = nodes.iter().map(place).collect::<Option<_>>()?;
        families.are_all(family, &places).then_some(places)
    })
}

/// Ops of one kind on the members of families, one for each call.
fn follow(families: &mut Families<'_>, nodes: &[NodeId]) {
    let mut open = Open::default();
    for &id in nodes {
        if families.of(id).is_none()
            && let Some((key, place, count)) = open.key(families, id)
        {
            open.put(key, id, place, count);
        }
    }
    for members in open.members {
        // One that lacks a call has no complete follower either.
        if let Some(members) = members.into_iter().collect::<Option<Vec<NodeId>>>() {
            families.add(members);
        }
    }
}

/// Families of which not all members are known.
#[derive(Default)]
struct Open {
    members: Vec<Vec<Option<NodeId>>>,
    of: HashMap<NodeId, (usize, usize)>,
    by_key: HashMap<String, usize>,
}

impl Open {
    /// What the family of a node does, the node's place in it, and how many members it has.
    fn key(&self, families: &Families<'_>, id: NodeId) -> Option<(String, usize, usize)> {
        let graph = families.graph;
        let carriers = rows::carriers(graph, id)?;
        let mut key = kind(graph, id);
        let mut found = None;
        for (i, &operand) in graph.node(id).inputs.iter().enumerate() {
            let shape = &graph.ty(operand).shape;
            let (what, which) = if !carriers.has(i) {
                ("same", operand.0)
            } else if let Some((what, family, place, count)) = self.member(families, operand) {
                if found.is_some_and(|other| other != (place, count)) {
                    return None;
                }
                found = Some((place, count));
                (what, family)
            } else {
                ("repeated", rows::repeated(graph, operand)?.0)
            };
            write!(key, " {what} {which} {:?}", shape.dims().get(1..)).expect("a string grows");
        }
        found.map(|(place, count)| (key, place, count))
    }

    /// The family of a node, complete or open: which, the node's place, the number of members.
    fn member(
        &self,
        families: &Families<'_>,
        id: NodeId,
    ) -> Option<(&'static str, usize, usize, usize)> {
        if let Some((family, place)) = families.of(id) {
            return Some(("family", family, place, families.members(family).len()));
        }
        let &(open, place) = self.of.get(&id)?;
        Some(("open", open, place, self.members[open].len()))
    }

    fn put(&mut self, key: String, id: NodeId, place: usize, count: usize) {
        let next = self.members.len();
        let family = *self.by_key.entry(key).or_insert(next);
        if family == next {
            self.members.push(vec![None; count]);
        }
        let member = &mut self.members[family][place];
        if member.is_none() {
            *member = Some(id);
            self.of.insert(id, (family, place));
        }
    }
}

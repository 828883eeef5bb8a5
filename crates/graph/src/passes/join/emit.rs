//! Builds the graph anew, each family and each sum as one node.

use super::families::{Families, Operand, inputs};
use super::sums::Sum;
use crate::op::{Op, SliceRange};
use crate::passes::rewrite::Rewrite;
use crate::rows;
use crate::{Graph, NodeId, Shape};
use std::collections::HashMap;

pub fn emit(mut families: Families<'_>, sums: &[Sum]) -> Graph {
    let graph = families.graph;
    let units = loop {
        match schedule(&families, sums) {
            Ok(units) => break units,
            // Rare: joined nodes that would have to wait for each other.
            Err(circle) => circle.into_iter().for_each(|family| families.dissolve(family)),
        }
    };
    let mut emit = Emit {
        families,
        rewrite: Rewrite::new(graph),
        joined: HashMap::new(),
        copies: HashMap::new(),
        repeated: HashMap::new(),
    };
    for unit in units {
        match unit {
            Unit::Node(id) => {
                let new = emit.rewrite.keep(id);
                emit.rewrite.put(id, new);
            }
            Unit::Family(family) => emit.family(family),
            Unit::Sum(sum) => emit.sum(&sums[sum]),
        }
    }
    emit.rewrite.finish()
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Node(NodeId),
    Family(usize),
    Sum(usize),
}

/// The units in an order in which each comes after what it reads, or the families of a circle.
fn schedule(families: &Families<'_>, sums: &[Sum]) -> Result<Vec<Unit>, Vec<usize>> {
    let graph = families.graph;
    let mut unit_of: Vec<Option<Unit>> = graph
        .ids()
        .map(|id| Some(families.of(id).map_or(Unit::Node(id), |(family, _)| Unit::Family(family))))
        .collect();
    for (i, sum) in sums.iter().enumerate() {
        sum.inside.iter().for_each(|id| unit_of[id.0] = None);
        unit_of[sum.root.0] = Some(Unit::Sum(i));
    }
    let mut visit = Visit { families, sums, unit_of, states: HashMap::new(), done: vec![] };
    for id in graph.ids() {
        if let Some(unit) = visit.unit_of[id.0] {
            visit.run(unit)?;
        }
    }
    Ok(visit.done)
}

#[derive(PartialEq)]
enum State {
    /// What it reads is being visited.
    Open,
    Done,
}

struct Visit<'f, 'g> {
    families: &'f Families<'g>,
    sums: &'f [Sum],
    unit_of: Vec<Option<Unit>>,
    states: HashMap<Unit, State>,
    done: Vec<Unit>,
}

impl Visit<'_, '_> {
    /// Depth first, with an own stack: graphs may be deep.
    fn run(&mut self, unit: Unit) -> Result<(), Vec<usize>> {
        let mut stack = vec![(unit, false)];
        while let Some((unit, expanded)) = stack.pop() {
            if expanded {
                self.states.insert(unit, State::Done);
                self.done.push(unit);
                continue;
            }
            match self.states.get(&unit) {
                Some(State::Done) => continue,
                Some(State::Open) => return Err(circle(&stack, unit)),
                None => {}
            }
            self.states.insert(unit, State::Open);
            stack.push((unit, true));
            let reads = self.reads(unit);
            stack.extend(reads.into_iter().rev().map(|read| (read, false)));
        }
        Ok(())
    }

    fn reads(&self, unit: Unit) -> Vec<Unit> {
        let graph = self.families.graph;
        let nodes = match unit {
            Unit::Node(id) => vec![id],
            Unit::Family(family) => self.families.members(family).to_vec(),
            Unit::Sum(sum) => self.sums[sum].ops(),
        };
        let reads = nodes.iter().flat_map(|&id| &graph.node(id).inputs);
        reads.map(|id| self.unit_of[id.0].expect("only its sum reads what is inside")).collect()
    }
}

/// The families among the open units from a unit on.
fn circle(stack: &[(Unit, bool)], unit: Unit) -> Vec<usize> {
    let open = stack.iter().rev().filter(|(_, expanded)| *expanded).map(|(unit, _)| *unit);
    let mut families = Vec::new();
    for other in open {
        if let Unit::Family(family) = other {
            families.push(family);
        }
        if other == unit {
            break;
        }
    }
    families
}

struct Emit<'g> {
    families: Families<'g>,
    rewrite: Rewrite<'g>,
    /// The joined node of each family.
    joined: HashMap<usize, NodeId>,
    copies: HashMap<Vec<NodeId>, NodeId>,
    repeated: HashMap<(NodeId, Shape), NodeId>,
}

impl Emit<'_> {
    /// The joined node, and its slices in the places of the members.
    fn family(&mut self, family: usize) {
        let graph = self.families.graph;
        let members = self.families.members(family).to_vec();
        let op = rows::with_rows(&graph.node(members[0]).op, self.rows(&members));
        let mut operands = Vec::new();
        for (i, operand) in self.families.operands(family).into_iter().enumerate() {
            operands.push(self.operand(operand, &inputs(graph, &members, i)));
        }
        let joined = self.rewrite.add(members[0], op, &operands);
        self.joined.insert(family, joined);
        let mut start = 0;
        for &id in &members {
            let end = start + rows::count(graph, id);
            let mut ranges = vec![SliceRange::ALL; graph.ty(id).shape.rank()];
            ranges[0] = SliceRange { start, end: Some(end), step: 1 };
            let slice = self.rewrite.add(id, Op::Slice(ranges), &[joined]);
            self.rewrite.put(id, slice);
            start = end;
        }
    }

    fn sum(&mut self, sum: &Sum) {
        let graph = self.families.graph;
        let first = sum.terms[0];
        let operands: Vec<NodeId> = sum
            .operands(graph)
            .into_iter()
            .map(|nodes| self.operand(self.families.operand(nodes.clone()), &nodes))
            .collect();
        let joined = self.rewrite.add(first.op, graph.node(first.op).op.clone(), &operands);
        let value = match first.op == first.value {
            true => joined,
            false => self.rewrite.add(first.value, graph.node(first.value).op.clone(), &[joined]),
        };
        self.rewrite.put(sum.root, value);
    }

    fn rows(&self, nodes: &[NodeId]) -> usize {
        nodes.iter().map(|&id| rows::count(self.families.graph, id)).sum()
    }

    /// The rows of these nodes, one after another.
    fn operand(&mut self, operand: Operand, nodes: &[NodeId]) -> NodeId {
        match operand {
            Operand::Family(family) => self.joined[&family],
            Operand::Same(id) => self.rewrite.get(id),
            Operand::Repeated(source) => {
                let shape = &self.families.graph.ty(nodes[0]).shape;
                let shape = rows::shape_with_rows(shape, self.rows(nodes));
                let (rewrite, op) = (&mut self.rewrite, Op::Broadcast(shape.clone()));
                let known = self.repeated.entry((source, shape));
                *known.or_insert_with(|| rewrite.add(nodes[0], op, &[rewrite.get(source)]))
            }
            Operand::Parts(parts) => {
                if let Some(&known) = self.copies.get(&parts) {
                    return known;
                }
                let new: Vec<NodeId> = parts.iter().map(|&id| self.rewrite.get(id)).collect();
                let copy = self.rewrite.add(parts[0], Op::Concat { axis: 0 }, &new);
                self.copies.insert(parts, copy);
                copy
            }
        }
    }
}

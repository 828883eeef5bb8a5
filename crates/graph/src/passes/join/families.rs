//! Families: nodes that apply one op to the rows of each call.

use crate::rows::{self, Carriers};
use crate::{Graph, NodeId};

/// The families of a graph. Each node belongs to one at most.
pub struct Families<'a> {
    pub graph: &'a Graph,
    pub users: Vec<Vec<NodeId>>,
    is_result: Vec<bool>,
    members: Vec<Vec<NodeId>>,
    /// The family of a node, and its place there.
    of: Vec<Option<(usize, usize)>>,
}

/// What the joined node of a family reads.
pub enum Operand {
    /// The joined node of another family.
    Family(usize),
    /// The same value as each member.
    Same(NodeId),
    /// A value repeated for all rows.
    Repeated(NodeId),
    /// Values that have to be copied one after another.
    Parts(Vec<NodeId>),
}

impl<'a> Families<'a> {
    pub fn new(graph: &'a Graph) -> Families<'a> {
        let count = graph.nodes().len();
        let mut is_result = vec![false; count];
        let results = graph.outputs.iter().copied().chain(graph.updates.iter().map(|u| u.value));
        results.for_each(|id| is_result[id.0] = true);
        Families { graph, users: graph.users(), is_result, members: vec![], of: vec![None; count] }
    }

    pub fn is_empty(&self) -> bool {
        self.ids().next().is_none()
    }

    /// The families there are.
    pub fn ids(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.members.len()).filter(|&f| !self.members[f].is_empty())
    }

    /// How many ids were given.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn members(&self, family: usize) -> &[NodeId] {
        &self.members[family]
    }

    /// The family of a node, and its place there.
    pub fn of(&self, id: NodeId) -> Option<(usize, usize)> {
        self.of[id.0]
    }

    pub fn add(&mut self, members: Vec<NodeId>) -> usize {
        let family = self.members.len();
        for (place, id) in members.iter().enumerate() {
            debug_assert!(self.of[id.0].is_none(), "a node belongs to one family");
            self.of[id.0] = Some((family, place));
        }
        self.members.push(members);
        family
    }

    /// Makes its members plain nodes again.
    pub fn dissolve(&mut self, family: usize) {
        for id in std::mem::take(&mut self.members[family]) {
            self.of[id.0] = None;
        }
    }

    /// The family whose members these are, in order.
    pub fn whole(&self, nodes: &[NodeId]) -> Option<usize> {
        let (family, _) = self.of(*nodes.first()?)?;
        (self.members[family] == nodes).then_some(family)
    }

    /// The places of nodes that make up a family, in any order.
    pub fn places(&self, nodes: &[NodeId]) -> Option<Vec<usize>> {
        let (family, _) = self.of(*nodes.first()?)?;
        let place = |id: &NodeId| self.of(*id).filter(|of| of.0 == family).map(|of| of.1);
        let places: Vec<usize> = nodes.iter().map(place).collect::<Option<_>>()?;
        self.are_all(family, &places).then_some(places)
    }

    /// Whether these are the places of all members.
    pub fn are_all(&self, family: usize, places: &[usize]) -> bool {
        let mut sorted = places.to_vec();
        sorted.sort_unstable();
        sorted.into_iter().eq(0..self.members[family].len())
    }

    pub fn carriers(&self, family: usize) -> Carriers {
        let first = self.members[family][0];
        rows::carriers(self.graph, first).expect("a family works row by row")
    }

    /// What the joined node reads, in the order of the op's operands.
    pub fn operands(&self, family: usize) -> Vec<Operand> {
        let members = &self.members[family];
        let carriers = self.carriers(family);
        let operand = |i: usize| {
            let nodes = inputs(self.graph, members, i);
            if carriers.has(i) { self.operand(nodes) } else { Operand::Same(nodes[0]) }
        };
        (0..self.graph.node(members[0]).inputs.len()).map(operand).collect()
    }

    /// How the rows of these nodes, one after another, are had.
    pub fn operand(&self, nodes: Vec<NodeId>) -> Operand {
        if let Some(family) = self.whole(&nodes) {
            return Operand::Family(family);
        }
        match self.repeated(&nodes) {
            Some(source) => Operand::Repeated(source),
            None => Operand::Parts(nodes),
        }
    }

    /// The value that all rows of these nodes repeat.
    pub fn repeated(&self, nodes: &[NodeId]) -> Option<NodeId> {
        let source = rows::repeated(self.graph, nodes[0])?;
        let first = self.graph.ty(nodes[0]);
        let same = |&id: &NodeId| {
            rows::repeated(self.graph, id) == Some(source)
                && rows::same_rows(self.graph.ty(id), first)
        };
        nodes[1..].iter().all(same).then_some(source)
    }

    /// Whether results or updates name a node.
    pub fn is_result(&self, id: NodeId) -> bool {
        self.is_result[id.0]
    }

    pub fn has_one_user(&self, id: NodeId) -> bool {
        self.users[id.0].len() == 1 && !self.is_result(id)
    }
}

/// The `i`-th inputs of nodes.
pub fn inputs(graph: &Graph, nodes: &[NodeId], i: usize) -> Vec<NodeId> {
    nodes.iter().map(|&id| graph.node(id).inputs[i]).collect()
}

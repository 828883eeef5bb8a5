//! What the passes share: building a new graph beside the old one.

use crate::op::Op;
use crate::{Array, Graph, NodeId};

/// A graph being rebuilt from another.
pub struct Rewrite<'a> {
    /// The graph that is read.
    pub old: &'a Graph,
    /// The graph that is built.
    pub new: Graph,
    map: Vec<Option<NodeId>>,
}

impl<'a> Rewrite<'a> {
    pub fn new(old: &'a Graph) -> Rewrite<'a> {
        Rewrite { old, new: Graph::new(), map: vec![None; old.nodes().len()] }
    }

    /// Says which new node stands for an old one.
    pub fn put(&mut self, old: NodeId, new: NodeId) {
        self.map[old.0] = Some(new);
    }

    /// The new node that stands for an old one.
    pub fn get(&self, old: NodeId) -> NodeId {
        self.map[old.0].expect("inputs are rebuilt before their users")
    }

    /// The new nodes that stand for the inputs of an old one.
    pub fn inputs(&self, id: NodeId) -> Vec<NodeId> {
        self.old.node(id).inputs.iter().map(|&i| self.get(i)).collect()
    }

    /// Adds a node with the origin and the phase of an old one.
    pub fn add(&mut self, like: NodeId, op: Op, inputs: &[NodeId]) -> NodeId {
        let like = self.old.node(like);
        self.new.set_origin(like.origin.clone());
        self.new.set_phase(like.phase);
        self.new.add(op, inputs)
    }

    /// Adds an old node unchanged.
    pub fn keep(&mut self, id: NodeId) -> NodeId {
        let inputs = self.inputs(id);
        self.add(id, self.old.node(id).op.clone(), &inputs)
    }

    /// The new graph, with the outputs and updates of the old one.
    pub fn finish(mut self) -> Graph {
        self.new.outputs = self.old.outputs.iter().map(|&o| self.get(o)).collect();
        self.new.updates = self.old.updates.clone();
        for update in &mut self.new.updates {
            update.value = self.map[update.value.0].expect("every live node is rebuilt");
        }
        self.new
    }

    /// The op of a new node.
    pub fn op(&self, id: NodeId) -> &Op {
        &self.new.node(id).op
    }

    /// The array of a new node that is a constant.
    pub fn constant(&self, id: NodeId) -> Option<&Array> {
        if let Op::Constant(array) = self.op(id) { Some(array) } else { None }
    }

    /// The number that all elements of a new node have, if it is a constant number or a repeated
    /// one.
    pub fn uniform(&self, id: NodeId) -> Option<f64> {
        match self.op(id) {
            Op::Constant(array) => array.item().ok(),
            Op::Broadcast(_) => self.uniform(self.new.node(id).inputs[0]),
            _ => None,
        }
    }
}

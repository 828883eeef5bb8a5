//! The graph: an arena of nodes in an order where inputs come first.

use crate::infer::{infer, project};
use crate::op::{Op, ReduceOp};
use crate::scalar::{BinaryOp, CompareOp, UnaryOp};
use crate::{Array, DType, Error, Result, Shape, Values};
use std::fmt;
use std::sync::Arc;

/// The dtype and shape of a tensor.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// The type of the elements.
    pub dtype: DType,
    /// The sizes.
    pub shape: Shape,
}

impl TensorType {
    /// A type from its parts.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> TensorType {
        TensorType { dtype, shape: shape.into() }
    }

    /// The number of elements of a value inside a program, where the batch is a number.
    pub fn len(&self) -> usize {
        self.shape.sizes().iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a value inside a program.
    pub fn bytes(&self) -> usize {
        self.len() * self.dtype.size()
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

impl fmt::Debug for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A node's place in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// An op applied to earlier nodes.
#[derive(Clone, Debug)]
pub struct Node {
    /// The op.
    pub op: Op,
    /// The nodes it is applied to.
    pub inputs: Vec<NodeId>,
    /// The type of the result (for a fused kernel: of its first result).
    pub ty: TensorType,
    /// The layer this node belongs to, for messages.
    pub origin: Option<Arc<str>>,
    /// The part of a step that this node belongs to.
    pub phase: Phase,
}

/// A part of a training step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Outputs, losses, metrics.
    #[default]
    Forward,
    /// Gradients of the loss.
    Gradient,
    /// New weights, and what the optimizer remembers.
    Update,
}

/// A new value for a variable, stored when a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// Which variable.
    pub variable: usize,
    /// Its new value.
    pub value: NodeId,
}

/// A computation: nodes, which of them are results, and which become new values of variables.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// The results.
    pub outputs: Vec<NodeId>,
    /// The new values of variables.
    pub updates: Vec<Update>,
    origin: Option<Arc<str>>,
    phase: Phase,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// The nodes; a node's inputs stand before it.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The type of a node's result.
    pub fn ty(&self, id: NodeId) -> &TensorType {
        &self.nodes[id.0].ty
    }

    /// All node ids in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// Sets the layer that nodes added from now on belong to; returns the one before.
    pub fn set_origin(&mut self, origin: Option<Arc<str>>) -> Option<Arc<str>> {
        std::mem::replace(&mut self.origin, origin)
    }

    /// Sets the phase that nodes added from now on belong to; returns the one before.
    pub fn set_phase(&mut self, phase: Phase) -> Phase {
        std::mem::replace(&mut self.phase, phase)
    }

    /// Adds an op, inferring the type of its result.
    ///
    /// # Errors
    /// If the op cannot be applied to these inputs.
    pub fn try_add(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId> {
        let types: Vec<&TensorType> = inputs.iter().map(|&i| self.ty(i)).collect();
        let ty = match (&op, inputs) {
            (Op::Project(index), &[fused]) => match &self.node(fused).op {
                Op::Fused(kernel) => project(kernel, *index)?,
                _ => infer(&op, &types)?,
            },
            _ => infer(&op, &types)?,
        };
        let (origin, phase) = (self.origin.clone(), self.phase);
        self.nodes.push(Node { op, inputs: inputs.to_vec(), ty, origin, phase });
        Ok(NodeId(self.nodes.len() - 1))
    }

    /// Adds an op whose inputs are known to fit: for gradients and passes.
    ///
    /// # Panics
    /// If the op cannot be applied to these inputs: a broken invariant of ours.
    pub fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.try_add(op, inputs).unwrap_or_else(|e: Error| panic!("{e}"))
    }

    /// Puts `op` in the place of a node. The type must stay the same, and inputs must be earlier.
    pub fn replace(&mut self, id: NodeId, op: Op, inputs: &[NodeId]) {
        assert!(inputs.iter().all(|i| i.0 < id.0), "a node may only use earlier nodes");
        let node = &mut self.nodes[id.0];
        node.op = op;
        node.inputs = inputs.to_vec();
    }

    /// How many arrays a run is fed.
    pub fn input_count(&self) -> usize {
        self.leaf_count(|op| if let Op::Input { index, .. } = op { Some(*index) } else { None })
    }

    /// How many variables there are.
    pub fn variable_count(&self) -> usize {
        self.leaf_count(|op| if let Op::Variable { index, .. } = op { Some(*index) } else { None })
    }

    fn leaf_count(&self, index: impl Fn(&Op) -> Option<usize>) -> usize {
        self.nodes.iter().filter_map(|n| index(&n.op)).max().map_or(0, |i| i + 1)
    }

    /// The nodes that results and updates need.
    pub fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        let roots = self.outputs.iter().copied().chain(self.updates.iter().map(|u| u.value));
        roots.for_each(|id| live[id.0] = true);
        for id in self.ids().rev() {
            if live[id.0] {
                self.nodes[id.0].inputs.iter().for_each(|i| live[i.0] = true);
            }
        }
        live
    }

    /// The nodes that use each node.
    pub fn users(&self) -> Vec<Vec<NodeId>> {
        let mut users = vec![Vec::new(); self.nodes.len()];
        for id in self.ids() {
            for input in &self.nodes[id.0].inputs {
                if users[input.0].last() != Some(&id) {
                    users[input.0].push(id);
                }
            }
        }
        users
    }
}

/// Short forms for gradients, passes and optimizers. All panic on types that do not fit.
impl Graph {
    /// A constant.
    pub fn constant(&mut self, value: Array) -> NodeId {
        self.add(Op::Constant(value), &[])
    }

    /// A number of a dtype, repeated to a shape.
    pub fn fill(&mut self, dtype: DType, shape: &Shape, value: f64) -> NodeId {
        let value = Values::from_f64(dtype, &[value]);
        let scalar = self.constant(Array::from_values([], value).expect("one number"));
        self.broadcast(scalar, shape)
    }

    /// A function of each element.
    pub fn unary(&mut self, op: UnaryOp, x: NodeId) -> NodeId {
        self.add(Op::Unary(op), &[x])
    }

    /// A function of each pair of elements.
    pub fn binary(&mut self, op: BinaryOp, a: NodeId, b: NodeId) -> NodeId {
        self.add(Op::Binary(op), &[a, b])
    }

    /// A function of each element and a number.
    pub fn binary_scalar(&mut self, op: BinaryOp, a: NodeId, b: f64) -> NodeId {
        let ty = self.ty(a).clone();
        let b = self.fill(ty.dtype, &ty.shape, b);
        self.binary(op, a, b)
    }

    /// A comparison of each pair of elements.
    pub fn compare(&mut self, op: CompareOp, a: NodeId, b: NodeId) -> NodeId {
        self.add(Op::Compare(op), &[a, b])
    }

    /// A comparison of each element with a number.
    pub fn compare_scalar(&mut self, op: CompareOp, a: NodeId, b: f64) -> NodeId {
        let ty = self.ty(a).clone();
        let b = self.fill(ty.dtype, &ty.shape, b);
        self.compare(op, a, b)
    }

    /// `a` where the condition holds, else `b`.
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
        self.add(Op::Select, &[condition, a, b])
    }

    /// `a` where the condition holds, else 0.
    pub fn select_or_zero(&mut self, condition: NodeId, a: NodeId) -> NodeId {
        let ty = self.ty(a).clone();
        let zero = self.fill(ty.dtype, &ty.shape, 0.0);
        self.select(condition, a, zero)
    }

    /// Conversion to a dtype; nothing if it has it already.
    pub fn cast(&mut self, x: NodeId, dtype: DType) -> NodeId {
        if self.ty(x).dtype == dtype { x } else { self.add(Op::Cast(dtype), &[x]) }
    }

    /// Another shape; nothing if it has it already.
    pub fn reshape(&mut self, x: NodeId, shape: &Shape) -> NodeId {
        if self.ty(x).shape == *shape { x } else { self.add(Op::Reshape(shape.clone()), &[x]) }
    }

    /// Repeated to a shape; nothing if it has it already.
    pub fn broadcast(&mut self, x: NodeId, shape: &Shape) -> NodeId {
        if self.ty(x).shape == *shape { x } else { self.add(Op::Broadcast(shape.clone()), &[x]) }
    }

    /// A reduction; nothing if there are no axes.
    pub fn reduce(
        &mut self,
        kind: ReduceOp,
        x: NodeId,
        axes: Vec<usize>,
        keepdims: bool,
    ) -> NodeId {
        if axes.is_empty() { x } else { self.add(Op::Reduce { kind, axes, keepdims }, &[x]) }
    }
}

//! The nodes of Cornu's graph, one after another, in ONNX's words.
//!
//! Images stay channels first from a convolution to the next: functions of elements are computed in
//! whichever order their operands are in, and all else asks for Cornu's.

use super::builder::{Builder, Value, unsupported};
use super::images::{CHANNELS_FIRST, CHANNELS_LAST};
use super::plan::{Saying, Step};
use crate::tensor::lower::Lowerer;
use crate::variable::Variable;
use cornu_graph::{Dim, Error, Graph, NodeId, Op, Result, Shape};
use std::collections::HashMap;

pub(super) struct Emitter<'a> {
    graph: &'a Graph,
    variables: &'a [Variable],
    pub out: Builder,
    /// The values of nodes as Cornu has them.
    values: HashMap<NodeId, Value>,
    /// The values of images with their channels first.
    channels_first: HashMap<NodeId, Value>,
}

impl<'a> Emitter<'a> {
    /// Adds to a graph that has its inputs already.
    pub fn new(lowerer: &'a Lowerer, out: Builder) -> Emitter<'a> {
        Emitter {
            graph: &lowerer.graph,
            variables: &lowerer.variables,
            out,
            values: HashMap::new(),
            channels_first: HashMap::new(),
        }
    }

    /// Adds a node.
    ///
    /// # Errors
    /// If ONNX has no words for it.
    pub fn step(&mut self, id: NodeId, step: &Step) -> Result<()> {
        let layer = self.graph.node(id).origin.clone();
        self.out.set_scope(layer.as_deref().unwrap_or_default());
        let (first, result) = match &step.saying {
            Saying::Known(known) => {
                let first = known.elementwise && self.stays_first(id, &step.inputs);
                let x = self.operand(step.inputs[0], first);
                (first, Ok(self.out.node_with(known.op, &[x], known.attributes.clone())))
            }
            Saying::Primitive => self.primitive(id, &step.inputs),
            Saying::Biased(conv) => self.primitive(*conv, &step.inputs),
        };
        let value = result.map_err(|e: Error| match layer {
            Some(layer) => e.within(layer.to_string()),
            None => e,
        })?;
        if first {
            self.channels_first.insert(id, value);
        } else {
            self.bind(id, value);
        }
        Ok(())
    }

    /// The value of a node.
    pub fn value(&mut self, id: NodeId) -> Value {
        if let Some(&value) = self.values.get(&id) {
            return value;
        }
        let value = self.out.transpose(self.channels_first[&id], &CHANNELS_LAST);
        self.bind(id, value);
        value
    }

    /// The value of images with their channels first.
    fn channels_first(&mut self, id: NodeId) -> Value {
        if let Some(&value) = self.channels_first.get(&id) {
            return value;
        }
        let value = self.value(id);
        let value = self.out.transpose(value, &CHANNELS_FIRST);
        self.channels_first.insert(id, value);
        value
    }

    fn bind(&mut self, id: NodeId, value: Value) {
        self.out.set_type(value, self.graph.ty(id));
        self.values.insert(id, value);
    }

    /// An input of the model whose first dimension is the batch.
    pub fn batched_input(&self) -> Value {
        let batched = |value: &&Value| {
            let ty = self.out.facts(**value).ty.as_ref();
            ty.is_some_and(|ty| ty.shape.dims().first() == Some(&Dim::BATCH))
        };
        *self.out.inputs.iter().find(batched).expect("the batch is that of an input")
    }

    fn shape(&self, id: NodeId) -> &'a Shape {
        &self.graph.ty(id).shape
    }

    /// The result of a primitive op, and whether it has its channels first.
    fn primitive(&mut self, id: NodeId, inputs: &[NodeId]) -> (bool, Result<Value>) {
        let op = &self.graph.node(id).op;
        let images = matches!(op, Op::Conv2d(_) | Op::Conv2dInputGrad { .. } | Op::Pool2d(_));
        let first = images || op.is_elementwise() && self.stays_first(id, inputs);
        // Beside images there are filters, which have an order of their own.
        let operand = |(i, &input)| self.operand(input, first && !(images && i > 0));
        let values: Vec<Value> = inputs.iter().enumerate().map(operand).collect();
        match self.out.folded(op, &values).filter(|_| !first) {
            Some(folded) => (first, Ok(folded)),
            None => (first, self.operator(op, inputs, &values)),
        }
    }

    /// Whether a function of elements is computed with the channels first: if one of its operands is
    /// in that order only, and all others can be.
    fn stays_first(&self, id: NodeId, inputs: &[NodeId]) -> bool {
        let only =
            |id: &NodeId| self.channels_first.contains_key(id) && !self.values.contains_key(id);
        let can = |id: &NodeId| matches!(self.shape(*id).rank(), 0 | 1 | 4);
        self.shape(id).rank() == 4 && inputs.iter().any(only) && inputs.iter().all(can)
    }

    /// An operand as Cornu has it, or as it meets images with their channels first.
    fn operand(&mut self, id: NodeId, channels_first: bool) -> Value {
        if !channels_first || self.shape(id).rank() == 0 {
            return self.value(id);
        }
        if self.shape(id).rank() == 4 {
            return self.channels_first(id);
        }
        // One number for each channel.
        let (value, channels) = (self.value(id), self.shape(id).dims()[0]);
        let column = Shape::from(vec![channels, Dim::Known(1), Dim::Known(1)]);
        let folded = self.out.folded(&Op::Reshape(column.clone()), &[value]);
        folded.unwrap_or_else(|| self.reshape(value, &column))
    }

    /// A primitive op in ONNX's words.
    fn operator(&mut self, op: &Op, ids: &[NodeId], x: &[Value]) -> Result<Value> {
        let ty = |i: usize| self.graph.ty(ids[i]);
        Ok(match op {
            Op::Input { index, .. } => self.out.inputs[*index],
            Op::Variable { index, .. } => {
                let variable = &self.variables[*index];
                self.out.array(variable.path(), variable.value())
            }
            Op::Constant(array) => self.out.constant(array.clone()),
            Op::Iota { shape, axis } => self.iota(shape, *axis),
            Op::Unary(op) => self.out.unary(*op, x[0]),
            Op::Binary(op) => self.out.binary(*op, x[0], x[1], ty(0).dtype),
            Op::Compare(op) => self.out.compare(*op, x[0], x[1], ty(0).dtype),
            Op::Select => self.out.select(x[0], x[1], x[2], ty(1).dtype),
            Op::Cast(to) => self.out.cast(x[0], ty(0).dtype, *to),
            Op::Reshape(shape) => self.reshape(x[0], shape),
            Op::Transpose(permutation) => self.out.transpose(x[0], permutation),
            Op::Broadcast(shape) => self.broadcast(x[0], shape),
            Op::Slice(ranges) => self.slice(x[0], ranges),
            Op::Pad(widths) => self.pad(x[0], widths),
            Op::Concat { axis } => self.concat(x, *axis),
            Op::Reduce { kind, axes, keepdims } => {
                let dtype = ty(0).dtype;
                self.out.reduce(*kind, x[0], (axes, *keepdims), dtype)
            }
            Op::ArgReduce { largest, axis } => {
                let dtype = ty(0).dtype;
                self.out.arg_reduce(*largest, x[0], *axis, dtype)
            }
            Op::MatMul { transpose_a, transpose_b, .. } => {
                let ranks = [ty(0).shape.rank(), ty(1).shape.rank()];
                self.out.matmul([(x[0], *transpose_a), (x[1], *transpose_b)], ranks)
            }
            Op::Conv2d(conv) => self.conv(conv, x),
            Op::Conv2dInputGrad { conv, input } => {
                let shapes = [&self.graph.ty(ids[0]).shape, &self.graph.ty(ids[1]).shape];
                self.conv_transpose(conv, x, shapes, input)
            }
            Op::Pool2d(pool) => self.pool(pool, x[0]),
            Op::Gather => {
                let (table, indexes) = (self.graph.ty(ids[0]), self.graph.ty(ids[1]));
                self.gather([x[0], x[1]], [&table.shape, &indexes.shape], table.dtype)
            }
            Op::Random { .. } => return unsupported("random numbers"),
            Op::Conv2dFilterGrad { .. } => return unsupported("the gradient of a convolution"),
            Op::Pool2dGrad { .. } => return unsupported("the gradient of a pooling"),
            Op::ScatterAdd { .. } => return unsupported("the gradient of a table's rows"),
            Op::Fused(_) | Op::Project(_) => return unsupported("a fused loop"),
        })
    }
}

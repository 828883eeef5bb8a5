//! From expressions to a graph: layer calls are expanded, the batch becomes a number.

use super::{Composite, Kind, Tensor};
use crate::layers::{Call, Scope};
use crate::variable::Variable;
use cornu_graph::op::Precision;
use cornu_graph::{DType, Dim, Error, ErrorKind, Graph, NodeId, Op, Result, TensorType};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Whether a program trains or predicts. Layers such as dropout expand differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The forward pass of a training step.
    Train,
    /// Inference.
    Predict,
}

/// Builds a graph from expressions.
pub(crate) struct Lowerer {
    pub graph: Graph,
    pub mode: Mode,
    /// What stands for the batch: in a program a number of samples.
    pub batch: Dim,
    /// The nodes that compute a named public function.
    pub composites: HashMap<NodeId, Composed>,
    /// The variables in the order of their index in the graph.
    pub variables: Vec<Variable>,
    /// New values of variables that layers asked for (moving averages); the last of a variable is
    /// what it has in the end.
    pub updates: Vec<(Variable, NodeId)>,
    /// Terms that layers and weights add to the loss.
    pub losses: Vec<NodeId>,
    /// The variables that have an update in the graph, by index.
    updated: HashSet<usize>,
    nodes: HashMap<u64, NodeId>,
    variable_nodes: HashMap<u64, NodeId>,
    calls: HashMap<*const Call, Vec<Tensor>>,
    random_state: Option<NodeId>,
    random: Option<Variable>,
    streams: u32,
    inputs: usize,
    /// What the products of the layer that is lowered round their operands to.
    precision: Precision,
}

/// A public function in the graph: its name and the nodes it was applied to.
pub(crate) struct Composed {
    pub name: &'static str,
    pub inputs: Vec<NodeId>,
}

impl Lowerer {
    pub fn new(mode: Mode, batch: impl Into<Dim>) -> Lowerer {
        Lowerer {
            graph: Graph::new(),
            mode,
            batch: batch.into(),
            composites: HashMap::new(),
            variables: vec![],
            updates: vec![],
            losses: vec![],
            updated: HashSet::new(),
            nodes: HashMap::new(),
            variable_nodes: HashMap::new(),
            calls: HashMap::new(),
            random_state: None,
            random: None,
            streams: 0,
            inputs: 0,
            precision: Precision::Float32,
        }
    }

    /// The variable that holds the random state; without one, random ops cannot be lowered.
    pub fn with_random(mut self, state: Variable) -> Lowerer {
        self.random = Some(state);
        self
    }

    /// Adds an array that each run is fed.
    pub fn input(&mut self, ty: TensorType) -> NodeId {
        self.inputs += 1;
        self.graph.add(Op::Input { index: self.inputs - 1, ty }, &[])
    }

    /// Says which node stands for a placeholder.
    pub fn bind(&mut self, tensor: &Tensor, node: NodeId) {
        self.nodes.insert(tensor.id(), node);
    }

    /// Whether a node stands for a tensor already.
    pub fn is_bound(&self, tensor: &Tensor) -> bool {
        self.nodes.contains_key(&tensor.id())
    }

    /// A placeholder that stands for a node.
    pub fn placeholder(&mut self, node: NodeId) -> Tensor {
        let tensor = Tensor::placeholder(self.graph.ty(node).clone(), None);
        self.bind(&tensor, node);
        tensor
    }

    /// The node of a variable's value at the start of a run.
    pub fn variable(&mut self, variable: &Variable) -> NodeId {
        if let Some(&node) = self.variable_nodes.get(&variable.id()) {
            return node;
        }
        let index = self.variables.len();
        self.variables.push(variable.clone());
        let node = self.graph.add(Op::Variable { index, ty: variable.ty().clone() }, &[]);
        self.variable_nodes.insert(variable.id(), node);
        node
    }

    /// The node of a variable's value as the layers called so far have left it. A layer that is
    /// called twice in a step moves its averages twice, the second time from where the first call
    /// left them, as in Keras.
    fn newest(&mut self, variable: &Variable) -> NodeId {
        let update = self.updates.iter().rfind(|(updated, _)| updated.id() == variable.id());
        update.map(|(_, node)| *node).unwrap_or_else(|| self.variable(variable))
    }

    /// The node of a variable, if the graph reads it.
    pub fn variable_node(&self, variable: &Variable) -> Option<NodeId> {
        self.variable_nodes.get(&variable.id()).copied()
    }

    /// Stores a new value of a variable at the end of a run.
    pub fn update(&mut self, variable: &Variable, value: NodeId) {
        let node = self.variable(variable);
        let Op::Variable { index: variable, .. } = self.graph.node(node).op else {
            unreachable!("it is the node of a variable")
        };
        // Of several (a shared layer) the last counts; two would race for the variable's memory.
        if !self.updated.insert(variable) {
            self.graph.updates.retain(|update| update.variable != variable);
        }
        self.graph.updates.push(cornu_graph::graph::Update { variable, value });
    }

    /// Whether random ops were lowered.
    pub fn uses_randomness(&self) -> bool {
        self.random_state.is_some()
    }

    /// The node that computes a tensor.
    ///
    /// # Errors
    /// The error that the tensor carries, or that it depends on an input nothing is bound to.
    pub fn lower(&mut self, tensor: &Tensor) -> Result<NodeId> {
        // With a stack of its own: expressions may be deeper than the thread's.
        let mut open = vec![tensor.clone()];
        while let Some(next) = open.last().cloned() {
            let known = |t: &&Tensor| self.nodes.contains_key(&t.id());
            let missing: Vec<Tensor> =
                next.sources().into_iter().filter(|t| !known(t)).cloned().collect();
            if known(&&next) {
                open.pop();
            } else if missing.is_empty() {
                self.lower_one(&next)?;
                open.pop();
            } else {
                open.extend(missing.into_iter().rev());
            }
        }
        Ok(self.nodes[&tensor.id()])
    }

    /// Lowers a tensor whose sources are lowered.
    fn lower_one(&mut self, tensor: &Tensor) -> Result<()> {
        let node = match tensor.kind() {
            Kind::Error(error) => return Err(error.clone()),
            Kind::Input { .. } => {
                return Err(Error::new(
                    ErrorKind::State,
                    "this tensor depends on an Input and has no value of its own",
                )
                .help("make a Model from it and call predict")
                .at(tensor.expression().line));
            }
            Kind::Constant(array) => self.graph.constant(array.clone()),
            Kind::Variable(variable) => self.newest(variable),
            Kind::RandomState => self.random_state()?,
            Kind::Composite(composite) => self.lower_composite(composite)?,
            Kind::Op(op, inputs) => self.lower_op(tensor, op, inputs)?,
            Kind::Call(call, index) => {
                let results = self.expand(call)?;
                self.in_layer(call, |lowerer| lowerer.lower(&results[*index]))?
            }
        };
        self.nodes.insert(tensor.id(), node);
        Ok(())
    }

    fn lower_composite(&mut self, composite: &Composite) -> Result<NodeId> {
        let node = self.lower(&composite.body)?;
        let known = |input: &Tensor| self.nodes.get(&input.id()).copied();
        if let Some(inputs) = composite.inputs.iter().map(known).collect() {
            self.composites.insert(node, Composed { name: composite.operation.name, inputs });
        }
        Ok(node)
    }

    fn lower_op(&mut self, tensor: &Tensor, op: &Op, inputs: &[Tensor]) -> Result<NodeId> {
        let mut op = op.with_batch(self.batch);
        match &mut op {
            Op::Random { stream, .. } => {
                *stream = self.streams;
                self.streams += 1;
            }
            Op::MatMul { precision, .. } => *precision = self.precision,
            _ => {}
        }
        let inputs = inputs.iter().map(|i| self.lower(i)).collect::<Result<Vec<NodeId>>>()?;
        self.graph.try_add(op, &inputs).map_err(|e| e.at(tensor.expression().line))
    }

    fn random_state(&mut self) -> Result<NodeId> {
        let state = self.random.clone().ok_or_else(|| {
            Error::state("random numbers are only made inside a model's training step")
        })?;
        let node = self.variable(&state);
        self.random_state = Some(node);
        Ok(node)
    }

    /// The tensors that a layer's results stand for in this mode.
    fn expand(&mut self, call: &Arc<Call>) -> Result<Vec<Tensor>> {
        if let Some(results) = self.calls.get(&Arc::as_ptr(call)) {
            return Ok(results.clone());
        }
        let mut scope = Scope::new(&call.layer, self.mode);
        let results = scope.run(&call.inputs)?;
        let Scope { updates, losses, .. } = scope;
        self.calls.insert(Arc::as_ptr(call), results.clone());
        self.in_layer(call, |lowerer| {
            // Within a call, everything is computed with the values at its start.
            for result in &results {
                lowerer.lower(result)?;
            }
            let values = updates.iter().map(|(_, value)| lowerer.lower(value));
            let values = values.collect::<Result<Vec<NodeId>>>()?;
            lowerer.updates.extend(updates.iter().map(|(v, _)| v.clone()).zip(values));
            for loss in &losses {
                let node = lowerer.lower(loss)?;
                lowerer.losses.push(node);
            }
            Ok::<(), Error>(())
        })?;
        Ok(results)
    }

    /// Marks the nodes that are added as belonging to a layer, whose policy they follow.
    fn in_layer<T>(&mut self, call: &Call, body: impl FnOnce(&mut Lowerer) -> T) -> T {
        // The inputs belong to the layers before; lower them first.
        for input in &call.inputs {
            let _ = self.lower(input);
        }
        let before = self.graph.set_origin(None);
        let name = call.layer.name();
        let origin = match &before {
            Some(outer) => format!("{outer}/{name}"),
            None => name.to_owned(),
        };
        self.graph.set_origin(Some(origin.into()));
        let outer = std::mem::replace(&mut self.precision, call.layer.precision());
        let result = body(self);
        self.precision = outer;
        self.graph.set_origin(before);
        result
    }
}

/// The type of the random state variable: seed low, seed high, step.
pub(crate) fn random_state_type() -> TensorType {
    TensorType::new(DType::I32, [3])
}

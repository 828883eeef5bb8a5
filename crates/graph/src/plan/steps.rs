//! From nodes to instructions: who waits for whom, and where every value lives.

use super::memory::Arena;
use super::{Buffer, Options, Place, Plan, Step, StepKind, order};
use crate::graph::Node;
use crate::op::Op;
use crate::{Graph, NodeId, TensorType};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Instructions before they are ordered. An instruction and a value are numbers here.
pub struct Dependencies {
    /// For each instruction, those that must run before it.
    pub before: Vec<BTreeSet<usize>>,
    /// For each instruction, the values it reads (each once).
    pub reads: Vec<Vec<usize>>,
    /// For each instruction, the values it writes.
    pub writes: Vec<Vec<usize>>,
    /// The values.
    pub values: Vec<Value>,
}

/// Something that has bytes: the result of an instruction, an input, a variable, a constant.
pub struct Value {
    /// The instructions that read it; one more if it must last to the end.
    pub readers: Vec<usize>,
    /// Bytes it takes in the arena; 0 if it lives elsewhere.
    pub arena_bytes: usize,
    place: Option<Place>,
    ty: TensorType,
    /// The instruction that writes it.
    writer: Option<usize>,
    lasts: bool,
}

struct Planner {
    graph: Graph,
    options: Options,
    dependencies: Dependencies,
    kinds: Vec<StepKind>,
    /// What each instruction reads and writes, with the type it sees (a reshape changes it).
    inputs: Vec<Vec<(usize, TensorType)>>,
    outputs: Vec<Vec<usize>>,
    /// The value that holds a node's result. A reshape shares its input's.
    value_of: Vec<Option<usize>>,
    /// The values of inputs and variables.
    leaves: HashMap<Place, usize>,
    /// For each instruction, whether one before it waits for it or for one after it. Nothing before an
    /// instruction where that is not so depends on it or on what comes after.
    awaited: Vec<bool>,
}

pub fn plan(
    graph: Graph,
    options: Options,
    scratch: impl Fn(&Node, &[&TensorType]) -> usize,
) -> Plan {
    let mut planner = Planner::new(graph, options);
    planner.add_nodes();
    let outputs = planner.add_outputs();
    planner.place_updates();
    let sequence = order(&planner.dependencies);
    planner.allocate(&sequence, &outputs, scratch)
}

impl Planner {
    fn new(graph: Graph, options: Options) -> Planner {
        let value_of = vec![None; graph.nodes().len()];
        Planner {
            graph,
            options,
            dependencies: Dependencies {
                before: vec![],
                reads: vec![],
                writes: vec![],
                values: vec![],
            },
            kinds: vec![],
            inputs: vec![],
            outputs: vec![],
            value_of,
            leaves: HashMap::new(),
            awaited: vec![],
        }
    }

    fn add_nodes(&mut self) {
        let live = self.graph.live();
        let projections = self.projections();
        for id in self.graph.ids().collect::<Vec<_>>() {
            let node = self.graph.node(id).clone();
            let place = match node.op {
                Op::Input { index, .. } => Some(Place::Input(index)),
                Op::Variable { index, .. } => Some(Place::Variable(index)),
                Op::Constant(_) => Some(Place::Constant(id)),
                _ => None,
            };
            if !live[id.0] && place.is_none() {
                continue;
            }
            if let Some(place) = place {
                self.value_of[id.0] = Some(self.add_leaf(place, node.ty));
                continue;
            }
            match node.op {
                Op::Reshape(_) => self.value_of[id.0] = self.value_of[node.inputs[0].0],
                Op::Project(_) => {}
                _ => self.add_instruction(id, &node, &projections[id.0]),
            }
        }
    }

    /// The projections of each fused node, by the index of the result.
    fn projections(&self) -> Vec<Vec<(usize, NodeId)>> {
        let mut projections = vec![vec![]; self.graph.nodes().len()];
        for id in self.graph.ids() {
            let node = self.graph.node(id);
            if let Op::Project(index) = node.op {
                projections[node.inputs[0].0].push((index, id));
            }
        }
        projections
    }

    fn add_instruction(&mut self, id: NodeId, node: &Node, projections: &[(usize, NodeId)]) {
        let inputs = node.inputs.iter().map(|&i| {
            let value = self.value_of[i.0].expect("inputs come first");
            (value, self.graph.ty(i).clone())
        });
        let inputs: Vec<_> = inputs.collect();
        let outputs: Vec<usize> = match &node.op {
            Op::Fused(kernel) => {
                let types = (0..kernel.outputs.len()).map(|index| {
                    crate::infer::project(kernel, index).expect("the graph is verified")
                });
                types.collect::<Vec<_>>().into_iter().map(|ty| self.add_value(ty, None)).collect()
            }
            _ => vec![self.add_value(node.ty.clone(), None)],
        };
        self.value_of[id.0] = Some(outputs[0]);
        for &(index, projection) in projections {
            self.value_of[projection.0] = Some(outputs[index]);
        }
        self.push(StepKind::Node(id), inputs, outputs);
    }

    /// The value of an input, a variable or a constant, of which there may be several nodes.
    fn add_leaf(&mut self, place: Place, ty: TensorType) -> usize {
        if let Some(&known) = self.leaves.get(&place) {
            return known;
        }
        let value = self.add_value(ty, Some(place));
        self.leaves.insert(place, value);
        value
    }

    fn add_value(&mut self, ty: TensorType, place: Option<Place>) -> usize {
        let arena_bytes = if place.is_some() { 0 } else { ty.bytes() };
        let value = Value { readers: vec![], arena_bytes, place, ty, writer: None, lasts: false };
        self.dependencies.values.push(value);
        self.dependencies.values.len() - 1
    }

    fn push(&mut self, kind: StepKind, inputs: Vec<(usize, TensorType)>, outputs: Vec<usize>) {
        let step = self.kinds.len();
        let reads: BTreeSet<usize> = inputs.iter().map(|(value, _)| *value).collect();
        let values = &self.dependencies.values;
        let before = reads.iter().filter_map(|&value| values[value].writer).collect();
        for &value in &reads {
            self.dependencies.values[value].readers.push(step);
        }
        for &value in &outputs {
            self.dependencies.values[value].writer = Some(step);
        }
        self.dependencies.before.push(before);
        self.dependencies.reads.push(reads.into_iter().collect());
        self.dependencies.writes.push(outputs.clone());
        self.awaited.push(false);
        self.kinds.push(kind);
        self.inputs.push(inputs);
        self.outputs.push(outputs);
    }

    /// Adds a copy of a value; returns the copy.
    fn add_copy(&mut self, value: usize, place: Option<Place>) -> usize {
        let ty = self.dependencies.values[value].ty.clone();
        let copy = self.add_value(ty.clone(), place);
        self.push(StepKind::Copy, vec![(value, ty)], vec![copy]);
        copy
    }

    /// Makes sure that every output is in the arena and lasts to the end.
    fn add_outputs(&mut self) -> Vec<(usize, TensorType)> {
        let mut results = Vec::new();
        for output in self.graph.outputs.clone() {
            let mut value = self.value_of[output.0].expect("outputs are live");
            if self.dependencies.values[value].place.is_some() {
                value = self.add_copy(value, None);
            }
            self.make_last(value);
            results.push((value, self.graph.ty(output).clone()));
        }
        results
    }

    fn make_last(&mut self, value: usize) {
        let value = &mut self.dependencies.values[value];
        if !value.lasts {
            value.lasts = true;
            // A reader that never comes keeps the value from being counted as freed.
            value.readers.push(usize::MAX);
        }
    }

    /// Writes new values straight into their variables where everything that reads the old value
    /// can run before; copies them in at the end otherwise.
    fn place_updates(&mut self) {
        let mut updates = Vec::new();
        for update in self.graph.updates.clone() {
            let value = self.value_of[update.value.0].expect("updates are live");
            let place = self.dependencies.values[value].place;
            match place {
                Some(Place::Variable(own)) if own == update.variable => {}
                // Another variable's old value, which that variable's own update overwrites.
                Some(Place::Variable(_)) => {
                    updates.push((self.add_copy(value, None), update.variable));
                }
                _ => updates.push((value, update.variable)),
            }
        }
        for (value, variable) in updates {
            if !self.write_into_variable(value, variable) {
                self.add_copy(value, Some(Place::Variable(variable)));
                self.run_after_readers(self.kinds.len() - 1, variable);
            }
        }
    }

    fn value_of_variable(&self, variable: usize) -> Option<usize> {
        self.leaves.get(&Place::Variable(variable)).copied()
    }

    fn write_into_variable(&mut self, value: usize, variable: usize) -> bool {
        let Some(writer) = self.dependencies.values[value].writer else { return false };
        let free = self.dependencies.values[value].place.is_none()
            && !self.dependencies.values[value].lasts;
        if !self.options.in_place || !free || !self.may_overwrite(writer, variable) {
            return false;
        }
        let old = self.value_of_variable(variable);
        let readers = old.map_or(vec![], |old| self.dependencies.values[old].readers.clone());
        if readers.iter().any(|&r| r != writer && self.depends_on(r, writer)) {
            return false;
        }
        self.dependencies.values[value].place = Some(Place::Variable(variable));
        self.dependencies.values[value].arena_bytes = 0;
        self.run_after_readers(writer, variable);
        true
    }

    /// Whether an instruction that reads the variable reads each element only where it writes it.
    fn may_overwrite(&self, writer: usize, variable: usize) -> bool {
        let Some(old) = self.value_of_variable(variable) else { return true };
        self.reads_in_step(writer, old)
    }

    /// Whether an instruction reads a value, if it does, element by element, as it writes.
    fn reads_in_step(&self, step: usize, value: usize) -> bool {
        let inputs = self.inputs[step].iter().enumerate().filter(|(_, (read, _))| *read == value);
        let StepKind::Node(id) = self.kinds[step] else { return inputs.count() == 0 };
        let op = &self.graph.node(id).op;
        inputs.into_iter().all(|(index, (_, ty))| match op {
            Op::Fused(kernel) => kernel.reads_in_step(index, &ty.shape),
            op => op.is_elementwise(),
        })
    }

    fn run_after_readers(&mut self, step: usize, variable: usize) {
        let Some(old) = self.value_of_variable(variable) else { return };
        for reader in self.dependencies.values[old].readers.clone() {
            if reader != step {
                self.dependencies.before[step].insert(reader);
            }
            if step < reader && reader < self.awaited.len() {
                self.awaited[step + 1..=reader].fill(true);
            }
        }
    }

    /// Whether `step` has to wait for `other`.
    fn depends_on(&self, step: usize, other: usize) -> bool {
        let start = (0..=other).rev().find(|&step| !self.awaited[step]).unwrap_or(0);
        let mut seen = HashSet::new();
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            if step == other {
                return true;
            }
            if step >= start && seen.insert(step) {
                open.extend(&self.dependencies.before[step]);
            }
        }
        false
    }

    fn allocate(
        mut self,
        sequence: &[usize],
        outputs: &[(usize, TensorType)],
        scratch: impl Fn(&Node, &[&TensorType]) -> usize,
    ) -> Plan {
        let mut arena = Arena::new(self.options.reuse);
        let mut readers: Vec<usize> =
            self.dependencies.values.iter().map(|v| v.readers.len()).collect();
        let mut steps = Vec::with_capacity(sequence.len());
        for &step in sequence {
            let inputs: Vec<Buffer> =
                self.inputs[step].iter().map(|(value, ty)| self.buffer(*value, ty)).collect();
            let dying: Vec<usize> = self.dependencies.reads[step]
                .iter()
                .copied()
                .filter(|&v| readers[v] == 1)
                .collect();
            self.place_outputs(step, dying.clone(), &mut arena);
            let scratch = self.scratch(step, &scratch).map(|bytes| {
                let start = arena.take(bytes);
                start..start + bytes
            });
            let written = &self.outputs[step];
            let outputs = written.iter().map(|&v| self.buffer(v, &self.dependencies.values[v].ty));
            let outputs: Vec<Buffer> = outputs.collect();
            scratch.iter().for_each(|range| arena.free(range.start));
            self.dependencies.reads[step].iter().for_each(|&v| readers[v] -= 1);
            let unread = written.iter().copied().filter(|&v| readers[v] == 0);
            for value in dying.into_iter().chain(unread) {
                self.free(value, &outputs, &mut arena, readers[value] == 0);
            }
            steps.push(Step { kind: self.kinds[step], inputs, outputs, scratch });
        }
        let outputs = outputs.iter().map(|(value, ty)| self.buffer(*value, ty)).collect();
        Plan {
            steps,
            outputs,
            inputs: self.leaf_types(|op| match op {
                Op::Input { index, ty } => Some((*index, ty.clone())),
                _ => None,
            }),
            variables: self.leaf_types(|op| match op {
                Op::Variable { index, ty } => Some((*index, ty.clone())),
                _ => None,
            }),
            arena: arena.size(),
            graph: self.graph,
        }
    }

    /// Gives outputs a dying input's bytes where the instruction reads it element by element, and
    /// a gap of the arena otherwise.
    fn place_outputs(&mut self, step: usize, mut dying: Vec<usize>, arena: &mut Arena) {
        for value in self.outputs[step].clone() {
            if self.dependencies.values[value].place.is_some() {
                continue;
            }
            let inherited = dying.iter().position(|&v| self.may_inherit(step, value, v));
            let place = match inherited {
                Some(i) => self.dependencies.values[dying.remove(i)].place,
                None => Some(Place::Arena(arena.take(self.dependencies.values[value].ty.bytes()))),
            };
            self.dependencies.values[value].place = place;
        }
    }

    fn may_inherit(&self, step: usize, value: usize, from: usize) -> bool {
        let (to, old) = (&self.dependencies.values[value], &self.dependencies.values[from]);
        self.options.in_place
            && matches!(old.place, Some(Place::Arena(_)))
            && to.ty.dtype.size() == old.ty.dtype.size()
            && to.ty.len() == old.ty.len()
            && self.reads_in_step(step, from)
    }

    fn free(&self, value: usize, just_written: &[Buffer], arena: &mut Arena, unread: bool) {
        let Some(place @ Place::Arena(offset)) = self.dependencies.values[value].place else {
            return;
        };
        let is_output = self.dependencies.values[value].readers.is_empty();
        let inherited = just_written.iter().any(|b| b.place == place) && !is_output;
        if unread && !inherited {
            arena.free(offset);
        }
    }

    fn scratch(
        &self,
        step: usize,
        scratch: impl Fn(&Node, &[&TensorType]) -> usize,
    ) -> Option<usize> {
        let StepKind::Node(id) = self.kinds[step] else { return None };
        let types: Vec<&TensorType> = self.inputs[step].iter().map(|(_, ty)| ty).collect();
        Some(scratch(self.graph.node(id), &types)).filter(|&bytes| bytes > 0)
    }

    fn buffer(&self, value: usize, ty: &TensorType) -> Buffer {
        let place = self.dependencies.values[value].place.expect("values are placed in order");
        Buffer { place, ty: ty.clone() }
    }

    fn leaf_types(&self, leaf: impl Fn(&Op) -> Option<(usize, TensorType)>) -> Vec<TensorType> {
        let mut leaves: Vec<(usize, TensorType)> =
            self.graph.nodes().iter().filter_map(|node| leaf(&node.op)).collect();
        leaves.sort_by_key(|(index, _)| *index);
        leaves.dedup_by_key(|(index, _)| *index);
        let gapless = leaves.iter().map(|(index, _)| *index).eq(0..leaves.len());
        assert!(gapless, "inputs and variables are numbered without gaps");
        leaves.into_iter().map(|(_, ty)| ty).collect()
    }
}

//! Elementwise fusion: chains of elementwise ops over one shape become one loop.
//!
//! Groups grow from producer to consumer as long as no value would have to leave the loop and come
//! back. A broadcast between two elementwise ops disappears: the loop reads the small value. A loop
//! has several results where several of its values are used outside, such as an optimizer's new
//! weight and new slots.

use super::rewrite::Rewrite;
use crate::fused::{Kernel, ScalarOp, Step};
use crate::op::Op;
use crate::{Graph, NodeId};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Loops above these sizes stop growing: their registers would not fit the first-level cache.
const MOST_STEPS: usize = 64;
const MOST_INPUTS: usize = 24;
/// How far a way around through other nodes is looked for. Ops whose way takes longer to search are
/// far apart in the program, where one loop gains nothing; without a bound, a deep network would be
/// searched to its end for each of its layers.
const MOST_SEARCHED: usize = 1000;

pub fn run(graph: &Graph) -> Graph {
    // A dead node could read a value that has disappeared into a loop.
    let graph = &super::dead::run(graph);
    let groups = Groups::form(graph);
    let mut rewrite = Rewrite::new(graph);
    for unit in schedule(graph, &groups) {
        match unit {
            Unit::Single(id) => {
                let new = rewrite.keep(id);
                rewrite.put(id, new);
            }
            Unit::Group(group) => emit(&mut rewrite, &groups, group),
        }
    }
    rewrite.finish()
}

/// Which elementwise nodes share a loop.
struct Groups<'a> {
    graph: &'a Graph,
    live: Vec<bool>,
    users: Vec<Vec<NodeId>>,
    /// Which nodes are outputs or new values of variables.
    roots: Vec<bool>,
    /// The group of a node: the lowest node of it.
    of: Vec<Option<usize>>,
    /// The nodes of each group, in order.
    members: HashMap<usize, BTreeSet<usize>>,
    /// For each node, whether a group has nodes both before it and from it on. From before a node
    /// that is not spanned, nothing depends on what comes after.
    spanned: Vec<bool>,
}

impl<'a> Groups<'a> {
    fn form(graph: &'a Graph) -> Groups<'a> {
        let count = graph.nodes().len();
        let mut groups = Groups {
            graph,
            live: graph.live(),
            users: graph.users(),
            roots: vec![false; count],
            of: vec![None; count],
            members: HashMap::new(),
            spanned: vec![false; count],
        };
        let updates = graph.updates.iter().map(|update| update.value);
        graph.outputs.iter().copied().chain(updates).for_each(|id| groups.roots[id.0] = true);
        for id in graph.ids() {
            if groups.live[id.0] && graph.node(id).op.is_elementwise() {
                groups.of[id.0] = Some(id.0);
                groups.members.insert(id.0, BTreeSet::from([id.0]));
                groups.join_producers(id);
            }
        }
        groups
    }

    fn join_producers(&mut self, id: NodeId) {
        for &input in &self.graph.node(id).inputs {
            let Some(theirs) = self.of[input.0] else { continue };
            let mine = self.of[id.0].expect("the node has a group");
            let same_shape = self.graph.ty(input).shape == self.graph.ty(id).shape;
            if theirs != mine && same_shape && self.fits(mine, theirs) {
                self.merge(mine, theirs);
            }
        }
    }

    fn merge(&mut self, a: usize, b: usize) {
        let (low, high) = (a.min(b), a.max(b));
        let moved = self.members.remove(&high).expect("a group has members");
        moved.iter().for_each(|&m| self.of[m] = Some(low));
        let members = self.members.get_mut(&low).expect("a group has members");
        members.extend(moved);
        let last = members.last().copied().unwrap_or(low);
        self.spanned[low + 1..=last].fill(true);
    }

    /// Whether two groups may become one: small enough, and no way from one to the other that
    /// leads through a third.
    fn fits(&self, a: usize, b: usize) -> bool {
        if self.members[&a].len() + self.members[&b].len() > MOST_STEPS {
            return false;
        }
        let inputs: BTreeSet<NodeId> = self
            .outside_inputs(a)
            .chain(self.outside_inputs(b))
            .filter(|i| self.of[i.0] != Some(a) && self.of[i.0] != Some(b))
            .collect();
        inputs.len() <= MOST_INPUTS && !self.may_lead_around(a, b) && !self.may_lead_around(b, a)
    }

    /// The nodes outside a group whose values its loop reads, looking through broadcasts.
    fn outside_inputs(&self, group: usize) -> impl Iterator<Item = NodeId> + '_ {
        self.members[&group]
            .iter()
            .flat_map(|&m| &self.graph.node(NodeId(m)).inputs)
            .map(|&i| source(self.graph, i))
            .filter(move |i| self.of[i.0] != Some(group))
    }

    /// Whether some input of `of` that is not in `from` depends on `from`, or it would take too long
    /// to find out.
    fn may_lead_around(&self, of: usize, from: usize) -> bool {
        // Nothing before this node depends on `from`, whose lowest node has its number.
        let start = (0..=from).rev().find(|&id| !self.spanned[id]).unwrap_or(0);
        let mut seen = HashSet::new();
        let mut open: Vec<NodeId> =
            self.outside_inputs(of).filter(|i| self.of[i.0] != Some(from)).collect();
        while let Some(id) = open.pop() {
            // Whoever waits for one member of a group waits for what all of them need.
            let group = self.of[id.0];
            if id.0 < start || !seen.insert(group.unwrap_or(id.0)) {
                continue;
            }
            if group == Some(from) || seen.len() > MOST_SEARCHED {
                return true;
            }
            match group {
                Some(group) => open.extend(self.outside_inputs(group)),
                None => open.extend(&self.graph.node(id).inputs),
            }
        }
        false
    }

    /// The members whose values are used outside their group.
    fn results(&self, group: usize) -> Vec<NodeId> {
        let wanted = |id: NodeId| {
            self.roots[id.0]
                || self.users[id.0]
                    .iter()
                    .any(|user| self.live[user.0] && self.of[user.0] != Some(group))
        };
        self.members[&group].iter().map(|&m| NodeId(m)).filter(|&m| wanted(m)).collect()
    }

    /// Whether making a loop of this group gains anything over the plain op.
    fn is_worth_it(&self, group: usize) -> bool {
        let members = &self.members[&group];
        members.len() > 1
            || members.iter().any(|&m| {
                let inputs = &self.graph.node(NodeId(m)).inputs;
                inputs.iter().any(|&i| source(self.graph, i) != i)
            })
    }
}

/// What a loop reads for an operand: the small value behind a broadcast.
fn source(graph: &Graph, id: NodeId) -> NodeId {
    match graph.node(id).op {
        Op::Broadcast(_) => graph.node(id).inputs[0],
        _ => id,
    }
}

enum Unit {
    Single(NodeId),
    Group(usize),
}

/// The nodes and groups in an order in which each comes after what it reads.
fn schedule(graph: &Graph, groups: &Groups<'_>) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut done = vec![false; graph.nodes().len()];
    for id in graph.ids() {
        visit(graph, groups, id, &mut done, &mut units);
    }
    units
}

/// Depth first, with an own stack: graphs may be deep.
fn visit(graph: &Graph, groups: &Groups<'_>, id: NodeId, done: &mut [bool], units: &mut Vec<Unit>) {
    let mut stack = vec![(id, false)];
    while let Some((id, expanded)) = stack.pop() {
        if done[id.0] {
            continue;
        }
        let group = groups.of[id.0];
        if !expanded {
            stack.push((id, true));
            match group {
                Some(group) => stack.extend(groups.outside_inputs(group).map(|i| (i, false))),
                None => stack.extend(graph.node(id).inputs.iter().map(|&i| (i, false))),
            }
            continue;
        }
        match group {
            Some(group) if groups.is_worth_it(group) => {
                groups.members[&group].iter().for_each(|&m| done[m] = true);
                units.push(Unit::Group(group));
            }
            _ => {
                done[id.0] = true;
                units.push(Unit::Single(id));
            }
        }
    }
}

/// Adds the loop of a group and the nodes that stand for its results.
fn emit(rewrite: &mut Rewrite<'_>, groups: &Groups<'_>, group: usize) {
    let graph = groups.graph;
    let results = groups.results(group);
    let mut builder = KernelBuilder::new(graph, groups, group);
    for &member in &groups.members[&group] {
        builder.add(NodeId(member));
    }
    let (kernel, inputs) = builder.finish(&results);
    let inputs: Vec<NodeId> = inputs.iter().map(|&i| rewrite.get(i)).collect();
    let fused = rewrite.add(results[0], Op::Fused(Box::new(kernel)), &inputs);
    match results.as_slice() {
        [only] => rewrite.put(*only, fused),
        several => {
            for (i, &result) in several.iter().enumerate() {
                let projected = rewrite.add(result, Op::Project(i), &[fused]);
                rewrite.put(result, projected);
            }
        }
    }
}

/// Writes the body of a loop. Steps are collected first, and numbered once all inputs are known.
struct KernelBuilder<'a> {
    graph: &'a Graph,
    groups: &'a Groups<'a>,
    group: usize,
    inputs: Vec<NodeId>,
    steps: Vec<(ScalarOp, Vec<Value>, crate::DType)>,
    step_of: HashMap<NodeId, usize>,
    constants: HashMap<(u64, crate::DType), usize>,
}

#[derive(Clone, Copy)]
enum Value {
    Input(usize),
    Step(usize),
}

impl<'a> KernelBuilder<'a> {
    fn new(graph: &'a Graph, groups: &'a Groups<'a>, group: usize) -> KernelBuilder<'a> {
        KernelBuilder {
            graph,
            groups,
            group,
            inputs: vec![],
            steps: vec![],
            step_of: HashMap::new(),
            constants: HashMap::new(),
        }
    }

    fn add(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let op = match &node.op {
            Op::Unary(op) => ScalarOp::Unary(*op),
            Op::Binary(op) => ScalarOp::Binary(*op),
            Op::Compare(op) => ScalarOp::Compare(*op),
            Op::Select => ScalarOp::Select,
            Op::Cast(_) => ScalarOp::Cast,
            other => unreachable!("{other:?} is not elementwise"),
        };
        let args = node.inputs.iter().map(|&i| self.operand(i)).collect();
        self.step_of.insert(id, self.steps.len());
        self.steps.push((op, args, node.ty.dtype));
    }

    fn operand(&mut self, id: NodeId) -> Value {
        if self.groups.of[id.0] == Some(self.group) {
            return Value::Step(self.step_of[&id]);
        }
        let id = source(self.graph, id);
        if let Some(&step) = self.step_of.get(&id) {
            return Value::Step(step);
        }
        if let Some(value) = self.number(id) {
            let dtype = self.graph.ty(id).dtype;
            let steps = &mut self.steps;
            return Value::Step(*self.constants.entry((value.to_bits(), dtype)).or_insert_with(
                || {
                    steps.push((ScalarOp::Constant(value), vec![], dtype));
                    steps.len() - 1
                },
            ));
        }
        let position = self.inputs.iter().position(|&i| i == id).unwrap_or_else(|| {
            self.inputs.push(id);
            self.inputs.len() - 1
        });
        Value::Input(position)
    }

    fn number(&self, id: NodeId) -> Option<f64> {
        if let Op::Constant(array) = &self.graph.node(id).op { array.item().ok() } else { None }
    }

    fn finish(self, results: &[NodeId]) -> (Kernel, Vec<NodeId>) {
        let count = self.inputs.len();
        let number = |value: &Value| match value {
            Value::Input(i) => *i,
            Value::Step(s) => count + s,
        };
        let steps = self.steps.iter().map(|(op, args, dtype)| Step {
            op: *op,
            args: args.iter().map(number).collect(),
            dtype: *dtype,
        });
        let kernel = Kernel {
            product: None,
            shape: self.graph.ty(results[0]).shape.clone(),
            inputs: self.inputs.iter().map(|&i| self.graph.ty(i).dtype).collect(),
            steps: steps.collect(),
            outputs: results.iter().map(|r| count + self.step_of[r]).collect(),
        };
        (kernel, self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::ReduceOp;
    use crate::scalar::{BinaryOp, UnaryOp};
    use crate::{DType, Graph, NodeId, Op, Shape, TensorType, passes, passes::Pass};

    fn input(graph: &mut Graph, index: usize, shape: impl Into<Shape>) -> NodeId {
        graph.add(Op::Input { index, ty: TensorType::new(DType::F32, shape) }, &[])
    }

    fn fused(graph: Graph) -> String {
        passes::run(graph, &[Pass::Fuse, Pass::Dead]).to_string()
    }

    #[test]
    fn a_bias_and_an_activation_are_one_loop() {
        let mut graph = Graph::new();
        let x = input(&mut graph, 0, [4, 3]);
        let bias = input(&mut graph, 1, [3]);
        let repeated = graph.broadcast(bias, &[4, 3].into());
        let sum = graph.binary(BinaryOp::Add, x, repeated);
        let y = graph.unary(UnaryOp::Relu, sum);
        let doubled = graph.binary_scalar(BinaryOp::Mul, y, 2.0);
        graph.outputs.push(doubled);
        assert_eq!(
            fused(graph),
            "%0 = input 0 : float32(4, 3)\n\
             %1 = input 1 : float32(3,)\n\
             %2 = fused over (4, 3) %0, %1 : float32(4, 3)\n     \
                  .2 = add .0, .1 : float32\n     \
                  .3 = relu .2 : float32\n     \
                  .4 = constant 2 : float32\n     \
                  .5 = mul .3, .4 : float32\n     \
                  return .5\n\
             output %2\n"
        );
    }

    #[test]
    fn a_loop_has_a_result_for_each_value_used_outside() {
        let mut graph = Graph::new();
        let x = input(&mut graph, 0, [3]);
        let a = graph.unary(UnaryOp::Exp, x);
        let b = graph.unary(UnaryOp::Sin, a);
        graph.outputs.extend([a, b]);
        let text = fused(graph);
        assert!(text.contains("return .1, .2"), "{text}");
        assert!(text.contains("%2 = project 0 %1"), "{text}");
    }

    #[test]
    fn a_value_that_would_leave_and_come_back_stays_outside() {
        // softmax: exp -> sum -> divide. The division needs the sum of the loop's own result.
        let mut graph = Graph::new();
        let x = input(&mut graph, 0, [4, 3]);
        let e = graph.unary(UnaryOp::Exp, x);
        let sum = graph.reduce(ReduceOp::Sum, e, vec![1], true);
        let sum = graph.broadcast(sum, &[4, 3].into());
        let y = graph.binary(BinaryOp::Div, e, sum);
        graph.outputs.push(y);
        let text = fused(graph);
        assert!(text.contains("exp %0"), "{text}");
        assert!(text.contains("fused over (4, 3)"), "{text}");
    }
}

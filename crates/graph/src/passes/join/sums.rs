//! Sums over the rows of each call, added up: the gradients of shared weights.

use super::families::{Families, inputs};
use super::find;
use super::lift::lift;
use crate::op::{Op, ReduceOp};
use crate::rows;
use crate::scalar::BinaryOp;
use crate::{Graph, NodeId, print};

/// Terms of one kind that are added up, each a sum over the rows of its operands.
pub struct Sum {
    /// The last addition.
    pub root: NodeId,
    /// The terms, in the order of the calls.
    pub terms: Vec<Term>,
    /// The nodes that nobody needs when the sum is one op: terms and additions.
    pub inside: Vec<NodeId>,
}

/// A sum over rows, perhaps reshaped.
#[derive(Clone, Copy)]
pub struct Term {
    pub op: NodeId,
    /// What is added: the op or its reshape.
    pub value: NodeId,
}

impl Sum {
    pub fn ops(&self) -> Vec<NodeId> {
        self.terms.iter().map(|term| term.op).collect()
    }

    /// The operands of all terms, operand by operand.
    pub fn operands(&self, graph: &Graph) -> Vec<Vec<NodeId>> {
        let ops = self.ops();
        (0..graph.node(ops[0]).inputs.len()).map(|i| inputs(graph, &ops, i)).collect()
    }
}

/// Finds the sums, and joins what leads to their operands.
pub fn find(graph: &Graph, families: &mut Families<'_>) -> Vec<Sum> {
    let mut sums: Vec<Sum> = trees(graph, families);
    if sums.is_empty() {
        return sums;
    }
    let stages = find::stages(graph);
    for sum in &mut sums {
        sum.terms.sort_unstable_by_key(|term| term.op);
        let places = sum.operands(graph).iter().find_map(|nodes| families.places(nodes));
        if let Some(places) = places {
            let mut terms: Vec<_> = places.into_iter().zip(sum.terms.iter().copied()).collect();
            terms.sort_unstable_by_key(|(place, _)| *place);
            sum.terms = terms.into_iter().map(|(_, term)| term).collect();
        }
        for operands in sum.operands(graph) {
            lift(families, &stages, &operands);
        }
    }
    sums
}

/// Trees of additions of which all leaves are terms of one kind.
fn trees(graph: &Graph, families: &Families<'_>) -> Vec<Sum> {
    let mut terms: Vec<Vec<Term>> = vec![Vec::new(); graph.nodes().len()];
    for id in graph.ids() {
        if let Some(term) = term(graph, families, id) {
            terms[id.0] = vec![term];
        } else if let Some((a, b)) = addition(graph, families, id)
            && !terms[a.0].is_empty()
            && !terms[b.0].is_empty()
            && are_alike(graph, terms[a.0][0], terms[b.0][0])
        {
            let more = std::mem::take(&mut terms[b.0]);
            terms[id.0] = std::mem::take(&mut terms[a.0]);
            terms[id.0].extend(more);
        }
    }
    let trees = graph.ids().zip(terms).filter(|(_, terms)| terms.len() > 1);
    trees.map(|(root, terms)| Sum { root, inside: inside(graph, root, &terms), terms }).collect()
}

/// The operands of an addition that are used for nothing else.
fn addition(graph: &Graph, families: &Families<'_>, id: NodeId) -> Option<(NodeId, NodeId)> {
    let node = graph.node(id);
    let &[a, b] = node.inputs.as_slice() else { return None };
    let adds = node.op == Op::Binary(BinaryOp::Add);
    (adds && a != b && families.has_one_user(a) && families.has_one_user(b)).then_some((a, b))
}

fn term(graph: &Graph, families: &Families<'_>, value: NodeId) -> Option<Term> {
    let node = graph.node(value);
    let op = match node.op {
        Op::Reshape(_) if families.has_one_user(node.inputs[0]) => node.inputs[0],
        _ => value,
    };
    let sums_rows = match &graph.node(op).op {
        Op::MatMul { transpose_a: true, transpose_b: false, .. } => graph.ty(op).shape.rank() == 2,
        Op::Conv2dFilterGrad { .. } => true,
        Op::Reduce { kind: ReduceOp::Sum, axes, .. } => axes.contains(&0),
        Op::ScatterAdd { .. } => graph.ty(graph.node(op).inputs[0]).shape.rank() > 0,
        _ => false,
    };
    sums_rows.then_some(Term { op, value })
}

/// Whether two terms differ in the number of rows at most.
fn are_alike(graph: &Graph, a: Term, b: Term) -> bool {
    let (x, y) = (graph.node(a.op), graph.node(b.op));
    let mut operands = x.inputs.iter().zip(&y.inputs);
    print::name(&x.op) == print::name(&y.op)
        && x.ty == y.ty
        && graph.ty(a.value) == graph.ty(b.value)
        && operands.all(|(&a, &b)| rows::same_rows(graph.ty(a), graph.ty(b)))
}

/// The terms and the additions before the last.
fn inside(graph: &Graph, root: NodeId, terms: &[Term]) -> Vec<NodeId> {
    let mut inside: Vec<NodeId> = terms.iter().flat_map(|term| [term.op, term.value]).collect();
    let leaves: std::collections::HashSet<NodeId> = inside.iter().copied().collect();
    let mut open = graph.node(root).inputs.clone();
    while let Some(id) = open.pop() {
        if !leaves.contains(&id) {
            inside.push(id);
            open.extend(&graph.node(id).inputs);
        }
    }
    inside
}

//! Large batches of predictions: which graphs can be computed for some samples at a time.
//!
//! Where the results of a sample need no other sample, a [`Cut`] tells the graph of a *strip*: some
//! of the samples, few enough for what the layers hand on to stay in a cache. A backend runs it for
//! strip after strip.

use crate::cost::cost;
use crate::op::Op;
use crate::rows;
use crate::{Graph, NodeId, TensorType};
use std::collections::{BTreeMap, HashMap};

/// What the values between two ops may take: the second-level cache of a core of today's servers.
const CACHE: usize = 1 << 20;

/// Of more samples there is no memory for the results.
const MOST_SAMPLES: usize = u32::MAX as usize;

/// Samples of a strip: fewer make products slow, more gain nothing.
const FEWEST: usize = 16;
const MOST: usize = 1024;

/// Each strip does anew what does not depend on the samples: it computes the factors of a
/// normalization, packs weights, transforms filters. Its own work is this many times as much.
const OWN: u64 = 10;

/// What it costs to pack a weight, and to transform one of a filter for Winograd's convolutions, in
/// operations; and to move a byte.
const PACK: u64 = 16;
const TRANSFORM: u64 = 440;
const MOVE: u64 = 8;

/// Less work is not worth waking a thread for.
const LEAST_WORK: u64 = 1 << 20;

/// A graph whose results can be computed sample by sample.
pub struct Cut<'a> {
    graph: &'a Graph,
    samples: usize,
    /// How much of each node's value a strip needs; `None` of nodes that no result needs.
    parts: Vec<Option<Part>>,
}

/// How much of a value a strip needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The rows of its samples: as many for each.
    Rows,
    Whole,
}

/// Bytes that the ops of a strip read and write.
#[derive(Default)]
struct Traffic {
    /// For each sample, by the op that moves most, beside what a run is fed.
    largest: usize,
    /// For each sample, by all.
    samples: usize,
    /// What is the same for all samples.
    weights: usize,
}

impl<'a> Cut<'a> {
    /// How to cut a graph that computes results, and nothing else, for a batch of samples. `None` if
    /// it cannot be cut: variables change, or a result of a sample needs other samples.
    pub fn of(graph: &'a Graph, samples: usize) -> Option<Cut<'a>> {
        if !(1..=MOST_SAMPLES).contains(&samples) || !graph.updates.is_empty() {
            return None;
        }
        let mut cut = Cut { graph, samples, parts: vec![None; graph.nodes().len()] };
        for &output in &graph.outputs {
            cut.need(output, Part::Rows)?;
        }
        for id in graph.ids().rev() {
            cut.need_operands(id)?;
        }
        cut.inputs_agree().then_some(cut)
    }

    /// How many samples a strip has best if so many threads do strips side by side. `None` if that
    /// would not be faster than the whole batch at once: it fits the cache, or strips that fit have
    /// too few samples for what each does anew.
    pub fn rows(&self, threads: usize) -> Option<usize> {
        let Traffic { largest, samples, weights } = self.traffic();
        let work = self.work(Part::Rows);
        let again = OWN * (self.work(Part::Whole) + self.preparation());
        // Weights are read for each strip: no more bytes of them than of the samples.
        let fewest = FEWEST.max(weights / samples.max(1));
        let fewest = fewest.max((again / (work / self.samples as u64).max(1)) as usize);
        let most = (CACHE / largest.max(1)).clamp(FEWEST, MOST);
        if self.samples <= most || fewest > most {
            return None;
        }
        // Each thread has as many.
        let threads = threads.min((work / LEAST_WORK) as usize).max(1);
        let fitting = self.samples.div_ceil(most).next_multiple_of(threads);
        let strips = fitting.min(self.samples / fewest / threads * threads);
        (strips > 1).then(|| self.samples.div_ceil(strips))
    }

    /// The samples of the whole batch.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The types of what a run of the whole batch is fed, each with the number of elements that are a
    /// sample's own; `None` if every strip reads all of it.
    pub fn inputs(&self) -> Vec<(TensorType, Option<usize>)> {
        let mut inputs = BTreeMap::new();
        for id in self.graph.ids() {
            if let Op::Input { index, ty } = &self.graph.node(id).op {
                let is_cut = self.parts[id.0] == Some(Part::Rows);
                inputs.insert(index, (ty.clone(), is_cut.then(|| ty.len() / self.samples)));
            }
        }
        inputs.into_values().collect()
    }

    /// The types of the results of the whole batch.
    pub fn output_types(&self) -> impl Iterator<Item = &TensorType> {
        self.graph.outputs.iter().map(|&id| self.graph.ty(id))
    }

    /// The graph of so many of the samples. Its inputs and results are those of the whole graph,
    /// some with fewer rows.
    ///
    /// # Panics
    /// If these are no samples, or more than there are.
    pub fn strip(&self, rows: usize) -> Graph {
        assert!((1..=self.samples).contains(&rows), "{rows} of {} samples", self.samples);
        let mut strip = Graph::new();
        let mut places = vec![None; self.parts.len()];
        for (id, op) in self.graph.ids().filter_map(|id| Some((id, self.op(id, rows)?))) {
            let node = self.graph.node(id);
            let place = |input: &NodeId| places[input.0].expect("operands are needed");
            let inputs: Vec<NodeId> = node.inputs.iter().map(place).collect();
            strip.set_origin(node.origin.clone());
            strip.set_phase(node.phase);
            places[id.0] = Some(strip.add(op, &inputs));
        }
        let place = |output: &NodeId| places[output.0].expect("results are needed");
        strip.outputs = self.graph.outputs.iter().map(place).collect();
        strip
    }

    /// What a node does in a strip, if it is there.
    fn op(&self, id: NodeId, rows: usize) -> Option<Op> {
        let op = &self.graph.node(id).op;
        match self.parts[id.0] {
            Some(Part::Rows) => Some(rows::with_rows(op, self.rows_each(id)? * rows)),
            Some(Part::Whole) => Some(op.clone()),
            // A run is fed those, too, that nobody needs.
            None => matches!(op, Op::Input { .. } | Op::Variable { .. }).then(|| op.clone()),
        }
    }

    /// Notes that a part of a value is needed. `None` if it has no rows for each sample, or another
    /// part is needed as well.
    fn need(&mut self, id: NodeId, part: Part) -> Option<()> {
        if part == Part::Rows {
            self.rows_each(id)?;
        }
        (*self.parts[id.0].get_or_insert(part) == part).then_some(())
    }

    fn need_operands(&mut self, id: NodeId) -> Option<()> {
        let graph = self.graph;
        let node = graph.node(id);
        match (self.parts[id.0], &node.op) {
            (None, _) => Some(()),
            (Some(Part::Whole), _) => {
                node.inputs.iter().try_for_each(|&operand| self.need(operand, Part::Whole))
            }
            (_, Op::Input { .. }) => Some(()),
            (_, Op::Iota { axis, .. }) => (*axis != 0).then_some(()),
            (_, Op::Broadcast(_)) if rows::repeated(graph, id).is_some() => {
                self.need(node.inputs[0], Part::Whole)
            }
            _ => {
                let carriers = rows::carriers(graph, id)?;
                node.inputs.iter().enumerate().try_for_each(|(index, &operand)| {
                    let part = if carriers.has(index) { Part::Rows } else { Part::Whole };
                    self.need(operand, part)
                })
            }
        }
    }

    /// Whether all nodes of an input need the same part of it.
    fn inputs_agree(&self) -> bool {
        let mut seen = HashMap::new();
        self.graph.ids().all(|id| match self.graph.node(id).op {
            Op::Input { index, .. } => {
                let part = self.parts[id.0];
                *seen.entry(index).or_insert(part) == part
            }
            _ => true,
        })
    }

    /// How many rows of a value belong to each sample, if all samples have as many.
    fn rows_each(&self, id: NodeId) -> Option<usize> {
        let rows = self.graph.ty(id).shape.dims().first()?.known()?;
        (rows >= self.samples && rows.is_multiple_of(self.samples)).then(|| rows / self.samples)
    }

    fn is_input(&self, id: NodeId) -> bool {
        matches!(self.graph.node(id).op, Op::Input { .. })
    }

    fn traffic(&self) -> Traffic {
        let mut traffic = Traffic::default();
        let is_made = |id: &NodeId| self.parts[id.0] == Some(Part::Rows) && !self.is_input(*id);
        for id in self.graph.ids().filter(is_made) {
            let node = self.graph.node(id);
            let (mut fed, mut made) = (0, self.graph.ty(id).bytes());
            for &operand in &node.inputs {
                let bytes = self.graph.ty(operand).bytes();
                match self.parts[operand.0] {
                    Some(Part::Rows) if self.is_input(operand) => fed += bytes,
                    Some(Part::Rows) => made += bytes,
                    // Of a table, a strip reads its own rows only.
                    _ if matches!(node.op, Op::Gather) => {}
                    _ => traffic.weights += bytes,
                }
            }
            traffic.largest = traffic.largest.max(made / self.samples);
            traffic.samples += (fed + made) / self.samples;
        }
        traffic
    }

    /// The work of the nodes of which this part is needed, in operations.
    fn work(&self, part: Part) -> u64 {
        let of = |id: NodeId| {
            let node = self.graph.node(id);
            let inputs: Vec<&TensorType> = node.inputs.iter().map(|&i| self.graph.ty(i)).collect();
            let cost = cost(&node.op, &inputs, std::slice::from_ref(&node.ty));
            cost.flops + MOVE * cost.bytes()
        };
        self.graph.ids().filter(|id| self.parts[id.0] == Some(part)).map(of).sum()
    }

    /// The work of making weights ready for products, in operations.
    fn preparation(&self) -> u64 {
        let of = |id: NodeId| {
            let node = self.graph.node(id);
            let each = match node.op {
                Op::MatMul { .. } => PACK,
                Op::Conv2d(_) | Op::Conv2dInputGrad { .. } => TRANSFORM,
                _ => return 0,
            };
            let whole = node.inputs.iter().filter(|i| self.parts[i.0] == Some(Part::Whole));
            each * whole.map(|&i| self.graph.ty(i).len() as u64).sum::<u64>()
        };
        self.graph.ids().filter(|id| self.parts[id.0] == Some(Part::Rows)).map(of).sum()
    }
}

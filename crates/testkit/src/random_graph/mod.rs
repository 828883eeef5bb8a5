//! Graphs of random ops on small random shapes, with values that stay small and away from jumps.
//!
//! The builder computes every value as it goes. It drops an op whose result is large, not finite,
//! empty, or changes much when its operands change a little, so that a backend's rounding errors
//! stay rounding errors.

mod choose;
mod shared;

pub use shared::shared_calls;

use cornu_graph::graph::Update;
use cornu_graph::interpret::{Precision, Value, eval_op};
use cornu_graph::philox::Philox;
use cornu_graph::{Array, DType, Graph, NodeId, Op, TensorType, Values};

/// A graph and arrays to run it on.
#[derive(Clone, Debug)]
pub struct RandomGraph {
    /// The graph, with several outputs and updates.
    pub graph: Graph,
    /// The inputs.
    pub inputs: Vec<Array>,
    /// The variables.
    pub variables: Vec<Array>,
}

impl RandomGraph {
    /// The `float32` inputs and variables.
    pub fn float_leaves(&self) -> Vec<NodeId> {
        let leaf = |op: &Op| matches!(op, Op::Input { .. } | Op::Variable { .. });
        let float = |id: &NodeId| self.graph.ty(*id).dtype.is_float();
        self.graph.ids().filter(|&id| leaf(&self.graph.node(id).op)).filter(float).collect()
    }
}

/// The random graph of a seed: 10 to 40 ops.
pub fn random_graph(seed: u64) -> RandomGraph {
    let mut builder = Builder::new(seed);
    let wanted = 10 + builder.random.below(31);
    let leaves = builder.graph.nodes().len();
    for _ in 0..20 * wanted {
        builder.grow();
        if builder.graph.nodes().len() >= leaves + wanted {
            break;
        }
    }
    builder.finish()
}

/// Elements above which an op is dropped.
const MOST_ELEMENTS: usize = 400;
/// Absolute value above which an op is dropped.
const LARGEST: f64 = 20.0;
/// How much operands are changed, and how much the result may change.
const SHIFT: f64 = 1e-4;
const RESPONSE: f64 = 1e-3;

struct Builder {
    graph: Graph,
    inputs: Vec<Array>,
    variables: Vec<Array>,
    /// What each node computes.
    values: Vec<Value>,
    random: Philox,
}

impl Builder {
    /// Leaves of every dtype; the last variable is a random state.
    fn new(seed: u64) -> Builder {
        let mut builder = Builder {
            graph: Graph::new(),
            inputs: vec![],
            variables: vec![],
            values: vec![],
            random: Philox::stream(seed, 77),
        };
        for dtype in [DType::F32, DType::F32, DType::I32, DType::U8, DType::Bool] {
            builder.leaf(dtype, true);
        }
        let shape = builder.shape();
        for _ in 0..2 {
            builder.leaf_of(TensorType::new(DType::F32, shape.clone()), false);
        }
        builder.leaf(DType::F32, false);
        builder.leaf(DType::I32, false);
        builder.leaf_of(TensorType::new(DType::I32, [3]), false);
        builder
    }

    /// Up to four sizes from 1 to 5.
    fn shape(&mut self) -> Vec<usize> {
        let rank = self.random.below(5);
        (0..rank).map(|_| 1 + self.random.below(5)).collect()
    }

    fn leaf(&mut self, dtype: DType, input: bool) -> NodeId {
        let shape = self.shape();
        self.leaf_of(TensorType::new(dtype, shape), input)
    }

    fn leaf_of(&mut self, ty: TensorType, input: bool) -> NodeId {
        let draw = |random: &mut Philox| match ty.dtype {
            DType::Bool => random.below(2) as f64,
            DType::U8 => random.below(6) as f64,
            DType::I32 => random.below(11) as f64 - 4.0,
            DType::F32 => 4.0 * random.uniform() - 2.0,
        };
        let numbers: Vec<f64> = (0..ty.len()).map(|_| draw(&mut self.random)).collect();
        let values = Values::from_f64(ty.dtype, &numbers);
        let array = Array::from_values(ty.shape.sizes(), values).expect("a number each");
        self.values.push(Value::from(&array));
        let arrays = if input { &mut self.inputs } else { &mut self.variables };
        arrays.push(array);
        let index = arrays.len() - 1;
        let op = if input { Op::Input { index, ty } } else { Op::Variable { index, ty } };
        self.graph.add(op, &[])
    }

    /// Adds an op, if its result is harmless.
    fn add(&mut self, op: Op, inputs: &[NodeId]) -> Option<NodeId> {
        let operands: Vec<&Value> = inputs.iter().map(|i| &self.values[i.0]).collect();
        let value = eval_op(&op, &operands, Precision::F32).ok()?;
        let small = value.data().iter().all(|x| x.abs() <= LARGEST) || !value.dtype().is_float();
        let count = value.data().len();
        let harmless = small && value.is_finite() && (1..=MOST_ELEMENTS).contains(&count);
        if !harmless || !self.is_steady(&op, inputs, &value) {
            return None;
        }
        self.values.push(value);
        Some(self.graph.add(op, inputs))
    }

    /// Whether the result changes little, and not at all if it is no float, when the `float32`
    /// operands change a little.
    fn is_steady(&mut self, op: &Op, inputs: &[NodeId], value: &Value) -> bool {
        let most = if value.dtype().is_float() { RESPONSE } else { 0.0 };
        (0..4).all(|_| {
            let mut shift = |x: &mut f64| {
                *x += if self.random.below(2) == 0 { SHIFT } else { -SHIFT };
            };
            let mut operands: Vec<Value> =
                inputs.iter().map(|i| self.values[i.0].clone()).collect();
            let floats = operands.iter_mut().filter(|v| v.dtype().is_float());
            floats.for_each(|v| v.data_mut().iter_mut().for_each(&mut shift));
            let operands: Vec<&Value> = operands.iter().collect();
            let shifted = eval_op(op, &operands, Precision::F64);
            let pairs = |other: &Value| {
                let mut pairs = value.data().iter().zip(other.data());
                pairs.all(|(a, b)| (a - b).abs() <= most)
            };
            shifted.is_ok_and(|other| pairs(&other))
        })
    }

    /// Chooses outputs and updates.
    fn finish(mut self) -> RandomGraph {
        let count = self.graph.nodes().len();
        for _ in 0..1 + self.random.below(4) {
            // Mostly late nodes, sometimes a leaf, sometimes one twice.
            let back = self.random.below(count).min(self.random.below(count));
            self.graph.outputs.push(NodeId(count - 1 - back));
        }
        for (variable, array) in self.variables.iter().enumerate() {
            let fits = |id: &NodeId| *self.graph.ty(*id) == array.ty();
            let fitting: Vec<NodeId> = self.graph.ids().filter(fits).collect();
            if self.random.below(4) > 0 {
                let value = fitting[self.random.below(fitting.len())];
                self.graph.updates.push(Update { variable, value });
            }
        }
        RandomGraph { graph: self.graph, inputs: self.inputs, variables: self.variables }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::{OPS, op_name};
    use cornu_graph::{interpret, verify};
    use std::collections::BTreeMap;

    #[test]
    fn graphs_are_valid_and_repeatable() {
        for seed in 0..50 {
            let random = random_graph(seed);
            verify::verify(&random.graph).unwrap();
            interpret::run(&random.graph, &random.inputs, &random.variables).unwrap();
            assert_eq!(random.graph.to_string(), random_graph(seed).graph.to_string());
        }
    }

    #[test]
    fn every_op_turns_up() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for seed in 0..150 {
            for node in random_graph(seed).graph.nodes() {
                *counts.entry(op_name(&node.op)).or_default() += 1;
            }
        }
        let made_by_passes_or_gradients = |name: &str| {
            ["Fused", "Project", "Conv2dInputGrad", "Conv2dFilterGrad", "Pool2dGrad"]
                .contains(&name)
        };
        for name in OPS.iter().filter(|name| !made_by_passes_or_gradients(name)) {
            assert!(counts.get(name).is_some_and(|&n| n >= 10), "{name}: {counts:?}");
        }
    }
}

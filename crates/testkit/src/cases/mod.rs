//! The op case table: for every op a few rows with attributes, types and ranges of values.
//!
//! The gradient check and the parity check of every backend go through this one table. To add an
//! op, add rows to the file of its theme.

mod conv;
mod elementwise;
mod fused;
mod layout;
mod linear;
mod pool;
mod reduce;
mod rows;
mod sources;

use cornu_graph::fused::Kernel;
use cornu_graph::philox::Philox;
use cornu_graph::print;
use cornu_graph::{Array, DType, Graph, NodeId, Op, Shape, TensorType, Values};

/// One op on operands of given types.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the row is about; no two rows have the same name.
    pub name: String,
    /// The op.
    pub op: Op,
    /// What it is applied to.
    pub operands: Vec<Operand>,
    /// How far a backend's results may be from the interpreter's, relative to `max(1, |x|)`.
    pub tolerance: f64,
    /// The operands for which the gradient exists, and is 0 if `gradients` finds no path.
    pub differentiable: Vec<usize>,
}

/// An operand: its type and how its elements are drawn.
#[derive(Clone, Debug)]
pub struct Operand {
    /// The type.
    pub ty: TensorType,
    /// The elements.
    pub draw: Draw,
}

/// How elements are drawn.
#[derive(Clone, Debug)]
pub enum Draw {
    /// Evenly between two numbers.
    Between(f64, f64),
    /// Whole numbers from the first to before the second.
    Whole(i32, i32),
    /// A whole number from -4 to 3 plus a fraction between the two: away from jumps and kinks.
    Fraction(f64, f64),
    /// In random order, and no two of `n` elements nearer than `10 / n` or 0.05 to each other.
    Apart,
    /// These numbers, again and again.
    Given(Vec<f64>),
}

/// The graph of a case, with arrays to run it on.
#[derive(Clone, Debug)]
pub struct Built {
    /// The graph; its outputs are the results of the op.
    pub graph: Graph,
    /// The nodes of the operands.
    pub operands: Vec<NodeId>,
    /// The inputs.
    pub inputs: Vec<Array>,
    /// The variables.
    pub variables: Vec<Array>,
}

/// Tolerance of ops that move elements about, and of those that IEEE 754 defines to the last bit.
const EXACT: f64 = 0.0;
/// Tolerance of functions that are computed by an approximation.
const APPROXIMATE: f64 = 4e-6;
/// Tolerance of sums of products in `f32`.
const SUMMED: f64 = 2e-5;

/// All cases.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    sources::add(&mut cases);
    elementwise::add(&mut cases);
    fused::add(&mut cases);
    layout::add(&mut cases);
    reduce::add(&mut cases);
    linear::add(&mut cases);
    conv::add(&mut cases);
    pool::add(&mut cases);
    rows::add(&mut cases);
    cases
}

impl Case {
    /// A case that a backend has to meet to the last bit and whose `float32` operands are all
    /// differentiable if the result is `float32`.
    fn new(op: Op, operands: Vec<Operand>) -> Case {
        let types: Vec<&TensorType> = operands.iter().map(|o| &o.ty).collect();
        let listed: Vec<String> = types.iter().map(|ty| ty.to_string()).collect();
        let ty = cornu_graph::infer::infer(&op, &types).expect("a case is well typed");
        let float = |i: &usize| operands[*i].ty.dtype.is_float() && ty.dtype.is_float();
        Case {
            name: format!("{} {} -> {ty}", print::name(&op), listed.join(", ")),
            differentiable: (0..operands.len()).filter(float).collect(),
            op,
            operands,
            tolerance: EXACT,
        }
    }

    /// Distinguishes cases of equal ops on equal types.
    fn named(mut self, label: &str) -> Case {
        self.name += &format!(" ({label})");
        self
    }

    fn within(mut self, tolerance: f64) -> Case {
        self.tolerance = tolerance;
        self
    }

    fn differentiable(mut self, operands: &[usize]) -> Case {
        self.differentiable = operands.to_vec();
        self
    }

    /// The arrays of the operands: always the same ones.
    pub fn arrays(&self) -> Vec<Array> {
        let seed = self.name.bytes().fold(7, |h: u64, b| h.wrapping_mul(31) ^ u64::from(b));
        let draw =
            |(i, operand): (usize, &Operand)| operand.array(&mut Philox::stream(seed, i as u64));
        self.operands.iter().enumerate().map(draw).collect()
    }

    /// The graph of the op. Operands are inputs and variables by turns.
    pub fn build(&self) -> Built {
        let mut built =
            Built { graph: Graph::new(), operands: vec![], inputs: vec![], variables: vec![] };
        for (i, array) in self.arrays().into_iter().enumerate() {
            let (ty, index) = (array.ty(), i / 2);
            let input = i % 2 == 0;
            let leaf = if input { Op::Input { index, ty } } else { Op::Variable { index, ty } };
            built.operands.push(built.graph.add(leaf, &[]));
            if input { built.inputs.push(array) } else { built.variables.push(array) }
        }
        let result = built.graph.add(self.op.clone(), &built.operands);
        built.graph.outputs = match &self.op {
            Op::Fused(kernel) => project_all(&mut built.graph, kernel, result),
            _ => vec![result],
        };
        built
    }
}

fn project_all(graph: &mut Graph, kernel: &Kernel, fused: NodeId) -> Vec<NodeId> {
    (0..kernel.outputs.len()).map(|i| graph.add(Op::Project(i), &[fused])).collect()
}

impl Operand {
    fn array(&self, random: &mut Philox) -> Array {
        let numbers = self.draw.numbers(self.ty.len(), random);
        let values = Values::from_f64(self.ty.dtype, &numbers);
        Array::from_values(self.ty.shape.sizes(), values).expect("as many numbers as elements")
    }
}

impl Draw {
    fn numbers(&self, count: usize, random: &mut Philox) -> Vec<f64> {
        match self {
            Draw::Between(low, high) => {
                (0..count).map(|_| low + (high - low) * random.uniform()).collect()
            }
            Draw::Whole(low, high) => {
                let span = (high - low) as usize;
                (0..count).map(|_| f64::from(*low) + random.below(span) as f64).collect()
            }
            Draw::Fraction(low, high) => {
                let fraction = |random: &mut Philox| low + (high - low) * random.uniform();
                (0..count).map(|_| random.below(8) as f64 - 4.0 + fraction(random)).collect()
            }
            Draw::Apart => {
                let (gap, middle) = ((20.0 / count as f64).min(0.1), count as f64 / 2.0);
                let place = |i| gap * (i as f64 - middle + random.uniform() / 2.0);
                let mut numbers: Vec<f64> = (0..count).map(place).collect();
                random.shuffle(&mut numbers);
                numbers
            }
            Draw::Given(numbers) => numbers.iter().copied().cycle().take(count).collect(),
        }
    }
}

fn operand(dtype: DType, shape: impl Into<Shape>, draw: Draw) -> Operand {
    Operand { ty: TensorType::new(dtype, shape), draw }
}

/// A `float32` operand between -2 and 2.
fn floats(shape: impl Into<Shape>) -> Operand {
    operand(DType::F32, shape, Draw::Between(-2.0, 2.0))
}

/// An operand of any dtype, with small numbers that the dtype holds.
fn small(dtype: DType, shape: impl Into<Shape>) -> Operand {
    let draw = match dtype {
        DType::Bool => Draw::Whole(0, 2),
        DType::U8 => Draw::Whole(0, 256),
        DType::I32 => Draw::Whole(-1000, 1000),
        DType::F32 => Draw::Between(-2.0, 2.0),
    };
    operand(dtype, shape, draw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_keep_their_promises() {
        let mut random = Philox::new(1);
        let apart = Draw::Apart.numbers(50, &mut random);
        for (i, a) in apart.iter().enumerate() {
            assert!(apart[..i].iter().all(|b| (a - b).abs() >= 0.05));
        }
        let fractions = Draw::Fraction(0.1, 0.4).numbers(50, &mut random);
        assert!(fractions.iter().all(|x| (0.1..0.4).contains(&(x - x.floor()))));
        assert_eq!(Draw::Given(vec![1.0, 2.0]).numbers(3, &mut random), [1.0, 2.0, 1.0]);
    }

    #[test]
    fn a_case_draws_the_same_numbers_each_time() {
        let case = Case::new(Op::Select, vec![small(DType::Bool, [5]), floats([5]), floats([5])]);
        assert_eq!(case.name, "select bool(5,), float32(5,), float32(5,) -> float32(5,)");
        assert_eq!(case.arrays(), case.arrays());
        assert_eq!(case.differentiable, [1, 2]);
        let built = case.build();
        assert_eq!((built.inputs.len(), built.variables.len()), (2, 1));
    }
}

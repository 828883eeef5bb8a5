//! Graphs of one op, random arrays, and the comparison of a program with the interpreter.

use cornu_cpu::{Cpu, Instructions, Options, Winograd};
use cornu_graph::philox::Philox;
use cornu_graph::{
    Array, DType, Executor, Graph, NodeId, Op, Plan, Program, TensorType, Values, interpret, plan,
};
use std::sync::OnceLock;

/// Backends with all instructions that the machine has and 1 to 3 threads, which share whatever
/// can be shared.
pub fn backends() -> &'static [Cpu] {
    static BACKENDS: OnceLock<Vec<Cpu>> = OnceLock::new();
    BACKENDS.get_or_init(|| all_backends(Winograd::Auto))
}

/// The same, with Winograd's transforms for all convolutions that they can compute.
pub fn winograd_backends() -> &'static [Cpu] {
    static BACKENDS: OnceLock<Vec<Cpu>> = OnceLock::new();
    BACKENDS.get_or_init(|| all_backends(Winograd::Always))
}

fn all_backends(winograd: Winograd) -> Vec<Cpu> {
    let available = Instructions::ALL.into_iter().filter(|i| i.available());
    let backend = |instructions, threads| {
        Cpu::new(Options { threads, instructions, winograd }).unwrap().with_handover(0)
    };
    available.flat_map(|i| [1, 2, 3].map(|threads| backend(i, threads))).collect()
}

/// How far a result may be from the interpreter's.
#[derive(Clone, Copy)]
pub enum Tolerance {
    /// In parts of the result.
    Relative(f64),
    /// In parts of the sum of the absolute values of all terms: the result of the same graph on
    /// absolute values.
    OfTerms(f64),
    /// In parts of the largest sum of the absolute values of all terms of any element.
    OfMostTerms(f64),
    /// A number.
    Absolute(f64),
}

/// What most functions keep.
pub const CLOSE: Tolerance = Tolerance::Relative(1e-6);
/// What sums keep.
pub const SUMS: Tolerance = Tolerance::OfTerms(1e-6);
/// What Winograd's transforms keep: an element's error comes from all that its tile sees.
pub const SUMS_OF_TILES: Tolerance = Tolerance::OfMostTerms(1e-6);

/// Checks one op.
pub fn check_op(op: Op, inputs: &[Array], tolerance: Tolerance) {
    check_op_on(backends(), op, inputs, tolerance);
}

/// Checks one op on some backends.
pub fn check_op_on(backends: &[Cpu], op: Op, inputs: &[Array], tolerance: Tolerance) {
    let mut graph = Graph::new();
    let nodes = add_inputs(&mut graph, inputs);
    let node = graph.add(op, &nodes);
    graph.outputs.push(node);
    let options = plan::Options::default();
    check_on(backends, &graph, &graph, inputs, &[], tolerance, options);
}

/// Adds an input for each array.
pub fn add_inputs(graph: &mut Graph, arrays: &[Array]) -> Vec<NodeId> {
    let input = |(index, array): (usize, &Array)| Op::Input { index, ty: array.ty() };
    arrays.iter().enumerate().map(input).map(|op| graph.add(op, &[])).collect()
}

/// Adds a variable for each array.
pub fn add_variables(graph: &mut Graph, arrays: &[Array]) -> Vec<NodeId> {
    let variable = |(index, array): (usize, &Array)| Op::Variable { index, ty: array.ty() };
    arrays.iter().enumerate().map(variable).map(|op| graph.add(op, &[])).collect()
}

/// Checks a graph, rewritten and planned, against what it was.
pub fn check_against(
    original: &Graph,
    rewritten: &Graph,
    inputs: &[Array],
    variables: &[Array],
    tolerance: Tolerance,
    options: plan::Options,
) {
    check_on(backends(), original, rewritten, inputs, variables, tolerance, options);
}

fn check_on(
    backends: &[Cpu],
    original: &Graph,
    rewritten: &Graph,
    inputs: &[Array],
    variables: &[Array],
    tolerance: Tolerance,
    options: plan::Options,
) {
    let wanted = interpret::run(original, inputs, variables).unwrap();
    let scale = match tolerance {
        Tolerance::OfTerms(_) | Tolerance::OfMostTerms(_) => {
            let positive = |arrays: &[Array]| arrays.iter().map(absolute).collect::<Vec<_>>();
            Some(interpret::run(original, &positive(inputs), &positive(variables)).unwrap())
        }
        _ => None,
    };
    for backend in backends {
        let what = format!(
            "{:?}, {} threads, {:?}:\n{rewritten}",
            backend.instructions(),
            backend.threads(),
            inputs
        );
        let (outputs, variables) = run(backend, rewritten, inputs, variables, options);
        let compare = |i: usize, got: &Array, wanted: &Array, scale: Option<&Array>| {
            compare(got, wanted, scale, tolerance, &format!("result {i}, {what}"));
        };
        for (i, got) in outputs.iter().enumerate() {
            compare(i, got, &wanted.outputs[i], scale.as_ref().map(|s| &s.outputs[i]));
        }
        for (i, got) in variables.iter().enumerate() {
            compare(i, got, &wanted.variables[i], scale.as_ref().map(|s| &s.variables[i]));
        }
    }
}

/// Plans, loads and runs a graph twice (the second run must not depend on the first); gives the
/// outputs and variables.
pub fn run(
    backend: &Cpu,
    graph: &Graph,
    inputs: &[Array],
    variables: &[Array],
    options: plan::Options,
) -> (Vec<Array>, Vec<Array>) {
    let plan = Plan::new(graph.clone(), options, |node, types| backend.scratch(node, types));
    let mut program = backend.load(plan).unwrap();
    let inputs: Vec<&Array> = inputs.iter().collect();
    let mut after = vec![];
    for _ in 0..2 {
        after = variables.to_vec();
        let mut variables: Vec<&mut Array> = after.iter_mut().collect();
        program.run(&inputs, &mut variables).unwrap();
    }
    ((0..graph.outputs.len()).map(|i| program.output(i)).collect(), after)
}

fn absolute(array: &Array) -> Array {
    match array.values() {
        Values::F32(v) => {
            Array::new(array.shape(), v.iter().map(|x| x.abs()).collect::<Vec<f32>>()).unwrap()
        }
        _ => array.clone(),
    }
}

fn compare(got: &Array, wanted: &Array, scale: Option<&Array>, tolerance: Tolerance, what: &str) {
    assert_eq!(got.ty(), wanted.ty(), "{what}");
    let (got, wanted) = (got.values().to_f64(), wanted.values().to_f64());
    let scale = scale.map(|s| s.values().to_f64());
    let largest = scale.iter().flatten().fold(0.0, |largest: f64, &x| largest.max(x));
    for (i, (&x, &y)) in got.iter().zip(&wanted).enumerate() {
        let most = match tolerance {
            Tolerance::Relative(most) => most * y.abs(),
            Tolerance::OfTerms(most) => most * scale.as_ref().unwrap()[i],
            Tolerance::OfMostTerms(most) => most * largest,
            Tolerance::Absolute(most) => most,
        };
        // Numbers too small for the normal range may be flushed to zero.
        let close = x == y || (x - y).abs() <= most + 1.3e-38 || (x.is_nan() && y.is_nan());
        assert!(close, "element {i} is {x:e}, not {y:e}; {what}");
    }
}

/// A sequence of random numbers for a test.
pub fn random(seed: u64) -> Philox {
    Philox::new(seed)
}

/// Numbers of both signs, most of them small.
pub fn floats(rng: &mut Philox, shape: &[usize]) -> Array {
    fill(shape, || (rng.normal() * 2.0) as f32)
}

/// Whole numbers from `low` to `high`.
pub fn whole(rng: &mut Philox, shape: &[usize], low: i32, high: i32) -> Array {
    fill(shape, || low + rng.below((high - low) as usize + 1) as i32)
}

/// An array of any dtype.
pub fn array(rng: &mut Philox, dtype: DType, shape: &[usize]) -> Array {
    match dtype {
        DType::F32 => floats(rng, shape),
        DType::I32 => whole(rng, shape, -9, 9),
        DType::U8 => fill(shape, || rng.next_u32() as u8),
        DType::Bool => fill(shape, || rng.next_u32() & 1 == 1),
    }
}

fn fill<T: cornu_graph::Element>(shape: &[usize], mut element: impl FnMut() -> T) -> Array {
    let len = shape.iter().product();
    Array::new(shape, (0..len).map(|_| element()).collect()).unwrap()
}

/// The type of a `float32` tensor.
pub fn float_type(shape: &[usize]) -> TensorType {
    TensorType::new(DType::F32, shape)
}

//! A backend against the interpreter: every case of the table, and random graphs.

use crate::cases;
use crate::grad_check;
use crate::random_graph::{RandomGraph, random_graph, shared_calls};
use cornu_graph::grad::gradients;
use cornu_graph::plan::Options;
use cornu_graph::{Array, DType, Executor, Graph, NodeId, Plan, Program, Values};
use cornu_graph::{interpret, passes};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Tolerance of random graphs, through which the errors of many ops add up.
const RANDOM_TOLERANCE: f64 = 1e-3;

/// Checks a backend on all cases and on random graphs: results, updated variables, the same bits in
/// the same run, and errors for wrong arguments.
///
/// # Panics
/// If anything differs; the message lists all of it.
pub fn check_executor(executor: &dyn Executor) {
    let mut failures = case_failures(executor);
    failures.extend(random_failures(executor, 0..150));
    failures.extend(argument_failures(executor));
    let count = failures.len();
    failures.truncate(40);
    assert!(count == 0, "{}: {count} failures\n{}", executor.name(), failures.join("\n"));
}

/// The cases of the table on which a backend differs from the interpreter.
pub fn case_failures(executor: &dyn Executor) -> Vec<String> {
    let check = |case: cases::Case| {
        let built = case.build();
        let run = Run { graph: &built.graph, inputs: &built.inputs, variables: &built.variables };
        let checked = run.check(executor, Options::default(), case.tolerance);
        checked.err().map(|message| format!("{}: {message}", case.name))
    };
    cases::all().into_iter().filter_map(check).collect()
}

/// The random graphs, and their gradients, on which a backend differs from the interpreter; each is
/// run as it is built and optimized, with and without shared memory.
pub fn random_failures(executor: &dyn Executor, seeds: Range<u64>) -> Vec<String> {
    let mut failures = Vec::new();
    let careful = Options { in_place: false, reuse: false };
    let any = seeds.clone().map(|seed| (seed, random_graph(seed)));
    let shared = seeds.step_by(3).map(|seed| (seed, shared_calls(seed)));
    for (seed, forward) in any.chain(shared) {
        let training = with_gradients(&forward);
        let optimized = passes::optimize(forward.graph.clone());
        let optimized_training = passes::optimize(training.clone());
        for (name, graph, options) in [
            ("plain", &forward.graph, careful),
            ("shared memory", &forward.graph, Options::default()),
            ("optimized", &optimized, Options::default()),
            ("gradients", &training, Options::default()),
            ("optimized gradients", &optimized_training, Options::default()),
        ] {
            let run = Run { graph, inputs: &forward.inputs, variables: &forward.variables };
            if let Err(message) = run.check(executor, options, RANDOM_TOLERANCE) {
                failures.push(format!("random graph {seed}, {name}: {message}\n{graph}"));
                break;
            }
        }
    }
    failures
}

/// The graph with the gradients of all its `float32` leaves as further outputs.
fn with_gradients(random: &RandomGraph) -> Graph {
    let mut graph = random.graph.clone();
    let loss = grad_check::loss(&mut graph);
    let found = gradients(&mut graph, loss, &random.float_leaves()).unwrap_or_default();
    graph.outputs.extend(found.into_iter().flatten());
    graph
}

/// Wrong arguments that a program accepts.
fn argument_failures(executor: &dyn Executor) -> Vec<String> {
    let RandomGraph { graph, inputs, variables } = random_graph(1);
    let plan = plan(&graph, executor, Options::default());
    let mut program = match executor.load(plan) {
        Ok(program) => program,
        Err(error) => return vec![format!("random graph 1: {error}")],
    };
    let other = |arrays: &[Array]| {
        let mut arrays = arrays.to_vec();
        arrays[0] = Array::zeros([11, 13], DType::U8);
        arrays
    };
    let few = |arrays: &[Array]| arrays[1..].to_vec();
    let mut failures = Vec::new();
    for (what, inputs, mut variables) in [
        ("an input of another type", other(&inputs), variables.clone()),
        ("a variable of another type", inputs.clone(), other(&variables)),
        ("too few inputs", few(&inputs), variables.clone()),
        ("too few variables", inputs.clone(), few(&variables)),
    ] {
        if run_once(program.as_mut(), &inputs, &mut variables).is_ok() {
            failures.push(format!("the program accepts {what}"));
        }
    }
    let mut wrong = Array::zeros([11, 13], DType::U8);
    if program.read_output(0, &mut wrong).is_ok() {
        failures.push("read_output accepts an array of another type".into());
    }
    failures
}

fn plan(graph: &Graph, executor: &dyn Executor, options: Options) -> Plan {
    Plan::new(graph.clone(), options, |node, types| executor.scratch(node, types))
}

fn run_once(
    program: &mut dyn Program,
    inputs: &[Array],
    variables: &mut [Array],
) -> cornu_graph::Result<()> {
    let inputs: Vec<&Array> = inputs.iter().collect();
    program.run(&inputs, &mut variables.iter_mut().collect::<Vec<_>>())
}

/// A graph and what to run it on.
struct Run<'a> {
    graph: &'a Graph,
    inputs: &'a [Array],
    variables: &'a [Array],
}

impl Run<'_> {
    /// Runs the graph twice on a backend, and holds it against the interpreter and itself. A panic
    /// is a failure as well.
    fn check(
        &self,
        executor: &dyn Executor,
        options: Options,
        tolerance: f64,
    ) -> Result<(), String> {
        let check = AssertUnwindSafe(|| self.compare(executor, options, tolerance));
        catch_unwind(check).unwrap_or_else(|_| Err("panics (see above)".into()))
    }

    fn compare(
        &self,
        executor: &dyn Executor,
        options: Options,
        tolerance: f64,
    ) -> Result<(), String> {
        let expected = interpret::run(self.graph, self.inputs, self.variables)
            .map_err(|e| format!("the interpreter fails: {e}"))?;
        let plan = plan(self.graph, executor, options);
        let mut program = executor.load(plan).map_err(|e| format!("load fails: {e}"))?;
        let first = self.results(program.as_mut())?;
        let all = expected.outputs.iter().chain(&expected.variables);
        for (i, (expected, given)) in all.zip(&first).enumerate() {
            if let Some(difference) = difference(expected, given, tolerance) {
                let outputs = self.graph.outputs.len();
                return Err(match i.checked_sub(outputs) {
                    None => format!("output {i}: {difference}"),
                    Some(variable) => format!("variable {variable}: {difference}"),
                });
            }
        }
        let second = self.results(program.as_mut())?;
        let same = first.iter().zip(&second).all(|(a, b)| bits(a) == bits(b));
        if same { Ok(()) } else { Err("a second run gives other bits".into()) }
    }

    /// The outputs and then the variables after one run.
    fn results(&self, program: &mut dyn Program) -> Result<Vec<Array>, String> {
        let mut variables = self.variables.to_vec();
        run_once(program, self.inputs, &mut variables).map_err(|e| format!("run fails: {e}"))?;
        let mut results = Vec::new();
        for (i, &NodeId(id)) in self.graph.outputs.iter().enumerate() {
            let output = program.output(i);
            let mut copy = Array::zeros(output.shape(), output.dtype());
            program.read_output(i, &mut copy).map_err(|e| format!("output {i} (%{id}): {e}"))?;
            if bits(&copy) != bits(&output) {
                return Err(format!("output {i}: read_output differs from output"));
            }
            results.push(output);
        }
        results.extend(variables);
        Ok(results)
    }
}

fn bits(array: &Array) -> Vec<u64> {
    match array.values() {
        Values::F32(v) => v.iter().map(|x| u64::from(x.to_bits())).collect(),
        other => other.to_f64().iter().map(|x| x.to_bits()).collect(),
    }
}

/// How an array differs from what is expected: in its type, or in an element by more than
/// `tolerance`, relative to `max(1, |expected|)`. NaN equals NaN; only floats have a tolerance.
pub fn difference(expected: &Array, given: &Array, tolerance: f64) -> Option<String> {
    if expected.ty() != given.ty() {
        return Some(format!("is {}, not {}", given.ty(), expected.ty()));
    }
    let tolerance = if expected.dtype().is_float() { tolerance } else { 0.0 };
    let (a, b) = (expected.values().to_f64(), given.values().to_f64());
    let far = |&i: &usize| {
        let (a, b) = (a[i], b[i]);
        let near = (a - b).abs() <= tolerance * a.abs().max(1.0);
        !(a == b || (a.is_nan() && b.is_nan()) || (near && a.is_finite()))
    };
    let wrong: Vec<usize> = (0..a.len()).filter(far).collect();
    let &first = wrong.first()?;
    let (count, all) = (wrong.len(), a.len());
    let (a, b) = (a[first], b[first]);
    Some(format!("{count} of {all} elements differ; [{first}] is {b:e}, not {a:e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_relative_and_nan_equals_nan() {
        let array = |x: f32| Array::scalar(x);
        assert_eq!(difference(&array(f32::NAN), &array(f32::NAN), 0.0), None);
        assert_eq!(difference(&array(1000.0), &array(1000.5), 1e-3), None);
        assert!(difference(&array(1.0), &array(1.01), 1e-3).is_some());
        assert!(difference(&array(f32::INFINITY), &array(1.0), 1.0).is_some());
        assert!(difference(&array(1.0), &array(f32::NAN), 1.0).is_some());
        assert!(difference(&Array::scalar(1i32), &Array::scalar(2i32), 10.0).is_some());
        assert!(difference(&array(1.0), &Array::scalar(1i32), 10.0).is_some());
    }
}

//! The parity check on the reference backend: it tests the plans, and the check itself.

use cornu_graph::graph::Node;
use cornu_graph::{Array, Elements, Executor, Observer, Op, Plan, Program, Result, TensorType};
use cornu_testkit::parity::{case_failures, check_executor, random_failures};
use cornu_testkit::reference::Reference;

#[test]
fn the_reference_backend_agrees_with_the_interpreter() {
    check_executor(&Reference);
}

#[test]
fn plans_hold_for_many_random_graphs() {
    let failures = random_failures(&Reference, 150..400);
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures[0]);
}

/// A backend that forgets half of what it computes.
struct Forgetful;

struct Empty(Box<dyn Program>);

impl Executor for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn supports(&self, _: &Op, _: &[&TensorType]) -> bool {
        true
    }

    fn scratch(&self, _: &Node, _: &[&TensorType]) -> usize {
        0
    }

    fn load(&self, plan: Plan) -> Result<Box<dyn Program>> {
        Ok(Box::new(Empty(Reference.load(plan)?)))
    }
}

impl Program for Empty {
    fn run(&mut self, inputs: &[&Array], variables: &mut [&mut Array]) -> Result<()> {
        self.0.run(inputs, variables)
    }

    fn run_observed(
        &mut self,
        inputs: &[Elements<'_>],
        variables: &mut [&mut Array],
        observer: &mut dyn Observer,
    ) -> Result<()> {
        self.0.run_observed(inputs, variables, observer)
    }

    fn plan(&self) -> &Plan {
        self.0.plan()
    }

    fn run_on(&mut self, inputs: &[Elements<'_>], variables: &mut [&mut Array]) -> Result<()> {
        self.0.run_on(inputs, variables)
    }

    fn elements(&self, index: usize) -> Result<Elements<'_>> {
        self.0.elements(index)
    }

    fn output(&self, index: usize) -> Array {
        let output = self.0.output(index);
        if output.len() > 60 { Array::zeros(output.shape(), output.dtype()) } else { output }
    }

    fn read_output(&self, index: usize, into: &mut Array) -> Result<()> {
        *into = self.output(index);
        Ok(())
    }
}

#[test]
fn a_wrong_backend_is_found_out() {
    let failures = case_failures(&Forgetful);
    assert!(failures.iter().any(|f| f.starts_with("add float32(67,)")), "{failures:?}");
    assert!(failures.iter().all(|f| f.contains("elements differ")), "{failures:?}");
}

//! Passes do not change a result: each alone and all together, to the last bit. Only joining the calls
//! of shared networks may round otherwise, because it adds up rows in another order.

use cornu_graph::grad::gradients;
use cornu_graph::passes::{self, Pass};
use cornu_graph::{Graph, Op, interpret, verify};
use cornu_testkit::grad_check;
use cornu_testkit::parity::difference;
use cornu_testkit::random_graph::{RandomGraph, random_graph, shared_calls};

/// How far sums may differ whose terms are added up in another order, relative to their size.
const REORDERED: f64 = 1e-4;

fn check(name: &str, random: &RandomGraph, before: &Graph, after: &Graph, tolerance: f64) {
    verify::verify(after).unwrap_or_else(|e| panic!("{name}: {e}\n{before}\nbecame\n{after}"));
    let run = |graph| interpret::run(graph, &random.inputs, &random.variables);
    let (expected, given) = (run(before).unwrap(), run(after).unwrap());
    let expected = expected.outputs.iter().chain(&expected.variables);
    let given = given.outputs.iter().chain(&given.variables);
    for (i, (expected, given)) in expected.zip(given).enumerate() {
        if let Some(difference) = difference(expected, given, tolerance) {
            panic!("{name}: result {i}: {difference}\n{before}\nbecame\n{after}");
        }
    }
}

fn with_gradients(random: &RandomGraph) -> Graph {
    let mut training = random.graph.clone();
    let loss = grad_check::loss(&mut training);
    let found = gradients(&mut training, loss, &random.float_leaves()).unwrap();
    training.outputs.extend(found.into_iter().flatten());
    training
}

#[test]
fn passes_on_equal_passes_off() {
    let exact: Vec<Pass> = passes::ALL.iter().copied().filter(|pass| *pass != Pass::Join).collect();
    for seed in 0..200 {
        let random = random_graph(seed);
        let training = with_gradients(&random);
        for (sort, graph) in [("forward", &random.graph), ("training", &training)] {
            for pass in [Pass::Dead, Pass::Simplify, Pass::Fold, Pass::Cse, Pass::Fuse] {
                let name = format!("random graph {seed} ({sort}), {pass:?}");
                check(&name, &random, graph, &pass.apply(graph), 0.0);
            }
            let name = format!("random graph {seed} ({sort}), all exact passes");
            check(&name, &random, graph, &passes::run(graph.clone(), &exact), 0.0);
            let name = format!("random graph {seed} ({sort}), joined");
            check(&name, &random, graph, &Pass::Join.apply(graph), REORDERED);
            let name = format!("random graph {seed} ({sort}), all passes");
            check(&name, &random, graph, &passes::optimize(graph.clone()), REORDERED);
        }
    }
}

#[test]
fn joined_calls_equal_single_calls() {
    let mut joined = 0;
    for seed in 0..150 {
        let random = shared_calls(seed);
        let training = with_gradients(&random);
        for (sort, graph, tolerance) in
            [("forward", &random.graph, 0.0), ("training", &training, REORDERED)]
        {
            let exact = [Pass::Dead, Pass::Simplify, Pass::Fold, Pass::Simplify, Pass::Cse];
            let graph = passes::run(graph.clone(), &exact);
            let after = passes::run(Pass::Join.apply(&graph), &[Pass::Dead]);
            joined += usize::from(products(&after) < products(&graph));
            check(&format!("shared calls {seed} ({sort})"), &random, &graph, &after, tolerance);
            let all = passes::optimize(graph.clone());
            check(&format!("shared calls {seed} ({sort}), all"), &random, &graph, &all, tolerance);
        }
    }
    assert!(joined > 90, "only {joined} of 300 graphs were joined");
}

fn products(graph: &Graph) -> usize {
    let product = |op: &Op| {
        matches!(
            op,
            Op::MatMul { .. }
                | Op::Conv2d(_)
                | Op::Conv2dInputGrad { .. }
                | Op::Conv2dFilterGrad { .. }
        )
    };
    graph.nodes().iter().filter(|node| product(&node.op)).count()
}

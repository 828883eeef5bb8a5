//! Passes do not change a result: each alone and all together, to the last bit.

use cornu_graph::grad::gradients;
use cornu_graph::passes::{self, Pass};
use cornu_graph::{Graph, interpret, verify};
use cornu_testkit::grad_check;
use cornu_testkit::parity::difference;
use cornu_testkit::random_graph::{RandomGraph, random_graph};

fn check(name: &str, random: &RandomGraph, before: &Graph, after: &Graph) {
    verify::verify(after).unwrap_or_else(|e| panic!("{name}: {e}\n{before}\nbecame\n{after}"));
    let run = |graph| interpret::run(graph, &random.inputs, &random.variables);
    let (expected, given) = (run(before).unwrap(), run(after).unwrap());
    let expected = expected.outputs.iter().chain(&expected.variables);
    let given = given.outputs.iter().chain(&given.variables);
    for (i, (expected, given)) in expected.zip(given).enumerate() {
        if let Some(difference) = difference(expected, given, 0.0) {
            panic!("{name}: result {i}: {difference}\n{before}\nbecame\n{after}");
        }
    }
}

#[test]
fn passes_on_equal_passes_off() {
    for seed in 0..200 {
        let random = random_graph(seed);
        let mut training = random.graph.clone();
        let loss = grad_check::loss(&mut training);
        let found = gradients(&mut training, loss, &random.float_leaves()).unwrap();
        training.outputs.extend(found.into_iter().flatten());
        for (sort, graph) in [("forward", &random.graph), ("training", &training)] {
            for pass in [Pass::Dead, Pass::Simplify, Pass::Fold, Pass::Cse, Pass::Fuse] {
                let name = format!("random graph {seed} ({sort}), {pass:?}");
                check(&name, &random, graph, &pass.apply(graph));
            }
            let name = format!("random graph {seed} ({sort}), all passes");
            check(&name, &random, graph, &passes::optimize(graph.clone()));
        }
    }
}

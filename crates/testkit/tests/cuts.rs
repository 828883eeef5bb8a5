//! A strip of a batch: what it computes are the rows of what the whole batch computes, to the last
//! bit.

use cornu_graph::cut::Cut;
use cornu_graph::graph::Update;
use cornu_graph::{Array, DType, Graph, NodeId, Op, TensorType, interpret, passes, verify};
use cornu_testkit::parity::difference;
use cornu_testkit::random_graph::{RandomGraph, random_graph, shared_calls};

/// The graph that computes one value of a random graph and nothing else.
fn alone(random: &RandomGraph, id: NodeId) -> Graph {
    let mut graph = random.graph.clone();
    graph.outputs = vec![id];
    graph.updates.clear();
    graph
}

fn run(graph: &Graph, inputs: &[Array], random: &RandomGraph) -> Array {
    interpret::run(graph, inputs, &random.variables).unwrap().outputs.swap_remove(0)
}

/// Checks all strips of a value; tells whether it can be cut, and something is computed for it.
fn check(name: &str, random: &RandomGraph, id: NodeId, samples: usize) -> bool {
    let graph = alone(random, id);
    let Some(cut) = Cut::of(&graph, samples) else { return false };
    let whole = run(&graph, &random.inputs, random);
    let each = whole.rows() / samples;
    for rows in 1..=samples {
        let strip = cut.strip(rows);
        verify::verify(&strip).unwrap_or_else(|e| panic!("{name}: {e}\n{graph}\n{strip}"));
        let optimized = passes::optimize(strip.clone());
        for start in 0..=samples - rows {
            let part = |(array, (_, each)): (&Array, _)| match each {
                Some(_) => rows_of(array, samples, start, rows),
                None => array.clone(),
            };
            let inputs: Vec<Array> = random.inputs.iter().zip(cut.inputs()).map(part).collect();
            let wanted = whole.slice_rows(start * each, (start + rows) * each).unwrap();
            for (graph, tolerance) in [(&strip, 0.0), (&optimized, 1e-5)] {
                let given = run(graph, &inputs, random);
                if let Some(difference) = difference(&wanted, &given, tolerance) {
                    panic!("{name}, {rows} from {start}: {difference}\n{graph}");
                }
            }
        }
    }
    !matches!(graph.node(id).op, Op::Input { .. })
}

/// The rows of some samples, of which each has as many.
fn rows_of(array: &Array, samples: usize, start: usize, rows: usize) -> Array {
    let each = array.rows() / samples;
    array.slice_rows(start * each, (start + rows) * each).unwrap()
}

#[test]
fn strips_compute_the_rows_of_the_whole() {
    let (mut cut, mut others) = (0, 0);
    for seed in 0..150 {
        for (name, random) in [("random", random_graph(seed)), ("shared", shared_calls(seed))] {
            for id in random.graph.ids() {
                let sizes = random.graph.ty(id).shape.sizes();
                for samples in [sizes.first().copied().unwrap_or(0), 2] {
                    let name = format!("{name} {seed}, node {}", id.0);
                    match check(&name, &random, id, samples) {
                        true => cut += 1,
                        false => others += 1,
                    }
                }
            }
        }
    }
    assert!(cut > 1000 && others > 1000, "{cut} values were cut, {others} not");
}

/// The product of samples with a weight, which is made of others if `made`.
fn product(samples: usize, made: bool) -> Graph {
    let mut graph = Graph::new();
    let ty = |shape: [usize; 2]| TensorType::new(DType::F32, shape);
    let x = graph.add(Op::Input { index: 0, ty: ty([samples, 256]) }, &[]);
    let mut weight = graph.add(Op::Variable { index: 0, ty: ty([256, 256]) }, &[]);
    if made {
        weight = graph.add(Op::matmul(false, false), &[weight, weight]);
    }
    let product = graph.add(Op::matmul(false, false), &[x, weight]);
    graph.outputs.push(product);
    graph
}

#[test]
fn strips_are_neither_too_small_nor_too_few_for_the_threads() {
    let rows = |graph: &Graph, samples, threads| Cut::of(graph, samples)?.rows(threads);
    let graph = product(10_000, false);
    for threads in [1, 2, 8] {
        let rows = rows(&graph, 10_000, threads).expect("many samples are cut");
        assert!((100..=1024).contains(&rows), "{rows} rows for {threads} threads");
        assert_eq!(10_000_usize.div_ceil(rows) % threads, 0);
    }
    for threads in [1, 2, 8] {
        assert_eq!(rows(&product(100, false), 100, threads), None, "it fits the cache");
    }
    assert_eq!(rows(&graph, 10_000, 1000), None, "ten samples for each thread");
    assert_eq!(rows(&product(10_000, true), 10_000, 2), None, "the weight would be made anew");
    let mut graph = graph;
    graph.updates.push(Update { variable: 0, value: NodeId(1) });
    assert_eq!(rows(&graph, 10_000, 2), None, "strips would change variables again and again");
}

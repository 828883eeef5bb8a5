//! Programs in strips against the interpreter on the whole batch.

use crate::support::*;
use cornu_cpu::{Cpu, StripProgram};
use cornu_graph::cut::Cut;
use cornu_graph::op::ReduceOp;
use cornu_graph::scalar::{CompareOp, UnaryOp};
use cornu_graph::{Array, DType, Elements, Graph, Observer, Op, Program, Shape, interpret, passes};

const SAMPLES: usize = 103;

/// A layer on rows chosen of a table: float and bool results. Inputs: the table, the choice;
/// variables: weight and bias.
fn layer() -> (Graph, Vec<Array>, Vec<Array>) {
    let mut rng = random(5);
    let inputs = vec![floats(&mut rng, &[7, 30]), whole(&mut rng, &[SAMPLES], 0, 6)];
    let variables = vec![floats(&mut rng, &[30, 20]), floats(&mut rng, &[20])];
    let mut graph = Graph::new();
    let nodes = add_inputs(&mut graph, &inputs);
    let weights = add_variables(&mut graph, &variables);
    let rows = graph.add(Op::Gather, &nodes);
    let product = graph.add(Op::matmul(false, false), &[rows, weights[0]]);
    let bias = graph.broadcast(weights[1], &Shape::from([SAMPLES, 20]));
    let sum = graph.binary(cornu_graph::scalar::BinaryOp::Add, product, bias);
    let active = graph.unary(UnaryOp::Tanh, sum);
    let total = graph.reduce(ReduceOp::Sum, active, vec![1], false);
    let positive = graph.compare_scalar(CompareOp::Greater, total, 0.0);
    graph.outputs.extend([active, positive]);
    (graph, inputs, variables)
}

fn load(cpu: &Cpu, graph: &Graph, rows: usize) -> StripProgram {
    let cut = Cut::of(graph, SAMPLES).expect("rows need no other rows");
    cpu.load_strips(&cut, rows, passes::optimize(cut.strip(rows))).unwrap()
}

fn run(program: &mut StripProgram, inputs: &[Array], variables: &[Array]) -> Vec<Array> {
    let mut variables = variables.to_vec();
    let mut variables: Vec<&mut Array> = variables.iter_mut().collect();
    program.run(&inputs.iter().collect::<Vec<_>>(), &mut variables).unwrap();
    (0..2).map(|i| program.output(i)).collect()
}

#[test]
fn strips_of_any_size_on_any_threads_compute_the_batch() {
    let (graph, inputs, variables) = layer();
    let wanted = interpret::run(&graph, &inputs, &variables).unwrap().outputs;
    for cpu in backends() {
        for rows in [1, 2, 10, 51, 52, 102, SAMPLES] {
            let mut program = load(cpu, &graph, rows);
            let first = run(&mut program, &inputs, &variables);
            let close = |a: &Array, b: &Array| {
                let (a, b) = (a.values().to_f64(), b.values().to_f64());
                a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5)
            };
            for (given, wanted) in first.iter().zip(&wanted) {
                assert_eq!(given.ty(), wanted.ty());
                assert!(close(given, wanted), "{rows} rows, {} threads", cpu.threads());
            }
            assert_eq!(run(&mut program, &inputs, &variables), first);
        }
    }
}

#[test]
fn results_are_lent_and_copied() {
    let (graph, inputs, variables) = layer();
    let mut program = load(&backends()[1], &graph, 20);
    let outputs = run(&mut program, &inputs, &variables);
    assert_eq!(program.elements(0).unwrap(), Elements::from(&outputs[0]));
    assert!(program.elements(2).is_err());
    let mut truths = Array::zeros([SAMPLES], DType::Bool);
    program.read_output(1, &mut truths).unwrap();
    assert_eq!(truths, outputs[1]);
    assert!(program.read_output(0, &mut truths).is_err());

    // What was handed out stays when the program runs again.
    let kept = outputs[0].clone();
    let other = Array::zeros(inputs[0].shape(), DType::F32);
    assert_ne!(run(&mut program, &[other, inputs[1].clone()], &variables)[0], kept);
    assert_eq!(outputs[0], kept);
}

#[test]
fn wrong_arrays_are_errors() {
    let (graph, inputs, mut variables) = layer();
    let mut program = load(&backends()[1], &graph, 20);
    let message = |result: cornu_graph::Result<()>| result.unwrap_err().to_string();
    let [weight, bias] = &mut variables[..] else { panic!("two variables") };
    let few = inputs[1].slice_rows(0, 20).unwrap();
    assert_eq!(
        message(program.run(&[&inputs[0], &few], &mut [weight, bias])),
        "input 1 of the program is int32(103,), not int32(20,)"
    );
    let inputs: Vec<Elements<'_>> = inputs.iter().map(Elements::from).collect();
    assert_eq!(
        message(program.run_on(&inputs[..1], &mut [weight, bias])),
        "the program takes 2 inputs, not 1"
    );
    assert_eq!(
        message(program.run_on(&inputs, &mut [bias, weight])),
        "variable 0 of the program is float32(30, 20), not float32(20,)"
    );
    program.run_on(&inputs, &mut [weight, bias]).unwrap();
}

#[test]
fn graphs_of_other_samples_are_errors() {
    let (graph, ..) = layer();
    let cut = Cut::of(&graph, SAMPLES).unwrap();
    let load =
        |rows, strip| backends()[1].load_strips(&cut, rows, strip).err().unwrap().to_string();
    assert!(load(10, cut.strip(20)).contains("not that of 10 of 103 samples"));
    assert!(load(0, cut.strip(20)).contains("strips of 0 samples of a batch of 103"));
    assert!(load(104, cut.strip(20)).contains("strips of 104 samples"));
    assert!(load(10, Graph::new()).contains("not that of 10"));
}

#[test]
fn an_observer_sees_the_steps_of_every_strip() {
    struct Count(usize);
    impl Observer for Count {
        fn begin(&mut self, _: usize) {}

        fn end(&mut self, _: usize) {
            self.0 += 1;
        }
    }
    let (graph, inputs, mut variables) = layer();
    let mut program = load(&backends()[1], &graph, 20);
    let before = run(&mut program, &inputs, &variables);
    let inputs: Vec<Elements<'_>> = inputs.iter().map(Elements::from).collect();
    let mut variables: Vec<&mut Array> = variables.iter_mut().collect();
    let mut count = Count(0);
    program.run_observed(&inputs, &mut variables, &mut count).unwrap();
    assert_eq!(count.0, SAMPLES.div_ceil(20) * program.plan().steps().len());
    assert_eq!(program.output(0), before[0]);
}

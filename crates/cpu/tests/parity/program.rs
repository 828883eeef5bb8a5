//! The program itself: what it checks, what it keeps, and that results repeat.

use crate::support::*;
use cornu_cpu::{Cpu, Options};
use cornu_graph::scalar::{BinaryOp, UnaryOp};
use cornu_graph::{
    Array, DType, Executor, Graph, Observer, Op, Plan, Program, TensorType, graph::Update, plan,
};

fn program() -> (Box<dyn Program>, Vec<Array>) {
    let mut graph = Graph::new();
    let x = graph.add(Op::Input { index: 0, ty: float_type(&[2, 3]) }, &[]);
    let w = graph.add(Op::Variable { index: 0, ty: float_type(&[2, 3]) }, &[]);
    let sum = graph.binary(BinaryOp::Add, w, x);
    let negative = graph.unary(UnaryOp::Neg, sum);
    graph.outputs.push(negative);
    graph.updates.push(Update { variable: 0, value: sum });
    let cpu = Cpu::default();
    let plan = Plan::new(graph, plan::Options::default(), |node, types| cpu.scratch(node, types));
    let program = Executor::load(&cpu, plan).unwrap();
    (program, vec![Array::new([2, 3], vec![1.0f32; 6]).unwrap()])
}

#[test]
fn variables_are_updated_in_place_and_outputs_kept() {
    let (mut program, inputs) = program();
    assert_eq!(program.output(0), Array::zeros([2, 3], DType::F32));
    let mut w = Array::zeros([2, 3], DType::F32);
    let shared = w.clone();
    for step in 1..4 {
        program.run(&[&inputs[0]], &mut [&mut w]).unwrap();
        assert_eq!(w.as_slice::<f32>().unwrap(), [step as f32; 6]);
        assert_eq!(program.output(0).as_slice::<f32>().unwrap(), [-step as f32; 6]);
    }
    assert_eq!(shared, Array::zeros([2, 3], DType::F32), "a clone must not change");
    let mut into = Array::zeros([2, 3], DType::F32);
    program.read_output(0, &mut into).unwrap();
    assert_eq!(into, program.output(0));
}

#[test]
fn elements_are_read_and_lent_where_they_are() {
    let (mut program, inputs) = program();
    let x = inputs[0].as_slice::<f32>().unwrap();
    let mut w = Array::zeros([2, 3], DType::F32);
    program.run_on(&[x.into()], &mut [&mut w]).unwrap();
    assert_eq!(program.elements(0).unwrap().as_slice::<f32>(), Some(&[-1.0; 6][..]));
    assert_eq!(program.elements(0).unwrap().as_slice::<i32>(), None);
    assert!(program.elements(1).is_err());
    let message = |result: cornu_graph::Result<()>| result.unwrap_err().to_string();
    assert_eq!(
        message(program.run_on(&[(&[1.0f32; 5]).into()], &mut [&mut w])),
        "input 0 of the program is float32(2, 3), not 5 float32"
    );
    assert_eq!(
        message(program.run_on(&[(&[1u8; 6]).into()], &mut [&mut w])),
        "input 0 of the program is float32(2, 3), not 6 uint8"
    );
    assert_eq!(w.as_slice::<f32>().unwrap(), [1.0; 6]);
}

#[test]
fn a_variable_that_is_only_read_stays_shared() {
    let mut graph = Graph::new();
    let w = graph.add(Op::Variable { index: 0, ty: float_type(&[2, 3]) }, &[]);
    let y = graph.unary(UnaryOp::Neg, w);
    graph.outputs.push(y);
    let cpu = Cpu::default();
    let plan = Plan::new(graph, plan::Options::default(), |node, types| cpu.scratch(node, types));
    let mut program = Executor::load(&cpu, plan).unwrap();
    let mut w = Array::new([2, 3], vec![1.0f32; 6]).unwrap();
    let clone = w.clone();
    program.run(&[], &mut [&mut w]).unwrap();
    assert!(std::ptr::eq(clone.values(), w.values()));
}

#[test]
fn wrong_arrays_are_errors() {
    let (mut program, inputs) = program();
    let x = &inputs[0];
    let mut w = x.clone();
    let message = |result: cornu_graph::Result<()>| result.unwrap_err().to_string();
    assert_eq!(message(program.run(&[], &mut [&mut w])), "the program takes 1 inputs, not 0");
    assert_eq!(message(program.run(&[x], &mut [])), "the program takes 1 variables, not 0");
    let wrong = x.reshape([3, 2]).unwrap();
    assert_eq!(
        message(program.run(&[&wrong], &mut [&mut w])),
        "input 0 of the program is float32(2, 3), not float32(3, 2)"
    );
    let mut whole = x.cast(DType::I32);
    assert_eq!(
        message(program.run(&[x], &mut [&mut whole])),
        "variable 0 of the program is float32(2, 3), not int32(2, 3)"
    );
    assert!(program.read_output(0, &mut whole).is_err());
    assert!(program.read_output(7, &mut w).is_err());
    assert_eq!(w, *x);
}

#[test]
fn an_input_may_be_a_clone_of_a_variable() {
    let (mut program, _) = program();
    let mut w = Array::new([2, 3], vec![1.0f32; 6]).unwrap();
    let x = w.clone();
    program.run(&[&x], &mut [&mut w]).unwrap();
    assert_eq!(w.as_slice::<f32>().unwrap(), [2.0; 6]);
    assert_eq!(x.as_slice::<f32>().unwrap(), [1.0; 6]);
}

#[test]
fn runs_repeat_bit_for_bit() {
    let mut rng = random(1);
    let (a, b) = (floats(&mut rng, &[130, 300]), floats(&mut rng, &[300, 90]));
    let mut graph = Graph::new();
    let nodes = add_inputs(&mut graph, &[a.clone(), b.clone()]);
    let product = Op::matmul(false, false);
    let product = graph.add(product, &nodes);
    let sum = graph.reduce(cornu_graph::op::ReduceOp::Sum, product, vec![0, 1], false);
    graph.outputs.extend([product, sum]);
    for backend in backends() {
        let first = run(backend, &graph, &[a.clone(), b.clone()], &[], plan::Options::default());
        for _ in 0..20 {
            let again =
                run(backend, &graph, &[a.clone(), b.clone()], &[], plan::Options::default());
            assert_eq!(first, again);
        }
    }
}

#[test]
fn threads_may_run_programs_that_share_a_backend() {
    let cpu = Cpu::new(Options { threads: 2, ..Options::default() }).unwrap().with_handover(0);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let cpu = cpu.clone();
            scope.spawn(move || {
                let mut rng = random(seed);
                let x = floats(&mut rng, &[1000]);
                let mut graph = Graph::new();
                let node = add_inputs(&mut graph, std::slice::from_ref(&x))[0];
                let y = graph.binary_scalar(BinaryOp::Add, node, seed as f64);
                graph.outputs.push(y);
                let wanted: Vec<f32> =
                    x.as_slice::<f32>().unwrap().iter().map(|x| x + seed as f32).collect();
                for _ in 0..50 {
                    let (outputs, _) =
                        run(&cpu, &graph, std::slice::from_ref(&x), &[], plan::Options::default());
                    assert_eq!(outputs[0].as_slice::<f32>().unwrap(), wanted);
                }
            });
        }
    });
}

#[test]
fn small_numbers_are_flushed_during_a_run_only() {
    let tiny = Array::new([1], vec![1e-30f32]).unwrap();
    let mut graph = Graph::new();
    let x = graph.add(Op::Input { index: 0, ty: TensorType::new(DType::F32, [1]) }, &[]);
    let y = graph.unary(UnaryOp::Square, x);
    graph.outputs.push(y);
    let (outputs, _) = run(&backends()[0], &graph, &[tiny], &[], plan::Options::default());
    assert_eq!(outputs[0].item().unwrap(), 0.0);
    assert!(std::hint::black_box(1e-30f32) * std::hint::black_box(1e-10f32) > 0.0);
}

/// What happened during a run.
#[derive(Default)]
struct Log(Vec<(&'static str, usize)>);

impl Observer for Log {
    fn begin(&mut self, step: usize) {
        self.0.push(("begin", step));
    }

    fn end(&mut self, step: usize) {
        self.0.push(("end", step));
    }
}

#[test]
fn an_observer_sees_every_step_of_the_plan() {
    let (mut program, inputs) = program();
    let (mut w, mut log) = (Array::zeros([2, 3], DType::F32), Log::default());
    program.run_observed(&[(&inputs[0]).into()], &mut [&mut w], &mut log).unwrap();
    let steps = 0..program.plan().steps().len();
    let expected: Vec<_> = steps.flat_map(|step| [("begin", step), ("end", step)]).collect();
    assert!(expected.len() > 2 && log.0 == expected, "{:?}", log.0);
    assert_eq!(w.as_slice::<f32>().unwrap(), [1.0; 6]);
    assert_eq!(program.output(0).as_slice::<f32>().unwrap(), [-1.0; 6]);
}

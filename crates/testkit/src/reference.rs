//! The slowest backend: runs a plan step by step in an arena of bytes, by the interpreter.
//!
//! It checks the plan as it goes: memory that is read before it is written holds garbage, scratch
//! memory is overwritten, and places that may not overlap are held against each other.

use cornu_graph::executor::Nobody;
use cornu_graph::graph::Node;
use cornu_graph::interpret::{Precision, Value, eval_all};
use cornu_graph::plan::{ALIGNMENT, Buffer, Place, StepKind};
use cornu_graph::{Array, DType, Elements, Error, Executor, NodeId, Observer, Op, Plan, Program};
use cornu_graph::{Result, Shape, TensorType, Values, with_elements};
use std::ops::Range;

/// What unwritten memory holds.
const GARBAGE: u8 = 0xCD;

/// The backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Executor for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn supports(&self, _: &Op, _: &[&TensorType]) -> bool {
        true
    }

    /// A few bytes for the large ops, so that plans with scratch memory are tested.
    fn scratch(&self, node: &Node, inputs: &[&TensorType]) -> usize {
        match node.op {
            Op::MatMul { .. } | Op::Conv2d(_) => inputs[0].bytes() + 1,
            Op::Reduce { .. } => 100,
            _ => 0,
        }
    }

    fn load(&self, plan: Plan) -> Result<Box<dyn Program>> {
        let arena = vec![GARBAGE; plan.arena_bytes()];
        let mut program = Loaded { plan, arena, lent: vec![] };
        program.lend();
        program.check_plan();
        Ok(Box::new(program))
    }
}

struct Loaded {
    plan: Plan,
    arena: Vec<u8>,
    /// The outputs as they were when the last run ended.
    lent: Vec<Array>,
}

impl Program for Loaded {
    fn run(&mut self, inputs: &[&Array], variables: &mut [&mut Array]) -> Result<()> {
        self.execute(inputs, variables, &mut Nobody)
    }

    fn run_observed(
        &mut self,
        inputs: &[Elements<'_>],
        variables: &mut [&mut Array],
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let arrays = inputs.iter().zip(self.plan.inputs()).map(|(elements, ty)| {
            with_elements!(elements, slice => Array::new(ty.shape.sizes(), slice.to_vec()))
        });
        let arrays = arrays.collect::<Result<Vec<Array>>>()?;
        self.execute(&arrays.iter().collect::<Vec<_>>(), variables, observer)
    }

    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn run_on(&mut self, inputs: &[Elements<'_>], variables: &mut [&mut Array]) -> Result<()> {
        self.run_observed(inputs, variables, &mut Nobody)
    }

    fn elements(&self, index: usize) -> Result<Elements<'_>> {
        let output = self.lent.get(index);
        output
            .map(Elements::from)
            .ok_or_else(|| Error::value(format!("there is no output {index}")))
    }

    fn output(&self, index: usize) -> Array {
        let buffer = &self.plan.outputs()[index];
        let range = arena_range(buffer).expect("outputs are in the arena");
        decode(&buffer.ty, &self.arena[range])
    }

    fn read_output(&self, index: usize, into: &mut Array) -> Result<()> {
        let output = self.output(index);
        if output.ty() != into.ty() {
            return Err(Error::data(format!("output {index} is {}", output.ty())));
        }
        *into = output;
        Ok(())
    }
}

fn check_types<'a>(
    what: &str,
    expected: &[TensorType],
    given: impl Iterator<Item = &'a Array>,
) -> Result<()> {
    let given: Vec<TensorType> = given.map(Array::ty).collect();
    if expected == given {
        return Ok(());
    }
    Err(Error::data(format!("the {what} are {expected:?}, not {given:?}")))
}

impl Loaded {
    fn execute(
        &mut self,
        inputs: &[&Array],
        variables: &mut [&mut Array],
        observer: &mut dyn Observer,
    ) -> Result<()> {
        check_types("inputs", self.plan.inputs(), inputs.iter().copied())?;
        check_types("variables", self.plan.variables(), variables.iter().map(|v| &**v))?;
        self.arena.fill(GARBAGE);
        for (index, step) in self.plan.steps().to_vec().into_iter().enumerate() {
            observer.begin(index);
            if let Some(scratch) = &step.scratch {
                self.arena[scratch.clone()].fill(GARBAGE);
            }
            let read: Vec<Value> =
                step.inputs.iter().map(|b| self.read(b, inputs, variables)).collect();
            let results = match step.kind {
                StepKind::Copy => read,
                StepKind::Node(id) => self.compute(id, &read)?,
            };
            for (buffer, result) in step.outputs.iter().zip(&results) {
                self.write(buffer, result, variables);
            }
            if let Some(scratch) = &step.scratch {
                self.arena[scratch.clone()].fill(GARBAGE);
            }
            observer.end(index);
        }
        self.lend();
        Ok(())
    }

    fn lend(&mut self) {
        self.lent = (0..self.plan.outputs().len()).map(|index| self.output(index)).collect();
    }

    fn compute(&self, id: NodeId, read: &[Value]) -> Result<Vec<Value>> {
        let op = &self.plan.graph().node(id).op;
        eval_all(op, &read.iter().collect::<Vec<_>>(), Precision::F32)
    }

    fn read(&self, buffer: &Buffer, inputs: &[&Array], variables: &[&mut Array]) -> Value {
        let sizes = buffer.ty.shape.sizes();
        let array = match buffer.place {
            Place::Input(index) => inputs[index].clone(),
            Place::Variable(index) => variables[index].clone(),
            Place::Constant(id) => match &self.plan.graph().node(id).op {
                Op::Constant(array) => array.clone(),
                op => panic!("{op:?} is no constant"),
            },
            Place::Arena(_) => {
                let range = arena_range(buffer).expect("it is in the arena");
                decode(&buffer.ty, &self.arena[range])
            }
        };
        assert_eq!(array.dtype(), buffer.ty.dtype, "a buffer changes its dtype");
        Value::from(&array.reshape(sizes).expect("a buffer keeps its number of elements"))
    }

    fn write(&mut self, buffer: &Buffer, value: &Value, variables: &mut [&mut Array]) {
        let array = value.to_array();
        assert_eq!(array.dtype(), buffer.ty.dtype, "a result changes its dtype");
        match buffer.place {
            Place::Variable(index) => {
                let shape = variables[index].shape().to_vec();
                *variables[index] = array.reshape(shape).expect("the variable's type");
            }
            Place::Arena(_) => {
                let range = arena_range(buffer).expect("it is in the arena");
                self.arena[range].copy_from_slice(&encode(&array));
            }
            Place::Input(_) | Place::Constant(_) => panic!("a plan writes to {:?}", buffer.place),
        }
    }

    /// Holds the places of every step against each other.
    fn check_plan(&self) {
        for step in self.plan.steps() {
            let outputs = &step.outputs;
            for (i, output) in outputs.iter().enumerate() {
                let free = outputs[..i].iter().all(|other| !overlap(output, other));
                assert!(free, "two results in one place: {step:?}");
                let operands = step.inputs.iter().enumerate();
                for (index, input) in operands.filter(|(_, input)| overlap(output, input)) {
                    let same = input.place == output.place
                        && input.ty.dtype.size() == output.ty.dtype.size();
                    assert!(same && self.in_step(step.kind, index, &input.ty.shape), "{step:?}");
                }
            }
            let Some(scratch) = &step.scratch else { continue };
            assert!(scratch.end <= self.arena.len() && scratch.start % ALIGNMENT == 0, "{step:?}");
            for buffer in step.inputs.iter().chain(outputs) {
                let apart = arena_range(buffer).is_none_or(|range| !cross(&range, scratch));
                assert!(apart, "scratch memory over an operand: {step:?}");
            }
        }
        for buffer in self.plan.steps().iter().flat_map(|step| &step.outputs) {
            let Some(range) = arena_range(buffer) else { continue };
            assert!(range.end <= self.arena.len() && range.start % ALIGNMENT == 0, "{buffer:?}");
        }
    }

    /// Whether an instruction reads an operand of this shape element by element, as it writes.
    fn in_step(&self, kind: StepKind, index: usize, shape: &Shape) -> bool {
        let StepKind::Node(id) = kind else { return false };
        match &self.plan.graph().node(id).op {
            Op::Fused(kernel) => kernel.reads_in_step(index, shape),
            op => op.is_elementwise(),
        }
    }
}

fn arena_range(buffer: &Buffer) -> Option<Range<usize>> {
    match buffer.place {
        Place::Arena(offset) => Some(offset..offset + buffer.ty.bytes()),
        _ => None,
    }
}

fn cross(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

fn overlap(a: &Buffer, b: &Buffer) -> bool {
    match (arena_range(a), arena_range(b)) {
        (Some(a), Some(b)) => cross(&a, &b),
        _ => a.place == b.place,
    }
}

fn encode(array: &Array) -> Vec<u8> {
    match array.values() {
        Values::F32(v) => v.iter().flat_map(|x| x.to_ne_bytes()).collect(),
        Values::I32(v) => v.iter().flat_map(|x| x.to_ne_bytes()).collect(),
        Values::U8(v) => v.clone(),
        Values::Bool(v) => v.iter().map(|&x| u8::from(x)).collect(),
    }
}

fn decode(ty: &TensorType, bytes: &[u8]) -> Array {
    let words = bytes.as_chunks::<4>().0;
    let values = match ty.dtype {
        DType::F32 => Values::F32(words.iter().map(|&w| f32::from_ne_bytes(w)).collect()),
        DType::I32 => Values::I32(words.iter().map(|&w| i32::from_ne_bytes(w)).collect()),
        DType::U8 => Values::U8(bytes.to_vec()),
        DType::Bool => Values::Bool(bytes.iter().map(|&b| b != 0).collect()),
    };
    Array::from_values(ty.shape.sizes(), values).expect("a buffer has its type's bytes")
}

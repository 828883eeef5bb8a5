//! A loaded plan: instructions with all sizes resolved, and their memory.

use crate::arena::Arena;
use crate::executor::Winograd;
use crate::kernels::{Io, Kernel, Request, build};
use crate::leaf::{Leaf, check_count};
use crate::pace::Pace;
use crate::simd::Instructions;
use crate::threads::{Crew, Pool};
use cornu_graph::executor::Nobody;
use cornu_graph::plan::{Buffer, Place, Step, StepKind};
use cornu_graph::{
    Array, DType, Element, Elements, Error, NodeId, Observer, Op, Plan, Program, Result,
    TensorType, Values, with_elements, with_values,
};
use std::sync::Arc;
use std::time::Instant;

/// Where an operand is: a block of memory, and bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub base: usize,
    pub offset: usize,
}

/// An instruction and its operands.
struct Instruction {
    kernel: Box<dyn Kernel>,
    inputs: Vec<Slot>,
    outputs: Vec<Slot>,
    scratch: Slot,
}

/// An output: where it is, and its type.
struct Output {
    offset: usize,
    ty: Leaf,
}

/// A plan that is ready to run on the CPU.
pub struct CpuProgram {
    instructions: Vec<Instruction>,
    /// The start of each block of memory: the arena, the inputs, the variables, the constants.
    bases: Vec<*mut u8>,
    inputs: Vec<Leaf>,
    variables: Vec<Leaf>,
    /// Which variables a run writes to; the others may share their elements with other arrays.
    written: Vec<bool>,
    outputs: Vec<Output>,
    arena: Arena,
    pool: Arc<Pool>,
    pace: Pace,
    /// Keeps the constants alive.
    plan: Plan,
}

// SAFETY: the pointers in `bases` are to memory that the program owns, or are set anew at the
// beginning of each run.
unsafe impl Send for CpuProgram {}

impl CpuProgram {
    pub(crate) fn new(
        plan: Plan,
        pool: Arc<Pool>,
        crew: Crew,
        instructions: Instructions,
        winograd: Winograd,
    ) -> Result<CpuProgram> {
        let arena = Arena::new(plan.arena_bytes())?;
        let mut bases = vec![arena.start()];
        bases.resize(1 + plan.inputs().len() + plan.variables().len(), std::ptr::null_mut());
        let mut loader = Loader { plan: &plan, bases, crew, instructions, winograd };
        let ready: Result<Vec<_>> = plan.steps().iter().map(|step| loader.load(step)).collect();
        let (ready, bases) = (ready?, loader.bases);
        let leaves = |types: &[TensorType]| types.iter().map(Leaf::from).collect();
        let outputs: Result<Vec<_>> = plan.outputs().iter().map(Output::new).collect();
        Ok(CpuProgram {
            instructions: ready,
            bases,
            inputs: leaves(plan.inputs()),
            variables: leaves(plan.variables()),
            written: written(&plan),
            outputs: outputs?,
            arena,
            pace: Pace::new(pool.threads()),
            pool,
            plan,
        })
    }

    /// Checks the inputs, and sets their addresses.
    fn feed(&mut self, inputs: &[&Array]) -> Result<()> {
        check_count("inputs", self.inputs.len(), inputs.len())?;
        for (i, (leaf, array)) in self.inputs.iter().zip(inputs).enumerate() {
            leaf.check("input", i, array)?;
        }
        self.set_inputs(inputs.iter().map(|&array| array.into()));
        Ok(())
    }

    /// Checks the elements of the inputs, and sets their addresses.
    fn feed_elements(&mut self, inputs: &[Elements<'_>]) -> Result<()> {
        check_count("inputs", self.inputs.len(), inputs.len())?;
        for (i, (leaf, elements)) in self.inputs.iter().zip(inputs).enumerate() {
            leaf.check_elements(i, *elements)?;
        }
        self.set_inputs(inputs.iter().copied());
        Ok(())
    }

    /// Sets the addresses of the inputs, which were checked.
    fn set_inputs<'a>(&mut self, inputs: impl Iterator<Item = Elements<'a>>) {
        for (base, elements) in self.bases[1..].iter_mut().zip(inputs) {
            *base = with_elements!(elements, slice => slice.as_ptr().cast_mut().cast());
        }
    }

    /// Runs on inputs that were checked, with variables that other programs may be reading.
    ///
    /// # Errors
    /// If the program writes to variables; as [`Program::run`].
    pub(crate) fn run_shared<'a>(
        &mut self,
        inputs: impl Iterator<Item = Elements<'a>>,
        variables: &[&mut Array],
        observer: &mut (impl Observer + ?Sized),
    ) -> Result<()> {
        if self.written.contains(&true) {
            return Err(Error::state("a program that writes to variables has them for itself"));
        }
        self.check_variables(variables)?;
        self.set_inputs(inputs);
        let bases = &mut self.bases[1 + self.inputs.len()..];
        bases.iter_mut().zip(variables).for_each(|(base, array)| *base = address(array));
        self.execute(observer);
        Ok(())
    }

    /// Runs on inputs that are set, with variables that the program has for itself.
    fn run_with(
        &mut self,
        variables: &mut [&mut Array],
        observer: &mut (impl Observer + ?Sized),
    ) -> Result<()> {
        self.check_variables(variables)?;
        let bases = &mut self.bases[1 + self.inputs.len()..];
        for ((base, array), &written) in bases.iter_mut().zip(variables).zip(&self.written) {
            *base = if written {
                with_values!(array.values_mut(), v => v.as_mut_ptr().cast())
            } else {
                address(array)
            };
        }
        self.execute(observer);
        Ok(())
    }

    fn check_variables(&self, variables: &[&mut Array]) -> Result<()> {
        check_count("variables", self.variables.len(), variables.len())?;
        let mut variables = self.variables.iter().zip(variables).enumerate();
        variables.try_for_each(|(i, (leaf, array))| leaf.check("variable", i, array))
    }

    /// Runs, when all addresses are set. The observer is a type, so that it costs nothing where
    /// nobody follows.
    fn execute(&mut self, observer: &mut (impl Observer + ?Sized)) {
        let session = self.pool.session(self.pace.threads());
        let begin = session.is_free().then(Instant::now);
        for (index, step) in self.instructions.iter().enumerate() {
            let io = Io {
                bases: &self.bases,
                inputs: &step.inputs,
                outputs: &step.outputs,
                scratch: step.scratch,
            };
            observer.begin(index);
            // SAFETY: the kernel was made for the types of its operands, which are where the plan
            // says; arrays were checked to have the plan's types, slices its numbers of elements.
            // Variables are borrowed for writing and their own if the plan writes to them, inputs
            // are borrowed for reading; the program is borrowed for writing.
            unsafe { step.kernel.run(io, &session) };
            observer.end(index);
        }
        match begin.filter(|_| session.is_free()) {
            Some(begin) => self.pace.took(begin.elapsed()),
            None => self.pace.disturbed(),
        }
    }

    fn lookup(&self, index: usize) -> Result<&Output> {
        self.outputs.get(index).ok_or_else(|| {
            Error::value(format!("output {index} of a program with {}", self.outputs.len()))
        })
    }

    /// The elements of an output; truth values as bytes.
    fn output_values<T: Element>(&self, output: &Output) -> &[T] {
        assert_eq!(T::DTYPE.size(), output.ty.dtype().size());
        // SAFETY: the plan puts outputs into the arena, at multiples of 64 bytes. The arena begins
        // as zeros. `T` is one of the numbers, for which all bytes are values.
        unsafe {
            let start = self.arena.start().add(output.offset).cast::<T>();
            std::slice::from_raw_parts(start, output.ty.len())
        }
    }

    /// The truth values of an output. They are read as bytes: after a panic amid a run there may
    /// be anything.
    fn output_bools(&self, output: &Output) -> impl Iterator<Item = bool> {
        self.output_values::<u8>(output).iter().map(|&byte| byte != 0)
    }

    /// The truth values of an output where they are.
    fn output_truths(&self, output: &Output) -> Result<&[bool]> {
        let bytes = self.output_values::<u8>(output);
        if bytes.iter().any(|&byte| byte > 1) {
            return Err(Error::state("the last run ended amid its work: run again"));
        }
        // SAFETY: they are bytes of 0 and 1, borrowed as long.
        Ok(unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) })
    }
}

impl Program for CpuProgram {
    fn run(&mut self, inputs: &[&Array], variables: &mut [&mut Array]) -> Result<()> {
        self.feed(inputs)?;
        self.run_with(variables, &mut Nobody)
    }

    fn run_on(&mut self, inputs: &[Elements<'_>], variables: &mut [&mut Array]) -> Result<()> {
        self.feed_elements(inputs)?;
        self.run_with(variables, &mut Nobody)
    }

    fn run_observed(
        &mut self,
        inputs: &[Elements<'_>],
        variables: &mut [&mut Array],
        observer: &mut dyn Observer,
    ) -> Result<()> {
        self.feed_elements(inputs)?;
        self.run_with(variables, observer)
    }

    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn elements(&self, index: usize) -> Result<Elements<'_>> {
        let output = self.lookup(index)?;
        Ok(match output.ty.dtype() {
            DType::F32 => Elements::F32(self.output_values(output)),
            DType::I32 => Elements::I32(self.output_values(output)),
            DType::U8 => Elements::U8(self.output_values(output)),
            DType::Bool => Elements::Bool(self.output_truths(output)?),
        })
    }

    fn output(&self, index: usize) -> Array {
        let output = &self.outputs[index];
        let values = match output.ty.dtype() {
            DType::F32 => Values::F32(self.output_values(output).to_vec()),
            DType::I32 => Values::I32(self.output_values(output).to_vec()),
            DType::U8 => Values::U8(self.output_values(output).to_vec()),
            DType::Bool => Values::Bool(self.output_bools(output).collect()),
        };
        Array::from_values(output.ty.shape(), values).expect("an output fills its shape")
    }

    fn read_output(&self, index: usize, into: &mut Array) -> Result<()> {
        let output = self.lookup(index)?;
        output.ty.check("output", index, into)?;
        match into.values_mut() {
            Values::F32(to) => to.copy_from_slice(self.output_values(output)),
            Values::I32(to) => to.copy_from_slice(self.output_values(output)),
            Values::U8(to) => to.copy_from_slice(self.output_values(output)),
            Values::Bool(to) => {
                to.iter_mut().zip(self.output_bools(output)).for_each(|(to, from)| *to = from);
            }
        }
        Ok(())
    }
}

/// Where the elements of an array are that is only read.
fn address(array: &Array) -> *mut u8 {
    with_values!(array.values(), values => values.as_ptr().cast_mut().cast())
}

/// Which variables the instructions of a plan write to.
fn written(plan: &Plan) -> Vec<bool> {
    let mut written = vec![false; plan.variables().len()];
    for output in plan.steps().iter().flat_map(|step| &step.outputs) {
        if let Place::Variable(index) = output.place {
            written[index] = true;
        }
    }
    written
}

impl Output {
    fn new(buffer: &Buffer) -> Result<Output> {
        match buffer.place {
            Place::Arena(offset) => Ok(Output { offset, ty: Leaf::from(&buffer.ty) }),
            place => {
                Err(Error::state(format!("the plan has an output outside the arena: {place:?}")))
            }
        }
    }
}

/// Turns steps into instructions.
struct Loader<'a> {
    plan: &'a Plan,
    bases: Vec<*mut u8>,
    crew: Crew,
    instructions: Instructions,
    winograd: Winograd,
}

impl Loader<'_> {
    fn load(&mut self, step: &Step) -> Result<Instruction> {
        let inputs: Vec<&TensorType> = step.inputs.iter().map(|b| &b.ty).collect();
        let outputs: Vec<TensorType> = step.outputs.iter().map(|b| b.ty.clone()).collect();
        let mut shared = vec![];
        for (i, input) in step.inputs.iter().enumerate() {
            let same = |(_, output): &(usize, &Buffer)| output.place == input.place;
            shared.extend(step.outputs.iter().enumerate().filter(same).map(|(o, _)| (i, o)));
        }
        let copy;
        let op = match step.kind {
            StepKind::Node(id) => &self.plan.graph().node(id).op,
            StepKind::Copy => {
                copy = Op::Reshape(outputs[0].shape.clone());
                &copy
            }
        };
        let kernel = build(&Request {
            op,
            inputs: &inputs,
            outputs: &outputs,
            shared: &shared,
            instructions: self.instructions,
            crew: self.crew,
            winograd: self.winograd,
        });
        let scratch = step.scratch.clone().unwrap_or(0..0);
        self.check_scratch(kernel.as_ref(), scratch.len(), op)?;
        Ok(Instruction {
            kernel,
            inputs: step.inputs.iter().map(|b| self.slot(b)).collect::<Result<_>>()?,
            outputs: step.outputs.iter().map(|b| self.slot(b)).collect::<Result<_>>()?,
            scratch: Slot { base: 0, offset: scratch.start },
        })
    }

    fn check_scratch(&self, kernel: &dyn Kernel, given: usize, op: &Op) -> Result<()> {
        if kernel.scratch() <= given {
            return Ok(());
        }
        let wanted = kernel.scratch();
        Err(Error::state(format!("{op:?} needs {wanted} bytes of scratch, the plan has {given}"))
            .help("make the plan with this backend's Executor::scratch"))
    }

    fn slot(&mut self, buffer: &Buffer) -> Result<Slot> {
        let inputs = self.plan.inputs().len();
        let at = |base: usize| Slot { base, offset: 0 };
        match buffer.place {
            Place::Arena(offset) => Ok(Slot { base: 0, offset }),
            Place::Input(index) => Ok(at(1 + index)),
            Place::Variable(index) if index < self.plan.variables().len() => {
                Ok(at(1 + inputs + index))
            }
            Place::Variable(index) => {
                Err(Error::state(format!("variable {index} is updated but not declared")))
            }
            Place::Constant(id) => Ok(at(self.constant(id)?)),
        }
    }

    /// The block of a constant.
    fn constant(&mut self, id: NodeId) -> Result<usize> {
        let Op::Constant(array) = &self.plan.graph().node(id).op else {
            return Err(Error::state(format!("node {} is no constant", id.0)));
        };
        let start = with_values!(array.values(), v => v.as_ptr().cast_mut().cast::<u8>());
        let known = self.bases.iter().position(|&base| base == start);
        Ok(known.unwrap_or_else(|| {
            self.bases.push(start);
            self.bases.len() - 1
        }))
    }
}

//! From a fused kernel to steps over tiles: where every value lives while a tile is worked on.
//!
//! A value is read where it is, written where it goes, or kept in a register: a tile's length of
//! memory in the L1 cache, given back when the value has been read for the last time.

use super::pairs::{Action, Combined, combine, pair};
use super::roots;
use super::step::{Run, SPLAT, cycles, function};
use super::tiles::{Cut, Operand, Reading, Tiles, broadcast_strides};
use crate::simd::Instructions;
use cornu_graph::DType;
use cornu_graph::fused::{Kernel, ScalarOp};

/// A place in the table of addresses that each thread keeps: first the inputs, then the outputs,
/// then the registers and constants.
pub(super) type Entry = usize;

/// One step, ready to run on a tile.
pub(super) struct Step {
    pub run: Run,
    pub out: Entry,
    pub args: [Entry; 3],
    pub splat: [bool; 3],
}

/// A compiled kernel.
pub(super) struct Program {
    pub tiles: Tiles,
    pub operands: Vec<Operand>,
    /// The bytes of an element of each input.
    pub input_sizes: Vec<usize>,
    /// The bytes of an element of each output.
    pub output_sizes: Vec<usize>,
    pub steps: Vec<Step>,
    /// Where each entry after the outputs, and each input that is not read directly, is in a
    /// thread's scratch memory.
    pub offsets: Vec<Option<usize>>,
    /// Constants: their entry and their bytes.
    pub constants: Vec<(Entry, [u8; SPLAT])>,
    /// Bytes of scratch memory for each thread.
    pub scratch: usize,
    /// About how many cycles a tile takes.
    pub cycles: usize,
}

impl Program {
    /// The bytes of registers and constants, which follow the table of addresses.
    pub(super) fn registers(&self) -> usize {
        self.scratch - table_bytes(self.offsets.len())
    }
}

/// The bytes of a table of addresses.
fn table_bytes(entries: usize) -> usize {
    (entries * size_of::<*mut u8>()).next_multiple_of(64)
}

/// How many elements a tile has, and how many if many values are alive at once: they all have to
/// fit the L1 cache.
const TILES: [usize; 2] = [1024, 512];
/// As many values of the larger tile fit the cache.
const STREAMS: usize = 10;

/// Compiles a kernel whose inputs have the given shapes: the better tile first, then the other.
/// `shared` names inputs and outputs that are the same memory.
pub(super) fn compile(
    kernel: &Kernel,
    inputs: &[Vec<usize>],
    shared: &[(usize, usize)],
    instructions: Instructions,
    cut: Cut,
) -> [Program; 2] {
    let program = |tile| {
        let shape = kernel.shape.sizes();
        let strides: Vec<_> = inputs.iter().map(|from| broadcast_strides(from, &shape)).collect();
        compile_for(kernel, Tiles::new(&shape, &strides, tile, cut), shared, instructions)
    };
    let [large, small] = TILES.map(program);
    let registers = large.registers() / (4 * TILES[0]);
    if registers + inputs.len() > STREAMS { [small, large] } else { [large, small] }
}

fn compile_for(
    kernel: &Kernel,
    (tiles, operands): (Tiles, Vec<Operand>),
    shared: &[(usize, usize)],
    instructions: Instructions,
) -> Program {
    let mut compiler = Compiler::new(kernel, &operands, tiles.largest(), shared, instructions);
    compiler.place_inputs(&operands);
    compiler.add_steps();
    compiler.add_copies();
    // Each operand counts as a step, too.
    let work: usize = kernel.steps.iter().map(|s| cycles(s.op)).sum();
    let work = work + kernel.inputs.len() + kernel.outputs.len();
    let size = |&v: &usize| kernel.dtype(v).size();
    Program {
        cycles: tiles.largest() * work / 16 + 20 * (compiler.steps.len() + 1),
        tiles,
        operands,
        input_sizes: kernel.inputs.iter().map(|d| d.size()).collect(),
        output_sizes: kernel.outputs.iter().map(size).collect(),
        scratch: compiler.scratch + table_bytes(compiler.offsets.len()),
        steps: compiler.steps,
        offsets: compiler.offsets,
        constants: compiler.constants,
    }
}

struct Compiler<'a> {
    kernel: &'a Kernel,
    /// The steps of the kernel, some joined.
    combined: Vec<Combined>,
    instructions: Instructions,
    shared: &'a [(usize, usize)],
    /// The length of a register in elements.
    tile: usize,
    /// The entry of each value that has been placed.
    entry: Vec<Option<Entry>>,
    /// Whether a value is one element repeated.
    splat: Vec<bool>,
    /// The last step that reads a value; copies to outputs come after all steps.
    last_read: Vec<usize>,
    steps: Vec<Step>,
    offsets: Vec<Option<usize>>,
    constants: Vec<(Entry, [u8; SPLAT])>,
    /// Registers that are free, of elements of one byte and of four.
    free: [Vec<Entry>; 2],
    scratch: usize,
}

impl<'a> Compiler<'a> {
    fn new(
        kernel: &'a Kernel,
        operands: &[Operand],
        tile: usize,
        shared: &'a [(usize, usize)],
        instructions: Instructions,
    ) -> Compiler<'a> {
        let (inputs, outputs) = (kernel.inputs.len(), kernel.outputs.len());
        let mut last_read = vec![0; inputs + kernel.steps.len()];
        let combined = combine(kernel);
        for (i, step) in combined.iter().enumerate() {
            step.args.iter().for_each(|&arg| last_read[arg] = i);
        }
        kernel.outputs.iter().for_each(|&value| last_read[value] = usize::MAX);
        let mut splat = vec![false; inputs + kernel.steps.len()];
        for (i, operand) in operands.iter().enumerate() {
            splat[i] = operand.reading == Reading::Splat;
        }
        Compiler {
            kernel,
            combined,
            instructions,
            shared,
            tile,
            entry: vec![None; inputs + kernel.steps.len()],
            splat,
            last_read,
            steps: vec![],
            offsets: vec![None; inputs + outputs],
            constants: vec![],
            free: [vec![], vec![]],
            scratch: 0,
        }
    }

    /// Takes bytes of scratch memory; returns their offset.
    fn take(&mut self, bytes: usize) -> usize {
        let offset = self.scratch;
        self.scratch += bytes.next_multiple_of(64);
        offset
    }

    fn place_inputs(&mut self, operands: &[Operand]) {
        for (i, operand) in operands.iter().enumerate() {
            let size = self.kernel.inputs[i].size();
            self.offsets[i] = match operand.reading {
                Reading::Direct => None,
                Reading::Splat => Some(self.take(SPLAT)),
                Reading::Fill => Some(self.take(self.tile * size)),
            };
            self.entry[i] = Some(i);
        }
    }

    /// A register for elements of a size.
    fn register(&mut self, size: usize) -> Entry {
        if let Some(entry) = self.free[usize::from(size == 4)].pop() {
            return entry;
        }
        let offset = self.take(self.tile * size);
        self.offsets.push(Some(offset));
        self.offsets.len() - 1
    }

    fn constant(&mut self, number: f64, dtype: DType) -> Entry {
        let offset = self.take(SPLAT);
        self.offsets.push(Some(offset));
        let entry = self.offsets.len() - 1;
        let mut bytes = [0; SPLAT];
        for element in bytes.chunks_exact_mut(dtype.size()) {
            match dtype {
                DType::F32 => element.copy_from_slice(&(number as f32).to_ne_bytes()),
                DType::I32 => element.copy_from_slice(&(number as i64 as i32).to_ne_bytes()),
                DType::U8 => element[0] = number as i64 as u8,
                DType::Bool => element[0] = u8::from(number != 0.0),
            }
        }
        self.constants.push((entry, bytes));
        entry
    }

    fn add_steps(&mut self) {
        for index in 0..self.combined.len() {
            let Combined { value, action, args, dtype } = self.combined[index].clone();
            if let Action::One(ScalarOp::Constant(number)) = action {
                self.entry[value] = Some(self.constant(number, dtype));
                self.splat[value] = true;
                continue;
            }
            let size = dtype.size();
            // A step may write over an operand that it is the last to read, if the elements have
            // the same size.
            self.release(index, |of| of == size);
            let out = match self.output_of(value, index) {
                Some(output) => self.kernel.inputs.len() + output,
                None => self.register(size),
            };
            self.release(index, |of| of != size);
            self.entry[value] = Some(out);
            let run = match action {
                Action::One(op) => {
                    let of = args.first().map_or(dtype, |&a| self.kernel.dtype(a));
                    function(op, of, dtype, self.instructions)
                }
                Action::Left(first, second) => pair(first, second, true, self.instructions),
                Action::Right(first, second) => pair(first, second, false, self.instructions),
                Action::OverRoot => roots::over_root(self.instructions),
            };
            self.push(run, out, &args);
            if self.last_read[value] < index {
                // Nobody reads it; the fusion pass leaves no such step.
                self.give_back(value);
            }
        }
    }

    /// Gives back the registers of values that are read for the last time by a step.
    fn release(&mut self, step: usize, sized: impl Fn(usize) -> bool) {
        let mut args = self.combined[step].args.clone();
        args.sort_unstable();
        args.dedup();
        for value in args {
            if self.last_read[value] == step && sized(self.kernel.dtype(value).size()) {
                self.give_back(value);
            }
        }
    }

    fn give_back(&mut self, value: usize) {
        let is_register =
            |entry: Entry| entry >= self.kernel.inputs.len() + self.kernel.outputs.len();
        match self.entry[value] {
            Some(entry) if is_register(entry) && !self.splat[value] => {
                let size = self.kernel.dtype(value).size();
                self.free[usize::from(size == 4)].push(entry);
            }
            _ => {}
        }
    }

    /// The output to which a step's result can be written at once: its first, unless a later step
    /// still reads an input that is the same memory.
    fn output_of(&self, value: usize, step: usize) -> Option<usize> {
        let output = self.kernel.outputs.iter().position(|&v| v == value)?;
        let overwritten = self.shared.iter().filter(|&&(_, o)| o == output).map(|&(i, _)| i);
        overwritten.into_iter().all(|input| self.is_done(input, step)).then_some(output)
    }

    /// Whether no step after this one reads an input.
    fn is_done(&self, input: usize, step: usize) -> bool {
        let read_later = self.combined[step + 1..].iter().any(|s| s.args.contains(&input));
        !read_later && !self.kernel.outputs.contains(&input)
    }

    /// Copies to the outputs what has not been written there at once.
    fn add_copies(&mut self) {
        let inputs = self.kernel.inputs.len();
        let mut copies = vec![];
        for (output, &value) in self.kernel.outputs.iter().enumerate() {
            if self.entry[value] == Some(inputs + output) {
                continue;
            }
            copies.push((output, value));
            // An input may be the same memory as another output: it is saved first.
            if value < inputs && !self.shared.is_empty() && !self.splat[value] {
                let register = self.register(self.kernel.dtype(value).size());
                self.copy(value, register);
                self.entry[value] = Some(register);
            }
        }
        for (output, value) in copies {
            self.copy(value, inputs + output);
        }
    }

    fn copy(&mut self, value: usize, to: Entry) {
        let dtype = self.kernel.dtype(value);
        let run = function(ScalarOp::Cast, dtype, dtype, self.instructions);
        self.push(run, to, &[value]);
    }

    fn push(&mut self, run: Run, out: Entry, values: &[usize]) {
        let mut step = Step { run, out, args: [out; 3], splat: [false; 3] };
        for (i, &value) in values.iter().enumerate() {
            step.args[i] = self.entry[value].expect("values are placed before they are read");
            step.splat[i] = self.splat[value];
        }
        self.steps.push(step);
    }
}

//! From a fused kernel to steps over tiles: where every value lives while a tile is worked on.
//!
//! A value is read where it is, written where it goes, or kept in a register: a tile's length of
//! memory in the L1 cache, given back when the value has been read for the last time.

use super::pairs::{Action, Combined, pair};
use super::phrases::{Phrase, Text};
use super::roots;
use super::step::{Run, SPLAT, cycles, function};
use super::tiles::{Cut, Operand, Reading, Tiles, broadcast_strides};
use super::units::{Values, units};
use crate::simd::Instructions;
use cornu_graph::fused::{Kernel, ScalarOp};

/// A place in the table of addresses that each thread keeps: first the inputs, then the outputs,
/// then the registers and constants.
pub(super) type Entry = usize;

/// One step or several, ready to run on a tile.
pub(super) enum Step {
    Function { run: Run, out: Entry, args: [Entry; 3], splat: [bool; 3] },
    Phrase(Phrase),
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
/// `shared` names inputs and outputs that are the same memory; `phrases` allows machine code.
pub(super) fn compile(
    kernel: &Kernel,
    inputs: &[Vec<usize>],
    shared: &[(usize, usize)],
    (instructions, phrases): (Instructions, bool),
    cut: Cut,
) -> [Program; 2] {
    let shape = kernel.shape.sizes();
    let strides: Vec<_> = inputs.iter().map(|from| broadcast_strides(from, &shape)).collect();
    let program = |tile, phrases| {
        let (tiles, operands) = Tiles::new(&shape, &strides, tile, cut);
        let values = Values::new(kernel, &operands);
        let units = units(&values, phrases);
        let compiler = Compiler::new(&values, units, tiles.largest(), shared, instructions);
        compiler.compile(tiles, operands)
    };
    let [large, small] = TILES.map(|tile| {
        let with_phrases = phrases.then(|| program(tile, true)).flatten();
        with_phrases.or_else(|| program(tile, false)).expect("functions are there already")
    });
    let registers = large.registers() / (4 * TILES[0]);
    if registers + inputs.len() > STREAMS { [small, large] } else { [large, small] }
}

struct Compiler<'a> {
    kernel: &'a Kernel,
    values: &'a Values<'a>,
    /// The steps that run at once: those of a phrase, or one alone.
    units: Vec<Vec<Combined>>,
    instructions: Instructions,
    shared: &'a [(usize, usize)],
    /// The length of a register in elements.
    tile: usize,
    /// The entry of each value that has been placed.
    entry: Vec<Option<Entry>>,
    /// The last unit that reads a value; copies to outputs come after all of them.
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
        values: &'a Values<'a>,
        units: Vec<Vec<Combined>>,
        tile: usize,
        shared: &'a [(usize, usize)],
        instructions: Instructions,
    ) -> Compiler<'a> {
        let kernel = values.kernel;
        let mut last_read = vec![0; values.count()];
        for (index, unit) in units.iter().enumerate() {
            unit.iter().flat_map(|step| &step.args).for_each(|&arg| last_read[arg] = index);
        }
        kernel.outputs.iter().for_each(|&value| last_read[value] = usize::MAX);
        Compiler {
            kernel,
            values,
            units,
            instructions,
            shared,
            tile,
            entry: vec![None; values.count()],
            last_read,
            steps: vec![],
            offsets: vec![None; kernel.inputs.len() + kernel.outputs.len()],
            constants: vec![],
            free: [vec![], vec![]],
            scratch: 0,
        }
    }

    /// `None` if the system has no memory for a phrase.
    fn compile(mut self, tiles: Tiles, operands: Vec<Operand>) -> Option<Program> {
        self.place_inputs(&operands);
        self.add_units()?;
        self.add_copies();
        // Each operand counts as a step, too.
        let kernel = self.kernel;
        let work: usize = kernel.steps.iter().map(|s| cycles(s.op)).sum();
        let work = work + kernel.inputs.len() + kernel.outputs.len();
        let size = |&v: &usize| kernel.dtype(v).size();
        Some(Program {
            cycles: tiles.largest() * work / 16 + 20 * (self.steps.len() + 1),
            tiles,
            operands,
            input_sizes: kernel.inputs.iter().map(|d| d.size()).collect(),
            output_sizes: kernel.outputs.iter().map(size).collect(),
            scratch: self.scratch + table_bytes(self.offsets.len()),
            steps: self.steps,
            offsets: self.offsets,
            constants: self.constants,
        })
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

    /// The entry of a constant, which has one as soon as something reads it.
    fn constant(&mut self, value: usize) -> Entry {
        let element = self.values.constant(value).expect("values are placed before they are read");
        let size = self.values.dtype(value).size();
        let offset = self.take(SPLAT);
        self.offsets.push(Some(offset));
        let entry = self.offsets.len() - 1;
        self.constants.push((entry, std::array::from_fn(|i| element[i % size])));
        self.entry[value] = Some(entry);
        entry
    }

    fn add_units(&mut self) -> Option<()> {
        for index in 0..self.units.len() {
            let unit = self.units[index].clone();
            // Results may be written over what is read for the last time.
            self.release(index);
            match &unit[..] {
                [step] => self.add_function(step, index),
                steps => self.add_phrase(steps, index)?,
            }
        }
        Some(())
    }

    fn add_function(&mut self, step: &Combined, unit: usize) {
        let Combined { value, action, args, dtype } = step;
        let run = match *action {
            Action::One(op) => {
                let of = args.first().map_or(*dtype, |&arg| self.kernel.dtype(arg));
                function(op, of, *dtype, self.instructions)
            }
            Action::Left(first, second) => pair(first, second, true, self.instructions),
            Action::Right(first, second) => pair(first, second, false, self.instructions),
            Action::OverRoot => roots::over_root(self.instructions),
        };
        let out = self.place(*value, unit);
        self.push(run, out, args);
        if self.last_read[*value] < unit {
            // Nobody reads it; the fusion pass leaves no such step.
            self.give_back(*value);
        }
    }

    fn add_phrase(&mut self, steps: &[Combined], unit: usize) -> Option<()> {
        let values = steps.iter().map(|step| step.value);
        let needed: Vec<_> = values.filter(|&value| self.last_read[value] > unit).collect();
        let results: Vec<_> =
            needed.iter().map(|&value| (value, self.place(value, unit))).collect();
        let read = steps.iter().flat_map(|step| &step.args);
        read.filter(|&&arg| self.values.constant(arg).is_some()).for_each(|&arg| {
            self.placed(arg);
        });
        let entry = |value: usize| self.entry[value].expect("what is read from outside is placed");
        let text = Text { steps, values: self.values, entry: &entry, results: &results };
        let phrase = Phrase::new(&text)?;
        self.steps.push(Step::Phrase(phrase));
        Some(())
    }

    /// The entry of a value that is read.
    fn placed(&mut self, value: usize) -> Entry {
        self.entry[value].unwrap_or_else(|| self.constant(value))
    }

    /// Where a unit writes a value.
    fn place(&mut self, value: usize, unit: usize) -> Entry {
        let entry = match self.output_of(value, unit) {
            Some(output) => self.kernel.inputs.len() + output,
            None => self.register(self.kernel.dtype(value).size()),
        };
        self.entry[value] = Some(entry);
        entry
    }

    /// Gives back the registers of values that are read for the last time by a unit.
    fn release(&mut self, unit: usize) {
        let mut args: Vec<_> = self.units[unit].iter().flat_map(|step| step.args.clone()).collect();
        args.sort_unstable();
        args.dedup();
        for value in args {
            if self.last_read[value] == unit {
                self.give_back(value);
            }
        }
    }

    fn give_back(&mut self, value: usize) {
        let is_register =
            |entry: Entry| entry >= self.kernel.inputs.len() + self.kernel.outputs.len();
        match self.entry[value] {
            Some(entry) if is_register(entry) && !self.values.is_splat(value) => {
                let size = self.kernel.dtype(value).size();
                self.free[usize::from(size == 4)].push(entry);
            }
            _ => {}
        }
    }

    /// The output to which a unit's result can be written at once: its first, unless a later unit
    /// still reads an input that is the same memory.
    fn output_of(&self, value: usize, unit: usize) -> Option<usize> {
        let output = self.kernel.outputs.iter().position(|&v| v == value)?;
        let overwritten = self.shared.iter().filter(|&&(_, o)| o == output).map(|&(i, _)| i);
        overwritten.into_iter().all(|input| self.is_done(input, unit)).then_some(output)
    }

    /// Whether no unit after this one reads an input.
    fn is_done(&self, input: usize, unit: usize) -> bool {
        let mut later = self.units[unit + 1..].iter().flatten();
        let read_later = later.any(|step| step.args.contains(&input));
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
            if value < inputs && !self.shared.is_empty() && !self.values.is_splat(value) {
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
        let (mut args, mut splat) = ([out; 3], [false; 3]);
        for (i, &value) in values.iter().enumerate() {
            args[i] = self.placed(value);
            splat[i] = self.values.is_splat(value);
        }
        self.steps.push(Step::Function { run, out, args, splat });
    }
}

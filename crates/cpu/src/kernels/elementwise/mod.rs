//! Elementwise loops, alone or fused: one tile after the other, each step over the whole tile while
//! it is in the L1 cache.

mod cast;
mod compile;
mod fill;
mod float;
mod pairs;
#[cfg(all(test, unix, target_arch = "x86_64"))]
mod phrase_tests;
mod phrases;
mod product;
mod roots;
mod step;
#[cfg(test)]
mod tests;
mod tiles;
mod units;
mod whole;

use super::{Io, Kernel, Request};
use crate::threads::{Session, part};
use compile::{Program, Step, compile};
use cornu_graph::fused::{self, ScalarOp};
use cornu_graph::{Op, TensorType};
use fill::fill;
pub(crate) use product::ProductLoop;
use step::{Operands, SPLAT};
use tiles::{Cut, Reading, Tile};

/// The kernel of all elementwise ops, of [`Op::Fused`] and of [`Op::Broadcast`].
pub(crate) struct Elementwise {
    program: Program,
    /// Whether the first input is handed in, the element of a product.
    product: bool,
    parts: usize,
    /// Bytes of scratch memory. Of both tiles the larger: a plan asks before it knows which operands
    /// share memory, and where fewer do than all, the other tile may turn out to be the better one.
    scratch: usize,
}

impl Elementwise {
    /// The kernel for a request whose op is one of these; `None` if it is another.
    pub(crate) fn new(request: &Request<'_>) -> Option<Elementwise> {
        let kernel = match request.op {
            Op::Fused(kernel) => (**kernel).clone(),
            op => single(op, request.inputs, &request.outputs[0])?,
        };
        Some(Elementwise::from_kernel(&kernel, request, Cut::Anywhere))
    }

    fn from_kernel(kernel: &fused::Kernel, request: &Request<'_>, cut: Cut) -> Elementwise {
        let (shapes, shared) = operands(kernel, request);
        let way = (request.instructions, phrases::can_write(request.instructions));
        let programs = compile(kernel, &shapes, &shared, way, cut);
        Elementwise::from_programs(programs, kernel, request)
    }

    /// The kernel that runs the first of two programs, with scratch memory for both.
    fn from_programs(
        programs: [Program; 2],
        kernel: &fused::Kernel,
        request: &Request<'_>,
    ) -> Elementwise {
        let parts = programs.each_ref().map(|program| {
            let count = program.tiles.count();
            request.crew.tasks(program.cycles * count, count)
        });
        let scratch = programs.iter().zip(parts).map(|(program, parts)| parts * program.scratch);
        let scratch = scratch.max().unwrap_or_default();
        let [program, _] = programs;
        Elementwise { program, product: kernel.product.is_some(), parts: parts[0], scratch }
    }

    /// Works on the tiles of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`]; `product` is where the elements of a product are, if there is one.
    unsafe fn part(&self, io: Io<'_>, index: usize, product: *const f32) {
        let program = &self.program;
        // SAFETY: each thread has its own scratch memory, of the size the program tells, and its
        // own tiles.
        unsafe {
            let scratch = io.scratch::<u8>().wrapping_add(index * program.scratch);
            let mut thread = self.begin(io, scratch);
            for tile in part(program.tiles.count(), self.parts, index) {
                let tile = program.tiles.tile(tile);
                thread.tile(tile, product.wrapping_add(tile.start));
            }
        }
    }

    /// Makes a thread ready to work on tiles.
    ///
    /// # Safety
    /// As [`Kernel::run`]; nobody else uses the scratch memory, which has the size that the program
    /// tells.
    unsafe fn begin<'a>(&'a self, io: Io<'a>, scratch: *mut u8) -> Thread<'a> {
        let (program, product) = (&self.program, self.product);
        let mut thread = Thread { program, product, io, table: scratch.cast() };
        // SAFETY: by the contract of this function.
        unsafe { thread.start(scratch.wrapping_add(program.scratch)) };
        thread
    }
}

/// The shapes of the values that a loop reads, and those that share memory with its results: of a
/// product the first value is handed in, and shares nothing.
fn operands(
    kernel: &fused::Kernel,
    request: &Request<'_>,
) -> (Vec<Vec<usize>>, Vec<(usize, usize)>) {
    let sizes = |ty: &&TensorType| ty.shape.sizes();
    if kernel.product.is_none() {
        return (request.inputs.iter().map(sizes).collect(), request.shared.to_vec());
    }
    let rest = request.inputs[kernel.operands()..].iter().map(sizes);
    let shapes = std::iter::once(kernel.shape.sizes()).chain(rest).collect();
    let shared = request.shared.iter().filter(|(input, _)| *input >= kernel.operands());
    (shapes, shared.map(|&(input, output)| (input - 1, output)).collect())
}

impl Kernel for Elementwise {
    fn scratch(&self) -> usize {
        self.scratch
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        session.run(self.parts, &|index| unsafe { self.part(io, index, std::ptr::null()) });
    }
}

/// One thread's share of a loop.
struct Thread<'a> {
    program: &'a Program,
    product: bool,
    io: Io<'a>,
    /// The address of each entry.
    table: *mut *mut u8,
}

impl Thread<'_> {
    /// Sets the addresses that stay, and writes what is the same in all tiles. The registers end at
    /// `end`.
    ///
    /// # Safety
    /// The scratch memory is as large as the program tells.
    unsafe fn start(&mut self, end: *mut u8) {
        let program = self.program;
        let registers = end.wrapping_sub(program.registers());
        // SAFETY: by the contract of this function.
        unsafe {
            for (entry, offset) in program.offsets.iter().enumerate() {
                if let Some(offset) = offset {
                    *self.table.add(entry) = registers.add(*offset);
                }
            }
            for (entry, bytes) in &program.constants {
                (*self.table.add(*entry)).cast::<[u8; SPLAT]>().write(*bytes);
            }
            for input in 0..program.operands.len() {
                let operand = &program.operands[input];
                if operand.fixed && operand.reading != Reading::Direct {
                    self.expand(input, 0, program.tiles.largest());
                }
            }
        }
    }

    /// Writes an input that is repeated to its own memory, from an element on.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn expand(&self, input: usize, offset: usize, len: usize) {
        let operand = &self.program.operands[input];
        let size = self.program.input_sizes[input];
        // SAFETY: the input holds the elements that the operand's strides reach; its memory holds a
        // tile, or a splat.
        unsafe {
            let from = self.input(input).add(offset * size);
            let to = *self.table.add(input);
            match (operand.reading, size) {
                (Reading::Splat, 4) => fill::<u32>(to.cast(), from.cast(), SPLAT_AXIS, SPLAT / 4),
                (Reading::Splat, _) => fill::<u8>(to, from, SPLAT_AXIS, SPLAT),
                (_, 4) => fill::<u32>(to.cast(), from.cast(), operand.axes(), len),
                (_, _) => fill::<u8>(to, from, operand.axes(), len),
            }
        }
    }

    /// Where the memory of an input starts that is not handed in.
    fn input(&self, input: usize) -> *const u8 {
        self.io.input(input + usize::from(self.product))
    }

    /// Runs all steps on one tile. The elements of a product for it are at `product`.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn tile(&mut self, tile: Tile, product: *const f32) {
        let program = self.program;
        // SAFETY: by the contract of this function; the table has an entry for each operand.
        unsafe {
            for (input, operand) in program.operands.iter().enumerate() {
                if self.product && input == 0 {
                    *self.table = product.cast_mut().cast();
                } else if operand.reading == Reading::Direct {
                    let offset = program.tiles.offset(operand, tile) * program.input_sizes[input];
                    *self.table.add(input) = self.input(input).add(offset).cast_mut();
                } else if !operand.fixed {
                    self.expand(input, program.tiles.offset(operand, tile), tile.len);
                }
            }
            for (output, size) in program.output_sizes.iter().enumerate() {
                let to = self.io.output::<u8>(output).add(tile.start * size);
                *self.table.add(program.operands.len() + output) = to;
            }
            for step in &program.steps {
                match step {
                    Step::Phrase(phrase) => phrase.run(self.table, tile.len),
                    Step::Function { run, out, args, splat } => run(&Operands {
                        out: *self.table.add(*out),
                        args: args.map(|entry| (*self.table.add(entry)).cast_const()),
                        splat: *splat,
                        len: tile.len,
                    }),
                }
            }
        }
    }
}

/// One element, repeated.
const SPLAT_AXIS: &[(usize, usize)] = &[(SPLAT, 0)];

/// A loop of one step.
fn single(op: &Op, inputs: &[&TensorType], output: &TensorType) -> Option<fused::Kernel> {
    let op = match op {
        Op::Unary(op) => ScalarOp::Unary(*op),
        Op::Binary(op) => ScalarOp::Binary(*op),
        Op::Compare(op) => ScalarOp::Compare(*op),
        Op::Select => ScalarOp::Select,
        Op::Cast(_) => ScalarOp::Cast,
        Op::Broadcast(_) => return Some(broadcast(inputs[0], output)),
        _ => return None,
    };
    let args = (0..inputs.len()).collect();
    Some(fused::Kernel {
        product: None,
        shape: output.shape.clone(),
        inputs: inputs.iter().map(|ty| ty.dtype).collect(),
        steps: vec![fused::Step { op, args, dtype: output.dtype }],
        outputs: vec![inputs.len()],
    })
}

/// A loop without steps, whose result is its input, repeated to the shape of the output.
fn broadcast(input: &TensorType, output: &TensorType) -> fused::Kernel {
    fused::Kernel {
        product: None,
        shape: output.shape.clone(),
        inputs: vec![input.dtype],
        steps: vec![],
        outputs: vec![0],
    }
}

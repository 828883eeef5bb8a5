//! Elementwise loops, alone or fused: one tile after the other, each step over the whole tile while
//! it is in the L1 cache.

mod cast;
mod compile;
mod fill;
mod float;
mod pairs;
mod step;
mod tiles;
mod whole;

use super::{Io, Kernel, Request};
use crate::threads::{Session, part};
use compile::{Program, compile};
use cornu_graph::fused::{self, ScalarOp};
use cornu_graph::{Op, TensorType};
use fill::fill;
use step::{Operands, SPLAT};
use tiles::{Reading, Tile};

/// The kernel of all elementwise ops, of [`Op::Fused`] and of [`Op::Broadcast`].
pub(crate) struct Elementwise {
    program: Program,
    parts: usize,
}

impl Elementwise {
    /// The kernel for a request whose op is one of these; `None` if it is another.
    pub(crate) fn new(request: &Request<'_>) -> Option<Elementwise> {
        let kernel = match request.op {
            Op::Fused(kernel) => (**kernel).clone(),
            op => single(op, request.inputs, &request.outputs[0])?,
        };
        Some(Elementwise::from_kernel(&kernel, request))
    }

    fn from_kernel(kernel: &fused::Kernel, request: &Request<'_>) -> Elementwise {
        let shapes: Vec<_> = request.inputs.iter().map(|ty| ty.shape.sizes()).collect();
        let program = compile(kernel, &shapes, request.shared, request.instructions);
        let count = program.tiles.count();
        let parts = request.crew.tasks(program.cycles * count, count);
        Elementwise { program, parts }
    }

    /// Works on the tiles of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn part(&self, io: Io<'_>, index: usize) {
        let program = &self.program;
        // SAFETY: each thread has its own scratch memory, of the size the program tells, and its
        // own tiles.
        unsafe {
            let scratch = io.scratch::<u8>().wrapping_add(index * program.scratch);
            let mut thread = Thread { program, io, table: scratch.cast() };
            thread.start(scratch.wrapping_add(program.scratch));
            for tile in part(program.tiles.count(), self.parts, index) {
                thread.tile(program.tiles.tile(tile));
            }
        }
    }
}

impl Kernel for Elementwise {
    fn scratch(&self) -> usize {
        self.parts * self.program.scratch
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        session.run(self.parts, &|index| unsafe { self.part(io, index) });
    }
}

/// One thread's share of a loop.
struct Thread<'a> {
    program: &'a Program,
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
            let from = self.io.input::<u8>(input).add(offset * size);
            let to = *self.table.add(input);
            match (operand.reading, size) {
                (Reading::Splat, 4) => fill::<u32>(to.cast(), from.cast(), SPLAT_AXIS, SPLAT / 4),
                (Reading::Splat, _) => fill::<u8>(to, from, SPLAT_AXIS, SPLAT),
                (_, 4) => fill::<u32>(to.cast(), from.cast(), operand.axes(), len),
                (_, _) => fill::<u8>(to, from, operand.axes(), len),
            }
        }
    }

    /// Runs all steps on one tile.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn tile(&mut self, tile: Tile) {
        let program = self.program;
        // SAFETY: by the contract of this function; the table has an entry for each operand.
        unsafe {
            for (input, operand) in program.operands.iter().enumerate() {
                if operand.reading == Reading::Direct {
                    let offset = program.tiles.offset(operand, tile) * program.input_sizes[input];
                    *self.table.add(input) = self.io.input::<u8>(input).add(offset).cast_mut();
                } else if !operand.fixed {
                    self.expand(input, program.tiles.offset(operand, tile), tile.len);
                }
            }
            for (output, size) in program.output_sizes.iter().enumerate() {
                let to = self.io.output::<u8>(output).add(tile.start * size);
                *self.table.add(program.operands.len() + output) = to;
            }
            for step in &program.steps {
                let arg = |i: usize| (*self.table.add(step.args[i])).cast_const();
                (step.run)(&Operands {
                    out: *self.table.add(step.out),
                    args: [arg(0), arg(1), arg(2)],
                    splat: step.splat,
                    len: tile.len,
                });
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
        shape: output.shape.clone(),
        inputs: inputs.iter().map(|ty| ty.dtype).collect(),
        steps: vec![fused::Step { op, args, dtype: output.dtype }],
        outputs: vec![inputs.len()],
    })
}

/// A loop without steps, whose result is its input, repeated to the shape of the output.
fn broadcast(input: &TensorType, output: &TensorType) -> fused::Kernel {
    fused::Kernel {
        shape: output.shape.clone(),
        inputs: vec![input.dtype],
        steps: vec![],
        outputs: vec![0],
    }
}

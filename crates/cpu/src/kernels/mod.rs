//! The kernels: one file an idea, each ready to run once its sizes are known.

mod conv;
mod copy;
mod elementwise;
mod gather;
mod iota;
mod layout;
mod matmul;
mod pool;
mod random;
mod reduce;

pub(crate) use matmul::{FLOPS_OF_PAIRS, pairs_in_chains};

use crate::executor::Winograd;
use crate::program::Slot;
use crate::simd::Instructions;
use crate::threads::{Crew, Session};
use cornu_graph::fused::Product;
use cornu_graph::{Op, TensorType};

/// An instruction of a program with all sizes resolved. It does not know where its operands are.
pub(crate) trait Kernel: Send + Sync {
    /// How many bytes of scratch memory it wants.
    fn scratch(&self) -> usize {
        0
    }

    /// Computes the outputs from the inputs. Does not allocate.
    ///
    /// # Safety
    /// The operands have the types the kernel was made for, and nobody else writes to them or
    /// reads its outputs. An output is apart from the inputs, or is the same memory as one that
    /// [`Request::shared`] named.
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>);
}

/// What a kernel is made from.
pub(crate) struct Request<'a> {
    /// The op.
    pub op: &'a Op,
    /// The types of its inputs.
    pub inputs: &'a [&'a TensorType],
    /// The types of its outputs.
    pub outputs: &'a [TensorType],
    /// Inputs and outputs that are the same memory: (input, output).
    pub shared: &'a [(usize, usize)],
    /// The instructions to use.
    pub instructions: Instructions,
    /// The threads that share the work.
    pub crew: Crew,
    /// Which convolutions are computed by Winograd's transforms.
    pub winograd: Winograd,
}

impl Request<'_> {
    /// The sizes of an input.
    pub(crate) fn input(&self, index: usize) -> Vec<usize> {
        self.inputs[index].shape.sizes()
    }

    /// The sizes of the first output.
    pub(crate) fn output(&self) -> Vec<usize> {
        self.outputs[0].shape.sizes()
    }
}

/// The kernel for a request.
///
/// # Panics
/// For inputs, variables and constants, which are not computed, and for what a plan has replaced.
pub(crate) fn build(request: &Request<'_>) -> Box<dyn Kernel> {
    if let Op::Fused(kernel) = request.op
        && let Some(product) = kernel.product
    {
        return Box::new(elementwise::ProductLoop::new(request, kernel, product));
    }
    if let Some(kernel) = elementwise::Elementwise::new(request) {
        return Box::new(kernel);
    }
    match request.op {
        &Op::MatMul { transpose_a, transpose_b, precision } => {
            let product = Product { transpose_a, transpose_b, precision };
            Box::new(matmul::MatMul::new(request, product))
        }
        Op::Conv2d(conv) => conv::forward(request, conv),
        Op::Conv2dInputGrad { conv, .. } => conv::input_grad(request, conv),
        Op::Conv2dFilterGrad { conv, .. } => conv::filter_grad(request, conv),
        Op::Pool2d(pool) => Box::new(pool::Pool::new(request, pool)),
        Op::Pool2dGrad { pool, .. } => Box::new(pool::PoolGrad::new(request, pool)),
        Op::Reduce { kind, axes, .. } => Box::new(reduce::Reduce::new(request, *kind, axes)),
        Op::ArgReduce { largest, axis } => {
            Box::new(reduce::ArgReduce::new(request, *largest, *axis))
        }
        Op::Gather => Box::new(gather::Gather::new(request)),
        Op::ScatterAdd { rows } => Box::new(gather::ScatterAdd::new(request, *rows)),
        Op::Random { distribution, stream, .. } => {
            Box::new(random::Random::new(request, *distribution, *stream))
        }
        Op::Iota { axis, .. } => Box::new(iota::Iota::new(request, *axis)),
        Op::Transpose(permutation) => Box::new(layout::Layout::transpose(request, permutation)),
        Op::Slice(ranges) => Box::new(layout::Layout::slice(request, ranges)),
        Op::Pad(widths) => Box::new(layout::Layout::pad(request, widths)),
        Op::Concat { axis } => Box::new(layout::Layout::concat(request, *axis)),
        Op::Reshape(_) => Box::new(copy::Copy::new(request)),
        Op::Input { .. } | Op::Variable { .. } | Op::Constant(_) | Op::Project(_) => {
            unreachable!("{:?} is no instruction", request.op)
        }
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Select
        | Op::Cast(_)
        | Op::Broadcast(_)
        | Op::Fused(_) => unreachable!("elementwise ops have a kernel"),
    }
}

/// Where the operands of an instruction are during a run.
#[derive(Clone, Copy)]
pub(crate) struct Io<'a> {
    /// The start of each block of memory.
    pub bases: &'a [*mut u8],
    /// The inputs in the order of the op.
    pub inputs: &'a [Slot],
    /// The outputs in the order of the op.
    pub outputs: &'a [Slot],
    /// The scratch memory.
    pub scratch: Slot,
}

// SAFETY: an `Io` only tells addresses; what is done with them is up to each kernel, whose threads
// write to disjoint parts.
unsafe impl Sync for Io<'_> {}

impl Io<'_> {
    fn at<T>(&self, slot: Slot) -> *mut T {
        self.bases[slot.base].wrapping_add(slot.offset).cast()
    }

    /// Where an input is.
    pub(crate) fn input<T>(&self, index: usize) -> *const T {
        self.at::<T>(self.inputs[index])
    }

    /// Where an output is.
    pub(crate) fn output<T>(&self, index: usize) -> *mut T {
        self.at(self.outputs[index])
    }

    /// Where the scratch memory is.
    pub(crate) fn scratch<T>(&self) -> *mut T {
        self.at(self.scratch)
    }
}

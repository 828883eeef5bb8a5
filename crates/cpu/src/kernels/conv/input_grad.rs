//! The images' gradient.

use super::Sizes;
use super::patches::{Patches, put_back};
use crate::kernels::layout::{Axis, Inner, inner};
use crate::kernels::matmul::Numbers;
use crate::kernels::matmul::block::{Block, Matrices, Pointers};
use crate::kernels::matmul::micro::Layout;
use crate::kernels::{Io, Kernel, Request};
use crate::threads::{Session, part};

/// The kernel of [`cornu_graph::Op::Conv2dInputGrad`].
pub(super) struct InputGrad {
    sizes: Sizes,
    put_back: Patches,
    transpose: Inner,
    block: Block,
    parts: usize,
}

impl InputGrad {
    /// The kernel for a convolution of these sizes.
    pub(super) fn new(request: &Request<'_>, sizes: Sizes) -> InputGrad {
        let (m, n) = (sizes.tiles().largest(), sizes.depth());
        let matrices = Matrices {
            m,
            n,
            k: sizes.group_filters(),
            layout: Layout::Rows,
            a_stride: sizes.filters,
            transpose_b: false,
            b_stride: n,
            c_stride: n,
            add: false,
            numbers: Numbers::Floats,
        };
        let i = request.instructions;
        let block = Block::unpacked(i, matrices, m, n);
        let parts = request.crew.tasks(sizes.cycles(i.lanes()), sizes.images);
        let (put_back, transpose) = (put_back(i), inner(size_of::<f32>(), i));
        InputGrad { sizes, put_back, transpose, block, parts }
    }

    /// Numbers of the transposed filters, which all threads read.
    fn filters(&self) -> usize {
        (self.sizes.depth() * self.sizes.filters).next_multiple_of(16)
    }

    /// Numbers of patches that a thread keeps.
    fn patches(&self) -> usize {
        (self.sizes.tiles().largest() * self.sizes.depth()).next_multiple_of(16)
    }

    /// Numbers of scratch memory that a thread uses.
    fn scratch_each(&self) -> usize {
        self.patches() + self.block.scratch().next_multiple_of(16)
    }

    /// Writes the transposed filters: for each filter its weights.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn transpose(&self, io: Io<'_>, filters: std::ops::Range<usize>) {
        let depth = self.sizes.depth();
        let rows: Axis = (filters.len(), 1, depth);
        let columns: Axis = (depth, self.sizes.filters, 1);
        // SAFETY: the filters are read inside the input, and written inside the scratch memory.
        unsafe {
            let from = io.input::<f32>(1).add(filters.start);
            let to = io.scratch::<f32>().add(filters.start * depth);
            (self.transpose)(from.cast(), to.cast(), rows, columns);
        }
    }

    /// Computes the images of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`], after the filters have been transposed.
    unsafe fn part(&self, io: Io<'_>, index: usize) {
        let sizes = &self.sizes;
        let filters = io.scratch::<f32>();
        let patches = filters.wrapping_add(self.filters() + index * self.scratch_each());
        let packed = patches.wrapping_add(self.patches());
        for image in part(sizes.images, self.parts, index) {
            // SAFETY: image, filters and output hold what the sizes tell; the thread has its own
            // scratch memory and images.
            unsafe {
                let to = io.output::<f32>(0).add(image * sizes.image_len());
                to.write_bytes(0, sizes.image_len());
                for (first, count) in sizes.tiles() {
                    for group in 0..sizes.conv.groups {
                        let column = group * sizes.group_filters();
                        let from = image * sizes.output_len() + first * sizes.filters;
                        let p = Pointers {
                            a: io.input::<f32>(0).add(from + column),
                            b: filters.add(column * sizes.depth()),
                            c: patches,
                        };
                        self.block.run(p, 0..count, 0..sizes.depth(), packed);
                        let to = to.add(group * sizes.group_channels());
                        (self.put_back)(sizes, to, patches, first..first + count);
                    }
                }
            }
        }
    }
}

impl Kernel for InputGrad {
    fn scratch(&self) -> usize {
        (self.filters() + self.parts * self.scratch_each()) * size_of::<f32>()
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        unsafe {
            session.run(self.parts, &|index| {
                self.transpose(io, part(self.sizes.filters, self.parts, index));
            });
            session.run(self.parts, &|index| self.part(io, index));
        }
    }
}

//! The filters' gradient.

use super::Sizes;
use super::patches::{Patches, patches_of, take};
use crate::kernels::gather::{Add, adder};
use crate::kernels::matmul::Numbers;
use crate::kernels::matmul::block::{Block, Matrices, Pointers};
use crate::kernels::matmul::micro::Layout;
use crate::kernels::{Io, Kernel, Request};
use crate::threads::{Session, part};

/// The kernel of [`cornu_graph::Op::Conv2dFilterGrad`].
///
/// Each thread sums up its tiles on its own; the sums are added in the order of the threads.
pub(super) struct FilterGrad {
    sizes: Sizes,
    take: Patches,
    add: Add,
    block: Block,
    parts: usize,
}

impl FilterGrad {
    /// The kernel for a convolution of these sizes.
    pub(super) fn new(request: &Request<'_>, sizes: Sizes) -> FilterGrad {
        let m = sizes.depth();
        let matrices = Matrices {
            m,
            n: sizes.group_filters(),
            k: sizes.tiles().largest(),
            layout: if sizes.by_columns() { Layout::Rows } else { Layout::Columns },
            a_stride: sizes.patch_stride(),
            transpose_b: false,
            b_stride: sizes.filters,
            c_stride: sizes.filters,
            add: true,
            numbers: Numbers::Floats,
        };
        let i = request.instructions;
        let block = Block::unpacked(i, matrices, m, sizes.group_filters());
        let units = sizes.images * sizes.tiles().count();
        let parts = request.crew.tasks(sizes.cycles(i.lanes()), units);
        FilterGrad { sizes, take: take(i, sizes.by_columns()), add: adder(i), block, parts }
    }

    /// Numbers of patches that a thread keeps.
    fn patches(&self) -> usize {
        if self.sizes.is_pointwise() {
            return 0;
        }
        (self.sizes.tiles().largest() * self.sizes.depth()).next_multiple_of(16)
    }

    /// Numbers of a thread's own sums. The first thread writes to the output.
    fn sums(&self) -> usize {
        (self.sizes.depth() * self.sizes.filters).next_multiple_of(16)
    }

    /// Numbers of scratch memory that a thread uses.
    fn scratch_each(&self) -> usize {
        self.patches() + self.block.scratch().next_multiple_of(16)
    }

    /// Where a thread's sums are.
    fn sums_of(&self, io: Io<'_>, index: usize) -> *mut f32 {
        match index.checked_sub(1) {
            None => io.output(0),
            Some(i) => {
                let offset = self.parts * self.scratch_each() + i * self.sums();
                io.scratch::<f32>().wrapping_add(offset)
            }
        }
    }

    /// Sums up the tiles of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn part(&self, io: Io<'_>, index: usize) {
        let sizes = &self.sizes;
        let tiles = sizes.tiles().count();
        let patches = io.scratch::<f32>().wrapping_add(index * self.scratch_each());
        let packed = patches.wrapping_add(self.patches());
        let sums = self.sums_of(io, index);
        // SAFETY: images, filters and output hold what the sizes tell; the thread has its own
        // scratch memory and sums.
        unsafe {
            sums.write_bytes(0, sizes.depth() * sizes.filters);
            for unit in part(sizes.images * tiles, self.parts, index) {
                let (image, tile) = (unit / tiles, unit % tiles);
                let (first, count) = sizes.tiles().at(tile);
                for group in 0..sizes.conv.groups {
                    let from = io.input::<f32>(0).add(image * sizes.image_len());
                    let windows = first..first + count;
                    let a = patches_of(sizes, self.take, from, group, windows, patches);
                    let column = group * sizes.group_filters();
                    let gradient = image * sizes.output_len() + first * sizes.filters + column;
                    let p =
                        Pointers { a, b: io.input::<f32>(1).add(gradient), c: sums.add(column) };
                    let block = &self.block;
                    block.run_deep(p, 0..sizes.depth(), 0..sizes.group_filters(), count, packed);
                }
            }
        }
    }
}

impl Kernel for FilterGrad {
    fn scratch(&self) -> usize {
        let sums = (self.parts - 1) * self.sums();
        (self.parts * self.scratch_each() + sums) * size_of::<f32>()
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        let len = self.sizes.depth() * self.sizes.filters;
        // SAFETY: by the contract of this function.
        unsafe {
            session.run(self.parts, &|index| self.part(io, index));
            if self.parts > 1 {
                session.run(self.parts, &|index| {
                    let range = part(len, self.parts, index);
                    let to = io.output::<f32>(0).add(range.start);
                    for other in 1..self.parts {
                        (self.add)(to, self.sums_of(io, other).add(range.start), range.len());
                    }
                });
            }
        }
    }
}

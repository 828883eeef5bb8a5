//! The convolution itself.

use super::Sizes;
use super::patches::{Patches, patches_of, take};
use crate::kernels::matmul::Numbers;
use crate::kernels::matmul::block::{Block, Matrices, Pointers};
use crate::kernels::matmul::micro::Layout;
use crate::kernels::{Io, Kernel, Request};
use crate::threads::{Session, part};

/// The kernel of [`cornu_graph::Op::Conv2d`].
pub(super) struct Forward {
    sizes: Sizes,
    take: Patches,
    block: Block,
    parts: usize,
}

impl Forward {
    /// The kernel for a convolution of these sizes.
    pub(super) fn new(request: &Request<'_>, sizes: Sizes) -> Forward {
        let (m, k) = (sizes.tiles().largest(), sizes.depth());
        let matrices = Matrices {
            m,
            n: sizes.group_filters(),
            k,
            layout: if sizes.by_columns() { Layout::Columns } else { Layout::Rows },
            a_stride: sizes.patch_stride(),
            transpose_b: false,
            b_stride: sizes.filters,
            c_stride: sizes.filters,
            add: false,
            numbers: Numbers::Floats,
        };
        let block = Block::unpacked(request.instructions, matrices, m, sizes.group_filters());
        let units = sizes.images * sizes.tiles().count();
        let parts = request.crew.tasks(sizes.cycles(request.instructions.lanes()), units);
        Forward { sizes, take: take(request.instructions, sizes.by_columns()), block, parts }
    }

    /// Numbers of patches that a thread keeps.
    fn patches(&self) -> usize {
        if self.sizes.is_pointwise() {
            return 0;
        }
        (self.sizes.tiles().largest() * self.sizes.depth()).next_multiple_of(16)
    }

    /// Numbers of scratch memory that a thread uses.
    fn scratch_each(&self) -> usize {
        self.patches() + self.block.scratch().next_multiple_of(16)
    }

    /// Computes the tiles of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn part(&self, io: Io<'_>, index: usize) {
        let sizes = &self.sizes;
        let tiles = sizes.tiles().count();
        let patches = io.scratch::<f32>().wrapping_add(index * self.scratch_each());
        let packed = patches.wrapping_add(self.patches());
        for unit in part(sizes.images * tiles, self.parts, index) {
            let (image, tile) = (unit / tiles, unit % tiles);
            let (first, count) = sizes.tiles().at(tile);
            for group in 0..sizes.conv.groups {
                // SAFETY: image, filters and output hold what the sizes tell; the thread has its
                // own scratch memory and tiles.
                unsafe {
                    let from = io.input::<f32>(0).add(image * sizes.image_len());
                    let windows = first..first + count;
                    let a = patches_of(sizes, self.take, from, group, windows, patches);
                    let to = image * sizes.output_len() + first * sizes.filters;
                    let column = group * sizes.group_filters();
                    let p = Pointers {
                        a,
                        b: io.input::<f32>(1).add(column),
                        c: io.output::<f32>(0).add(to + column),
                    };
                    self.block.run(p, 0..count, 0..sizes.group_filters(), packed);
                }
            }
        }
    }
}

impl Kernel for Forward {
    fn scratch(&self) -> usize {
        self.parts * self.scratch_each() * size_of::<f32>()
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        session.run(self.parts, &|index| unsafe { self.part(io, index) });
    }
}

//! The loops around the micro-kernels: one rectangle of a matrix product, on one thread.

use super::micro::{Family, Layout, Tile, families};
use super::pack::{Pack, Packing, pack};
use super::panels::{Even, Panel, Panels};
use crate::simd::Instructions;
use std::ops::Range;

/// The longest inner dimension that is multiplied at once: a tile of A stays in the L1 cache.
const DEPTH: usize = 512;
/// How many numbers of B are packed at once: half of a 1 MB L2 cache.
const PACKED: usize = 128 * 1024;

/// A product `C = A·B` or `C += A·B` of matrices somewhere in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrices {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// How A is stored.
    pub layout: Layout,
    /// Between rows of A (columns, if that is the layout).
    pub a_stride: usize,
    /// Whether B is stored transposed.
    pub transpose_b: bool,
    /// Between stored rows of B.
    pub b_stride: usize,
    /// Between rows of C.
    pub c_stride: usize,
    /// Whether the product is added to C.
    pub add: bool,
}

/// Where the matrices start.
#[derive(Clone, Copy)]
pub(crate) struct Pointers {
    pub a: *const f32,
    pub b: *const f32,
    pub c: *mut f32,
}

/// Whether it is faster to read B where it is: it is not transposed, and few rows of A meet it.
pub(crate) fn is_direct(instructions: Instructions, matrices: &Matrices, rows: usize) -> bool {
    let tallest = families(instructions).last().map_or(1, Family::tallest);
    !matrices.transpose_b && rows <= 3 * tallest
}

/// How a rectangle of a product is computed.
#[derive(Clone)]
pub(crate) struct Block {
    matrices: Matrices,
    instructions: Instructions,
    rows: usize,
    /// The highest tile.
    height: usize,
    /// The columns that are packed at once.
    width: usize,
    /// Whether B is read where it is, apart from a ragged end.
    direct: bool,
    pack: Pack,
}

impl Block {
    /// Plans rectangles of up to `rows` rows and `columns` columns.
    pub(crate) fn new(
        instructions: Instructions,
        matrices: Matrices,
        rows: usize,
        columns: usize,
    ) -> Block {
        let families = families(instructions);
        let tallest = families[families.len() - 1].tallest();
        let height = Even::new(rows, tallest).largest();
        let unit = Panels::new(instructions, height, usize::MAX).next().map_or(1, |p| p.padded());
        let depth = Even::new(matrices.k, DEPTH).largest().max(1);
        let whole = columns.div_ceil(unit);
        let width = Even::new(whole, (PACKED / (depth * unit)).max(1)).largest() * unit;
        let direct = is_direct(instructions, &matrices, rows);
        let pack = pack(instructions, matrices.transpose_b);
        Block { matrices, instructions, rows, height, width, direct, pack }
    }

    /// Plans rectangles for which B is read where it is, however many rows there are: it is small.
    pub(crate) fn unpacked(
        instructions: Instructions,
        matrices: Matrices,
        rows: usize,
        columns: usize,
    ) -> Block {
        Block { direct: true, ..Block::new(instructions, matrices, rows, columns) }
    }

    /// The product that rectangles are of.
    pub(crate) fn matrices(&self) -> &Matrices {
        &self.matrices
    }

    /// How many numbers of scratch memory [`Block::run`] needs.
    pub(crate) fn scratch(&self) -> usize {
        let lanes = self.instructions.lanes();
        if self.direct {
            // One ragged panel; a smaller inner dimension may be cut into longer pieces.
            self.matrices.k.min(DEPTH) * 8 * lanes
        } else {
            Even::new(self.matrices.k, DEPTH).largest() * self.width.next_multiple_of(lanes)
        }
    }

    /// Computes a rectangle.
    ///
    /// # Safety
    /// The matrices are where `p` and the strides say, nobody else writes to the rectangle or to
    /// `scratch`, which has the size that [`Block::scratch`] tells.
    pub(crate) unsafe fn run(
        &self,
        p: Pointers,
        rows: Range<usize>,
        columns: Range<usize>,
        scratch: *mut f32,
    ) {
        // SAFETY: by the contract of this function.
        unsafe { self.run_deep(p, rows, columns, self.matrices.k, scratch) }
    }

    /// Computes a rectangle of a product with a smaller inner dimension.
    ///
    /// # Safety
    /// As [`Block::run`].
    pub(crate) unsafe fn run_deep(
        &self,
        p: Pointers,
        rows: Range<usize>,
        columns: Range<usize>,
        k: usize,
        scratch: *mut f32,
    ) {
        debug_assert!(rows.len() <= self.rows && k <= self.matrices.k);
        let mut start = columns.start;
        while start < columns.end {
            let width = self.width.min(columns.end - start);
            // SAFETY: by the contract of this function.
            unsafe { self.columns(p, &rows, start, width, k, scratch) }
            start += width;
        }
    }

    /// Computes as many columns as are packed at once.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn columns(
        &self,
        p: Pointers,
        rows: &Range<usize>,
        start: usize,
        width: usize,
        k: usize,
        scratch: *mut f32,
    ) {
        let m = &self.matrices;
        // SAFETY: by the contract of this function; all offsets are inside the matrices.
        unsafe {
            if k == 0 && !m.add {
                for row in rows.clone() {
                    p.c.add(row * m.c_stride + start).write_bytes(0, width);
                }
            }
            for (first, depth) in Even::new(k, DEPTH) {
                let b = p.b.add(if m.transpose_b {
                    start * m.b_stride + first
                } else {
                    first * m.b_stride + start
                });
                let panels = Panels::new(self.instructions, self.height, width);
                self.pack(panels.clone(), b, depth, scratch);
                for (i, height) in Even::new(rows.len(), self.height) {
                    let i = rows.start + i;
                    let a = p.a.add(match m.layout {
                        Layout::Rows => i * m.a_stride + first,
                        Layout::Columns => first * m.a_stride + i,
                    });
                    for panel in panels.clone() {
                        let (b, b_stride) = self.source(panel, b, depth, scratch);
                        let tile = Tile {
                            k: depth,
                            a,
                            a_stride: m.a_stride,
                            b,
                            b_stride,
                            c: p.c.add(i * m.c_stride + start + panel.start),
                            c_stride: m.c_stride,
                            last: panel.last(),
                            add: m.add || first > 0,
                        };
                        panel.family.kernel(m.layout, height)(&tile);
                    }
                }
            }
        }
    }

    /// Packs the panels that are not read where they are.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn pack(&self, panels: Panels, b: *const f32, depth: usize, scratch: *mut f32) {
        let m = &self.matrices;
        for panel in panels {
            if self.direct && !panel.is_ragged() {
                continue;
            }
            let column = if m.transpose_b { panel.start * m.b_stride } else { panel.start };
            // SAFETY: by the contract of this function.
            unsafe {
                let to = scratch.add(self.offset(panel, depth));
                (self.pack)(&Packing::new(b.add(column), m.b_stride, depth, panel, to));
            }
        }
    }

    /// Where a panel is in the scratch memory.
    fn offset(&self, panel: Panel, depth: usize) -> usize {
        if self.direct { 0 } else { panel.start * depth }
    }

    /// Where a micro-kernel reads a panel of B, and the distance between rows.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn source(
        &self,
        panel: Panel,
        b: *const f32,
        depth: usize,
        scratch: *const f32,
    ) -> (*const f32, usize) {
        // SAFETY: the panel is inside B, or inside the scratch memory.
        unsafe {
            if self.direct && !panel.is_ragged() {
                (b.add(panel.start), self.matrices.b_stride)
            } else {
                (scratch.add(self.offset(panel, depth)), panel.padded())
            }
        }
    }
}

//! The loops around the micro-kernels: one rectangle of a matrix product, on one thread.

use super::micro::{Family, LOW, Layout, Tile, families};
use super::pack::{Pack, Packing, pack};
use super::panels::{Even, Panel, Panels};
use super::zeros::{self, Find, Piece};
use crate::simd::Instructions;
use std::ops::Range;

/// The longest inner dimension that is multiplied at once: a tile of A stays in the L1 cache.
const DEPTH: usize = 1024;
/// How many numbers of B are packed at once: half of a 1 MB L2 cache.
const PACKED: usize = 208 * 1024;

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

impl Matrices {
    /// Where a row of A is, from a place of the inner dimension on.
    ///
    /// # Safety
    /// A, which starts at `a`, has them.
    unsafe fn a(&self, a: *const f32, row: usize, k: usize) -> *const f32 {
        // SAFETY: by the contract of this function.
        unsafe {
            a.add(match self.layout {
                Layout::Rows => row * self.a_stride + k,
                Layout::Columns => k * self.a_stride + row,
            })
        }
    }
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

/// Into which tiles a rectangle is cut.
#[derive(Clone, Copy)]
struct Tiling {
    /// The highest tile.
    height: usize,
    /// The columns that are packed at once.
    width: usize,
}

impl Tiling {
    fn new(
        instructions: Instructions,
        depth: usize,
        tallest: usize,
        rows: usize,
        columns: usize,
    ) -> Tiling {
        let height = Even::new(rows, tallest).largest();
        let unit = Panels::new(instructions, height, usize::MAX).next().map_or(1, |p| p.padded());
        let whole = columns.div_ceil(unit);
        let width = Even::new(whole, (PACKED / (depth * unit)).max(1)).largest() * unit;
        Tiling { height, width }
    }
}

/// What is done with a tile of rows of a product when it is there: its rows, its columns, where it
/// is, and the distance between its rows.
pub(crate) type Finish<'a> = dyn FnMut(Range<usize>, Range<usize>, *const f32, usize) + 'a;

/// How a rectangle of a product is computed.
#[derive(Clone)]
pub(crate) struct Block {
    matrices: Matrices,
    instructions: Instructions,
    rows: usize,
    dense: Tiling,
    /// The way for an A of many zeros.
    skipping: Option<Tiling>,
    find: Find,
    /// Whether B is read where it is, apart from a ragged end.
    direct: bool,
    pack: Pack,
}

/// Fewer columns are computed sooner than zeros are found.
const FEWEST_COLUMNS: usize = 64;
/// How many tiles are looked at to find out whether A has many zeros.
const SAMPLES: usize = 8;
/// The percentage of the inner dimension that tiles may visit for skipping to be worth it: low
/// tiles multiply a little slower, and each looks for its zeros.
const DENSE: usize = 80;

impl Block {
    /// Plans rectangles of up to `rows` rows and `columns` columns.
    pub(crate) fn new(
        instructions: Instructions,
        matrices: Matrices,
        rows: usize,
        columns: usize,
    ) -> Block {
        let tallest = families(instructions).last().map_or(1, Family::tallest);
        let depth = Even::new(matrices.k, DEPTH).largest().max(1);
        let tiling = |tallest| Tiling::new(instructions, depth, tallest, rows, columns);
        let looks = columns >= FEWEST_COLUMNS && matrices.k >= 16;
        Block {
            matrices,
            instructions,
            rows,
            dense: tiling(tallest),
            skipping: looks.then(|| tiling(tallest.min(LOW))),
            find: zeros::find(instructions, matrices.layout),
            direct: is_direct(instructions, &matrices, rows),
            pack: pack(instructions, matrices.transpose_b),
        }
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
        self.packed() + self.skipping.map_or(0, |_| zeros::room(self.matrices.k.min(DEPTH)))
    }

    /// How many numbers of scratch memory [`Block::run_finishing`] needs.
    pub(crate) fn finishing_scratch(&self) -> usize {
        self.scratch().next_multiple_of(16) + self.finished_rows() * self.widest()
    }

    /// How many rows are kept until they are finished: a tile, or all of them while their sums are
    /// not complete.
    fn finished_rows(&self) -> usize {
        if self.matrices.k <= DEPTH { self.dense.height.max(LOW) } else { self.rows }
    }

    /// The most columns that are packed at once.
    fn widest(&self) -> usize {
        let lanes = self.instructions.lanes();
        let width = self.skipping.map_or(0, |tiling| tiling.width).max(self.dense.width);
        width.next_multiple_of(lanes)
    }

    /// How many numbers the packed part of B takes.
    fn packed(&self) -> usize {
        let lanes = self.instructions.lanes();
        if self.direct {
            // One ragged panel; a smaller inner dimension may be cut into longer pieces.
            return self.matrices.k.min(DEPTH) * 8 * lanes;
        }
        Even::new(self.matrices.k, DEPTH).largest() * self.widest()
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
        // SAFETY: by the contract of this function.
        unsafe { self.begin(p, rows, k, scratch).all_columns(columns, None) }
    }

    /// Computes a rectangle and hands each tile of rows to `finish`. C is not written.
    ///
    /// # Safety
    /// As [`Block::run`], but for C; `scratch` has the size that [`Block::finishing_scratch`] tells.
    pub(crate) unsafe fn run_finishing(
        &self,
        p: Pointers,
        rows: Range<usize>,
        columns: Range<usize>,
        scratch: *mut f32,
        finish: &mut Finish<'_>,
    ) {
        // SAFETY: by the contract of this function.
        unsafe {
            let kept = scratch.add(self.scratch().next_multiple_of(16));
            let run = self.begin(p, rows, self.matrices.k, scratch);
            run.all_columns(columns, Some(Kept { c: kept, finish }));
        }
    }

    /// Decides how to compute a rectangle.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn begin(
        &self,
        p: Pointers,
        rows: Range<usize>,
        k: usize,
        scratch: *mut f32,
    ) -> Run<'_> {
        let list = scratch.wrapping_add(self.packed()).cast();
        // SAFETY: by the contract of this function.
        let has_many_zeros = |t: &Tiling| unsafe { self.has_many_zeros(p.a, &rows, k, *t, list) };
        let skipping = self.skipping.filter(has_many_zeros);
        let skips = skipping.is_some();
        let tiling = skipping.unwrap_or(self.dense);
        Run { block: self, p, rows, k, tiling, skips, scratch, list }
    }

    /// Whether tiles that skip zeros have much less to do, judged by a few of them.
    ///
    /// # Safety
    /// As [`Block::run`]; the list has room.
    unsafe fn has_many_zeros(
        &self,
        a: *const f32,
        rows: &Range<usize>,
        k: usize,
        tiling: Tiling,
        list: *mut u32,
    ) -> bool {
        if k == 0 {
            return false;
        }
        let (tiles, depths) = (Even::new(rows.len(), tiling.height), Even::new(k, DEPTH));
        let samples = tiles.parts().div_ceil(4).min(SAMPLES);
        let (mut seen, mut there) = (0, 0);
        for sample in 0..samples {
            let (row, height) = tiles.at(sample * tiles.parts() / samples);
            let (first, depth) = depths.at(sample % depths.parts());
            // SAFETY: by the contract of this function.
            there += unsafe { self.find(a, rows.start + row, height, first, depth, list) };
            seen += depth;
        }
        there * 100 < seen * DENSE
    }

    /// Lists the places of the inner dimension, from `first` on, at which some row of a tile has a
    /// number other than 0; returns how many there are.
    ///
    /// # Safety
    /// As [`Block::has_many_zeros`].
    unsafe fn find(
        &self,
        a: *const f32,
        row: usize,
        rows: usize,
        first: usize,
        depth: usize,
        list: *mut u32,
    ) -> usize {
        // SAFETY: by the contract of this function.
        unsafe {
            let a = self.matrices.a(a, row, first);
            (self.find)(&Piece { a, stride: self.matrices.a_stride, rows, depth, list })
        }
    }
}

/// A rectangle while it is computed.
struct Run<'a> {
    block: &'a Block,
    p: Pointers,
    rows: Range<usize>,
    k: usize,
    tiling: Tiling,
    skips: bool,
    scratch: *mut f32,
    list: *mut u32,
}

/// Tiles that are kept until they are finished.
struct Kept<'a, 'b> {
    c: *mut f32,
    finish: &'a mut Finish<'b>,
}

impl Run<'_> {
    /// Computes the columns, as many at once as are packed at once.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn all_columns(&self, columns: Range<usize>, mut kept: Option<Kept<'_, '_>>) {
        let mut start = columns.start;
        while start < columns.end {
            let width = self.tiling.width.min(columns.end - start);
            // SAFETY: by the contract of this function.
            unsafe { self.columns(start, width, kept.as_mut()) };
            start += width;
        }
    }

    /// Computes as many columns as are packed at once.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn columns(&self, start: usize, width: usize, mut kept: Option<&mut Kept<'_, '_>>) {
        let (block, m, p) = (self.block, &self.block.matrices, self.p);
        // SAFETY: by the contract of this function; all offsets are inside the matrices.
        unsafe {
            if self.k == 0 && !m.add {
                for row in self.rows.clone() {
                    p.c.add(row * m.c_stride + start).write_bytes(0, width);
                }
            }
            let depths = Even::new(self.k, DEPTH);
            for (first, depth) in depths {
                let b = p.b.add(if m.transpose_b {
                    start * m.b_stride + first
                } else {
                    first * m.b_stride + start
                });
                let panels = Panels::new(block.instructions, self.tiling.height, width);
                self.pack(panels.clone(), b, depth);
                for (row, height) in Even::new(self.rows.len(), self.tiling.height) {
                    let i = self.rows.start + row;
                    let (c, c_stride) = match &kept {
                        None => (p.c.add(i * m.c_stride + start), m.c_stride),
                        Some(kept) if depths.parts() == 1 => (kept.c, width),
                        Some(kept) => (kept.c.add(row * width), width),
                    };
                    self.tile_row(i..i + height, first, depth, b, panels.clone(), (c, c_stride));
                    if let (Some(kept), true) = (&mut kept, first + depth == self.k) {
                        (kept.finish)(i..i + height, start..start + width, c, c_stride);
                    }
                }
            }
        }
    }

    /// Computes the tiles of a few rows, for a part of the inner dimension.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn tile_row(
        &self,
        rows: Range<usize>,
        first: usize,
        depth: usize,
        b: *const f32,
        panels: Panels,
        (c, c_stride): (*mut f32, usize),
    ) {
        let (block, m, height) = (self.block, &self.block.matrices, rows.len());
        // SAFETY: by the contract of this function.
        unsafe {
            let visited = match self.skips {
                true => block.find(self.p.a, rows.start, height, first, depth, self.list),
                false => depth,
            };
            for panel in panels {
                let (b, b_stride) = self.source(panel, b, depth);
                let tile = Tile {
                    k: visited,
                    visited: self.list,
                    a: m.a(self.p.a, rows.start, first),
                    a_stride: m.a_stride,
                    b,
                    b_stride,
                    c: c.add(panel.start),
                    c_stride,
                    last: panel.last(),
                    add: m.add || first > 0,
                };
                let kernel = match self.skips {
                    true => panel.family.skipping(m.layout, height),
                    false => panel.family.kernel(m.layout, height),
                };
                kernel(&tile);
            }
        }
    }

    /// Packs the panels that are not read where they are.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn pack(&self, panels: Panels, b: *const f32, depth: usize) {
        let m = &self.block.matrices;
        for panel in panels {
            if self.block.direct && !panel.is_ragged() {
                continue;
            }
            let column = if m.transpose_b { panel.start * m.b_stride } else { panel.start };
            // SAFETY: by the contract of this function.
            unsafe {
                let to = self.scratch.add(self.offset(panel, depth));
                (self.block.pack)(&Packing::new(b.add(column), m.b_stride, depth, panel, to));
            }
        }
    }

    /// Where a panel is in the scratch memory.
    fn offset(&self, panel: Panel, depth: usize) -> usize {
        if self.block.direct { 0 } else { panel.start * depth }
    }

    /// Where a micro-kernel reads a panel of B, and the distance between rows.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn source(&self, panel: Panel, b: *const f32, depth: usize) -> (*const f32, usize) {
        // SAFETY: the panel is inside B, or inside the scratch memory.
        unsafe {
            if self.block.direct && !panel.is_ragged() {
                (b.add(panel.start), self.block.matrices.b_stride)
            } else {
                (self.scratch.add(self.offset(panel, depth)), panel.padded())
            }
        }
    }
}

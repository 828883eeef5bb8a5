//! The loops around the micro-kernels: one rectangle of a matrix product, on one thread.

pub(crate) use super::matrices::{Matrices, Pointers};
use super::micro::{Family, LOW, Layout, Tile, families};
use super::pack::{Pack, Packing};
use super::panels::{Even, Panel, Panels};
use super::zeros::{self, Find, Piece};
use crate::simd::Instructions;
use std::ops::Range;

/// The longest inner dimension that is multiplied at once: a tile of A stays in the L1 cache.
const DEPTH: usize = 1024;
/// How many numbers of B are packed at once: half of a 1 MB L2 cache.
const PACKED: usize = 208 * 1024;

/// Whether it is faster to read B where it is: it is not transposed, and few rows of A meet it.
pub(crate) fn is_direct(instructions: Instructions, matrices: &Matrices, rows: usize) -> bool {
    let tallest = families(instructions).last().map_or(1, Family::tallest);
    matrices.numbers.read_in_place() && !matrices.transpose_b && rows <= 3 * tallest
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

/// A packed tile of A has room for so many rows; vectors have no more lanes.
const TILE: usize = 16;

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
    pack_tile: Option<Pack>,
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
        let depth = Even::new(matrices.depth(), DEPTH).largest().max(1);
        let tiling = |tallest| Tiling::new(instructions, depth, tallest, rows, columns);
        let looks = columns >= FEWEST_COLUMNS && matrices.depth() >= 16;
        Block {
            matrices,
            instructions,
            rows,
            dense: tiling(tallest),
            skipping: looks.then(|| tiling(tallest.min(LOW))),
            find: zeros::find(instructions, matrices.layout, matrices.numbers),
            direct: is_direct(instructions, &matrices, rows),
            pack: matrices.numbers.pack(instructions, matrices.transpose_b),
            pack_tile: matrices.numbers.pack_tile(instructions, matrices.layout),
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
        let list = self.skipping.map_or(0, |_| zeros::room(self.matrices.depth().min(DEPTH)));
        self.packed() + self.packed_tile() + list
    }

    /// How many numbers a packed tile of A takes.
    fn packed_tile(&self) -> usize {
        let depth = self.matrices.depth().min(DEPTH).next_multiple_of(TILE);
        self.pack_tile.map_or(0, |_| TILE * depth)
    }

    /// How many numbers of scratch memory [`Block::run_finishing`] needs.
    pub(crate) fn finishing_scratch(&self) -> usize {
        self.scratch().next_multiple_of(16) + self.finished_rows() * self.widest()
    }

    /// How many rows are kept until they are finished: a tile, or all of them while their sums are
    /// not complete.
    fn finished_rows(&self) -> usize {
        if self.matrices.depth() <= DEPTH { self.dense.height.max(LOW) } else { self.rows }
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
        Even::new(self.matrices.depth(), DEPTH).largest() * self.widest()
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
        unsafe { self.run_deep(p, rows, columns, self.matrices.depth(), scratch) }
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
        debug_assert!(rows.len() <= self.rows && k <= self.matrices.depth());
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
            let run = self.begin(p, rows, self.matrices.depth(), scratch);
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
        let room = scratch.wrapping_add(self.packed());
        let list = room.wrapping_add(self.packed_tile()).cast();
        // SAFETY: by the contract of this function.
        let has_many_zeros =
            |t: &Tiling| unsafe { self.has_many_zeros(p.a, &rows, k, *t, room, list) };
        let skipping = self.skipping.filter(has_many_zeros);
        let skips = skipping.is_some();
        let tiling = skipping.unwrap_or(self.dense);
        Run { block: self, p, rows, k, tiling, skips, scratch, room, list }
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
        room: *mut f32,
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
            there += unsafe {
                let tile = self.tile_of_a(a, rows.start + row, height, first, depth, room);
                self.find(tile, height, depth, list)
            };
            seen += depth;
        }
        there * 100 < seen * DENSE
    }

    /// Lists the words of a tile's inner dimension at which some row has a number other than 0;
    /// returns how many there are.
    ///
    /// # Safety
    /// As [`Block::has_many_zeros`].
    unsafe fn find(
        &self,
        (a, stride): (*const f32, usize),
        rows: usize,
        depth: usize,
        list: *mut u32,
    ) -> usize {
        // SAFETY: by the contract of this function.
        unsafe { (self.find)(&Piece { a, stride, rows, depth, list }) }
    }

    /// Where a tile of A is to be read, and the distance between its rows (columns, if that is the
    /// layout): where it is, or packed.
    ///
    /// # Safety
    /// A has it, and `room` has the size of [`Block::packed_tile`].
    unsafe fn tile_of_a(
        &self,
        a: *const f32,
        row: usize,
        height: usize,
        first: usize,
        depth: usize,
        room: *mut f32,
    ) -> (*const f32, usize) {
        let m = &self.matrices;
        // SAFETY: by the contract of this function.
        let from = unsafe { m.a(a, row, first) };
        let Some(pack) = self.pack_tile else { return (from, m.a_stride) };
        let numbers = m.numbers(first, depth);
        let (rows, width, padded) = match m.layout {
            Layout::Rows => (height, numbers, depth.next_multiple_of(TILE)),
            Layout::Columns => (numbers, height, TILE),
        };
        // SAFETY: by the contract of this function; no tile is higher than `TILE`.
        unsafe { pack(&Packing { from, stride: m.a_stride, rows, width, padded, to: room }) };
        (room, padded)
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
    room: *mut f32,
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
                let row = first * m.numbers.per_word();
                let b = p.b.add(if m.transpose_b {
                    start * m.b_stride + row
                } else {
                    row * m.b_stride + start
                });
                let panels = Panels::new(block.instructions, self.tiling.height, width);
                self.pack(panels.clone(), b, first, depth);
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
            let a = block.tile_of_a(self.p.a, rows.start, height, first, depth, self.room);
            let visited = match self.skips {
                true => block.find(a, height, depth, self.list),
                false => depth,
            };
            for panel in panels {
                let (b, b_stride) = self.source(panel, b, depth);
                let tile = Tile {
                    k: visited,
                    visited: self.list,
                    a: a.0,
                    a_stride: a.1,
                    b,
                    b_stride,
                    c: c.add(panel.start),
                    c_stride,
                    last: panel.last(),
                    add: m.add || first > 0,
                };
                let kernels = panel.family.kernels(m.numbers);
                let kernel = match self.skips {
                    true => kernels.skipping(m.layout, height),
                    false => kernels.dense(m.layout, height),
                };
                kernel(&tile);
            }
        }
    }

    /// Packs the panels that are not read where they are.
    ///
    /// # Safety
    /// As [`Block::run`].
    unsafe fn pack(&self, panels: Panels, b: *const f32, first: usize, depth: usize) {
        let m = &self.block.matrices;
        for panel in panels {
            if self.block.direct && !panel.is_ragged() {
                continue;
            }
            let column = if m.transpose_b { panel.start * m.b_stride } else { panel.start };
            // SAFETY: by the contract of this function.
            unsafe {
                let to = self.scratch.add(self.offset(panel, depth));
                let rows = m.numbers(first, depth);
                (self.block.pack)(&Packing::new(b.add(column), m.b_stride, rows, panel, to));
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

//! The convolution itself, and the images' gradient, which is a convolution of the output's
//! gradient with turned filters.

use super::super::Sizes;
use super::lines::{self, FromFilter, Square};
use super::tiles::{Put, Rows, Take, Tiles, put_windows, take_pixels};
use super::{PLACES, apart, cycles};
use crate::kernels::layout::{Axis, Inner, inner};
use crate::kernels::matmul::block::{Block, Matrices, Pointers};
use crate::kernels::matmul::micro::{Layout, families};
use crate::kernels::matmul::{Even, Numbers};
use crate::kernels::{Io, Kernel, Request};
use crate::simd::{Instructions, Simd, instantiate};
use crate::threads::{Session, part};
use std::ops::Range;

/// How many numbers of transformed tiles a thread works on: three quarters of a 1 MB L2 cache.
const CACHE: usize = 192 * 1024;
/// How many tiles these are at least and at most.
const TILES: [usize; 2] = [28, 112];
/// How many filters meet the tiles at once.
const COLUMNS: usize = 64;

/// The kernel of [`cornu_graph::Op::Conv2d`] and [`cornu_graph::Op::Conv2dInputGrad`].
pub(in super::super) struct Forward {
    from: Tiles,
    to: Tiles,
    /// Of all images.
    tiles: usize,
    /// How many tiles a thread transforms at once.
    most: usize,
    weights: Weights,
    transpose: Option<Inner>,
    transform: Transform,
    take: Take,
    put: Put,
    block: Block,
    parts: usize,
}

/// The filters: where they are, and where they go. A row is a channel of what is convolved.
#[derive(Clone, Copy)]
struct Weights {
    rows: usize,
    columns: usize,
    /// How many columns are neighbours in the transformed filters.
    width: usize,
    /// Between rows of the filters.
    next_row: usize,
    /// Between places of the filters.
    next_place: usize,
    /// Whether the filters are turned around.
    turned: bool,
    /// Between the matrices of places.
    matrix: usize,
}

impl Weights {
    fn new(lanes: usize, rows: usize, columns: usize) -> Weights {
        let vectors = Even::new(columns.div_ceil(lanes), COLUMNS / lanes).largest();
        let width = vectors * lanes;
        let matrix = apart(rows * width);
        let next_place = rows * columns;
        Weights { rows, columns, width, next_row: columns, next_place, turned: false, matrix }
    }

    /// Numbers of the transformed filters.
    fn len(&self) -> usize {
        self.columns.div_ceil(self.width) * PLACES * self.matrix
    }
}

/// Transforms rows of the filters.
type Transform = unsafe fn(&Weights, Range<usize>, *const f32, *mut f32);

impl Forward {
    /// The convolution.
    pub(in super::super) fn new(request: &Request<'_>, sizes: &Sizes) -> Forward {
        let before = sizes.conv.padding.map(|p| p.0 as isize);
        let from = Tiles::of_pixels(sizes.image, sizes.channels, sizes.output, before);
        let to = Tiles::of_windows(sizes.output, sizes.filters);
        let lanes = request.instructions.lanes();
        let weights = Weights::new(lanes, sizes.channels, sizes.filters);
        Forward::of_tiles(request, sizes, from, to, weights)
    }

    /// The images' gradient.
    pub(in super::super) fn input_grad(request: &Request<'_>, sizes: &Sizes) -> Forward {
        let before = sizes.conv.padding.map(|p| 2 - p.0 as isize);
        let from = Tiles::of_pixels(sizes.output, sizes.filters, sizes.image, before);
        let to = Tiles::of_windows(sizes.image, sizes.channels);
        let i = request.instructions;
        // The filters are transposed first: each filter has its weights side by side.
        let weights = Weights {
            next_row: 9 * sizes.channels,
            next_place: sizes.channels,
            turned: true,
            ..Weights::new(i.lanes(), sizes.filters, sizes.channels)
        };
        let transpose = Some(inner(size_of::<f32>(), i));
        Forward { transpose, ..Forward::of_tiles(request, sizes, from, to, weights) }
    }

    fn of_tiles(
        request: &Request<'_>,
        sizes: &Sizes,
        from: Tiles,
        to: Tiles,
        weights: Weights,
    ) -> Forward {
        let i = request.instructions;
        let tiles = sizes.images * to.each();
        let parts = request.crew.tasks(cycles(sizes, i.lanes()), tiles);
        let padded = weights.rows.next_multiple_of(i.lanes());
        let tallest = families(i).last().map_or(1, |f| f.tallest());
        let most = CACHE / (PLACES * (padded + weights.width));
        let most = most.clamp(TILES[0], TILES[1]) / tallest * tallest;
        let most = Even::new(tiles.div_ceil(parts), most).largest();
        let matrices = Matrices {
            m: most,
            n: weights.width,
            k: weights.rows,
            layout: Layout::Rows,
            a_stride: padded,
            transpose_b: false,
            b_stride: weights.width,
            c_stride: weights.width,
            add: false,
            numbers: Numbers::Floats,
        };
        let block = Block::unpacked(i, matrices, most, weights.width);
        let (transform, take, put) = (transform(i), take_pixels(i), put_windows(i));
        Forward {
            from,
            to,
            tiles,
            most,
            weights,
            transpose: None,
            transform,
            take,
            put,
            block,
            parts,
        }
    }

    /// Numbers of the transposed filters.
    fn transposed(&self) -> usize {
        if self.transpose.is_some() {
            apart(9 * self.weights.rows * self.weights.columns)
        } else {
            0
        }
    }

    /// The transformed pixels that a thread keeps.
    fn pixels(&self, start: *mut f32) -> Rows {
        let row = self.block.matrices().a_stride;
        Rows { start, matrix: apart(self.most * row), row }
    }

    /// The products that a thread keeps.
    fn products(&self, start: *mut f32) -> Rows {
        let row = self.weights.width;
        Rows { start, matrix: apart(self.most * row), row }
    }

    /// Numbers of scratch memory that a thread uses.
    fn scratch_each(&self) -> usize {
        let null = std::ptr::null_mut();
        PLACES * (self.pixels(null).matrix + self.products(null).matrix)
            + self.block.scratch().next_multiple_of(16)
    }

    /// Transforms some rows of the filters.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn filters(&self, io: Io<'_>, index: usize) {
        let w = &self.weights;
        let rows = part(w.rows, self.parts, index);
        let to = io.scratch::<f32>();
        // SAFETY: the filters are read inside the input, and written to rows of this thread inside
        // the scratch memory.
        unsafe {
            let Some(transpose) = self.transpose else {
                return (self.transform)(w, rows, io.input(1), to);
            };
            let turned = to.add(w.len());
            let (high, wide): (Axis, Axis) = ((rows.len(), 1, w.next_row), (w.next_row, w.rows, 1));
            let from = io.input::<f32>(1).add(rows.start);
            transpose(from.cast(), turned.add(rows.start * w.next_row).cast(), high, wide);
            (self.transform)(w, rows, turned, to);
        }
    }

    /// Computes the tiles of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`], after the filters have been transformed.
    unsafe fn part(&self, io: Io<'_>, index: usize) {
        let w = &self.weights;
        let filters = io.scratch::<f32>();
        let room = w.len() + self.transposed() + index * self.scratch_each();
        let pixels = self.pixels(filters.wrapping_add(room));
        let products = self.products(pixels.start.wrapping_add(PLACES * pixels.matrix));
        let packed = products.start.wrapping_add(PLACES * products.matrix);
        let all = part(self.tiles, self.parts, index);
        for (first, count) in Even::new(all.len(), self.most) {
            let tiles = all.start + first..all.start + first + count;
            // SAFETY: images, filters and output hold what the sizes tell; the thread has its own
            // scratch memory and tiles.
            unsafe {
                (self.take)(&self.from, tiles.clone(), io.input(0), pixels);
                for (i, column) in (0..w.columns).step_by(w.width).enumerate() {
                    let columns = column..w.columns.min(column + w.width);
                    let filters = filters.add(i * PLACES * w.matrix);
                    for place in 0..PLACES {
                        let p = Pointers {
                            a: pixels.start.add(place * pixels.matrix),
                            b: filters.add(place * w.matrix),
                            c: products.start.add(place * products.matrix),
                        };
                        self.block.run(p, 0..count, 0..w.width, packed);
                    }
                    (self.put)(&self.to, tiles.clone(), products, io.output(0), columns);
                }
            }
        }
    }
}

impl Kernel for Forward {
    fn scratch(&self) -> usize {
        let filters = self.weights.len() + self.transposed();
        (filters + self.parts * self.scratch_each()) * size_of::<f32>()
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        unsafe {
            session.run(self.parts, &|index| self.filters(io, index));
            session.run(self.parts, &|index| self.part(io, index));
        }
    }
}

fn transform(instructions: Instructions) -> Transform {
    instantiate!(
        instructions,
        fn(weights: &Weights, rows: Range<usize>, from: *const f32, to: *mut f32),
        s => transform_rows(s, weights, rows, from, to)
    )
}

/// # Safety
/// The filters can be read, the transformed ones be written, as `w` tells.
#[inline(always)]
unsafe fn transform_rows<S: Simd>(
    s: S,
    w: &Weights,
    rows: Range<usize>,
    from: *const f32,
    to: *mut f32,
) {
    let sign = if w.turned { -1 } else { 1 };
    let right = sign * w.next_place as isize;
    for row in rows {
        for column in (0..w.columns).step_by(S::LANES) {
            let lanes = S::LANES.min(w.columns - column);
            let first = row * w.next_row + column + if w.turned { 8 * w.next_place } else { 0 };
            let start = from.cast_mut().wrapping_add(first);
            let (rows, columns) = (0..3, 0..3);
            let filter = Square { start, down: 3 * right, right, rows, columns, lanes };
            let (panel, column) = (column / w.width, column % w.width);
            let to = to.wrapping_add(panel * PLACES * w.matrix + row * w.width + column);
            let to = Square::whole(s, to, 6 * w.matrix, w.matrix, 6);
            // SAFETY: by the contract of this function.
            unsafe { lines::transform(s, FromFilter, &filter, &to) }
        }
    }
}

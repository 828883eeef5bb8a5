//! The filters' gradient.

use super::super::Sizes;
use super::lines::{Square, ToFilter, transform};
use super::tiles::{Rows, Take, Tiles, take_pixels, take_windows};
use super::{PLACES, apart, cycles};
use crate::kernels::matmul::block::{Block, Matrices, Pointers};
use crate::kernels::matmul::micro::Layout;
use crate::kernels::matmul::{Even, Numbers};
use crate::kernels::{Io, Kernel, Request};
use crate::simd::{Instructions, Simd, instantiate};
use crate::threads::{Session, part};
use std::ops::Range;

/// How many numbers of transformed tiles are kept for each thread: 2 MB.
const CACHE: usize = 512 * 1024;
/// How many tiles these are at least and at most, for all threads.
const TILES: [usize; 2] = [64, 512];
/// How many channels a thread multiplies at once.
const CHANNELS: usize = 64;

/// The kernel of [`cornu_graph::Op::Conv2dFilterGrad`].
///
/// All threads transform a group of tiles; then each adds the products of some places to the sums,
/// so that there is one set of sums, and results do not depend on the number of threads.
pub(in super::super) struct FilterGrad {
    pixels: Tiles,
    windows: Tiles,
    /// The tiles of all images, cut into groups.
    groups: Even,
    channels: usize,
    filters: usize,
    take_pixels: Take,
    take_windows: Take,
    finish: Finish,
    block: Block,
    parts: usize,
}

/// Transforms some channels of the sums, inside the scratch memory, into the filters' gradient.
type Finish = unsafe fn(&FilterGrad, Range<usize>, *mut f32, *mut f32);

impl FilterGrad {
    /// The kernel for a convolution.
    pub(in super::super) fn new(request: &Request<'_>, sizes: &Sizes) -> FilterGrad {
        let i = request.instructions;
        let before = sizes.conv.padding.map(|p| p.0 as isize);
        let pixels = Tiles::of_pixels(sizes.image, sizes.channels, sizes.output, before);
        let windows = Tiles::of_windows(sizes.output, sizes.filters);
        let padded = |n: usize| n.next_multiple_of(i.lanes());
        let (m, n) = (padded(sizes.channels), padded(sizes.filters));
        let tiles = sizes.images * windows.each();
        let parts = request.crew.tasks(cycles(sizes, i.lanes()), tiles.min(PLACES));
        let most = (CACHE * parts / (PLACES * (m + n))).clamp(TILES[0], TILES[1]);
        let groups = Even::new(tiles, most);
        let matrices = Matrices {
            m: sizes.channels,
            n,
            k: groups.largest(),
            layout: Layout::Columns,
            a_stride: m,
            transpose_b: false,
            b_stride: n,
            c_stride: n,
            add: true,
            numbers: Numbers::Floats,
        };
        let rows = Even::new(sizes.channels, CHANNELS).largest();
        FilterGrad {
            pixels,
            windows,
            groups,
            channels: sizes.channels,
            filters: sizes.filters,
            take_pixels: take_pixels(i),
            take_windows: take_windows(i),
            finish: finish(i),
            block: Block::new(i, matrices, rows, n),
            parts,
        }
    }

    /// The scratch memory: transformed pixels, transformed gradients, sums, the rest.
    fn rooms(&self, start: *mut f32) -> (Rows, Rows, Rows, *mut f32) {
        let (m, most) = (self.block.matrices(), self.groups.largest());
        let rows = |start, count: usize, row| Rows { start, matrix: apart(count * row), row };
        let after = |rows: Rows| rows.start.wrapping_add(PLACES * rows.matrix);
        let pixels = rows(start, most, m.a_stride);
        let windows = rows(after(pixels), most, m.b_stride);
        let sums = rows(after(windows), self.channels, m.c_stride);
        (pixels, windows, sums, after(sums))
    }

    fn packed_each(&self) -> usize {
        self.block.scratch().next_multiple_of(16)
    }

    /// Transforms some tiles of a group.
    ///
    /// # Safety
    /// As [`Kernel::run`].
    unsafe fn transform(&self, io: Io<'_>, first: usize, rows: Range<usize>) {
        let (pixels, windows, ..) = self.rooms(io.scratch());
        let tiles = first + rows.start..first + rows.end;
        let at = |to: Rows| Rows { start: to.start.wrapping_add(rows.start * to.row), ..to };
        // SAFETY: images and gradient hold what the sizes tell; the rows are this thread's.
        unsafe {
            (self.take_pixels)(&self.pixels, tiles.clone(), io.input(0), at(pixels));
            (self.take_windows)(&self.windows, tiles, io.input(1), at(windows));
        }
    }

    /// Adds the products of a group of `count` tiles to the sums of one thread.
    ///
    /// # Safety
    /// As [`Kernel::run`], after the group has been transformed.
    unsafe fn multiply(&self, io: Io<'_>, index: usize, first: usize, count: usize) {
        let (pixels, windows, sums, packed) = self.rooms(io.scratch());
        let packed = packed.wrapping_add(index * self.packed_each());
        let cuts = Even::new(self.channels, CHANNELS);
        let pieces = self.channels.div_ceil(CHANNELS);
        for unit in part(PLACES * pieces, self.parts, index) {
            let (place, (start, channels)) = (unit / pieces, cuts.at(unit % pieces));
            // SAFETY: the matrices are inside the scratch memory, the sums are this thread's.
            unsafe {
                let p = Pointers {
                    a: pixels.start.add(place * pixels.matrix),
                    b: windows.start.add(place * windows.matrix),
                    c: sums.start.add(place * sums.matrix),
                };
                if first == 0 {
                    p.c.add(start * sums.row).write_bytes(0, channels * sums.row);
                }
                self.block.run_deep(p, start..start + channels, 0..sums.row, count, packed);
            }
        }
    }
}

impl Kernel for FilterGrad {
    fn scratch(&self) -> usize {
        let (pixels, windows, sums, _) = self.rooms(std::ptr::null_mut());
        let matrices = pixels.matrix + windows.matrix + sums.matrix;
        (PLACES * matrices + self.parts * self.packed_each()) * size_of::<f32>()
    }

    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: by the contract of this function.
        unsafe {
            for (first, count) in self.groups {
                session.run(self.parts, &|index| {
                    self.transform(io, first, part(count, self.parts, index));
                });
                session.run(self.parts, &|index| self.multiply(io, index, first, count));
            }
            session.run(self.parts, &|index| {
                let channels = part(self.channels, self.parts, index);
                (self.finish)(self, channels, io.scratch(), io.output(0));
            });
        }
    }
}

fn finish(instructions: Instructions) -> Finish {
    instantiate!(
        instructions,
        fn(kernel: &FilterGrad, channels: Range<usize>, scratch: *mut f32, to: *mut f32),
        s => finish_channels(s, kernel, channels, scratch, to)
    )
}

/// # Safety
/// The sums can be read and the filters be written.
#[inline(always)]
unsafe fn finish_channels<S: Simd>(
    s: S,
    kernel: &FilterGrad,
    channels: Range<usize>,
    scratch: *mut f32,
    to: *mut f32,
) {
    let (_, _, sums, _) = kernel.rooms(scratch);
    let next_place = kernel.channels * kernel.filters;
    for channel in channels {
        for f in (0..kernel.filters).step_by(S::LANES) {
            let from = sums.start.wrapping_add(channel * sums.row + f);
            let from = Square::whole(s, from, 6 * sums.matrix, sums.matrix, 6);
            let start = to.wrapping_add(channel * kernel.filters + f);
            let lanes = S::LANES.min(kernel.filters - f);
            let to = Square { lanes, ..Square::whole(s, start, 3 * next_place, next_place, 3) };
            // SAFETY: by the contract of this function.
            unsafe { transform(s, ToFilter, &from, &to) }
        }
    }
}

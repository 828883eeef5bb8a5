//! Tiles of images moved to and from the matrices of products.
//!
//! The matrices are 36, one for each place in a transformed tile; a tile is a row of each.

use super::lines::{FromPixels, FromWindows, Line, Square, ToWindows, transform};
use crate::simd::{Instructions, Simd, instantiate};
use std::ops::Range;

/// How many windows a tile has along an axis.
const SIDE: usize = 4;

/// Images whose output is cut into tiles of 4x4 windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    /// How many tiles an image has along height and width.
    grid: [usize; 2],
    /// Height and width of the images.
    size: [usize; 2],
    channels: usize,
    /// How far the first tile begins before the image (or after its begin, if negative).
    before: [isize; 2],
}

impl Tiles {
    /// The pixels of images that the tiles of an output see.
    pub(super) fn of_pixels(
        size: [usize; 2],
        channels: usize,
        output: [usize; 2],
        before: [isize; 2],
    ) -> Tiles {
        Tiles { grid: output.map(|n| n.div_ceil(SIDE)), size, channels, before }
    }

    /// The windows of an output.
    pub(super) fn of_windows(size: [usize; 2], channels: usize) -> Tiles {
        Tiles::of_pixels(size, channels, size, [0; 2])
    }

    /// How many tiles an image has.
    pub(super) fn each(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// The image of a tile, and the row and column where it begins.
    #[inline(always)]
    fn corner(&self, tile: usize) -> (usize, isize, isize) {
        let (image, tile) = (tile / self.each(), tile % self.each());
        let place = |axis: usize, i: usize| (i * SIDE) as isize - self.before[axis];
        (image, place(0, tile / self.grid[1]), place(1, tile % self.grid[1]))
    }

    /// The square of a tile's pixels (or windows) at a channel: what of it is in the image.
    #[inline(always)]
    fn square(&self, images: *mut f32, tile: usize, side: usize, channels: Range<usize>) -> Square {
        let (image, top, left) = self.corner(tile);
        let [height, width] = self.size.map(|n| n as isize);
        let pixel = (image as isize * height + top) * width + left;
        let first = pixel * self.channels as isize + channels.start as isize;
        let inside = |at: isize, size: isize| {
            (-at).clamp(0, side as isize) as usize..(size - at).clamp(0, side as isize) as usize
        };
        Square {
            start: images.wrapping_offset(first),
            down: (self.size[1] * self.channels) as isize,
            right: self.channels as isize,
            rows: inside(top, height),
            columns: inside(left, width),
            lanes: channels.len(),
        }
    }
}

/// 36 matrices with a row for each tile.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub start: *mut f32,
    /// Between the matrices.
    pub matrix: usize,
    /// Between the rows of a matrix.
    pub row: usize,
}

impl Rows {
    /// A vector of a row of each matrix.
    #[inline(always)]
    fn square<S: Simd>(self, s: S, row: usize, column: usize) -> Square {
        let start = self.start.wrapping_add(row * self.row + column);
        Square::whole(s, start, 6 * self.matrix, self.matrix, 6)
    }
}

/// Transforms the tiles of a range into rows. Asks that the images can be read and the rows, up to
/// a whole number of vectors, be written.
pub(super) type Take = unsafe fn(&Tiles, Range<usize>, *const f32, Rows);

/// Transforms the first columns of rows into some channels of the tiles of a range. Asks that the
/// rows, up to a whole number of vectors, can be read and the images be written.
pub(super) type Put = unsafe fn(&Tiles, Range<usize>, Rows, *mut f32, Range<usize>);

/// Takes 6x6 pixels.
pub(super) fn take_pixels(instructions: Instructions) -> Take {
    instantiate!(
        instructions,
        fn(tiles: &Tiles, range: Range<usize>, from: *const f32, to: Rows),
        s => take(s, FromPixels, tiles, range, from, to)
    )
}

/// Takes the gradients of 4x4 windows.
pub(super) fn take_windows(instructions: Instructions) -> Take {
    instantiate!(
        instructions,
        fn(tiles: &Tiles, range: Range<usize>, from: *const f32, to: Rows),
        s => take(s, FromWindows, tiles, range, from, to)
    )
}

/// Puts 4x4 windows.
pub(super) fn put_windows(instructions: Instructions) -> Put {
    instantiate!(
        instructions,
        fn(tiles: &Tiles, range: Range<usize>, from: Rows, to: *mut f32, channels: Range<usize>),
        s => put(s, tiles, range, from, to, channels)
    )
}

/// # Safety
/// See [`Take`].
#[inline(always)]
unsafe fn take<S: Simd, L: Line<A, 6> + Copy, const A: usize>(
    s: S,
    line: L,
    tiles: &Tiles,
    range: Range<usize>,
    from: *const f32,
    to: Rows,
) {
    for (row, tile) in range.enumerate() {
        for c in (0..tiles.channels).step_by(S::LANES) {
            let channels = c..tiles.channels.min(c + S::LANES);
            let pixels = tiles.square(from.cast_mut(), tile, A, channels);
            // SAFETY: by the contract of this function.
            unsafe { transform(s, line, &pixels, &to.square(s, row, c)) }
        }
    }
}

/// # Safety
/// See [`Put`].
#[inline(always)]
unsafe fn put<S: Simd>(
    s: S,
    tiles: &Tiles,
    range: Range<usize>,
    from: Rows,
    to: *mut f32,
    channels: Range<usize>,
) {
    for (row, tile) in range.enumerate() {
        for c in channels.clone().step_by(S::LANES) {
            let windows = tiles.square(to, tile, SIDE, c..channels.end.min(c + S::LANES));
            let products = from.square(s, row, c - channels.start);
            // SAFETY: by the contract of this function.
            unsafe { transform(s, ToWindows, &products, &windows) }
        }
    }
}

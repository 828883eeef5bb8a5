//! Tiles of images moved to and from the matrices of products.
//!
//! The matrices are 36, one for each place in a transformed tile; a tile is a row of each.

use super::lines::{from_pixels, from_windows, square, to_windows};
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

    /// Where a pixel's channels begin, if it is in the image.
    #[inline(always)]
    fn pixel(&self, image: usize, y: isize, x: isize) -> Option<usize> {
        let [height, width] = self.size;
        let inside = (y as usize) < height && (x as usize) < width;
        inside.then(|| ((image * height + y as usize) * width + x as usize) * self.channels)
    }

    /// Whether all pixels of a square are in the image.
    #[inline(always)]
    fn whole(&self, y: isize, x: isize, side: usize) -> bool {
        let inside = |axis: usize, at: isize| at >= 0 && at as usize + side <= self.size[axis];
        inside(0, y) && inside(1, x)
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

/// Transforms the tiles of a range into rows. Asks that the images can be read and the rows, up to
/// a whole number of vectors, be written.
pub(super) type Take = unsafe fn(&Tiles, Range<usize>, *const f32, Rows);

/// Transforms the first columns of rows into the channels from `.0.start` to `.0.end` of the tiles of
/// a range. Asks that the rows, up to a whole number of vectors, can be read and the images be written.
pub(super) type Put = unsafe fn(&Tiles, Range<usize>, Rows, *mut f32, Range<usize>);

/// Takes 6x6 pixels.
pub(super) fn take_pixels(instructions: Instructions) -> Take {
    instantiate!(
        instructions,
        fn(tiles: &Tiles, range: Range<usize>, from: *const f32, to: Rows),
        s => take(s, tiles, range, from, to, from_pixels)
    )
}

/// Takes the gradients of 4x4 windows.
pub(super) fn take_windows(instructions: Instructions) -> Take {
    instantiate!(
        instructions,
        fn(tiles: &Tiles, range: Range<usize>, from: *const f32, to: Rows),
        s => take(s, tiles, range, from, to, from_windows)
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
unsafe fn take<S: Simd, const A: usize>(
    s: S,
    tiles: &Tiles,
    range: Range<usize>,
    from: *const f32,
    to: Rows,
    line: impl Fn(S, [S::F; A]) -> [S::F; 6] + Copy,
) {
    let (next_row, next_pixel) = (tiles.size[1] * tiles.channels, tiles.channels);
    for (row, tile) in range.enumerate() {
        let (image, top, left) = tiles.corner(tile);
        let whole = tiles.whole(top, left, A);
        for c in (0..tiles.channels).step_by(S::LANES) {
            let n = S::LANES.min(tiles.channels - c);
            let to_tile = to.start.wrapping_add(row * to.row + c);
            // SAFETY (of both closures): by the contract of this function.
            let store = |y: usize, x: usize, v| unsafe {
                s.store(to_tile.add((y * 6 + x) * to.matrix), v);
            };
            let pixel = |y: usize, x: usize| tiles.pixel(image, top + y as isize, left + x as isize);
            if let (true, true, Some(first)) = (whole, n == S::LANES, pixel(0, 0)) {
                let first = from.wrapping_add(first + c);
                let load = |y, x| unsafe { s.load(first.add(y * next_row + x * next_pixel)) };
                square(s, line, load, store);
            } else {
                let load = |y, x| match pixel(y, x) {
                    // SAFETY: as above.
                    Some(place) => unsafe { s.load_n(from.add(place + c), n) },
                    None => s.splat(0.0),
                };
                square(s, line, load, store);
            }
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
    let (next_row, next_pixel) = (tiles.size[1] * tiles.channels, tiles.channels);
    for (row, tile) in range.enumerate() {
        let (image, top, left) = tiles.corner(tile);
        let whole = tiles.whole(top, left, SIDE);
        for c in (0..channels.len()).step_by(S::LANES) {
            let n = S::LANES.min(channels.len() - c);
            let tile = from.start.wrapping_add(row * from.row + c);
            // SAFETY (of all closures): by the contract of this function.
            let load = |y, x| unsafe { s.load(tile.add((y * 6 + x) * from.matrix)) };
            let pixel = |y: usize, x: usize| tiles.pixel(image, top + y as isize, left + x as isize);
            let to = to.wrapping_add(channels.start + c);
            if let (true, true, Some(first)) = (whole, n == S::LANES, pixel(0, 0)) {
                let first = to.wrapping_add(first);
                square(s, to_windows, load, |y, x, v| unsafe {
                    s.store(first.add(y * next_row + x * next_pixel), v);
                });
            } else {
                square(s, to_windows, load, |y, x, v| {
                    if let Some(place) = pixel(y, x) {
                        // SAFETY: as above.
                        unsafe { s.store_n(to.add(place), v, n) }
                    }
                });
            }
        }
    }
}

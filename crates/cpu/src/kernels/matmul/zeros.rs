//! Zeros of A that a product need not multiply.
//!
//! Images are mostly background: of the numbers that reach the first layer of a network for MNIST
//! four in five are zeros. A tile of the result adds up products along the inner dimension; where
//! all rows of the tile have a zero, there is nothing to add. A tile of few rows of such data visits
//! two in five places of the inner dimension.
//!
//! The result has the same bits: a sum that begins with 0 is never -0, so adding ±0 changes nothing.
//! (Only what an infinity or a NaN in B does is not seen where all of A is zero.)

use super::micro::{AHEAD, Layout};
use super::numbers::Numbers;
use crate::simd::{Instructions, Simd, instantiate};

/// A part of A: some rows, some of the inner dimension.
pub(crate) struct Piece {
    /// The first element.
    pub a: *const f32,
    /// Between rows, or columns.
    pub stride: usize,
    /// How many rows, up to [`super::micro::LOW`].
    pub rows: usize,
    /// How many columns (pairs of columns, where they share a word).
    pub depth: usize,
    /// Where the columns are listed that are not all zeros; [`room`] of them.
    pub list: *mut u32,
}

/// How many numbers a list needs room for: a vector may be written after the last one.
pub(crate) const fn room(depth: usize) -> usize {
    depth + 16
}

const _: () = assert!(AHEAD <= 16);

/// Lists the columns of a piece that are not all zeros; returns how many there are. [`AHEAD`] more
/// may be read. Asks for the reads and writes that [`Piece`] describes.
pub(crate) type Find = unsafe fn(&Piece) -> usize;

/// The function for a layout of A.
pub(crate) fn find(instructions: Instructions, layout: Layout, numbers: Numbers) -> Find {
    match layout {
        Layout::Rows if numbers == Numbers::Pairs => {
            instantiate!(instructions, fn(p: &Piece) -> usize, s => of_rows::<_, true>(s, p))
        }
        Layout::Rows => {
            instantiate!(instructions, fn(p: &Piece) -> usize, s => of_rows::<_, false>(s, p))
        }
        Layout::Columns if numbers == Numbers::Pairs => {
            instantiate!(instructions, fn(p: &Piece) -> usize, s => of_columns::<_, true>(s, p))
        }
        Layout::Columns => {
            instantiate!(instructions, fn(p: &Piece) -> usize, s => of_columns::<_, false>(s, p))
        }
    }
}

/// # Safety
/// See [`Piece`].
#[inline(always)]
unsafe fn of_rows<S: Simd, const PAIRS: bool>(s: S, p: &Piece) -> usize {
    let mut count = 0;
    // SAFETY: by the contract of this function; the list has room for a vector more.
    unsafe {
        for k in (0..p.depth).step_by(S::LANES) {
            let lanes = S::LANES.min(p.depth - k);
            let mut bits = s.load_n(p.a.add(k), lanes);
            for row in 1..p.rows {
                bits = s.or(bits, s.load_n(p.a.add(row * p.stride + k), lanes));
            }
            let there = are_numbers::<S, PAIRS>(s, bits);
            count += s.list_lanes(there, k as u32, p.list.add(count));
        }
        p.list.add(count).write_bytes(0, AHEAD);
    }
    count
}

/// # Safety
/// See [`Piece`].
#[inline(always)]
unsafe fn of_columns<S: Simd, const PAIRS: bool>(s: S, p: &Piece) -> usize {
    let mut count = 0;
    debug_assert!(p.rows <= S::LANES, "a low tile is one vector high at most");
    // SAFETY: by the contract of this function.
    unsafe {
        for k in 0..p.depth {
            let column = s.load_n(p.a.add(k * p.stride), p.rows);
            *p.list.add(count) = k as u32;
            count += usize::from(s.any(are_numbers::<S, PAIRS>(s, column)));
        }
        p.list.add(count).write_bytes(0, AHEAD);
    }
    count
}

/// Which words are not 0.
#[inline(always)]
fn are_numbers<S: Simd, const PAIRS: bool>(s: S, words: S::F) -> S::M {
    // A pair as a whole number: what is in its low half alone would be a float too small to count.
    let words = if PAIRS { s.to_float(s.bits(words)) } else { words };
    s.ne(words, s.splat(0.0))
}

//! Copies of a block of B in the order in which micro-kernels read it.

use super::panels::Panel;
use crate::simd::{Instructions, Simd, instantiate, prefetch};

/// How many rows ahead a part of B is asked for: its rows are too far apart for the processor to see
/// what comes next.
const AHEAD: usize = 16;

/// A panel to copy: `rows` rows of B and the panel's columns.
pub(crate) struct Packing {
    /// The first element of the panel in B.
    pub from: *const f32,
    /// Between rows of B, or between its columns if it is stored transposed.
    pub stride: usize,
    /// How many rows there are.
    pub rows: usize,
    /// How many columns there are.
    pub width: usize,
    /// How many columns a row of the copy has; those past `width` are 0.
    pub padded: usize,
    /// Where the copy goes.
    pub to: *mut f32,
}

impl Packing {
    pub(crate) fn new(
        from: *const f32,
        stride: usize,
        rows: usize,
        panel: Panel,
        to: *mut f32,
    ) -> Packing {
        Packing { from, stride, rows, width: panel.width, padded: panel.padded(), to }
    }
}

/// Asks for the reads and writes that [`Packing`] describes.
pub(crate) type Pack = unsafe fn(&Packing);

/// The copying function for B stored as rows, or transposed.
pub(crate) fn pack(instructions: Instructions, transposed: bool) -> Pack {
    if transposed {
        instantiate!(instructions, fn(p: &Packing), s => pack_columns(s, p))
    } else {
        instantiate!(instructions, fn(p: &Packing), s => pack_rows(s, p))
    }
}

/// # Safety
/// See [`Packing`].
#[inline(always)]
unsafe fn pack_rows<S: Simd>(s: S, p: &Packing) {
    let (whole, rest) = (p.width / S::LANES * S::LANES, p.width % S::LANES);
    // SAFETY: by the contract of this function.
    unsafe {
        for row in 0..p.rows {
            let (from, to) = (p.from.add(row * p.stride), p.to.add(row * p.padded));
            let ahead = from.wrapping_add(AHEAD * p.stride);
            for j in (0..p.width).step_by(16) {
                prefetch(ahead.wrapping_add(j));
            }
            for j in (0..whole).step_by(S::LANES) {
                s.store(to.add(j), s.load(from.add(j)));
            }
            if rest > 0 {
                s.store(to.add(whole), s.load_n(from.add(whole), rest));
            }
        }
    }
}

/// # Safety
/// See [`Packing`].
#[inline(always)]
pub(super) unsafe fn pack_columns<S: Simd>(s: S, p: &Packing) {
    // SAFETY: by the contract of this function.
    unsafe {
        for j in (0..p.padded).step_by(S::LANES) {
            let columns = (p.width - j.min(p.width)).min(S::LANES);
            let square = if columns == S::LANES { p.rows / S::LANES * S::LANES } else { 0 };
            let from = p.from.add(j * p.stride);
            for row in (0..square).step_by(S::LANES) {
                s.transpose(from.add(row), p.stride, p.to.add(row * p.padded + j), p.padded);
            }
            for row in square..p.rows {
                let to = p.to.add(row * p.padded + j);
                for i in 0..S::LANES {
                    *to.add(i) = if i < columns { *from.add(i * p.stride + row) } else { 0.0 };
                }
            }
        }
    }
}

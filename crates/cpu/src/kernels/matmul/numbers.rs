//! In what form numbers are multiplied: as they are, or rounded to bfloat16.
//!
//! Operands in bfloat16 are rounded while they are packed: B as ever, A tile by tile into the L1
//! cache. Where the machine multiplies pairs of them ([`super::pairs`]), two neighbours along the
//! inner dimension share a word of 32 bits: for all that is around the micro-kernels the product is
//! one of words, of half the depth. Elsewhere the rounded numbers stay `f32`, and the kernels are
//! those of `f32` ([`super::rounded`]). Where only a row or two meet B, it is not worth packing: its
//! numbers are rounded as they are read.

use super::micro::Layout;
use super::pack::{self, Pack};
#[cfg(target_arch = "x86_64")]
use super::pairs;
use super::rounded;
use crate::simd::Instructions;
use cornu_graph::op::Precision;

/// For so many rows B is not packed to be rounded. There are no taller kernels that round.
const FEW: usize = 2;

/// How the numbers of a product are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// As they are.
    Floats,
    /// Rounded to bfloat16, each in a word of its own.
    Rounded,
    /// Rounded to bfloat16, two in a word.
    Pairs,
    /// Rounded to bfloat16: A when it is packed, B each time it is read.
    ReadRounded,
}

impl Numbers {
    /// The fastest form for a precision, if A has so many rows.
    pub(crate) fn new(precision: Precision, instructions: Instructions, rows: usize) -> Numbers {
        match precision {
            Precision::Float32 => Numbers::Floats,
            Precision::BFloat16 if rows <= FEW => Numbers::ReadRounded,
            Precision::BFloat16 if instructions.multiply_pairs() => Numbers::Pairs,
            Precision::BFloat16 => Numbers::Rounded,
        }
    }

    /// Whether B may be read where it is.
    pub(crate) fn read_in_place(self) -> bool {
        matches!(self, Numbers::Floats | Numbers::ReadRounded)
    }

    /// How many neighbours along the inner dimension share a word.
    pub(crate) fn per_word(self) -> usize {
        if self == Numbers::Pairs { 2 } else { 1 }
    }

    /// The function that packs B, stored as rows or transposed.
    pub(super) fn pack(self, instructions: Instructions, transposed: bool) -> Pack {
        match self {
            Numbers::Floats | Numbers::ReadRounded => pack::pack(instructions, transposed),
            Numbers::Rounded => rounded::pack(instructions, transposed),
            Numbers::Pairs if transposed => pairs::TRANSPOSED,
            Numbers::Pairs => pairs::ACROSS,
        }
    }

    /// The function that packs a tile of A as it is stored, unless it is read where it is.
    pub(super) fn pack_tile(self, instructions: Instructions, layout: Layout) -> Option<Pack> {
        match (self, layout) {
            (Numbers::Floats, _) => None,
            (Numbers::Rounded | Numbers::ReadRounded, _) => {
                Some(rounded::pack(instructions, false))
            }
            (Numbers::Pairs, Layout::Rows) => Some(pairs::ALONG),
            (Numbers::Pairs, Layout::Columns) => Some(pairs::ACROSS),
        }
    }
}

/// How many operations a round of [`pairs_in_chains`] has.
pub(crate) const FLOPS_OF_PAIRS: usize = CHAINS * 16 * 2 * 2;
/// Sums in registers at once: more than arithmetic units times the steps that each takes.
const CHAINS: usize = 24;

/// So many rounds of multiplications of pairs in chains, each adding to its own sums: what the
/// instructions can do at most, if the machine has them.
pub(crate) fn pairs_in_chains(instructions: Instructions) -> Option<unsafe fn(f32, usize) -> f32> {
    instructions.multiply_pairs().then_some(pairs::chains::<CHAINS> as _)
}

/// Without the instructions nothing asks for these.
#[cfg(not(target_arch = "x86_64"))]
mod pairs {
    use super::super::pack::{Pack, Packing};

    pub(super) const ACROSS: Pack = missing;
    pub(super) const ALONG: Pack = missing;
    pub(super) const TRANSPOSED: Pack = missing;

    unsafe fn missing(_: &Packing) {
        unreachable!("this machine does not multiply pairs")
    }

    pub(super) unsafe fn chains<const N: usize>(_: f32, _: usize) -> f32 {
        unreachable!("this machine does not multiply pairs")
    }
}

//! Copies of operands whose numbers are rounded to bfloat16 and stay `f32`.

use super::pack::{Pack, Packing, pack_columns};
use crate::simd::{Instructions, Simd, instantiate};

/// The copying function for an operand stored as rows, or transposed.
pub(super) fn pack(instructions: Instructions, transposed: bool) -> Pack {
    if transposed {
        instantiate!(instructions, fn(p: &Packing), s => {
            pack_columns(s, p);
            let copy = Packing { from: p.to, stride: p.padded, width: p.padded, ..*p };
            round_rows(s, &copy)
        })
    } else {
        instantiate!(instructions, fn(p: &Packing), s => round_rows(s, p))
    }
}

/// Copies rows, rounded. The copy may be in the place of the original.
///
/// # Safety
/// See [`Packing`]; whole vectors of each row can be written.
#[inline(always)]
unsafe fn round_rows<S: Simd>(s: S, p: &Packing) {
    // SAFETY: by the contract of this function.
    unsafe {
        for row in 0..p.rows {
            let (from, to) = (p.from.add(row * p.stride), p.to.add(row * p.padded));
            for j in (0..p.width).step_by(S::LANES) {
                let x = s.load_n(from.add(j), S::LANES.min(p.width - j));
                s.store(to.add(j), round(s, x));
            }
        }
    }
}

/// The nearest bfloat16, halves to even; NaN as it is. See [`cornu_graph::op::Precision::round`].
#[inline(always)]
pub(super) fn round<S: Simd>(s: S, x: S::F) -> S::F {
    let mask = |x, bits| s.and(x, s.float_of_bits(s.splat_i(bits)));
    let bits = s.bits(x);
    let odd = s.bits(mask(s.float_of_bits(s.shift_right::<16>(bits)), 1));
    let sum = s.add_i(s.add_i(bits, s.splat_i(0x7fff)), odd);
    let rounded = mask(s.float_of_bits(sum), 0xffff_0000_u32 as i32);
    s.select(s.ne(x, x), x, rounded)
}

//! Random numbers: a function of the state, the stream and the element's place, so that threads
//! and vectors do not matter.

use super::{Io, Kernel, Request};
use crate::math::vector::{log, sin_cos_turns};
use crate::simd::{Simd, instantiate};
use crate::threads::{Session, part};
use cornu_graph::op::Distribution;
use std::ops::Range;

/// How many blocks of four words are computed at once.
const BLOCKS: usize = 16;
/// How many numbers they give.
const GROUP: usize = 4 * BLOCKS;

/// Writes the numbers of some groups; the last may be cut short by the end of the output.
type Draw = unsafe fn(state: [i32; 3], stream: u32, groups: Range<usize>, to: *mut f32, len: usize);

/// The kernel of [`cornu_graph::Op::Random`].
pub(crate) struct Random {
    draw: Draw,
    stream: u32,
    len: usize,
    parts: usize,
}

impl Random {
    /// The kernel for a request with these attributes.
    pub(crate) fn new(request: &Request<'_>, distribution: Distribution, stream: u32) -> Random {
        let len = request.outputs[0].len();
        let i = request.instructions;
        let (draw, cycles): (Draw, usize) = match distribution {
            Distribution::Uniform => (
                instantiate!(
                    i,
                    fn(state: [i32; 3], stream: u32, groups: Range<usize>, to: *mut f32, n: usize),
                    s => fill(s, state, stream, groups, to, n, |_, u| u)
                ),
                2,
            ),
            Distribution::Normal => (
                instantiate!(
                    i,
                    fn(state: [i32; 3], stream: u32, groups: Range<usize>, to: *mut f32, n: usize),
                    s => fill(s, state, stream, groups, to, n, normal)
                ),
                3,
            ),
        };
        let parts = request.crew.tasks(len * cycles, len.div_ceil(GROUP));
        Random { draw, stream, len, parts }
    }
}

impl Kernel for Random {
    unsafe fn run(&self, io: Io<'_>, session: &Session<'_>) {
        // SAFETY: the state has three numbers; each thread writes to its own groups.
        unsafe {
            let state = io.input::<[i32; 3]>(0).read_unaligned();
            session.run(self.parts, &|index| {
                let groups = part(self.len.div_ceil(GROUP), self.parts, index);
                (self.draw)(state, self.stream, groups, io.output(0), self.len);
            });
        }
    }
}

/// The numbers of a group, by their place in a block.
type Group<S> = [<S as Simd>::F; 4];

/// Writes even numbers, changed by `shape`, to the groups' places.
///
/// # Safety
/// `len` numbers can be written at `to`.
#[inline(always)]
unsafe fn fill<S: Simd>(
    s: S,
    state: [i32; 3],
    stream: u32,
    groups: Range<usize>,
    to: *mut f32,
    len: usize,
    shape: impl Fn(S, Group<S>) -> Group<S>,
) {
    // A lane's block within a group: such that transposing quarters puts the blocks in order.
    let quarters = S::LANES / 4;
    let mut order = [0u32; 16];
    for lane in 0..S::LANES {
        order[lane] = (lane % 4 * quarters + lane / 4) as u32;
    }
    // SAFETY: by the contract of this function; no vector is longer than 16 lanes.
    unsafe {
        let order = s.bits(s.load(order.as_ptr().cast()));
        for group in groups {
            let mut start = group * GROUP;
            for first in (0..BLOCKS).step_by(S::LANES) {
                let block = (group * BLOCKS + first) as u64;
                // Groups begin at multiples of 16 blocks: the low half does not overflow.
                let counter = [
                    s.add_i(s.splat_i(block as u32 as i32), order),
                    s.splat_i((block >> 32) as u32 as i32),
                    s.splat_i(stream as i32),
                    s.splat_i(state[2]),
                ];
                let words = philox(s, counter, [state[0] as u32, state[1] as u32]);
                let numbers = shape(
                    s,
                    [unit(s, words[0]), unit(s, words[1]), unit(s, words[2]), unit(s, words[3])],
                );
                for vector in s.transpose_quarters(numbers) {
                    if start < len {
                        s.store_n(to.add(start), vector, S::LANES.min(len - start));
                    }
                    start += S::LANES;
                }
            }
        }
    }
}

/// [`cornu_graph::philox::philox`] in every lane.
#[inline(always)]
fn philox<S: Simd>(s: S, mut counter: [S::I; 4], mut key: [u32; 2]) -> [S::I; 4] {
    for _ in 0..10 {
        let (low0, high0) = s.multiply_wide(counter[0], 0xD251_1F53);
        let (low1, high1) = s.multiply_wide(counter[2], 0xCD9E_8D57);
        counter = [
            s.xor_i(s.xor_i(high1, counter[1]), s.splat_i(key[0] as i32)),
            low1,
            s.xor_i(s.xor_i(high0, counter[3]), s.splat_i(key[1] as i32)),
            low0,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// [`cornu_graph::philox::unit`] in every lane.
#[inline(always)]
fn unit<S: Simd>(s: S, word: S::I) -> S::F {
    // The shift copies the sign; the upper bits are cleared.
    let shifted = s.float_of_bits(s.shift_right::<8>(word));
    let bits = s.and(shifted, s.float_of_bits(s.splat_i(0x00ff_ffff)));
    s.mul(s.to_float(s.bits(bits)), s.splat(1.0 / 16_777_216.0))
}

/// Box and Muller's method: two pairs of even numbers become two pairs of normal ones.
#[inline(always)]
fn normal<S: Simd>(s: S, [u0, u1, u2, u3]: Group<S>) -> Group<S> {
    let (a, b) = normal_pair(s, u0, u1);
    let (c, d) = normal_pair(s, u2, u3);
    [a, b, c, d]
}

#[inline(always)]
fn normal_pair<S: Simd>(s: S, u: S::F, v: S::F) -> (S::F, S::F) {
    let logarithm = log(s, s.sub(s.splat(1.0), u));
    let radius = s.sqrt(s.mul(s.splat(-2.0), logarithm));
    let (sine, cosine) = sin_cos_turns(s, v);
    (s.mul(radius, cosine), s.mul(radius, sine))
}

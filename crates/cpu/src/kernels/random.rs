//! Random numbers: a function of the state, the stream and the element's place, so that threads
//! and vectors do not matter.

use super::{Io, Kernel, Request};
use crate::math::vector::{log, sin_cos_turns};
use crate::simd::{Simd, instantiate};
use crate::threads::{Session, part};
use cornu_graph::op::Distribution;
use cornu_graph::philox::{unit, words};
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
        let (draw, cycles): (Draw, usize) = match distribution {
            Distribution::Uniform => (
                instantiate!(
                    request.instructions,
                    fn(state: [i32; 3], stream: u32, groups: Range<usize>, to: *mut f32, len: usize),
                    s => fill(s, state, stream, groups, to, len, |_, _| {})
                ),
                3,
            ),
            Distribution::Normal => (
                instantiate!(
                    request.instructions,
                    fn(state: [i32; 3], stream: u32, groups: Range<usize>, to: *mut f32, len: usize),
                    s => fill(s, state, stream, groups, to, len, normal)
                ),
                6,
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
type Group = [[f32; BLOCKS]; 4];

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
    shape: impl Fn(S, &mut Group),
) {
    for group in groups {
        let mut numbers: Group = [[0.0; BLOCKS]; 4];
        for block in 0..BLOCKS {
            let words = words(state, stream, (group * BLOCKS + block) as u64);
            for (numbers, word) in numbers.iter_mut().zip(words) {
                numbers[block] = unit(word);
            }
        }
        shape(s, &mut numbers);
        let mut mixed = [0.0f32; GROUP];
        for block in 0..BLOCKS {
            for place in 0..4 {
                mixed[4 * block + place] = numbers[place][block];
            }
        }
        let start = group * GROUP;
        // SAFETY: by the contract of this function.
        unsafe {
            let count = GROUP.min(len - start);
            to.add(start).copy_from_nonoverlapping(mixed.as_ptr(), count);
        }
    }
}

/// Box and Muller's method: two pairs of even numbers become two pairs of normal ones.
#[inline(always)]
fn normal<S: Simd>(s: S, numbers: &mut Group) {
    for pair in [0, 2] {
        for i in (0..BLOCKS).step_by(S::LANES) {
            // SAFETY: a group is a whole number of vectors.
            unsafe {
                let u = s.load(numbers[pair].as_ptr().add(i));
                let v = s.load(numbers[pair + 1].as_ptr().add(i));
                let logarithm = log(s, s.sub(s.splat(1.0), u));
                let radius = s.sqrt(s.mul(s.splat(-2.0), logarithm));
                let (sine, cosine) = sin_cos_turns(s, v);
                s.store(numbers[pair].as_mut_ptr().add(i), s.mul(radius, cosine));
                s.store(numbers[pair + 1].as_mut_ptr().add(i), s.mul(radius, sine));
            }
        }
    }
}

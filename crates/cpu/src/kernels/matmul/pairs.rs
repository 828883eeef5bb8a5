//! Pairs of bfloat16 in words of 32 bits, for machines that multiply them (AVX512-BF16): one
//! instruction adds two products to each of 16 sums.
//!
//! The pairs are neighbours along the inner dimension, the first in the low half; a last one without
//! a partner gets a zero.

use super::micro::Multiply;
use super::pack::{Pack, Packing};
use crate::simd::{Avx512, Simd, prefetch};
use std::arch::x86_64::*;
use std::mem::transmute;

/// How many rows ahead numbers are asked for.
const AHEAD: usize = 16;

/// The proof that the machine has AVX512-BF16.
#[derive(Clone, Copy)]
pub(super) struct Pairs(());

impl Pairs {
    /// # Safety
    /// The machine has AVX512-BF16.
    #[inline(always)]
    pub(super) unsafe fn assume() -> Pairs {
        Pairs(())
    }
}

impl Multiply<Avx512> for Pairs {
    #[inline(always)]
    fn multiply_add(self, _: Avx512, a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the machine has the instruction; the types are vectors of
        // 512 bits.
        unsafe {
            _mm512_dpbf16_ps(
                sum,
                transmute::<__m512, __m512bh>(a),
                transmute::<__m512, __m512bh>(b),
            )
        }
    }
}

/// Packs rows whose neighbours above each other are pairs: B, or A stored transposed.
pub(super) const ACROSS: Pack = across;
/// Packs rows in which neighbours are pairs: A. Whole vectors of each row of the copy are written.
pub(super) const ALONG: Pack = along;
/// Packs columns in which neighbours are pairs: B stored transposed.
pub(super) const TRANSPOSED: Pack = transposed;

/// 16 numbers, or as many as there are.
///
/// # Safety
/// The machine has AVX-512; `n` numbers, up to 16, can be read.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn numbers(p: *const f32, n: usize) -> __m512 {
    // SAFETY: by the contract of this function.
    unsafe { _mm512_maskz_loadu_ps(((1u32 << n.min(16)) - 1) as __mmask16, p) }
}

/// 32 numbers in a row, or as many as there are, as 16 pairs.
///
/// # Safety
/// The machine has the instructions; `n` numbers can be read.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn row_of_pairs(p: *const f32, n: usize) -> __m512i {
    // SAFETY: by the contract of this function; the types are vectors of 512 bits.
    unsafe {
        let high = if n > 16 { numbers(p.add(16), n - 16) } else { _mm512_setzero_ps() };
        transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, numbers(p, n)))
    }
}

/// # Safety
/// See [`Packing`]; the machine has the instructions, whole vectors of each row can be written.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn along(p: &Packing) {
    // SAFETY: by the contract of this function.
    unsafe {
        for row in 0..p.rows {
            let (from, to) = (p.from.add(row * p.stride), p.to.add(row * p.padded));
            for j in (0..p.width).step_by(32) {
                let pairs = row_of_pairs(from.add(j), p.width - j);
                _mm512_storeu_si512(to.add(j / 2).cast(), pairs);
            }
        }
    }
}

/// # Safety
/// See [`Packing`]; the machine has the instructions, whole vectors of each row can be written.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn across(p: &Packing) {
    // SAFETY: by the contract of this function; the types are vectors of 512 bits.
    unsafe {
        // The words 0, 16, 1, 17, … of halves: low halves come from the first row.
        let lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        let next = _mm512_slli_epi32::<16>(_mm512_add_epi32(lanes, _mm512_set1_epi32(16)));
        let order = _mm512_or_si512(lanes, next);
        for row in (0..p.rows).step_by(2) {
            let (from, to) = (p.from.add(row * p.stride), p.to.add(row / 2 * p.padded));
            let is_pair = row + 1 < p.rows;
            let ahead = from.wrapping_add(AHEAD * p.stride);
            for j in (0..p.width).step_by(16) {
                prefetch(ahead.wrapping_add(j));
                prefetch(ahead.wrapping_add(j + p.stride));
                let n = p.width - j;
                let first = numbers(from.add(j), n);
                let second = match is_pair {
                    true => numbers(from.add(p.stride + j), n),
                    false => _mm512_setzero_ps(),
                };
                let halves = transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first));
                let pairs = _mm512_permutexvar_epi16(order, halves);
                _mm512_storeu_si512(to.add(j).cast(), pairs);
            }
        }
    }
}

/// # Safety
/// See [`Packing`]; the machine has the instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16")]
unsafe fn transposed(p: &Packing) {
    // SAFETY: by the contract of this function; a square holds 16 rows of 16 words.
    unsafe {
        let s = Avx512::assume();
        let (mut square, mut turned) = ([0.0f32; 256], [0.0f32; 256]);
        for j in (0..p.padded).step_by(16) {
            let columns = (p.width - j.min(p.width)).min(16);
            square[16 * columns..].fill(0.0);
            for row in (0..p.rows).step_by(32) {
                for i in 0..columns {
                    let pairs = row_of_pairs(p.from.add((j + i) * p.stride + row), p.rows - row);
                    _mm512_storeu_si512(square.as_mut_ptr().add(16 * i).cast(), pairs);
                }
                let to = p.to.add(row / 2 * p.padded + j);
                let words = (p.rows - row).div_ceil(2);
                if words >= 16 {
                    s.transpose(square.as_ptr(), 16, to, p.padded);
                    continue;
                }
                s.transpose(square.as_ptr(), 16, turned.as_mut_ptr(), 16);
                for word in 0..words {
                    s.store(to.add(word * p.padded), s.load(turned.as_ptr().add(16 * word)));
                }
            }
        }
    }
}

/// Adds the products of pairs to `N` vectors of sums, round by round.
///
/// # Safety
/// The machine has the instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16")]
pub(super) unsafe fn chains<const N: usize>(x: f32, rounds: usize) -> f32 {
    // SAFETY: by the contract of this function.
    let (s, pairs) = unsafe { (Avx512::assume(), Pairs::assume()) };
    let factor = s.splat(x);
    let mut sums = [factor; N];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = pairs.multiply_add(s, factor, factor, *sum);
        }
    }
    s.sum(sums.into_iter().fold(factor, |a, b| s.add(a, b)))
}

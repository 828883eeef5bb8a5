//! [`Simd`] with AVX-512: 16 lanes, masks in registers of their own.

use super::Simd;
use std::arch::x86_64::*;

/// The proof that the machine has AVX-512 F, BW, DQ and VL, and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The machine has AVX-512 F, BW, DQ and VL, AVX2 and FMA.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Avx512 {
        Avx512(())
    }
}

/// Methods that are one intrinsic on registers.
macro_rules! register_ops {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $result:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: $type),*) -> $result {
            // SAFETY: `self` is the proof that the machine has the instructions.
            unsafe { $body }
        }
    )*};
}

/// The first `n` lanes.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    type F = __m512;
    type I = __m512i;
    type M = __mmask16;

    register_ops! {
        fn splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        fn splat_i(x: i32) -> __m512i = _mm512_set1_epi32(x);
        fn add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        fn sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        fn mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        fn div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        fn max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        fn min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        fn sqrt(x: __m512) -> __m512 = _mm512_sqrt_ps(x);
        fn floor(x: __m512) -> __m512 =
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(x);
        fn ceil(x: __m512) -> __m512 =
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(x);
        fn round(x: __m512) -> __m512 =
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
        fn and(a: __m512, b: __m512) -> __m512 = _mm512_and_ps(a, b);
        fn or(a: __m512, b: __m512) -> __m512 = _mm512_or_ps(a, b);
        fn xor(a: __m512, b: __m512) -> __m512 = _mm512_xor_ps(a, b);
        fn eq(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        fn ne(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(a, b);
        fn lt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        fn le(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b);
        fn select(m: __mmask16, a: __m512, b: __m512) -> __m512 = _mm512_mask_blend_ps(m, b, a);
        fn to_int(x: __m512) -> __m512i = _mm512_cvtps_epi32(x);
        fn to_float(x: __m512i) -> __m512 = _mm512_cvtepi32_ps(x);
        fn bits(x: __m512) -> __m512i = _mm512_castps_si512(x);
        fn float_of_bits(x: __m512i) -> __m512 = _mm512_castsi512_ps(x);
        fn add_i(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        fn sub_i(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        fn xor_i(a: __m512i, b: __m512i) -> __m512i = _mm512_xor_si512(a, b);
        fn sum(x: __m512) -> f32 = _mm512_reduce_add_ps(x);
    }

    #[inline(always)]
    fn multiply_wide(self, a: __m512i, b: u32) -> (__m512i, __m512i) {
        // SAFETY: `self` is the proof that the machine has the instructions.
        unsafe {
            let b = _mm512_set1_epi32(b as i32);
            let even = _mm512_mul_epu32(a, b);
            let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(a), b);
            const ODD: __mmask16 = 0b1010_1010_1010_1010;
            let low = _mm512_mask_blend_epi32(ODD, even, _mm512_slli_epi64::<32>(odd));
            let high = _mm512_mask_blend_epi32(ODD, _mm512_srli_epi64::<32>(even), odd);
            (low, high)
        }
    }
    #[inline(always)]
    fn over_root(self, c: __m512, x: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the machine has the instructions.
        unsafe {
            let estimate = _mm512_rsqrt14_ps(x);
            // One step of Newton's method: an error of 2^-14 becomes one of 2^-27.
            let half = _mm512_mul_ps(_mm512_mul_ps(x, estimate), _mm512_set1_ps(0.5));
            let factor = _mm512_fnmadd_ps(half, estimate, _mm512_set1_ps(1.5));
            // Of 0 and of infinity the estimate is exact, and the factor NaN.
            let improves = _mm512_cmp_ps_mask::<_CMP_ORD_Q>(factor, factor);
            _mm512_mul_ps(c, _mm512_mask_mul_ps(estimate, improves, estimate, factor))
        }
    }
    #[inline(always)]
    fn transpose_quarters(self, [a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
        // SAFETY: as above.
        unsafe {
            let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
            let (ab2, cd2) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
            [
                _mm512_shuffle_ps::<0b01_00_01_00>(ab, cd),
                _mm512_shuffle_ps::<0b11_10_11_10>(ab, cd),
                _mm512_shuffle_ps::<0b01_00_01_00>(ab2, cd2),
                _mm512_shuffle_ps::<0b11_10_11_10>(ab2, cd2),
            ]
        }
    }
    #[inline(always)]
    fn shift_left<const N: u32>(self, x: __m512i) -> __m512i {
        // SAFETY: `self` is the proof that the machine has the instructions.
        unsafe { _mm512_slli_epi32::<N>(x) }
    }
    #[inline(always)]
    fn shift_right<const N: u32>(self, x: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_srai_epi32::<N>(x) }
    }

    // Below the instructions are there as above, the pointers valid by the trait's contract.
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_or(self, p: *const f32, n: usize, rest: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_mask_loadu_ps(rest, first(n), p) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, v: __m512, n: usize) {
        // SAFETY: as above.
        unsafe { _mm512_mask_storeu_ps(p, first(n), v) }
    }
    #[inline(always)]
    unsafe fn store_mask(self, p: *mut u8, m: __mmask16) {
        // SAFETY: as above.
        unsafe { _mm_storeu_si128(p.cast(), _mm_maskz_set1_epi8(m, 1)) }
    }
    #[inline(always)]
    unsafe fn load_mask(self, p: *const u8) -> __mmask16 {
        // SAFETY: as above.
        unsafe {
            let bytes = _mm_loadu_si128(p.cast());
            _mm_test_epi8_mask(bytes, bytes)
        }
    }

    #[inline(always)]
    fn any(self, m: __mmask16) -> bool {
        m != 0
    }

    #[inline(always)]
    unsafe fn list_lanes(self, m: __mmask16, first: u32, to: *mut u32) -> usize {
        // SAFETY: as above.
        unsafe {
            let lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
            let numbers = _mm512_add_epi32(lanes, _mm512_set1_epi32(first as i32));
            // Compressing in a register and storing all of it is far faster than compressing into
            // memory.
            _mm512_storeu_epi32(to.cast(), _mm512_maskz_compress_epi32(m, numbers));
            m.count_ones() as usize
        }
    }

    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: as above.
        unsafe {
            for quarter in 0..4 {
                let from = from.add(4 * quarter);
                let columns = self.transpose_quarters([
                    four_rows(from, stride),
                    four_rows(from.add(stride), stride),
                    four_rows(from.add(2 * stride), stride),
                    four_rows(from.add(3 * stride), stride),
                ]);
                for (i, column) in columns.into_iter().enumerate() {
                    _mm512_storeu_ps(to.add((4 * quarter + i) * to_stride), column);
                }
            }
        }
    }
}

/// Four numbers of four rows that are 4 apart, side by side.
///
/// # Safety
/// The machine has AVX-512 F and DQ; the numbers can be read.
#[inline(always)]
unsafe fn four_rows(from: *const f32, stride: usize) -> __m512 {
    // SAFETY: by the contract of this function.
    unsafe {
        let low = _mm256_set_m128(_mm_loadu_ps(from.add(4 * stride)), _mm_loadu_ps(from));
        let high = _mm256_set_m128(
            _mm_loadu_ps(from.add(12 * stride)),
            _mm_loadu_ps(from.add(8 * stride)),
        );
        _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
    }
}

//! [`Simd`] with AVX2 and FMA: 8 lanes, masks as vectors of all or no bits.

use super::Simd;
use std::arch::x86_64::*;

/// The proof that the machine has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The machine has AVX2 and FMA.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Avx2 {
        Avx2(())
    }
}

/// Methods that are one or two intrinsics on registers.
macro_rules! register_ops {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $result:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: $type),*) -> $result {
            // SAFETY: `self` is the proof that the machine has the instructions.
            unsafe { $body }
        }
    )*};
}

/// All bits set in the first `n` lanes.
///
/// # Safety
/// The machine has AVX2.
#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    // SAFETY: by the contract of this function.
    unsafe {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes)
    }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    type F = __m256;
    type I = __m256i;
    type M = __m256;

    register_ops! {
        fn splat(x: f32) -> __m256 = _mm256_set1_ps(x);
        fn splat_i(x: i32) -> __m256i = _mm256_set1_epi32(x);
        fn add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        fn sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        fn mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        fn div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        fn max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        fn min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        fn sqrt(x: __m256) -> __m256 = _mm256_sqrt_ps(x);
        fn floor(x: __m256) -> __m256 = _mm256_floor_ps(x);
        fn ceil(x: __m256) -> __m256 = _mm256_ceil_ps(x);
        fn round(x: __m256) -> __m256 =
            _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
        fn and(a: __m256, b: __m256) -> __m256 = _mm256_and_ps(a, b);
        fn or(a: __m256, b: __m256) -> __m256 = _mm256_or_ps(a, b);
        fn xor(a: __m256, b: __m256) -> __m256 = _mm256_xor_ps(a, b);
        fn eq(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        fn ne(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_NEQ_UQ>(a, b);
        fn lt(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        fn le(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
        fn select(m: __m256, a: __m256, b: __m256) -> __m256 = _mm256_blendv_ps(b, a, m);
        fn to_int(x: __m256) -> __m256i = _mm256_cvtps_epi32(x);
        fn to_float(x: __m256i) -> __m256 = _mm256_cvtepi32_ps(x);
        fn bits(x: __m256) -> __m256i = _mm256_castps_si256(x);
        fn float_of_bits(x: __m256i) -> __m256 = _mm256_castsi256_ps(x);
        fn add_i(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
        fn xor_i(a: __m256i, b: __m256i) -> __m256i = _mm256_xor_si256(a, b);
        fn sub_i(a: __m256i, b: __m256i) -> __m256i = _mm256_sub_epi32(a, b);
    }

    #[inline(always)]
    fn multiply_wide(self, a: __m256i, b: u32) -> (__m256i, __m256i) {
        // SAFETY: `self` is the proof that the machine has the instructions.
        unsafe {
            let b = _mm256_set1_epi32(b as i32);
            let even = _mm256_mul_epu32(a, b);
            let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(a), b);
            const ODD: i32 = 0b1010_1010;
            let low = _mm256_blend_epi32::<ODD>(even, _mm256_slli_epi64::<32>(odd));
            let high = _mm256_blend_epi32::<ODD>(_mm256_srli_epi64::<32>(even), odd);
            (low, high)
        }
    }
    #[inline(always)]
    fn transpose_quarters(self, [a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
        // SAFETY: as above.
        unsafe {
            let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
            let (ab2, cd2) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
            [
                _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd),
                _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd),
                _mm256_shuffle_ps::<0b01_00_01_00>(ab2, cd2),
                _mm256_shuffle_ps::<0b11_10_11_10>(ab2, cd2),
            ]
        }
    }
    #[inline(always)]
    fn shift_left<const N: u32>(self, x: __m256i) -> __m256i {
        // SAFETY: `self` is the proof that the machine has the instructions.
        unsafe { _mm256_sll_epi32(x, _mm_cvtsi32_si128(N as i32)) }
    }
    #[inline(always)]
    fn shift_right<const N: u32>(self, x: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_sra_epi32(x, _mm_cvtsi32_si128(N as i32)) }
    }
    #[inline(always)]
    fn sum(self, x: __m256) -> f32 {
        // SAFETY: as above.
        unsafe {
            let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
        }
    }

    // Below the instructions are there as above, the pointers valid by the trait's contract.
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m256) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_or(self, p: *const f32, n: usize, rest: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe {
            let mask = first(n);
            _mm256_blendv_ps(rest, _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask))
        }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, v: __m256, n: usize) {
        // SAFETY: as above.
        unsafe { _mm256_maskstore_ps(p, first(n), v) }
    }
    #[inline(always)]
    unsafe fn store_mask(self, p: *mut u8, m: __m256) {
        // SAFETY: as above.
        unsafe {
            let words = _mm256_castps_si256(m);
            let (low, high) = (_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            let bytes = _mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());
            _mm_storel_epi64(p.cast(), _mm_and_si128(bytes, _mm_set1_epi8(1)));
        }
    }
    #[inline(always)]
    fn any(self, m: __m256) -> bool {
        // SAFETY: `self` is the proof that the machine has the instructions.
        unsafe { _mm256_movemask_ps(m) != 0 }
    }
    #[inline(always)]
    unsafe fn load_mask(self, p: *const u8) -> __m256 {
        // SAFETY: as above.
        unsafe {
            let words = _mm256_cvtepu8_epi32(_mm_loadl_epi64(p.cast()));
            _mm256_castsi256_ps(_mm256_cmpgt_epi32(words, _mm256_setzero_si256()))
        }
    }

    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: as above.
        unsafe {
            for half in 0..2 {
                let from = from.add(4 * half);
                let columns = self.transpose_quarters([
                    two_rows(from, stride),
                    two_rows(from.add(stride), stride),
                    two_rows(from.add(2 * stride), stride),
                    two_rows(from.add(3 * stride), stride),
                ]);
                for (i, column) in columns.into_iter().enumerate() {
                    _mm256_storeu_ps(to.add((4 * half + i) * to_stride), column);
                }
            }
        }
    }
}

/// Four numbers of two rows that are 4 apart, side by side.
///
/// # Safety
/// The machine has AVX; the numbers can be read.
#[inline(always)]
unsafe fn two_rows(from: *const f32, stride: usize) -> __m256 {
    // SAFETY: by the contract of this function.
    unsafe { _mm256_set_m128(_mm_loadu_ps(from.add(4 * stride)), _mm_loadu_ps(from)) }
}

//! Vectors of `f32` for three instruction sets behind one trait.
//!
//! Kernels are written once, generic over [`Simd`], with every function `#[inline(always)]`;
//! [`instantiate!`](crate::simd::instantiate) compiles them inside functions that enable the
//! instructions, and picks one at run time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

/// The instructions that kernels use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instructions {
    /// AVX-512 (F, BW, DQ, VL) and FMA: 16 lanes.
    Avx512,
    /// AVX2 and FMA: 8 lanes.
    Avx2,
    /// Plain Rust on arrays of 8 numbers, which the compiler vectorizes for its target.
    Portable,
}

impl Instructions {
    /// All of them, the fastest first.
    pub const ALL: [Instructions; 3] =
        [Instructions::Avx512, Instructions::Avx2, Instructions::Portable];

    /// Whether this machine has them.
    pub fn available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            match self {
                Instructions::Avx512 => avx2 && avx512,
                Instructions::Avx2 => avx2,
                Instructions::Portable => true,
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Instructions::Portable
        }
    }

    /// The fastest that this machine has.
    pub fn best() -> Instructions {
        Instructions::ALL.into_iter().find(|i| i.available()).unwrap_or(Instructions::Portable)
    }

    /// Whether this machine also multiplies pairs of bfloat16 (AVX512-BF16).
    pub(crate) fn multiply_pairs(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            self == Instructions::Avx512 && is_x86_feature_detected!("avx512bf16")
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            false
        }
    }

    /// The lanes of a vector.
    pub(crate) const fn lanes(self) -> usize {
        match self {
            Instructions::Avx512 => 16,
            Instructions::Avx2 | Instructions::Portable => 8,
        }
    }
}

/// Asks for the cache line of an address, which need not be valid, before it is needed.
#[inline(always)]
pub(crate) fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has the instruction, and it never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Vectors of `f32`. A value of a type that implements this is the proof that the machine has the
/// instructions, which is why the methods are safe.
///
/// Comparisons with NaN are false, except [`Simd::ne`].
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// How many numbers a vector holds.
    const LANES: usize;
    /// A vector of `f32`.
    type F: Copy;
    /// A vector of `i32`.
    type I: Copy;
    /// A truth value for each lane.
    type M: Copy;

    /// The same number in every lane.
    fn splat(self, x: f32) -> Self::F;
    /// The same whole number in every lane.
    fn splat_i(self, x: i32) -> Self::I;

    /// Reads a vector.
    ///
    /// # Safety
    /// `LANES` numbers can be read at `p`, which need not be aligned.
    unsafe fn load(self, p: *const f32) -> Self::F;
    /// Writes a vector.
    ///
    /// # Safety
    /// `LANES` numbers can be written at `p`, which need not be aligned.
    unsafe fn store(self, p: *mut f32, v: Self::F);
    /// Reads `n < LANES` numbers; the lanes after them are those of `rest`.
    ///
    /// # Safety
    /// `n` numbers can be read at `p`.
    unsafe fn load_or(self, p: *const f32, n: usize, rest: Self::F) -> Self::F;
    /// Writes the first `n < LANES` numbers.
    ///
    /// # Safety
    /// `n` numbers can be written at `p`.
    unsafe fn store_first(self, p: *mut f32, v: Self::F, n: usize);

    /// `a + b`
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a · b`
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a · b + c`, rounded once where the machine can.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The larger; `b` if either is NaN.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// The smaller; `b` if either is NaN.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// The square root.
    fn sqrt(self, x: Self::F) -> Self::F;
    /// `c / √x`. Instruction sets that are quicker so are off by up to 3 units in the last place.
    #[inline(always)]
    fn over_root(self, c: Self::F, x: Self::F) -> Self::F {
        self.div(c, self.sqrt(x))
    }
    /// The largest whole number not above.
    fn floor(self, x: Self::F) -> Self::F;
    /// The smallest whole number not below.
    fn ceil(self, x: Self::F) -> Self::F;
    /// The nearest whole number, halves to even.
    fn round(self, x: Self::F) -> Self::F;

    /// Bitwise and.
    fn and(self, a: Self::F, b: Self::F) -> Self::F;
    /// Bitwise or.
    fn or(self, a: Self::F, b: Self::F) -> Self::F;
    /// Bitwise exclusive or.
    fn xor(self, a: Self::F, b: Self::F) -> Self::F;

    /// `a = b`
    fn eq(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a ≠ b`, true for NaN.
    fn ne(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a < b`
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a ≤ b`
    fn le(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a` where the mask holds, else `b`.
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F;

    /// Writes a mask as bytes 0 and 1.
    ///
    /// # Safety
    /// `LANES` bytes can be written at `p`.
    unsafe fn store_mask(self, p: *mut u8, m: Self::M);
    /// Reads bytes as a mask: true where not 0.
    ///
    /// # Safety
    /// `LANES` bytes can be read at `p`.
    unsafe fn load_mask(self, p: *const u8) -> Self::M;

    /// Whether the mask holds in some lane.
    fn any(self, m: Self::M) -> bool;

    /// Lists the lanes that hold, counted from `first`; returns how many there are.
    ///
    /// # Safety
    /// `LANES` numbers can be written at `to`.
    #[inline(always)]
    unsafe fn list_lanes(self, m: Self::M, first: u32, to: *mut u32) -> usize {
        let mut holds = [0; 16];
        let mut count = 0;
        // SAFETY: no vector has more than 16 lanes; by the contract of this function.
        unsafe {
            self.store_mask(holds.as_mut_ptr(), m);
            for lane in 0..Self::LANES {
                *to.add(count) = first + lane as u32;
                count += usize::from(holds[lane]);
            }
        }
        count
    }

    /// The nearest whole numbers, halves to even, of numbers between -2^22 and 2^22.
    fn to_int(self, x: Self::F) -> Self::I;
    /// The whole numbers as `f32`.
    fn to_float(self, x: Self::I) -> Self::F;
    /// The same bits.
    fn bits(self, x: Self::F) -> Self::I;
    /// The same bits.
    fn float_of_bits(self, x: Self::I) -> Self::F;
    /// `a + b`
    fn add_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a - b`
    fn sub_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// `x · 2^N`
    fn shift_left<const N: u32>(self, x: Self::I) -> Self::I;
    /// `⌊x / 2^N⌋`
    fn shift_right<const N: u32>(self, x: Self::I) -> Self::I;

    /// Bitwise exclusive or.
    fn xor_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// The low and high halves of the products of unsigned numbers and `b`.
    fn multiply_wide(self, a: Self::I, b: u32) -> (Self::I, Self::I);

    /// In each quarter of 4 lanes: lane `i` of vector `j` changes places with lane `j` of vector
    /// `i`.
    fn transpose_quarters(self, v: [Self::F; 4]) -> [Self::F; 4];

    /// The sum of the lanes.
    fn sum(self, x: Self::F) -> f32;

    /// Copies a square of `LANES` rows and columns with rows and columns exchanged.
    ///
    /// # Safety
    /// `LANES` rows of `LANES` numbers can be read at `from` and written at `to`, where rows are
    /// the strides apart.
    unsafe fn transpose(self, from: *const f32, stride: usize, to: *mut f32, to_stride: usize);

    /// Reads `n ≤ LANES` numbers; the lanes after them are 0.
    ///
    /// # Safety
    /// `n` numbers can be read at `p`.
    #[inline(always)]
    unsafe fn load_n(self, p: *const f32, n: usize) -> Self::F {
        // SAFETY: by the contract of this function.
        unsafe { if n == Self::LANES { self.load(p) } else { self.load_or(p, n, self.splat(0.0)) } }
    }
    /// Writes the first `n ≤ LANES` numbers.
    ///
    /// # Safety
    /// `n` numbers can be written at `p`.
    #[inline(always)]
    unsafe fn store_n(self, p: *mut f32, v: Self::F, n: usize) {
        // SAFETY: by the contract of this function.
        unsafe { if n == Self::LANES { self.store(p, v) } else { self.store_first(p, v, n) } }
    }

    /// `|x|`
    #[inline(always)]
    fn abs(self, x: Self::F) -> Self::F {
        self.and(x, self.splat(f32::from_bits(0x7fff_ffff)))
    }
    /// `-x`
    #[inline(always)]
    fn neg(self, x: Self::F) -> Self::F {
        self.xor(x, self.sign_bit())
    }
    /// The sign of `sign` put to `x ≥ 0`.
    #[inline(always)]
    fn with_sign(self, x: Self::F, sign: Self::F) -> Self::F {
        self.or(x, self.and(sign, self.sign_bit()))
    }
    /// -0.0 in every lane.
    #[inline(always)]
    fn sign_bit(self) -> Self::F {
        self.splat(-0.0)
    }
    /// The larger; NaN if either is NaN.
    #[inline(always)]
    fn max_nan(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.ne(a, a), a, self.max(a, b))
    }
    /// The smaller; NaN if either is NaN.
    #[inline(always)]
    fn min_nan(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.ne(a, a), a, self.min(a, b))
    }
}

/// Compiles a generic kernel for each instruction set; the value of the expression is the function
/// for the given [`Instructions`], an `unsafe fn` (unsafe because of the instructions and of
/// whatever the kernel itself asks for).
///
/// `instantiate!(instructions, fn(x: *const f32, n: usize) -> f32, s => kernel(s, x, n))`
macro_rules! instantiate {
    ($which:expr, fn($($arg:ident: $type:ty),*) $(-> $result:ty)?, $s:ident => $body:expr) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        unsafe fn avx512($($arg: $type),*) $(-> $result)? {
            // SAFETY: the caller knows that the machine has the instructions, and the rest of what
            // the kernel asks for.
            unsafe {
                let $s = $crate::simd::Avx512::assume();
                $body
            }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2($($arg: $type),*) $(-> $result)? {
            // SAFETY: as above.
            unsafe {
                let $s = $crate::simd::Avx2::assume();
                $body
            }
        }
        unsafe fn portable($($arg: $type),*) $(-> $result)? {
            // SAFETY: as above.
            #[allow(unused_unsafe)]
            unsafe {
                let $s = $crate::simd::Portable;
                $body
            }
        }
        let function: unsafe fn($($type),*) $(-> $result)? = match $which {
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Instructions::Avx512 => avx512,
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Instructions::Avx2 => avx2,
            _ => portable,
        };
        function
    }};
}
pub(crate) use instantiate;

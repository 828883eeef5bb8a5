//! [`Simd`] in plain Rust on arrays of 8 numbers, which the compiler turns into whatever vectors
//! its target has.

use super::Simd;
use std::array::from_fn;

/// Needs no instructions beyond the target's.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

const N: usize = 8;

/// Eight numbers.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(crate) struct Lanes<T>([T; N]);

/// `a · b + c`: fused only where that is one instruction.
#[inline(always)]
fn mul_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

#[inline(always)]
fn map<T: Copy, R>(x: Lanes<T>, f: impl Fn(T) -> R) -> Lanes<R> {
    Lanes(from_fn(|i| f(x.0[i])))
}

#[inline(always)]
fn zip<T: Copy, R>(a: Lanes<T>, b: Lanes<T>, f: impl Fn(T, T) -> R) -> Lanes<R> {
    Lanes(from_fn(|i| f(a.0[i], b.0[i])))
}

#[inline(always)]
fn zip_bits(a: Lanes<f32>, b: Lanes<f32>, f: impl Fn(u32, u32) -> u32) -> Lanes<f32> {
    zip(a, b, |a, b| f32::from_bits(f(a.to_bits(), b.to_bits())))
}

impl Simd for Portable {
    const LANES: usize = N;
    type F = Lanes<f32>;
    type I = Lanes<i32>;
    type M = Lanes<bool>;

    #[inline(always)]
    fn splat(self, x: f32) -> Lanes<f32> {
        Lanes([x; N])
    }
    #[inline(always)]
    fn splat_i(self, x: i32) -> Lanes<i32> {
        Lanes([x; N])
    }

    // In the next six the pointers are valid by the trait's contract.
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Lanes<f32> {
        // SAFETY: as above.
        Lanes(unsafe { p.cast::<[f32; N]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Lanes<f32>) {
        // SAFETY: as above.
        unsafe { p.cast::<[f32; N]>().write_unaligned(v.0) }
    }
    #[inline(always)]
    unsafe fn load_or(self, p: *const f32, n: usize, rest: Lanes<f32>) -> Lanes<f32> {
        // SAFETY: as above.
        Lanes(from_fn(|i| if i < n { unsafe { *p.add(i) } } else { rest.0[i] }))
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, v: Lanes<f32>, n: usize) {
        for i in 0..n {
            // SAFETY: as above.
            unsafe { *p.add(i) = v.0[i] };
        }
    }
    #[inline(always)]
    unsafe fn store_mask(self, p: *mut u8, m: Lanes<bool>) {
        // SAFETY: as above.
        unsafe { p.cast::<[u8; N]>().write_unaligned(map(m, u8::from).0) }
    }
    #[inline(always)]
    fn any(self, m: Lanes<bool>) -> bool {
        m.0.contains(&true)
    }
    #[inline(always)]
    unsafe fn load_mask(self, p: *const u8) -> Lanes<bool> {
        // SAFETY: as above.
        map(Lanes(unsafe { p.cast::<[u8; N]>().read_unaligned() }), |byte| byte != 0)
    }

    #[inline(always)]
    fn add(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, a: Lanes<f32>, b: Lanes<f32>, c: Lanes<f32>) -> Lanes<f32> {
        Lanes(from_fn(|i| mul_add(a.0[i], b.0[i], c.0[i])))
    }
    #[inline(always)]
    fn max(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self, x: Lanes<f32>) -> Lanes<f32> {
        map(x, f32::sqrt)
    }
    #[inline(always)]
    fn floor(self, x: Lanes<f32>) -> Lanes<f32> {
        map(x, f32::floor)
    }
    #[inline(always)]
    fn ceil(self, x: Lanes<f32>) -> Lanes<f32> {
        map(x, f32::ceil)
    }
    #[inline(always)]
    fn round(self, x: Lanes<f32>) -> Lanes<f32> {
        map(x, f32::round_ties_even)
    }

    #[inline(always)]
    fn and(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip_bits(a, b, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip_bits(a, b, |a, b| a | b)
    }
    #[inline(always)]
    fn xor(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        zip_bits(a, b, |a, b| a ^ b)
    }

    #[inline(always)]
    fn eq(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<bool> {
        zip(a, b, |a, b| a == b)
    }
    #[inline(always)]
    fn ne(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<bool> {
        zip(a, b, |a, b| a != b)
    }
    #[inline(always)]
    fn lt(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<bool> {
        zip(a, b, |a, b| a < b)
    }
    #[inline(always)]
    fn le(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<bool> {
        zip(a, b, |a, b| a <= b)
    }
    #[inline(always)]
    fn select(self, m: Lanes<bool>, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        Lanes(from_fn(|i| if m.0[i] { a.0[i] } else { b.0[i] }))
    }

    #[inline(always)]
    fn to_int(self, x: Lanes<f32>) -> Lanes<i32> {
        // Adding 1.5 · 2^23 leaves the nearest whole number in the low bits of the sum.
        const SHIFT: f32 = 12_582_912.0;
        map(x, |x| (x + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i32)
    }
    #[inline(always)]
    fn to_float(self, x: Lanes<i32>) -> Lanes<f32> {
        map(x, |x| x as f32)
    }
    #[inline(always)]
    fn bits(self, x: Lanes<f32>) -> Lanes<i32> {
        map(x, |x| x.to_bits() as i32)
    }
    #[inline(always)]
    fn float_of_bits(self, x: Lanes<i32>) -> Lanes<f32> {
        map(x, |x| f32::from_bits(x as u32))
    }
    #[inline(always)]
    fn add_i(self, a: Lanes<i32>, b: Lanes<i32>) -> Lanes<i32> {
        zip(a, b, i32::wrapping_add)
    }
    #[inline(always)]
    fn sub_i(self, a: Lanes<i32>, b: Lanes<i32>) -> Lanes<i32> {
        zip(a, b, i32::wrapping_sub)
    }
    #[inline(always)]
    fn shift_left<const B: u32>(self, x: Lanes<i32>) -> Lanes<i32> {
        map(x, |x| x << B)
    }
    #[inline(always)]
    fn shift_right<const B: u32>(self, x: Lanes<i32>) -> Lanes<i32> {
        map(x, |x| x >> B)
    }
    #[inline(always)]
    fn xor_i(self, a: Lanes<i32>, b: Lanes<i32>) -> Lanes<i32> {
        zip(a, b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn multiply_wide(self, a: Lanes<i32>, b: u32) -> (Lanes<i32>, Lanes<i32>) {
        let product = |a: i32| u64::from(a as u32) * u64::from(b);
        (map(a, |a| product(a) as i32), map(a, |a| (product(a) >> 32) as i32))
    }
    #[inline(always)]
    fn transpose_quarters(self, v: [Lanes<f32>; 4]) -> [Lanes<f32>; 4] {
        from_fn(|i| Lanes(from_fn(|lane| v[lane % 4].0[lane / 4 * 4 + i])))
    }
    #[inline(always)]
    fn sum(self, x: Lanes<f32>) -> f32 {
        let x = x.0;
        ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
    }
    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
        for i in 0..N {
            for j in 0..N {
                // SAFETY: by the trait's contract.
                unsafe { *to.add(i * to_stride + j) = *from.add(j * stride + i) };
            }
        }
    }
}

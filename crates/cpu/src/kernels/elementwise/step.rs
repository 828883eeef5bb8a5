//! One step of an elementwise loop: a function over one tile, and its operands.

use crate::simd::Instructions;
use cornu_graph::DType;
use cornu_graph::fused::ScalarOp;

/// The bytes of one element repeated: as long as the longest vector.
pub(crate) const SPLAT: usize = 64;

/// How many elements the functions that are not written in vectors take at once.
pub(super) const BLOCK: usize = 16;

/// The operands of a step: where they are, and whether they are one element, repeated through
/// [`SPLAT`] bytes.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    pub out: *mut u8,
    pub args: [*const u8; 3],
    pub splat: [bool; 3],
    /// How many elements there are.
    pub len: usize,
}

/// A step's function. Asks that the operands can be read and `out` written. `out` may be the memory
/// of an operand with elements of the same size, else they are apart.
pub(crate) type Run = unsafe fn(&Operands);

/// The function for an op on operands of dtype `of`, with a result of dtype `to`.
///
/// # Panics
/// If the op is not defined for these dtypes: shape inference has refused such a graph.
pub(crate) fn function(op: ScalarOp, of: DType, to: DType, instructions: Instructions) -> Run {
    let found = match op {
        ScalarOp::Unary(op) if of == DType::F32 => super::float::unary(op, instructions),
        ScalarOp::Unary(op) => super::whole::unary(op, of, instructions),
        ScalarOp::Binary(op) if of == DType::F32 => super::float::binary(op, instructions),
        ScalarOp::Binary(op) => super::whole::binary(op, of, instructions),
        ScalarOp::Compare(op) if of == DType::F32 => Some(super::float::compare(op, instructions)),
        ScalarOp::Compare(op) => Some(super::whole::compare(op, of, instructions)),
        ScalarOp::Select if to.size() == 4 => Some(super::float::select(instructions)),
        ScalarOp::Select => Some(super::whole::select(instructions)),
        ScalarOp::Cast => Some(super::cast::cast(of, to, instructions)),
        ScalarOp::Constant(_) => None,
    };
    found.unwrap_or_else(|| panic!("{op:?} is not defined for {of}"))
}

/// About how many cycles the function takes for 16 elements.
pub(crate) fn cycles(op: ScalarOp) -> usize {
    use cornu_graph::scalar::{BinaryOp, UnaryOp};
    match op {
        ScalarOp::Constant(_) => 0,
        ScalarOp::Unary(UnaryOp::Sqrt | UnaryOp::Reciprocal) => 10,
        ScalarOp::Unary(UnaryOp::Exp | UnaryOp::Expm1 | UnaryOp::Log) => 15,
        ScalarOp::Unary(UnaryOp::Log1p | UnaryOp::Tanh | UnaryOp::Sigmoid) => 25,
        ScalarOp::Unary(UnaryOp::Erf | UnaryOp::Sin | UnaryOp::Cos) => 35,
        ScalarOp::Binary(BinaryOp::Div) => 10,
        ScalarOp::Binary(BinaryOp::Mod) => 50,
        ScalarOp::Binary(BinaryOp::Pow) => 120,
        _ => 2,
    }
}

impl Operands {
    pub(super) fn out<T>(&self) -> *mut T {
        self.out.cast()
    }

    pub(super) fn arg<T>(&self, index: usize) -> *const T {
        self.args[index].cast()
    }

    /// How far an operand moves from one block of `width` elements to the next.
    pub(super) fn stride(&self, index: usize, width: usize) -> usize {
        if self.splat[index] { 0 } else { width }
    }
}

/// Reads a block of `n ≤ BLOCK` elements.
///
/// # Safety
/// They can be read.
#[inline(always)]
unsafe fn read<T: Copy + Default>(p: *const T, n: usize) -> [T; BLOCK] {
    let mut block = [T::default(); BLOCK];
    // SAFETY: by the contract of this function.
    unsafe { block.as_mut_ptr().copy_from_nonoverlapping(p, n) };
    block
}

/// A function of one operand, block by block.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
pub(super) unsafe fn blocks1<A: Copy + Default, R: Copy + Default>(
    o: &Operands,
    f: impl Fn([A; BLOCK]) -> [R; BLOCK],
) {
    let (mut a, mut out) = (o.arg::<A>(0), o.out::<R>());
    let stride = o.stride(0, BLOCK);
    let mut left = o.len;
    // SAFETY: by the contract of this function.
    unsafe {
        while left >= BLOCK {
            let x = a.cast::<[A; BLOCK]>().read_unaligned();
            out.cast::<[R; BLOCK]>().write_unaligned(f(x));
            a = a.wrapping_add(stride);
            out = out.wrapping_add(BLOCK);
            left -= BLOCK;
        }
        if left > 0 {
            out.copy_from_nonoverlapping(f(read(a, left)).as_ptr(), left);
        }
    }
}

/// A function of pairs of elements, block by block.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
pub(super) unsafe fn blocks2<A: Copy + Default, R: Copy + Default>(
    o: &Operands,
    f: impl Fn(A, A) -> R,
) {
    let (mut a, mut b, mut out) = (o.arg::<A>(0), o.arg::<A>(1), o.out::<R>());
    let (a_stride, b_stride) = (o.stride(0, BLOCK), o.stride(1, BLOCK));
    let each = |x: [A; BLOCK], y: [A; BLOCK]| {
        let mut block = [R::default(); BLOCK];
        for i in 0..BLOCK {
            block[i] = f(x[i], y[i]);
        }
        block
    };
    let mut left = o.len;
    // SAFETY: by the contract of this function.
    unsafe {
        while left >= BLOCK {
            let x = a.cast::<[A; BLOCK]>().read_unaligned();
            let y = b.cast::<[A; BLOCK]>().read_unaligned();
            out.cast::<[R; BLOCK]>().write_unaligned(each(x, y));
            a = a.wrapping_add(a_stride);
            b = b.wrapping_add(b_stride);
            out = out.wrapping_add(BLOCK);
            left -= BLOCK;
        }
        if left > 0 {
            out.copy_from_nonoverlapping(each(read(a, left), read(b, left)).as_ptr(), left);
        }
    }
}

/// A function of single elements as a function of blocks.
#[inline(always)]
pub(super) fn each<A: Copy, R: Copy + Default>(
    f: impl Fn(A) -> R,
) -> impl Fn([A; BLOCK]) -> [R; BLOCK] {
    move |x| {
        let mut block = [R::default(); BLOCK];
        for i in 0..BLOCK {
            block[i] = f(x[i]);
        }
        block
    }
}

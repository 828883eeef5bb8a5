//! One step of an elementwise loop: a function over one tile, and its operands.

use crate::simd::Instructions;
use cornu_graph::DType;
use cornu_graph::fused::ScalarOp;
use std::mem::MaybeUninit;

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
        ScalarOp::Unary(UnaryOp::Sqrt | UnaryOp::Reciprocal) => 4,
        ScalarOp::Unary(UnaryOp::Exp | UnaryOp::Expm1 | UnaryOp::Log) => 10,
        ScalarOp::Unary(UnaryOp::Log1p | UnaryOp::Tanh | UnaryOp::Sigmoid) => 15,
        ScalarOp::Unary(UnaryOp::Erf) => 27,
        ScalarOp::Unary(UnaryOp::Sin | UnaryOp::Cos) => 45,
        ScalarOp::Binary(BinaryOp::Div) => 4,
        ScalarOp::Binary(BinaryOp::Mod) => 10,
        ScalarOp::Binary(BinaryOp::Pow) => 125,
        _ => 2,
    }
}

/// Calls `body` for every `width` elements, with the addresses of the operands and of the result.
/// The rest, which is shorter, is worked on in copies of that length.
///
/// `body` is called from one place only: code that the compiler does not inline would be compiled
/// without the vector instructions.
///
/// # Safety
/// See [`Run`]; `sizes` and `out_size` are the bytes of an element of each, and `body` works on
/// `width` elements, which are at most [`SPLAT`] bytes.
#[inline(always)]
pub(super) unsafe fn each_block<const N: usize>(
    o: &Operands,
    width: usize,
    sizes: [usize; N],
    out_size: usize,
    body: impl Fn([*const u8; N], *mut u8),
) {
    let mut args = [std::ptr::null(); N];
    let mut strides = [0; N];
    for i in 0..N {
        args[i] = o.args[i];
        strides[i] = if o.splat[i] { 0 } else { width * sizes[i] };
    }
    let (mut out, mut count) = (o.out, o.len / width);
    let rest = o.len % width;
    let mut copies = MaybeUninit::<Copies>::uninit();
    // SAFETY: by the contract of this function.
    unsafe {
        for is_rest in [false, true] {
            let end = out;
            if is_rest {
                if rest == 0 {
                    return;
                }
                let copies = copies.write(Copies([[0; SPLAT]; 4]));
                for i in 0..N {
                    copies.0[i].as_mut_ptr().copy_from_nonoverlapping(args[i], rest * sizes[i]);
                    args[i] = copies.0[i].as_ptr();
                }
                out = copies.0[3].as_mut_ptr();
                count = 1;
            }
            for _ in 0..count {
                body(args, out);
                for i in 0..N {
                    args[i] = args[i].wrapping_add(strides[i]);
                }
                out = out.wrapping_add(width * out_size);
            }
            if is_rest {
                end.copy_from_nonoverlapping(out.wrapping_sub(width * out_size), rest * out_size);
            }
        }
    }
}

/// Copies of the last elements of three operands and the result.
#[repr(align(64))]
struct Copies([[u8; SPLAT]; 4]);

/// A function of one operand, block by block.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
pub(super) unsafe fn blocks1<A: Copy, R: Copy>(o: &Operands, f: impl Fn([A; BLOCK]) -> [R; BLOCK]) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, BLOCK, [size_of::<A>()], size_of::<R>(), |[a], out| {
            out.cast::<[R; BLOCK]>().write_unaligned(f(a.cast::<[A; BLOCK]>().read_unaligned()));
        });
    }
}

/// A function of pairs of elements, block by block.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
pub(super) unsafe fn blocks2<A: Copy, R: Copy + Default>(o: &Operands, f: impl Fn(A, A) -> R) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, BLOCK, [size_of::<A>(); 2], size_of::<R>(), |[a, b], out| {
            let x = a.cast::<[A; BLOCK]>().read_unaligned();
            let y = b.cast::<[A; BLOCK]>().read_unaligned();
            let mut block = [R::default(); BLOCK];
            for i in 0..BLOCK {
                block[i] = f(x[i], y[i]);
            }
            out.cast::<[R; BLOCK]>().write_unaligned(block);
        });
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

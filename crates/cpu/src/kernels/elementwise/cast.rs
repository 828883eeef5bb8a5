//! Conversions between dtypes, and plain copies: floats are truncated and whole numbers wrap, as
//! [`cornu_graph::Values::from_f64`] defines.

use super::step::{Operands, Run, blocks1, each};
use crate::simd::{Instructions, instantiate};
use cornu_graph::DType;

/// Compiles a conversion for each instruction set.
macro_rules! step {
    ($which:expr, $x:ident: $of:ty => $value:expr) => {
        instantiate!($which, fn(o: &Operands), _s => blocks1(o, each(|$x: $of| $value)))
    };
}

/// The conversion from a dtype to another; a copy if they are the same.
pub(super) fn cast(of: DType, to: DType, i: Instructions) -> Run {
    match (of, to) {
        (DType::F32, DType::I32) => step!(i, x: f32 => x as i64 as i32),
        (DType::F32, DType::U8) => step!(i, x: f32 => x as i64 as u8),
        (DType::F32, DType::Bool) => step!(i, x: f32 => u8::from(x != 0.0)),
        (DType::I32, DType::F32) => step!(i, x: i32 => x as f32),
        (DType::I32, DType::U8) => step!(i, x: i32 => x as u8),
        (DType::I32, DType::Bool) => step!(i, x: i32 => u8::from(x != 0)),
        (DType::U8 | DType::Bool, DType::F32) => step!(i, x: u8 => f32::from(x)),
        (DType::U8 | DType::Bool, DType::I32) => step!(i, x: u8 => i32::from(x)),
        (DType::U8, DType::Bool) => step!(i, x: u8 => u8::from(x != 0)),
        (DType::F32, DType::F32) | (DType::I32, DType::I32) => step!(i, x: u32 => x),
        (DType::Bool, DType::Bool | DType::U8) | (DType::U8, DType::U8) => step!(i, x: u8 => x),
    }
}

//! Element types.

use std::fmt;

/// The type of a tensor's elements.
///
/// bf16 and f64 can join as further variants: a dtype is a value, never a type parameter, so only
/// [`crate::Values`], [`crate::scalar`] and the kernels have to learn them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// True or false, one byte.
    Bool,
    /// Unsigned 8-bit integer (images).
    U8,
    /// Signed 32-bit integer (labels, indexes, counters); arithmetic wraps.
    I32,
    /// IEEE 754 single precision.
    F32,
}

impl DType {
    /// Bytes an element takes.
    pub const fn size(self) -> usize {
        match self {
            DType::Bool | DType::U8 => 1,
            DType::I32 | DType::F32 => 4,
        }
    }

    /// Whether gradients can flow through tensors of this type.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32)
    }

    /// Keras's name: `"float32"`, `"int32"`, `"uint8"`, `"bool"`.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::U8 => "uint8",
            DType::I32 => "int32",
            DType::F32 => "float32",
        }
    }

    /// The type two operands meet in: the wider of the two, in the order bool, uint8, int32,
    /// float32 (as Keras promotes).
    pub fn promote(self, other: DType) -> DType {
        self.max(other)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

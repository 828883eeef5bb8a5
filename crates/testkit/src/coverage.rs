//! Lists of all variants of the op enums. A new variant does not compile until it is listed here,
//! and the table test fails until [`crate::cases`] has a row for it.

use cornu_graph::DType;
use cornu_graph::Op;
use cornu_graph::op::{Distribution, PoolKind, ReduceOp};
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};

macro_rules! list {
    ($(#[$doc:meta])* $name:ident: $type:ident = $($variant:ident)*) => {
        $(#[$doc])*
        pub const $name: &[$type] = &[$($type::$variant),*];
        const _: fn($type) = |x| match x { $($type::$variant => ()),* };
    };
}

list! {
    /// All element types.
    DTYPES: DType = Bool U8 I32 F32
}

list! {
    /// All functions of one number.
    UNARY: UnaryOp = Neg Abs Sign Exp Expm1 Log Log1p Sqrt Square Reciprocal Sin Cos Tanh Sigmoid
        Relu Erf Floor Ceil Round Not IsFinite StopGradient
}

list! {
    /// All functions of two numbers.
    BINARY: BinaryOp = Add Sub Mul Div Mod Pow Max Min And Or
}

list! {
    /// All comparisons.
    COMPARE: CompareOp = Equal NotEqual Less LessEqual Greater GreaterEqual
}

list! {
    /// All reductions.
    REDUCE: ReduceOp = Sum Prod Max Min
}

list! {
    /// All poolings.
    POOL: PoolKind = Max Average
}

list! {
    /// All distributions.
    DISTRIBUTION: Distribution = Uniform Normal
}

macro_rules! ops {
    ($($variant:ident)*) => {
        /// The names of all ops.
        pub const OPS: &[&str] = &[$(stringify!($variant)),*];

        /// The name of an op's variant.
        pub fn op_name(op: &Op) -> &'static str {
            match op { $(Op::$variant { .. } => stringify!($variant)),* }
        }
    };
}

ops! {
    Input Variable Constant Iota Random
    Unary Binary Compare Select Cast
    Reshape Transpose Broadcast Slice Pad Concat
    Reduce ArgReduce MatMul Conv2d Conv2dInputGrad Conv2dFilterGrad Pool2d Pool2dGrad
    Gather ScatterAdd
    Fused Project
}

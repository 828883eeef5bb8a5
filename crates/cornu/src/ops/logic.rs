//! Comparisons, logic and choice.

use super::{convert, meet};
use crate::tensor::Tensor;
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{DType, Op};

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident = $class:literal, $op:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(a: impl Into<Tensor>, b: impl Into<Tensor>) -> Tensor {
            let (a, b) = (a.into(), b.into());
            match meet(&a, &b) {
                Ok((left, right)) => {
                    let y = Tensor::op(Op::Compare(CompareOp::$op), &[&left, &right]);
                    Tensor::named($class, &[&a, &b], y)
                }
                Err(error) => error.here(),
            }
        }
    )*};
}

comparisons! {
    /// Whether `a = b`.
    equal = "Equal", Equal;
    /// Whether `a ≠ b`.
    not_equal = "NotEqual", NotEqual;
    /// Whether `a < b`.
    less = "Less", Less;
    /// Whether `a ≤ b`.
    less_equal = "LessEqual", LessEqual;
    /// Whether `a > b`.
    greater = "Greater", Greater;
    /// Whether `a ≥ b`.
    greater_equal = "GreaterEqual", GreaterEqual;
}

#[track_caller]
fn logical(name: &'static str, op: BinaryOp, a: Tensor, b: Tensor) -> Tensor {
    let (left, right) = (convert(&a, DType::Bool), convert(&b, DType::Bool));
    match meet(&left, &right) {
        Ok((x, y)) => Tensor::named(name, &[&a, &b], Tensor::op(Op::Binary(op), &[&x, &y])),
        Err(error) => error.here(),
    }
}

/// Whether both are true (not 0).
#[track_caller]
pub fn logical_and(a: impl Into<Tensor>, b: impl Into<Tensor>) -> Tensor {
    logical("LogicalAnd", BinaryOp::And, a.into(), b.into())
}

/// Whether at least one is true (not 0).
#[track_caller]
pub fn logical_or(a: impl Into<Tensor>, b: impl Into<Tensor>) -> Tensor {
    logical("LogicalOr", BinaryOp::Or, a.into(), b.into())
}

/// Whether it is false (0).
#[track_caller]
pub fn logical_not(x: impl Into<Tensor>) -> Tensor {
    let x = x.into();
    let y = Tensor::op(Op::Unary(UnaryOp::Not), &[&convert(&x, DType::Bool)]);
    Tensor::named("LogicalNot", &[&x], y)
}

/// `a` where the condition holds, else `b`. (`where` is a Rust keyword.)
#[track_caller]
pub fn where_(condition: impl Into<Tensor>, a: impl Into<Tensor>, b: impl Into<Tensor>) -> Tensor {
    let (condition, a, b) = (condition.into(), a.into(), b.into());
    let (left, right) = match meet(&a, &b) {
        Ok(pair) => pair,
        Err(error) => return error.here(),
    };
    let choice = convert(&condition, DType::Bool);
    if choice.is_error() {
        return choice;
    }
    let Some(shape) = choice.shape().broadcast(left.shape()) else {
        return meet(&choice, &left).map_or_else(|e| e, |_| unreachable!("shapes do not meet"));
    };
    let parts = [choice, left, right].map(|t| t.broadcast_to(&shape));
    let y = Tensor::op(Op::Select, &[&parts[0], &parts[1], &parts[2]]);
    Tensor::named("Where", &[&condition, &a, &b], y)
}

//! `+`, `-`, `*`, `/` and unary `-` on tensors and numbers.

use super::Tensor;
use crate::ops;
use std::ops::{Add, Div, Mul, Neg, Sub};

macro_rules! operator {
    ($trait:ident, $method:ident, $function:path) => {
        operator!(@impl $trait, $method, $function, Tensor, Tensor);
        operator!(@impl $trait, $method, $function, Tensor, &Tensor);
        operator!(@impl $trait, $method, $function, &Tensor, Tensor);
        operator!(@impl $trait, $method, $function, &Tensor, &Tensor);
        operator!(@impl $trait, $method, $function, Tensor, f32);
        operator!(@impl $trait, $method, $function, &Tensor, f32);
        operator!(@impl $trait, $method, $function, f32, Tensor);
        operator!(@impl $trait, $method, $function, f32, &Tensor);
        operator!(@impl $trait, $method, $function, Tensor, i32);
        operator!(@impl $trait, $method, $function, &Tensor, i32);
        operator!(@impl $trait, $method, $function, i32, Tensor);
        operator!(@impl $trait, $method, $function, i32, &Tensor);
    };
    (@impl $trait:ident, $method:ident, $function:path, $left:ty, $right:ty) => {
        impl $trait<$right> for $left {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $right) -> Tensor {
                $function(self, other)
            }
        }
    };
}

operator!(Add, add, ops::add);
operator!(Sub, sub, ops::subtract);
operator!(Mul, mul, ops::multiply);
operator!(Div, div, ops::divide);

impl Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        ops::negative(self)
    }
}

impl Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        ops::negative(self)
    }
}

//! The elementwise functions: what each does to single numbers.
//!
//! [`UnaryOp::apply`], [`BinaryOp::apply`] and [`CompareOp::apply`] define them in `f64`; the
//! interpreter rounds the result to the dtype, and every kernel has to agree.

use crate::DType;

/// Functions of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-x`
    Neg,
    /// `|x|`
    Abs,
    /// -1, 0 or 1
    Sign,
    /// `eˣ`
    Exp,
    /// `eˣ - 1`, exact near 0
    Expm1,
    /// Natural logarithm
    Log,
    /// `ln(1 + x)`, exact near 0
    Log1p,
    /// Square root. Its gradient at 0 is defined as 0, so that a distance of 0 does not turn the
    /// weights to NaN.
    Sqrt,
    /// `x²`
    Square,
    /// `1 / x`
    Reciprocal,
    /// Sine
    Sin,
    /// Cosine
    Cos,
    /// Hyperbolic tangent
    Tanh,
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid,
    /// `max(x, 0)`, with gradient 0 at 0
    Relu,
    /// Error function
    Erf,
    /// Largest whole number not above
    Floor,
    /// Smallest whole number not below
    Ceil,
    /// Nearest whole number, halves to even
    Round,
    /// Logical not (bool only)
    Not,
    /// Whether the number is neither infinite nor NaN (gives bool)
    IsFinite,
    /// The number itself, without gradient
    StopGradient,
}

/// Functions of two numbers of one dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a · b`
    Mul,
    /// `a / b`; for integers rounded down, and 0 where `b` is 0
    Div,
    /// `a - b·⌊a/b⌋`, which has the sign of `b`; for integers 0 where `b` is 0
    Mod,
    /// `aᵇ`
    Pow,
    /// The larger; NaN if either is NaN
    Max,
    /// The smaller; NaN if either is NaN
    Min,
    /// Logical and (bool only)
    And,
    /// Logical or (bool only)
    Or,
}

/// Comparisons of two numbers of one dtype; they give bool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `a = b`
    Equal,
    /// `a ≠ b`
    NotEqual,
    /// `a < b`
    Less,
    /// `a ≤ b`
    LessEqual,
    /// `a > b`
    Greater,
    /// `a ≥ b`
    GreaterEqual,
}

impl UnaryOp {
    /// The function's value in `f64`.
    pub fn apply(self, x: f64) -> f64 {
        match self {
            UnaryOp::Neg => -x,
            UnaryOp::Abs => x.abs(),
            UnaryOp::Sign if x == 0.0 || x.is_nan() => x,
            UnaryOp::Sign => x.signum(),
            UnaryOp::Exp => x.exp(),
            UnaryOp::Expm1 => x.exp_m1(),
            UnaryOp::Log => x.ln(),
            UnaryOp::Log1p => x.ln_1p(),
            UnaryOp::Sqrt => x.sqrt(),
            UnaryOp::Square => x * x,
            UnaryOp::Reciprocal => 1.0 / x,
            UnaryOp::Sin => x.sin(),
            UnaryOp::Cos => x.cos(),
            UnaryOp::Tanh => x.tanh(),
            UnaryOp::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            UnaryOp::Relu if x.is_nan() => x,
            UnaryOp::Relu => x.max(0.0),
            UnaryOp::Erf => erf(x),
            UnaryOp::Floor => x.floor(),
            UnaryOp::Ceil => x.ceil(),
            UnaryOp::Round => x.round_ties_even(),
            UnaryOp::Not => f64::from(u8::from(x == 0.0)),
            UnaryOp::IsFinite => f64::from(u8::from(x.is_finite())),
            UnaryOp::StopGradient => x,
        }
    }

    /// The dtype of the result for an operand of dtype `of`, if the function takes it.
    pub fn result(self, of: DType) -> Option<DType> {
        match self {
            UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign | UnaryOp::Square => {
                matches!(of, DType::F32 | DType::I32).then_some(of)
            }
            UnaryOp::Not => (of == DType::Bool).then_some(of),
            UnaryOp::IsFinite => of.is_float().then_some(DType::Bool),
            _ => of.is_float().then_some(of),
        }
    }
}

impl BinaryOp {
    /// The function's value in `f64`, before it is rounded to `dtype`.
    pub fn apply(self, a: f64, b: f64, dtype: DType) -> f64 {
        let integer = !dtype.is_float();
        match self {
            // Whole numbers wrap: i64 holds any product of two i32.
            BinaryOp::Mul if integer => ((a as i64) * (b as i64)) as i32 as f64,
            BinaryOp::Div | BinaryOp::Mod if integer && b == 0.0 => 0.0,
            BinaryOp::Div if integer => (a / b).floor(),
            BinaryOp::Add => a + b,
            BinaryOp::Sub => a - b,
            BinaryOp::Mul => a * b,
            BinaryOp::Div => a / b,
            BinaryOp::Mod => a - b * (a / b).floor(),
            BinaryOp::Pow => a.powf(b),
            BinaryOp::Max | BinaryOp::Min if a.is_nan() || b.is_nan() => f64::NAN,
            BinaryOp::Max => a.max(b),
            BinaryOp::Min => a.min(b),
            BinaryOp::And => f64::from(u8::from(a != 0.0 && b != 0.0)),
            BinaryOp::Or => f64::from(u8::from(a != 0.0 || b != 0.0)),
        }
    }

    /// The dtype of the result for operands of dtype `of`, if the function takes them.
    pub fn result(self, of: DType) -> Option<DType> {
        match self {
            BinaryOp::And | BinaryOp::Or => (of == DType::Bool).then_some(of),
            BinaryOp::Pow => of.is_float().then_some(of),
            _ => matches!(of, DType::F32 | DType::I32).then_some(of),
        }
    }
}

impl CompareOp {
    /// Whether the comparison holds.
    pub fn apply(self, a: f64, b: f64) -> bool {
        match self {
            CompareOp::Equal => a == b,
            CompareOp::NotEqual => a != b,
            CompareOp::Less => a < b,
            CompareOp::LessEqual => a <= b,
            CompareOp::Greater => a > b,
            CompareOp::GreaterEqual => a >= b,
        }
    }
}

/// The error function to about 1e-16: its Taylor series near 0, the continued fraction of the
/// complement further out (Abramowitz and Stegun 7.1.5 and 7.1.14).
fn erf(x: f64) -> f64 {
    let a = x.abs();
    let value = if a.is_nan() {
        a
    } else if a < 3.0 {
        let (mut term, mut sum) = (a, a);
        for n in 1..100 {
            term *= -a * a / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else if a < 6.5 {
        let fraction = (1..=60).rev().fold(a, |f, k| a + f64::from(k) / 2.0 / f);
        1.0 - (-a * a).exp() / fraction / std::f64::consts::PI.sqrt()
    } else {
        1.0
    };
    value.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_matches_tabulated_values() {
        // Abramowitz and Stegun, table 7.1.
        for (x, y) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (-3.5, -0.999_999_256_901_627_7),
        ] {
            assert!((erf(x) - y).abs() < 1e-14, "erf({x}) = {}", erf(x));
        }
    }

    #[test]
    fn whole_numbers_divide_down_and_wrap() {
        let op = |op: BinaryOp, a, b| op.apply(a, b, DType::I32);
        assert_eq!(op(BinaryOp::Div, -7.0, 2.0), -4.0);
        assert_eq!(op(BinaryOp::Mod, -7.0, 2.0), 1.0);
        assert_eq!(op(BinaryOp::Div, 1.0, 0.0), 0.0);
        assert_eq!(op(BinaryOp::Mul, 65536.0, 65536.0), 0.0);
    }

    #[test]
    fn nan_is_never_hidden() {
        assert!(UnaryOp::Relu.apply(f64::NAN).is_nan());
        assert!(BinaryOp::Max.apply(f64::NAN, 1.0, DType::F32).is_nan());
        assert!(BinaryOp::Min.apply(1.0, f64::NAN, DType::F32).is_nan());
    }
}

//! Rows of the elementwise ops: odd sizes, every dtype, and the numbers at the edges.

use super::{APPROXIMATE, Case, Draw, EXACT, Operand, operand, small};
use crate::coverage::{BINARY, COMPARE, DTYPES, UNARY};
use cornu_graph::scalar::{BinaryOp, CompareOp, UnaryOp};
use cornu_graph::{DType, Op};

/// Scalars, nothing, one element, odd sizes around the widths of vectors, and several ranks.
const SHAPES: [&[usize]; 7] = [&[], &[0], &[1], &[7], &[67], &[2, 3, 5], &[33, 65]];

/// Half a last digit: what fast division and square root may be off by.
const ROUNDED: f64 = 2e-7;

pub fn add(cases: &mut Vec<Case>) {
    UNARY.iter().for_each(|&op| unary(cases, op));
    BINARY.iter().for_each(|&op| binary(cases, op));
    COMPARE.iter().for_each(|&op| compare(cases, op));
    select(cases);
    cast(cases);
}

/// Where a function is defined and smooth.
fn domain(op: UnaryOp) -> Draw {
    match op {
        UnaryOp::Neg
        | UnaryOp::Exp
        | UnaryOp::Expm1
        | UnaryOp::Square
        | UnaryOp::Sin
        | UnaryOp::Cos
        | UnaryOp::Tanh
        | UnaryOp::Sigmoid
        | UnaryOp::Erf
        | UnaryOp::IsFinite
        | UnaryOp::StopGradient => Draw::Between(-4.0, 4.0),
        UnaryOp::Abs
        | UnaryOp::Sign
        | UnaryOp::Relu
        | UnaryOp::Floor
        | UnaryOp::Ceil
        | UnaryOp::Round
        | UnaryOp::Reciprocal => Draw::Fraction(0.1, 0.4),
        UnaryOp::Log | UnaryOp::Sqrt => Draw::Between(0.2, 9.0),
        UnaryOp::Log1p => Draw::Between(-0.8, 8.0),
        UnaryOp::Not => Draw::Whole(0, 2),
    }
}

fn unary_tolerance(op: UnaryOp) -> f64 {
    match op {
        UnaryOp::Neg
        | UnaryOp::Abs
        | UnaryOp::Sign
        | UnaryOp::Square
        | UnaryOp::Relu
        | UnaryOp::Floor
        | UnaryOp::Ceil
        | UnaryOp::Round
        | UnaryOp::Not
        | UnaryOp::IsFinite
        | UnaryOp::StopGradient => EXACT,
        UnaryOp::Sqrt | UnaryOp::Reciprocal => ROUNDED,
        UnaryOp::Exp
        | UnaryOp::Expm1
        | UnaryOp::Log
        | UnaryOp::Log1p
        | UnaryOp::Sin
        | UnaryOp::Cos
        | UnaryOp::Tanh
        | UnaryOp::Sigmoid
        | UnaryOp::Erf => APPROXIMATE,
    }
}

fn float_edges() -> Vec<f64> {
    let (infinity, nan) = (f64::INFINITY, f64::NAN);
    let mut edges = vec![0.0, -0.0, infinity, -infinity, nan];
    for x in [1e-3, 0.5, 1.0, 1.5, 2.5, 10.0, 20.0, 88.0, 100.0] {
        edges.extend([x, -x]);
    }
    edges
}

fn integer_edges() -> Vec<f64> {
    let mut edges = vec![0.0, f64::from(i32::MIN), f64::from(i32::MAX)];
    for x in [1.0, 2.0, 7.0, 46341.0, 65536.0, 1_000_000_007.0] {
        edges.extend([x, -x]);
    }
    edges
}

/// Numbers on both sides of halves and of the ends of the integer types.
fn fractions() -> Vec<f64> {
    let mut numbers = vec![2_147_483_520.0, -2_147_483_648.0];
    for x in [0.0, 0.4, 0.5, 0.6, 1.0, 1.5, 127.9, 255.0, 255.9, 256.0, 300.0, 1e6] {
        numbers.extend([x, -x]);
    }
    numbers
}

/// Every pair of the numbers, as two operands.
fn pairs(dtype: DType, numbers: &[f64]) -> Vec<Operand> {
    let shape = [numbers.len(), numbers.len()];
    let first = numbers.iter().flat_map(|&x| vec![x; numbers.len()]).collect();
    let second = numbers.to_vec();
    vec![operand(dtype, shape, Draw::Given(first)), operand(dtype, shape, Draw::Given(second))]
}

fn unary(cases: &mut Vec<Case>, op: UnaryOp) {
    let tolerance = unary_tolerance(op);
    if op.result(DType::F32).is_some() {
        for shape in SHAPES {
            let x = operand(DType::F32, shape, domain(op));
            let case = Case::new(Op::Unary(op), vec![x]).within(tolerance);
            // Stopping the gradient is the point where it differs from the slope.
            let smooth = op != UnaryOp::StopGradient;
            cases.push(if smooth { case } else { case.differentiable(&[]) });
        }
        let x = operand(DType::F32, [float_edges().len()], Draw::Given(float_edges()));
        let case = Case::new(Op::Unary(op), vec![x]).within(tolerance);
        cases.push(case.named("edges").differentiable(&[]));
    }
    if op.result(DType::I32).is_some() {
        let x = operand(DType::I32, [integer_edges().len()], Draw::Given(integer_edges()));
        cases.push(Case::new(Op::Unary(op), vec![x]));
        cases.push(Case::new(Op::Unary(op), vec![small(DType::I32, [67])]));
    }
    if op.result(DType::Bool).is_some() {
        for shape in SHAPES {
            cases.push(Case::new(Op::Unary(op), vec![small(DType::Bool, shape)]));
        }
    }
}

/// Where a function of two numbers is defined and smooth.
fn domains(op: BinaryOp) -> [Draw; 2] {
    match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::And | BinaryOp::Or => {
            [Draw::Between(-3.0, 3.0), Draw::Between(-3.0, 3.0)]
        }
        BinaryOp::Div => [Draw::Between(-3.0, 3.0), Draw::Fraction(0.3, 0.7)],
        // The quotient stays away from whole numbers, where it jumps.
        BinaryOp::Mod => [Draw::Fraction(0.2, 0.8), Draw::Whole(1, 4)],
        BinaryOp::Pow => [Draw::Between(0.3, 3.0), Draw::Between(-3.0, 3.0)],
        BinaryOp::Max | BinaryOp::Min => [Draw::Fraction(0.1, 0.4), Draw::Fraction(0.6, 0.9)],
    }
}

fn binary_tolerance(op: BinaryOp) -> f64 {
    match op {
        BinaryOp::Div => ROUNDED,
        BinaryOp::Mod | BinaryOp::Pow => APPROXIMATE,
        BinaryOp::Add
        | BinaryOp::Sub
        | BinaryOp::Mul
        | BinaryOp::Max
        | BinaryOp::Min
        | BinaryOp::And
        | BinaryOp::Or => EXACT,
    }
}

fn binary(cases: &mut Vec<Case>, op: BinaryOp) {
    if op.result(DType::F32).is_some() {
        for shape in SHAPES {
            let operands = domains(op).map(|draw| operand(DType::F32, shape, draw)).to_vec();
            cases.push(Case::new(Op::Binary(op), operands).within(binary_tolerance(op)));
        }
        let edges = [0.0, 1.0, -1.0, 0.5, -2.0, 3.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let case = Case::new(Op::Binary(op), pairs(DType::F32, &edges));
        cases.push(case.within(binary_tolerance(op)).named("edges").differentiable(&[]));
    }
    if op.result(DType::I32).is_some() {
        cases.push(Case::new(Op::Binary(op), pairs(DType::I32, &integer_edges())));
        let operands = vec![small(DType::I32, [3, 67]), small(DType::I32, [3, 67])];
        cases.push(Case::new(Op::Binary(op), operands));
    }
    if op.result(DType::Bool).is_some() {
        cases.push(Case::new(Op::Binary(op), pairs(DType::Bool, &[0.0, 1.0])));
        let operands = vec![small(DType::Bool, [67]), small(DType::Bool, [67])];
        cases.push(Case::new(Op::Binary(op), operands));
    }
}

fn compare(cases: &mut Vec<Case>, op: CompareOp) {
    for &dtype in DTYPES {
        let draw = if dtype == DType::Bool { Draw::Whole(0, 2) } else { Draw::Whole(0, 4) };
        for shape in [&[67][..], &[3, 5], &[0], &[]] {
            let operands = vec![draw.clone(), draw.clone()];
            let operands = operands.into_iter().map(|draw| operand(dtype, shape, draw));
            cases.push(Case::new(Op::Compare(op), operands.collect()));
        }
    }
    let edges = [0.0, -0.0, 1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    cases.push(Case::new(Op::Compare(op), pairs(DType::F32, &edges)).named("edges"));
    let edges = [f64::from(i32::MIN), -1.0, 0.0, f64::from(i32::MAX)];
    cases.push(Case::new(Op::Compare(op), pairs(DType::I32, &edges)).named("edges"));
}

fn select(cases: &mut Vec<Case>) {
    for &dtype in DTYPES {
        for shape in [&[67][..], &[2, 3, 5], &[1], &[0], &[]] {
            let condition = small(DType::Bool, shape);
            let operands = vec![condition, small(dtype, shape), small(dtype, shape)];
            cases.push(Case::new(Op::Select, operands));
        }
    }
    let condition = operand(DType::Bool, [4], Draw::Given(vec![1.0, 0.0]));
    let nan = operand(DType::F32, [4], Draw::Given(vec![1.0, f64::NAN]));
    let infinite = operand(DType::F32, [4], Draw::Given(vec![f64::INFINITY, 2.0]));
    let case = Case::new(Op::Select, vec![condition, nan, infinite]);
    cases.push(case.named("hides what it does not take").differentiable(&[]));
}

fn cast(cases: &mut Vec<Case>) {
    for &from in DTYPES {
        for &to in DTYPES {
            for shape in [&[67][..], &[3, 5], &[0], &[]] {
                cases.push(Case::new(Op::Cast(to), vec![small(from, shape)]));
            }
            let draw = match from {
                DType::Bool | DType::U8 => continue,
                DType::I32 => Draw::Given(integer_edges()),
                DType::F32 => Draw::Given(fractions()),
            };
            let x = operand(from, [26], draw);
            cases.push(Case::new(Op::Cast(to), vec![x]).named("edges").differentiable(&[]));
        }
    }
}

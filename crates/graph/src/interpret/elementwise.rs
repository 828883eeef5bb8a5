//! The elementwise ops, one by one and fused.

use super::index::{broadcast_strides, view};
use super::value::{Precision, Value, round};
use crate::fused::{Kernel, ScalarOp};
use crate::scalar::{BinaryOp, UnaryOp};
use crate::{DType, Error, Result};

/// What an op does to single numbers; `of` is the dtype of the first.
fn scalar(op: ScalarOp, args: &[f64], of: DType) -> f64 {
    match op {
        // The square of a whole number may have more digits than f64.
        ScalarOp::Unary(UnaryOp::Square) if !of.is_float() => {
            BinaryOp::Mul.apply(args[0], args[0], of)
        }
        ScalarOp::Unary(op) => op.apply(args[0]),
        ScalarOp::Binary(op) => op.apply(args[0], args[1], of),
        ScalarOp::Compare(op) => f64::from(u8::from(op.apply(args[0], args[1]))),
        ScalarOp::Select if args[0] != 0.0 => args[1],
        ScalarOp::Select => args[2],
        ScalarOp::Cast => args[0],
        ScalarOp::Constant(number) => number,
    }
}

/// How many numbers an op takes.
fn arity(op: ScalarOp) -> usize {
    match op {
        ScalarOp::Constant(_) => 0,
        ScalarOp::Unary(_) | ScalarOp::Cast => 1,
        ScalarOp::Binary(_) | ScalarOp::Compare(_) => 2,
        ScalarOp::Select => 3,
    }
}

/// An op on tensors of one shape, element by element.
pub(super) fn map(op: ScalarOp, inputs: &[&Value]) -> Vec<f64> {
    let columns: Vec<&[f64]> = inputs.iter().map(|v| v.data()).collect();
    each_element(op, &columns, inputs[0].dtype(), columns[0].len())
}

fn each_element(op: ScalarOp, columns: &[&[f64]], of: DType, count: usize) -> Vec<f64> {
    let mut args = vec![0.0; columns.len()];
    let element = |i: usize| {
        args.iter_mut().zip(columns).for_each(|(arg, column)| *arg = column[i]);
        scalar(op, &args, of)
    };
    (0..count).map(element).collect()
}

/// All results of a fused loop that [`check`] accepts.
pub(super) fn fused(
    kernel: &Kernel,
    inputs: &[&Value],
    precision: Precision,
) -> Result<Vec<Value>> {
    let shape = super::sizes(&kernel.shape)?;
    let count = shape.iter().product();
    let repeated = |v: &&Value| view(v.data(), &shape, 0, &broadcast_strides(v.shape(), &shape));
    let mut values: Vec<Vec<f64>> = inputs.iter().map(repeated).collect();
    for step in &kernel.steps {
        let columns: Vec<&[f64]> = step.args.iter().map(|&a| values[a].as_slice()).collect();
        let of = step.args.first().map_or(step.dtype, |&a| kernel.dtype(a));
        let mut result = each_element(step.op, &columns, of, count);
        result.iter_mut().for_each(|x| *x = round(*x, step.dtype, precision));
        values.push(result);
    }
    let output = |&v: &usize| Value::new(kernel.dtype(v), shape.as_slice(), values[v].clone());
    kernel.outputs.iter().map(output).collect()
}

/// Whether every step uses the right number of earlier values, and every result is a value.
pub(super) fn check(kernel: &Kernel) -> Result<()> {
    let count = kernel.inputs.len() + kernel.steps.len();
    for (known, step) in (kernel.inputs.len()..).zip(&kernel.steps) {
        if step.args.len() != arity(step.op) || step.args.iter().any(|&a| a >= known) {
            return Err(Error::value(format!("fused step {step:?} after {known} values")));
        }
    }
    if kernel.outputs.is_empty() || kernel.outputs.iter().any(|&v| v >= count) {
        return Err(Error::value(format!("fused results {:?} of {count} values", kernel.outputs)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bools, floats, whole};
    use super::super::{Value, constant, eval_op};
    use super::*;
    use crate::Op;
    use crate::fused::Step;
    use crate::scalar::CompareOp;

    fn unary(op: UnaryOp, x: &[f32]) -> Vec<f32> {
        let result = constant(&Op::Unary(op), &[&floats([x.len()], x)]).unwrap();
        result.as_slice::<f32>().unwrap().to_vec()
    }

    #[test]
    fn unary_functions() {
        for (op, x, y) in [
            (UnaryOp::Neg, 1.5, -1.5),
            (UnaryOp::Abs, -1.5, 1.5),
            (UnaryOp::Sign, -1.5, -1.0),
            (UnaryOp::Exp, 1.0, std::f32::consts::E),
            (UnaryOp::Expm1, 1e-20, 1e-20),
            (UnaryOp::Log, 1.0, 0.0),
            (UnaryOp::Log1p, 1e-20, 1e-20),
            (UnaryOp::Sqrt, 9.0, 3.0),
            (UnaryOp::Square, -3.0, 9.0),
            (UnaryOp::Reciprocal, 4.0, 0.25),
            (UnaryOp::Sin, 0.0, 0.0),
            (UnaryOp::Cos, 0.0, 1.0),
            (UnaryOp::Tanh, 100.0, 1.0),
            (UnaryOp::Sigmoid, 0.0, 0.5),
            (UnaryOp::Relu, -2.0, 0.0),
            (UnaryOp::Erf, 1.0, 0.842_700_8),
            (UnaryOp::Floor, -1.5, -2.0),
            (UnaryOp::Ceil, -1.5, -1.0),
            (UnaryOp::Round, 2.5, 2.0),
        ] {
            assert_eq!(unary(op, &[x]), [y], "{op:?}");
        }
        let not = constant(&Op::Unary(UnaryOp::Not), &[&bools([2], &[true, false])]).unwrap();
        assert_eq!(not, bools([2], &[false, true]));
        let x = floats([3], &[1.0, f32::INFINITY, f32::NAN]);
        let finite = constant(&Op::Unary(UnaryOp::IsFinite), &[&x]).unwrap();
        assert_eq!(finite, bools([3], &[true, false, false]));
    }

    #[test]
    fn binary_functions() {
        let (a, b) = (floats([2], &[-7.0, 8.0]), floats([2], &[2.0, 0.5]));
        for (op, y) in [
            (BinaryOp::Add, [-5.0, 8.5]),
            (BinaryOp::Sub, [-9.0, 7.5]),
            (BinaryOp::Mul, [-14.0, 4.0]),
            (BinaryOp::Div, [-3.5, 16.0]),
            (BinaryOp::Mod, [1.0, 0.0]),
            (BinaryOp::Pow, [49.0, 8f32.sqrt()]),
            (BinaryOp::Max, [2.0, 8.0]),
            (BinaryOp::Min, [-7.0, 0.5]),
        ] {
            assert_eq!(constant(&Op::Binary(op), &[&a, &b]).unwrap(), floats([2], &y), "{op:?}");
        }
        let (a, b) = (bools([3], &[true, true, false]), bools([3], &[true, false, false]));
        let logic = |op| constant(&Op::Binary(op), &[&a, &b]).unwrap();
        assert_eq!(logic(BinaryOp::And), b);
        assert_eq!(logic(BinaryOp::Or), a);
    }

    #[test]
    fn whole_numbers_wrap() {
        let x = whole([2], &[i32::MAX, 65537]);
        let square = constant(&Op::Unary(UnaryOp::Square), &[&x]).unwrap();
        assert_eq!(square, whole([2], &[1, 131_073]));
        let sum = constant(&Op::Binary(BinaryOp::Add), &[&x, &x]).unwrap();
        assert_eq!(sum, whole([2], &[-2, 131_074]));
        let negative = constant(&Op::Unary(UnaryOp::Neg), &[&whole([1], &[i32::MIN])]).unwrap();
        assert_eq!(negative, whole([1], &[i32::MIN]));
    }

    #[test]
    fn comparisons() {
        let (a, b) = (whole([3], &[1, 2, 3]), whole([3], &[2, 2, 2]));
        for (op, y) in [
            (CompareOp::Equal, [false, true, false]),
            (CompareOp::NotEqual, [true, false, true]),
            (CompareOp::Less, [true, false, false]),
            (CompareOp::LessEqual, [true, true, false]),
            (CompareOp::Greater, [false, false, true]),
            (CompareOp::GreaterEqual, [false, true, true]),
        ] {
            assert_eq!(constant(&Op::Compare(op), &[&a, &b]).unwrap(), bools([3], &y), "{op:?}");
        }
    }

    #[test]
    fn select_takes_either_and_hides_the_other() {
        let condition = bools([2], &[true, false]);
        let (a, b) = (floats([2], &[1.0, f32::NAN]), floats([2], &[f32::NAN, 2.0]));
        let result = constant(&Op::Select, &[&condition, &a, &b]).unwrap();
        assert_eq!(result, floats([2], &[1.0, 2.0]));
    }

    #[test]
    fn casts_truncate_and_wrap() {
        let x = floats([3], &[-1.5, 0.0, 300.9]);
        let cast = |dtype| constant(&Op::Cast(dtype), &[&x]).unwrap();
        assert_eq!(cast(DType::I32), whole([3], &[-1, 0, 300]));
        assert_eq!(cast(DType::U8).as_slice::<u8>().unwrap(), [255, 0, 44]);
        assert_eq!(cast(DType::Bool), bools([3], &[true, false, true]));
        let big = constant(&Op::Cast(DType::F32), &[&whole([1], &[16_777_217])]).unwrap();
        assert_eq!(big, floats([1], &[16_777_216.0]));
    }

    fn kernel() -> Kernel {
        let step = |op, args: &[usize]| Step { op, args: args.to_vec(), dtype: DType::F32 };
        Kernel {
            product: None,
            shape: [2, 2].into(),
            inputs: vec![DType::F32, DType::F32],
            steps: vec![
                step(ScalarOp::Binary(BinaryOp::Add), &[0, 1]),
                step(ScalarOp::Constant(10.0), &[]),
                step(ScalarOp::Binary(BinaryOp::Mul), &[2, 3]),
            ],
            outputs: vec![4, 2],
        }
    }

    #[test]
    fn a_fused_loop_broadcasts_its_inputs() {
        let (a, b) = (floats([2, 1], &[1.0, 2.0]), floats([2], &[0.5, 0.25]));
        let inputs = [Value::from(&a), Value::from(&b)];
        let results = fused(&kernel(), &[&inputs[0], &inputs[1]], Precision::F32).unwrap();
        assert_eq!(results[0].data(), [15.0, 12.5, 25.0, 22.5]);
        assert_eq!(results[1].data(), [1.5, 1.25, 2.5, 2.25]);
        let first = constant(&Op::Fused(Box::new(kernel())), &[&a, &b]).unwrap();
        assert_eq!(first, results[0].to_array());
    }

    #[test]
    fn a_malformed_fused_loop_is_an_error() {
        let x = Value::from(&floats([2, 2], &[0.0; 4]));
        let breaks: [fn(&mut Kernel); 4] = [
            |kernel| kernel.steps[0].args[0] = 2,
            |kernel| kernel.steps[0].args.truncate(1),
            |kernel| kernel.outputs.push(5),
            |kernel| kernel.outputs.clear(),
        ];
        for break_it in breaks {
            let mut kernel = kernel();
            break_it(&mut kernel);
            let op = Op::Fused(Box::new(kernel));
            assert!(eval_op(&op, &[&x, &x], Precision::F32).is_err());
        }
    }
}

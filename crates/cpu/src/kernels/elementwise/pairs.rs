//! Two arithmetic steps in one: the number between them never leaves its register.
//!
//! Most loops are limited by reading and writing the L1 cache, so a pair costs little more than one
//! of its steps. The results are the same, bit for bit: each step is rounded on its own. Quotients by
//! roots of sums are joined as well, but not with the same bits ([`roots`]).

use super::roots;
use super::step::{Operands, Run, each_block};
use crate::simd::{Instructions, Simd, instantiate};
use cornu_graph::DType;
use cornu_graph::fused::{Kernel, ScalarOp, Step};
use cornu_graph::scalar::{BinaryOp, UnaryOp};

/// What a combined step does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Action {
    /// One step of the kernel.
    One(ScalarOp),
    /// `(a first b) second c`
    Left(BinaryOp, BinaryOp),
    /// `c second (a first b)`
    Right(BinaryOp, BinaryOp),
    /// `c / √(a + b)`
    OverRoot,
}

/// One to three steps of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Combined {
    /// The value it gives.
    pub value: usize,
    pub action: Action,
    /// The values it reads.
    pub args: Vec<usize>,
    /// The dtype of the value.
    pub dtype: DType,
}

/// The steps of a kernel, with every step that only one other reads joined to that if both are
/// arithmetic, or parts of a quotient by a root of a sum.
pub(super) fn combine(kernel: &Kernel) -> Vec<Combined> {
    let inputs = kernel.inputs.len();
    let mut reads = vec![0; inputs + kernel.steps.len()];
    let args = kernel.steps.iter().flat_map(|step| &step.args);
    args.chain(&kernel.outputs).for_each(|&value| reads[value] += 1);
    let mut steps: Vec<Option<Combined>> = vec![];
    for (index, step) in kernel.steps.iter().enumerate() {
        let mut combined = Combined {
            value: inputs + index,
            action: Action::One(step.op),
            args: step.args.clone(),
            dtype: step.dtype,
        };
        let single = |value: usize| {
            let producer = value.checked_sub(inputs).filter(|_| reads[value] == 1)?;
            steps[producer].as_ref()
        };
        if let Some((over_root, within)) = roots::find(step, inputs + index, single) {
            combined = over_root;
            within.iter().for_each(|value| steps[value - inputs] = None);
        } else if let Some(second) = arithmetic(step) {
            // The later operand first: it was computed last, and is more likely in a register.
            for side in [1, 0] {
                let first = single(step.args[side]).and_then(first_of_pair);
                let Some((op, args)) = first else { continue };
                combined.action =
                    if side == 0 { Action::Left(op, second) } else { Action::Right(op, second) };
                combined.args = vec![args[0], args[1], step.args[1 - side]];
                steps[step.args[side] - inputs] = None;
                break;
            }
        }
        steps.push(Some(combined));
    }
    steps.into_iter().flatten().collect()
}

/// The operation of a step on two `f32`, if it is one that pairs have.
fn arithmetic(step: &Step) -> Option<BinaryOp> {
    match step.op {
        ScalarOp::Binary(op) if step.dtype == DType::F32 => is_arithmetic(op).then_some(op),
        _ => None,
    }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div)
}

/// A step as the first of a pair: its operation and operands.
fn first_of_pair(step: &Combined) -> Option<(BinaryOp, [usize; 2])> {
    match step.action {
        _ if step.dtype != DType::F32 => None,
        Action::One(ScalarOp::Unary(UnaryOp::Square)) => {
            Some((BinaryOp::Mul, [step.args[0], step.args[0]]))
        }
        Action::One(ScalarOp::Binary(op)) if is_arithmetic(op) => {
            Some((op, [step.args[0], step.args[1]]))
        }
        _ => None,
    }
}

/// A function of three vectors, over a tile.
///
/// # Safety
/// See [`Run`].
#[inline(always)]
pub(super) unsafe fn zip3<S: Simd>(s: S, o: &Operands, f: impl Fn(S::F, S::F, S::F) -> S::F) {
    // SAFETY: by the contract of this function.
    unsafe {
        each_block(o, S::LANES, [4, 4, 4], 4, |[a, b, c], out| {
            s.store(out.cast(), f(s.load(a.cast()), s.load(b.cast()), s.load(c.cast())));
        });
    }
}

/// The function of a pair; `left` tells where the first result stands in the second operation.
///
/// # Panics
/// If an operation is not one that pairs have.
pub(super) fn pair(first: BinaryOp, second: BinaryOp, left: bool, i: Instructions) -> Run {
    macro_rules! step {
        ($s:ident, $a:ident, $b:ident, $c:ident => $value:expr) => {
            instantiate!(i, fn(o: &Operands), $s => zip3($s, o, |$a, $b, $c| $value))
        };
    }
    macro_rules! with_first {
        ($first:ident) => {
            match (second, left) {
                (BinaryOp::Add, _) => step!(s, a, b, c => s.add(s.$first(a, b), c)),
                (BinaryOp::Mul, _) => step!(s, a, b, c => s.mul(s.$first(a, b), c)),
                (BinaryOp::Sub, true) => step!(s, a, b, c => s.sub(s.$first(a, b), c)),
                (BinaryOp::Sub, false) => step!(s, a, b, c => s.sub(c, s.$first(a, b))),
                (BinaryOp::Div, true) => step!(s, a, b, c => s.div(s.$first(a, b), c)),
                (BinaryOp::Div, false) => step!(s, a, b, c => s.div(c, s.$first(a, b))),
                _ => unreachable!("{second:?} is not arithmetic"),
            }
        };
    }
    match first {
        BinaryOp::Add => with_first!(add),
        BinaryOp::Sub => with_first!(sub),
        BinaryOp::Mul => with_first!(mul),
        BinaryOp::Div => with_first!(div),
        _ => unreachable!("{first:?} is not arithmetic"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(steps: &[(ScalarOp, &[usize])], outputs: &[usize]) -> Kernel {
        let step = |&(op, args): &(ScalarOp, &[usize])| Step {
            op,
            args: args.to_vec(),
            dtype: DType::F32,
        };
        Kernel {
            product: None,
            shape: [4].into(),
            inputs: vec![DType::F32; 2],
            steps: steps.iter().map(step).collect(),
            outputs: outputs.to_vec(),
        }
    }

    #[test]
    fn steps_are_joined_in_twos() {
        let (add, sub) = (ScalarOp::Binary(BinaryOp::Add), ScalarOp::Binary(BinaryOp::Sub));
        let square = ScalarOp::Unary(UnaryOp::Square);
        let k = kernel(&[(square, &[0]), (add, &[2, 1]), (sub, &[1, 3]), (add, &[0, 4])], &[5]);
        let steps = combine(&k);
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].action, Action::Left(BinaryOp::Mul, BinaryOp::Add));
        assert_eq!(steps[0].args, [0, 0, 1]);
        assert_eq!(steps[1].action, Action::Right(BinaryOp::Sub, BinaryOp::Add));
        assert_eq!((steps[1].args.as_slice(), steps[1].value), (&[1, 3, 0][..], 5));
    }

    #[test]
    fn quotients_by_roots_of_sums_are_one_step() {
        let [add, div] = [BinaryOp::Add, BinaryOp::Div].map(ScalarOp::Binary);
        let sqrt = ScalarOp::Unary(UnaryOp::Sqrt);
        let steps: &[(ScalarOp, &[usize])] = &[(add, &[0, 1]), (sqrt, &[2]), (div, &[1, 3])];
        let combined = combine(&kernel(steps, &[4]));
        assert_eq!(combined.len(), 1);
        assert_eq!((combined[0].action, combined[0].value), (Action::OverRoot, 4));
        assert_eq!(combined[0].args, [0, 1, 1]);
        // The sum or the root is read by others, or the root is what is divided.
        assert_eq!(combine(&kernel(steps, &[4, 2])).len(), 3);
        assert_eq!(combine(&kernel(steps, &[4, 3])).len(), 3);
        let inverse: &[(ScalarOp, &[usize])] = &[(add, &[0, 1]), (sqrt, &[2]), (div, &[3, 1])];
        assert_eq!(combine(&kernel(inverse, &[4])).len(), 3);
    }

    #[test]
    fn values_that_others_read_stay() {
        let add = ScalarOp::Binary(BinaryOp::Add);
        assert_eq!(combine(&kernel(&[(add, &[0, 1]), (add, &[2, 2])], &[3])).len(), 2);
        assert_eq!(combine(&kernel(&[(add, &[0, 1]), (add, &[2, 0])], &[3, 2])).len(), 2);
    }
}

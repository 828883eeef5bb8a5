//! `c / √(a + b)` in one step, as RMSprop and Adagrad have it for every weight.
//!
//! A root and a quotient take a processor several times as long as a sum. Where it estimates the
//! reciprocals of roots quickly, one improvement of the estimate is almost exact: the result differs
//! from that of the three steps by 3 units in the last place at most.

use super::pairs::{Action, Combined, zip3};
use super::step::{Operands, Run};
use crate::simd::{Instructions, Simd, instantiate};
use cornu_graph::DType;
use cornu_graph::fused::{ScalarOp, Step};
use cornu_graph::scalar::{BinaryOp, UnaryOp};

/// The quotient that a step ends, with the values of the sum and of the root, which are not needed
/// then. `single` gives the combined step of a value that nothing else reads.
pub(super) fn find<'a>(
    step: &Step,
    value: usize,
    single: impl Fn(usize) -> Option<&'a Combined>,
) -> Option<(Combined, [usize; 2])> {
    let is_quotient = step.op == ScalarOp::Binary(BinaryOp::Div) && step.dtype == DType::F32;
    let does = |op: ScalarOp| move |step: &&Combined| step.action == Action::One(op);
    let divisor = is_quotient.then(|| single(step.args[1])).flatten()?;
    let root = Some(divisor).filter(does(ScalarOp::Unary(UnaryOp::Sqrt)))?;
    let sum = single(root.args[0]).filter(does(ScalarOp::Binary(BinaryOp::Add)))?;
    let args = vec![sum.args[0], sum.args[1], step.args[0]];
    let combined = Combined { value, action: Action::OverRoot, args, dtype: step.dtype };
    Some((combined, [sum.value, root.value]))
}

/// The function of `a`, `b` and `c`.
pub(super) fn over_root(i: Instructions) -> Run {
    instantiate!(i, fn(o: &Operands), s => zip3(s, o, |a, b, c| s.over_root(c, s.add(a, b))))
}

//! Which steps of a kernel run at once.

use super::compile::Entry;
use super::pairs::{Combined, combine};
use super::phrases::{self, Source, Text};
use super::tiles::{Operand, Reading};
use cornu_graph::DType;
use cornu_graph::fused::{Kernel, ScalarOp};

/// What is known of a kernel's values before they have places.
pub(super) struct Values<'a> {
    pub kernel: &'a Kernel,
    /// Whether a value is one element repeated.
    splat: Vec<bool>,
    /// The values that are constants.
    numbers: Vec<Option<f64>>,
}

impl<'a> Values<'a> {
    pub(super) fn new(kernel: &'a Kernel, operands: &[Operand]) -> Values<'a> {
        let of_step = kernel.steps.iter().map(|step| match step.op {
            ScalarOp::Constant(number) => Some(number),
            _ => None,
        });
        let numbers: Vec<_> = operands.iter().map(|_| None).chain(of_step).collect();
        let is_splat = |(value, number): (usize, &Option<f64>)| {
            let operand = operands.get(value);
            number.is_some() || operand.is_some_and(|o| o.reading == Reading::Splat)
        };
        let splat = numbers.iter().enumerate().map(is_splat).collect();
        Values { kernel, splat, numbers }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.splat.len()
    }

    pub(super) fn dtype(&self, value: usize) -> DType {
        self.kernel.dtype(value)
    }

    /// Whether a value is one element repeated.
    pub(super) fn is_splat(&self, value: usize) -> bool {
        self.splat[value]
    }

    /// The bytes of a constant, of which the first are an element's.
    pub(super) fn constant(&self, value: usize) -> Option<[u8; 4]> {
        let number = self.numbers[value]?;
        Some(match self.dtype(value) {
            DType::F32 => (number as f32).to_ne_bytes(),
            DType::I32 => (number as i64 as i32).to_ne_bytes(),
            DType::U8 => [number as i64 as u8; 4],
            DType::Bool => [u8::from(number != 0.0); 4],
        })
    }

    /// Where a phrase finds a value that is at an entry. Constants are read like any splat, so that
    /// the code has no numbers but its own.
    pub(super) fn source(&self, value: usize, entry: impl Fn(usize) -> Entry) -> Source {
        match self.splat[value] {
            true => Source::Splat(entry(value)),
            false => Source::Elements(entry(value)),
        }
    }
}

/// The steps of a kernel without its constants: as many at once as one phrase can say, if there are
/// phrases, and the others alone.
pub(super) fn units(values: &Values<'_>, phrases: bool) -> Vec<Vec<Combined>> {
    let mut steps = combine(values.kernel);
    steps.retain(|step| values.numbers[step.value].is_none());
    let has_word = |step: &Combined| phrases && phrases::has_word(step, values);
    let mut units = vec![];
    let mut rest = &steps[..];
    while !rest.is_empty() {
        let sayable = rest.iter().take_while(|step| has_word(step)).count();
        let fits = |count| is_phrase(values, &rest[..count], &rest[count..]);
        let count = most(sayable, fits).max(1);
        units.push(rest[..count].to_vec());
        rest = &rest[count..];
    }
    units
}

/// About how many can be had at once of `all`. Almost always all of them: registers are many.
fn most(all: usize, fits: impl Fn(usize) -> bool) -> usize {
    // One step alone is a function.
    if all < 2 || fits(all) {
        return all;
    }
    let (mut fitting, mut unfit) = (1, all);
    while fitting + 1 < unfit {
        let middle = fitting.midpoint(unfit);
        if fits(middle) { fitting = middle } else { unfit = middle }
    }
    fitting
}

/// Whether one phrase can say these steps, after which those come.
fn is_phrase(values: &Values<'_>, steps: &[Combined], later: &[Combined]) -> bool {
    let is_needed = |value: &usize| {
        values.kernel.outputs.contains(value) || later.iter().any(|step| step.args.contains(value))
    };
    let results = steps.iter().map(|step| step.value).filter(is_needed);
    // Any places will do to see whether the registers suffice.
    let results: Vec<_> = results.map(|value| (value, value)).collect();
    let text = Text { steps, values, entry: &|value| value, results: &results };
    phrases::assemble(&text).is_some()
}

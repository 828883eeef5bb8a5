//! The order in which Keras keeps the variables of an optimizer, found from those of Keras 3.2 to 3.15.

use super::slot::{Memory, Slot};
use super::{Optimizer, WeightSpec};
use cornu_graph::DType;

/// Keras put some variables in other places before version 3.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// 3.2 to 3.9.
    Early,
    /// From 3.10 on.
    Now,
}

impl Era {
    /// The era of a version, `(3, 12)`; of one that is not known the present.
    pub fn of(version: Option<(u32, u32)>) -> Era {
        if version.is_some_and(|version| version < (3, 10)) { Era::Early } else { Era::Now }
    }

    pub fn other(self) -> Era {
        if self == Era::Now { Era::Early } else { Era::Now }
    }
}

/// A variable of Keras's optimizer, as what it is here. Weights and slots are told by their numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Iteration,
    LearningRate,
    Average(usize),
    Accumulator(usize),
    Slot {
        weight: usize,
        slot: usize,
    },
    /// A number that Keras keeps once and we with every weight.
    Shared {
        slot: usize,
    },
    /// What Keras makes and never reads.
    Unused {
        shape: Vec<usize>,
        dtype: DType,
    },
}

/// All variables of an optimizer that trains these weights.
pub(crate) fn layout(
    optimizer: &dyn Optimizer,
    weights: &[WeightSpec<'_>],
    era: Era,
) -> Vec<Entry> {
    let plans: Vec<Memory<Slot>> =
        weights.iter().map(|weight| Memory::plan(optimizer, weight)).collect();
    let mut entries = vec![Entry::Iteration];
    entries.extend(optimizer.common().learning_rate.constant().map(|_| Entry::LearningRate));
    entries.extend(averages_and_sums(&plans, era));
    match optimizer.kind() {
        "Adafactor" => entries.extend(factors(weights)),
        kind => entries.extend(slots(kind, &plans, era)),
    }
    entries
}

fn averages_and_sums(plans: &[Memory<Slot>], era: Era) -> Vec<Entry> {
    let average = |i: usize| plans[i].average.as_ref().map(|_| Entry::Average(i));
    let sum = |i: usize| plans[i].accumulator.as_ref().map(|_| Entry::Accumulator(i));
    let all = 0..plans.len();
    match era {
        Era::Early => all.flat_map(|i| average(i).into_iter().chain(sum(i))).collect(),
        Era::Now => all.clone().filter_map(average).chain(all.filter_map(sum)).collect(),
    }
}

/// The slots: those of one weight together, but for some that stand together for all weights.
fn slots(kind: &str, plans: &[Memory<Slot>], era: Era) -> Vec<Entry> {
    let mut found: Vec<(usize, Entry)> = vec![];
    for (weight, plan) in plans.iter().enumerate() {
        for (slot, planned) in plan.slots.iter().enumerate() {
            let (group, entry) = match planned.name {
                "u_product" if weight > 0 => continue,
                "u_product" if era == Era::Early => (0, Entry::Shared { slot }),
                "u_product" => (9, Entry::Shared { slot }),
                "velocity_hat" => (8, Entry::Slot { weight, slot }),
                _ if kind == "RMSprop" => (1 + slot, Entry::Slot { weight, slot }),
                _ => (1, Entry::Slot { weight, slot }),
            };
            found.push((group, entry));
        }
    }
    found.sort_by_key(|(group, _)| *group);
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// Keras's Adafactor has `r`, `c` and `v` of every weight; it reads `r` and `c` of those with two
/// dimensions or more, `v` of the others.
fn factors(weights: &[WeightSpec<'_>]) -> Vec<Entry> {
    let unused = |shape: &[usize], dtype| Entry::Unused { shape: shape.to_vec(), dtype };
    let of = |(weight, spec): (usize, &WeightSpec<'_>)| match spec.shape.len() {
        0 | 1 => {
            [unused(&[], DType::I32), unused(&[], DType::I32), Entry::Slot { weight, slot: 0 }]
        }
        _ => [
            Entry::Slot { weight, slot: 0 },
            Entry::Slot { weight, slot: 1 },
            unused(spec.shape, DType::F32),
        ],
    };
    weights.iter().enumerate().flat_map(of).collect()
}

/// What a file of Keras 2 calls a slot: `"Adam/m/dense/kernel:0"`, before 2.11
/// `"Adam/dense/kernel/m:0"`. The iteration and moving averages have names of their own.
pub(crate) fn slot_of_name<'a>(kind: &str, name: &'a str, before_2_11: bool) -> Option<&'a str> {
    let name = name.split(':').next().unwrap_or(name);
    let mut parts = name.split('/');
    let last = parts.clone().next_back();
    if matches!(last, Some("iter" | "iteration")) {
        return Some("iteration");
    }
    let word = if before_2_11 || last == Some("momentum_cache") { last } else { parts.nth(1) };
    Some(match (word?, kind) {
        ("m", _) => "momentum",
        ("v", "Adamax") | ("u", _) => "norm",
        ("v", _) | ("rms", _) => "velocity",
        ("vhat", _) => "velocity_hat",
        ("mg", _) => "average_gradient",
        ("accum_grad", _) => "accumulated_grad",
        ("accum_var", _) => "accumulated_delta_var",
        ("momentum_cache", _) => "u_product",
        (same, _) => same,
    })
}

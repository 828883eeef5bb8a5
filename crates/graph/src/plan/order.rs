//! The order of execution: always the ready instruction that frees most memory.
//!
//! So a weight is updated as soon as its gradient is there, while the gradient is still in cache,
//! and few values are alive at once. Equal candidates keep the order in which they were built.

use super::steps::Dependencies;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The instructions of a program in order of execution.
///
/// # Panics
/// If the dependencies form a circle: a broken invariant of ours.
pub fn order(dependencies: &Dependencies) -> Vec<usize> {
    let count = dependencies.before.len();
    let mut waiting: Vec<usize> = dependencies.before.iter().map(BTreeSet::len).collect();
    let mut after: Vec<Vec<usize>> = vec![vec![]; count];
    for (step, before) in dependencies.before.iter().enumerate() {
        before.iter().for_each(|&b| after[b].push(step));
    }
    let mut readers: Vec<usize> = dependencies.values.iter().map(|v| v.readers.len()).collect();
    let mut ready: BTreeSet<usize> = (0..count).filter(|&s| waiting[s] == 0).collect();
    let mut sequence = Vec::with_capacity(count);
    while !ready.is_empty() {
        let gain = |step: usize| dependencies.gain(step, &readers);
        // Of equals the one that was built first.
        let best = ready.iter().copied().max_by_key(|&step| (gain(step), Reverse(step)));
        let step = best.expect("the set is not empty");
        ready.remove(&step);
        sequence.push(step);
        dependencies.reads[step].iter().for_each(|&v| readers[v] -= 1);
        for &next in &after[step] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.insert(next);
            }
        }
    }
    assert_eq!(sequence.len(), count, "the instructions wait for each other in a circle");
    sequence
}

impl Dependencies {
    /// Bytes of the arena that running this instruction frees, less those it takes.
    fn gain(&self, step: usize, readers_left: &[usize]) -> isize {
        let freed = self.reads[step].iter().filter(|&&v| readers_left[v] == 1).copied();
        let freed: isize = freed.map(|v| self.values[v].arena_bytes as isize).sum();
        let taken: isize =
            self.writes[step].iter().map(|&v| self.values[v].arena_bytes as isize).sum();
        freed - taken
    }
}

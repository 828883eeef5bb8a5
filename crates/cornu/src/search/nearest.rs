//! Rows by nearness: keys, the best of many, and work shared by threads.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::thread;

/// A row and how far it is, by any key that grows with the distance. Ordered by distance, equals by
/// row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    pub key: f32,
    pub row: u32,
}

impl Ord for Near {
    fn cmp(&self, other: &Near) -> Ordering {
        self.key.total_cmp(&other.key).then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Near) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near {
    fn eq(&self, other: &Near) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Near {}

/// The nearest of the rows that it was shown.
#[derive(Clone, Debug)]
pub(super) struct Best {
    heap: BinaryHeap<Near>,
    most: usize,
}

impl Best {
    pub fn new(most: usize) -> Best {
        Best { heap: BinaryHeap::with_capacity(most + 1), most }
    }

    /// What a key must be below to be among the best.
    pub fn limit(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.most => worst.key,
            _ => f32::INFINITY,
        }
    }

    /// Shows a row. Whether it is among the best so far.
    pub fn push(&mut self, near: Near) -> bool {
        if self.heap.len() < self.most {
            self.heap.push(near);
            return true;
        }
        let mut worst = self.heap.peek_mut().expect("there is room for at least one");
        let better = near < *worst;
        if better {
            *worst = near;
        }
        better
    }

    /// The nearest, in order.
    pub fn into_sorted(self) -> Vec<Near> {
        self.heap.into_sorted_vec()
    }
}

/// Sums are taken in this many parts, so that the compiler can use vector instructions.
const LANES: usize = 16;

fn sum_of(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (a, rest_a) = a.as_chunks::<LANES>();
    let (b, rest_b) = b.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] += term(a[i], b[i]);
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(&a, &b)| term(a, b)).sum();
    sums.iter().sum::<f32>() + rest
}

/// The dot product.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum_of(a, b, |a, b| a * b)
}

/// The squared Euclidean distance.
pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    sum_of(a, b, |a, b| (a - b) * (a - b))
}

/// Calls a function for each of `0..count`, in pieces on several threads, and gives the results in
/// order. Each thread makes itself a `state` to work with.
pub(super) fn parallel<T: Send, S>(
    count: usize,
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(usize, &mut S) -> T + Sync,
) -> Vec<T> {
    let piece = |range: std::ops::Range<usize>| -> Vec<T> {
        let mut state = state();
        range.map(|i| work(i, &mut state)).collect()
    };
    let size = count.div_ceil(threads.max(1)).max(1);
    if size >= count {
        return piece(0..count);
    }
    thread::scope(|scope| {
        let piece = &piece;
        let starts = (0..count).step_by(size);
        let pieces: Vec<_> = starts
            .map(|start| scope.spawn(move || piece(start..(start + size).min(count))))
            .collect();
        let done = pieces.into_iter().map(|piece| match piece.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        done.flatten().collect()
    })
}

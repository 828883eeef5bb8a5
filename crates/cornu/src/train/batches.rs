//! Which samples make up each batch.

use cornu_graph::philox::Philox;

/// The samples in order, cut into batches; the last may be smaller.
pub struct Batches {
    order: Vec<u32>,
    batch: usize,
}

impl Batches {
    /// Batches of `samples` samples in order.
    pub fn new(samples: usize, batch: usize) -> Batches {
        Batches { order: (0..samples as u32).collect(), batch }
    }

    /// Another order, decided by a seed and a number (the steps before).
    pub fn shuffle(&mut self, seed: u64, number: u64) {
        // From the same start each time: an epoch's order must not depend on those before.
        self.order.sort_unstable();
        Philox::stream(seed, number).shuffle(&mut self.order);
    }

    /// How many batches there are.
    pub fn count(&self) -> usize {
        self.order.len().div_ceil(self.batch)
    }

    /// The samples of a batch.
    pub fn get(&self, index: usize) -> &[u32] {
        let start = index * self.batch;
        &self.order[start..self.order.len().min(start + self.batch)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_comes_once() {
        let mut batches = Batches::new(10, 4);
        batches.shuffle(1, 3);
        let mut all: Vec<u32> =
            (0..batches.count()).flat_map(|i| batches.get(i).to_vec()).collect();
        assert_eq!(batches.get(2).len(), 2);
        assert_ne!(all, (0..10).collect::<Vec<u32>>());
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<u32>>());
    }

    #[test]
    fn an_epochs_order_does_not_depend_on_those_before() {
        let (mut a, mut b) = (Batches::new(100, 10), Batches::new(100, 10));
        a.shuffle(1, 0);
        a.shuffle(1, 1);
        b.shuffle(1, 1);
        assert_eq!(a.get(3), b.get(3));
    }
}

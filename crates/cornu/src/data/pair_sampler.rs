//! Pairs drawn on the fly, half of one class, half of different ones.

use super::labels::{Classes, Labels};
use super::{Column, PairLabel};
use cornu_graph::philox::Philox;
use cornu_graph::{Array, Error, Result};

/// Draws batches of pairs without end: the first half of one class each, the others of two
/// different classes. For training with generators, where data are augmented or too many pairs are
/// possible to write them down.
///
/// A class is drawn for each pair of one class, and two for each other pair, all classes equally
/// often; the samples of a class come in a random order, all of them before any comes again. The
/// two of a pair are never the same sample. An odd batch has one more of one class.
///
/// ```
/// use cornu::data::PairSampler;
/// use cornu::prelude::*;
///
/// let labels = [0u8, 0, 0, 1, 1, 1];
/// let sampler = PairSampler::new(&labels, PairLabel::OneIsSame)?.batch_size(20).seed(3);
/// let batch = sampler.clone().next().expect("there is no end");
/// assert_eq!(batch.labels.iter().filter(|&&label| label == 1).count(), 10);
/// for ((&left, &right), &label) in batch.left.iter().zip(&batch.right).zip(&batch.labels) {
///     assert_eq!(labels[left] == labels[right], label == 1);
///     assert_ne!(left, right);
/// }
///
/// // With the data: two columns for a model of two inputs, and the labels (20, 1).
/// let images = Array::zeros([6, 28, 28], DType::U8);
/// let ([left, right], y) = sampler.batches(&images).next().expect("there is no end")?;
/// assert_eq!((left.len(), right.len(), y.len()), (20, 20, 20));
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PairSampler {
    decks: Vec<Deck>,
    /// The classes that have two samples.
    with_pairs: Vec<usize>,
    convention: PairLabel,
    batch_size: usize,
    random: Philox,
}

/// The pairs of a batch, as numbers of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairBatch {
    /// The first of each pair.
    pub left: Vec<usize>,
    /// The second of each pair.
    pub right: Vec<usize>,
    /// The label of each pair.
    pub labels: Vec<u8>,
}

impl PairSampler {
    /// Pairs of samples with these classes; batches of 32, seed 0.
    ///
    /// # Errors
    /// If there are fewer than two classes, or none has two samples.
    pub fn new(labels: &(impl Labels + ?Sized), convention: PairLabel) -> Result<PairSampler> {
        let classes = Classes::new(&labels.to_labels()?);
        classes.at_least(2, "pairs need")?;
        let with_pairs: Vec<usize> =
            (0..classes.len()).filter(|&class| classes.samples[class].len() > 1).collect();
        if with_pairs.is_empty() {
            return Err(Error::data("no class has two samples, so there is no pair of one class"));
        }
        let decks = classes.samples.into_iter().map(Deck::new).collect();
        let random = Philox::new(0);
        Ok(PairSampler { decks, with_pairs, convention, batch_size: 32, random })
    }

    /// How many pairs a batch has; at least one.
    pub fn batch_size(mut self, pairs: usize) -> PairSampler {
        self.batch_size = pairs.max(1);
        self
    }

    /// The seed.
    pub fn seed(mut self, seed: u64) -> PairSampler {
        self.random = Philox::new(seed);
        self
    }

    /// The batches with the data: the left and the right samples, and the labels `uint8 (pairs, 1)`.
    /// Nothing is copied.
    ///
    /// # Errors
    /// Each batch with a sample that the data do not have is an error.
    pub fn batches(
        self,
        x: impl Into<Column>,
    ) -> impl Iterator<Item = Result<([Column; 2], Column)>> + Send {
        let x = x.into();
        self.map(move |batch| {
            let labels = Array::new([batch.labels.len(), 1], batch.labels)?;
            Ok(([x.select(batch.left)?, x.select(batch.right)?], Column::new(labels)))
        })
    }

    fn same(&mut self) -> (usize, usize) {
        let class = self.with_pairs[self.random.below(self.with_pairs.len())];
        let deck = &mut self.decks[class];
        let left = deck.draw(&mut self.random);
        (left, deck.draw_other(left, &mut self.random))
    }

    fn different(&mut self) -> (usize, usize) {
        let left = self.random.below(self.decks.len());
        let drawn = self.random.below(self.decks.len() - 1);
        let right = if drawn < left { drawn } else { drawn + 1 };
        (self.decks[left].draw(&mut self.random), self.decks[right].draw(&mut self.random))
    }
}

impl Iterator for PairSampler {
    type Item = PairBatch;

    fn next(&mut self) -> Option<PairBatch> {
        let mut batch = PairBatch { left: vec![], right: vec![], labels: vec![] };
        let half = self.batch_size.div_ceil(2);
        for pair in 0..self.batch_size {
            let same = pair < half;
            let (left, right) = if same { self.same() } else { self.different() };
            batch.left.push(left);
            batch.right.push(right);
            batch.labels.push(self.convention.label(same));
        }
        Some(batch)
    }
}

/// The samples of a class, in one random order after another.
#[derive(Clone, Debug)]
struct Deck {
    all: Vec<usize>,
    left: Vec<usize>,
}

impl Deck {
    fn new(all: Vec<usize>) -> Deck {
        Deck { all, left: vec![] }
    }

    fn draw(&mut self, random: &mut Philox) -> usize {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
            random.shuffle(&mut self.left);
        }
        self.left.pop().expect("no class is empty")
    }

    /// The next sample, but for one. That one comes next after it.
    fn draw_other(&mut self, but: usize, random: &mut Philox) -> usize {
        match self.draw(random) {
            drawn if drawn == but => {
                let other = self.draw(random);
                self.left.push(but);
                other
            }
            drawn => drawn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_balanced_and_repeatable() {
        let labels = [4i32, 4, 4, 9, 9, 1];
        let of = |seed| {
            PairSampler::new(&labels, PairLabel::OneIsDifferent).unwrap().batch_size(5).seed(seed)
        };
        let batches: Vec<PairBatch> = of(1).take(200).collect();
        assert_eq!(batches, of(1).take(200).collect::<Vec<_>>());
        assert_ne!(batches, of(2).take(200).collect::<Vec<_>>());
        let mut seen = [0; 6];
        for batch in &batches {
            assert_eq!(batch.labels, [0, 0, 0, 1, 1]);
            for i in 0..5 {
                let (left, right) = (batch.left[i], batch.right[i]);
                assert_eq!(labels[left] == labels[right], batch.labels[i] == 0);
                assert_ne!(left, right);
                seen[left] += 1;
                seen[right] += 1;
            }
        }
        assert!(seen.iter().all(|&times| times > 100), "{seen:?}");
    }

    #[test]
    fn the_samples_of_a_class_come_evenly() {
        let mut deck = Deck::new(vec![3, 5, 8]);
        let mut random = Philox::new(1);
        let mut counts = [0; 9];
        for _ in 0..300 {
            let left = deck.draw(&mut random);
            let right = deck.draw_other(left, &mut random);
            assert_ne!(left, right);
            counts[left] += 1;
            counts[right] += 1;
        }
        assert!([3, 5, 8].iter().all(|&s| (190..=210).contains(&counts[s])), "{counts:?}");
    }

    #[test]
    fn mistakes_are_told() {
        let error =
            |labels: &[u8]| PairSampler::new(labels, PairLabel::OneIsSame).unwrap_err().to_string();
        assert!(error(&[1, 1, 1]).contains("at least 2 classes, the data has 1"));
        assert!(error(&[1, 2, 3]).contains("no pair of one class"));
    }
}

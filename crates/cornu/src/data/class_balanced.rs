//! Batches of some classes with equally many samples of each.

use super::Column;
use super::labels::{Classes, Labels};
use cornu_graph::philox::Philox;
use cornu_graph::{Error, Result};

/// Batches of `classes` different classes with `samples` of each: what losses of embeddings such as
/// [`TripletLoss`](crate::losses::TripletLoss) need. (`MPerClassSampler` elsewhere.)
///
/// An epoch takes each sample at most once. It goes over each class in a random order, `samples` at
/// a time; what is left of a class then has its turn in another epoch. Each batch is of the classes
/// that have most left, drawn by lot where they have equally much, until fewer than `classes` have
/// any. Seed and number of the epoch decide everything.
///
/// ```
/// use cornu::data::ClassBalanced;
///
/// let labels = [0u8, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2];
/// let sampler = ClassBalanced::new(&labels, 3, 2)?.seed(7);
/// assert_eq!((sampler.batches_per_epoch(), sampler.batch_size()), (2, 6));
/// for batch in sampler.epoch(0) {
///     for class in 0..3 {
///         assert_eq!(batch.iter().filter(|&&sample| labels[sample] == class).count(), 2);
///     }
/// }
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClassBalanced {
    all: Classes,
    classes: usize,
    samples: usize,
    repeat: bool,
    seed: u64,
    batches: usize,
}

impl ClassBalanced {
    /// Batches of this many classes with this many samples of each.
    ///
    /// # Errors
    /// If one of them is 0, there are not that many classes, or a class has fewer samples.
    pub fn new(
        labels: &(impl Labels + ?Sized),
        classes: usize,
        samples: usize,
    ) -> Result<ClassBalanced> {
        let sampler = ClassBalanced::checked(labels, classes, samples)?;
        let all = &sampler.all;
        if let Some(class) = (0..all.len()).find(|&class| all.samples[class].len() < samples) {
            return Err(Error::data(format!(
                "{samples} samples of each class, but class {} has {}",
                all.numbers[class],
                all.samples[class].len()
            ))
            .help(
                "take fewer samples of each class, or ClassBalanced::repeating, which takes the \
                 samples of small classes several times",
            ));
        }
        Ok(sampler)
    }

    /// As [`ClassBalanced::new`], but a class with fewer samples gives some of them several times
    /// in a batch.
    ///
    /// # Errors
    /// If one of the numbers is 0, or there are not that many classes.
    pub fn repeating(
        labels: &(impl Labels + ?Sized),
        classes: usize,
        samples: usize,
    ) -> Result<ClassBalanced> {
        Ok(ClassBalanced { repeat: true, ..ClassBalanced::checked(labels, classes, samples)? })
    }

    fn checked(
        labels: &(impl Labels + ?Sized),
        classes: usize,
        samples: usize,
    ) -> Result<ClassBalanced> {
        if classes == 0 || samples == 0 {
            return Err(Error::value(format!(
                "a batch of {classes} classes with {samples} samples of each is empty"
            )));
        }
        let all = Classes::new(&labels.to_labels()?);
        all.at_least(classes, "a batch is of")?;
        let mut left = turns(&all, samples);
        let mut batches = 0;
        let mut order: Vec<usize> = (0..all.len()).collect();
        while choose(&mut left, &mut order, classes) {
            batches += 1;
        }
        Ok(ClassBalanced { all, classes, samples, repeat: false, seed: 0, batches })
    }

    /// The seed; 0 unless said otherwise.
    pub fn seed(mut self, seed: u64) -> ClassBalanced {
        self.seed = seed;
        self
    }

    /// How many batches an epoch has.
    pub fn batches_per_epoch(&self) -> usize {
        self.batches
    }

    /// How many samples a batch has.
    pub fn batch_size(&self) -> usize {
        self.classes * self.samples
    }

    /// The batches of an epoch: numbers of samples, class by class.
    pub fn epoch(&self, epoch: usize) -> Vec<Vec<usize>> {
        let mut random = Philox::stream(self.seed, epoch as u64);
        let mut decks = self.all.samples.clone();
        decks.iter_mut().for_each(|deck| random.shuffle(deck));
        let mut left = turns(&self.all, self.samples);
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        let mut batches = Vec::with_capacity(self.batches);
        loop {
            random.shuffle(&mut order);
            if !choose(&mut left, &mut order, self.classes) {
                return batches;
            }
            let mut chosen = order[..self.classes].to_vec();
            random.shuffle(&mut chosen);
            let turn = chosen.iter().flat_map(|&class| self.draw(&mut decks[class], class));
            batches.push(turn.collect());
        }
    }

    /// The next samples of a class.
    fn draw(&self, deck: &mut Vec<usize>, class: usize) -> Vec<usize> {
        let mut drawn = deck.split_off(deck.len().saturating_sub(self.samples));
        if self.repeat {
            // A small class: its samples again, in turn.
            let own = if drawn.is_empty() { &self.all.samples[class] } else { &drawn };
            drawn = own.iter().copied().cycle().take(self.samples).collect();
        }
        drawn
    }

    /// The batches of epoch after epoch, without end.
    pub fn indexes(self) -> impl Iterator<Item = Vec<usize>> + Send {
        (0..).flat_map(move |epoch| self.epoch(epoch))
    }

    /// The batches of epoch after epoch, without end, as rows of data and labels: for training with
    /// generators. Nothing is copied.
    ///
    /// # Errors
    /// If data and labels are not as many as the labels the sampler was made of; then each batch
    /// with a sample that is missing is an error.
    ///
    /// ```
    /// use cornu::data::ClassBalanced;
    /// use cornu::prelude::*;
    ///
    /// let x = Array::new([4, 1], vec![0.0f32, 0.1, 1.0, 1.1])?;
    /// let labels = Array::new([4], vec![0, 0, 1, 1])?;
    /// let mut batches = ClassBalanced::new(&labels, 2, 2)?.batches(&x, &labels);
    /// let (x, y) = batches.next().expect("there is no end")?;
    /// assert_eq!((x.len(), y.len()), (4, 4));
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn batches(
        self,
        x: impl Into<Column>,
        labels: impl Into<Column>,
    ) -> impl Iterator<Item = Result<(Column, Column)>> + Send {
        let (x, labels) = (x.into(), labels.into());
        self.indexes()
            .map(move |samples| Ok((x.select(samples.iter().copied())?, labels.select(samples)?)))
    }
}

/// How many turns each class has in an epoch: at least one.
fn turns(all: &Classes, samples: usize) -> Vec<usize> {
    all.samples.iter().map(|class| (class.len() / samples).max(1)).collect()
}

/// Puts the classes with most turns left first, and takes a turn of each that is wanted; `false` if
/// too few have one.
fn choose(left: &mut [usize], order: &mut [usize], classes: usize) -> bool {
    if classes < order.len() {
        order.select_nth_unstable_by_key(classes - 1, |&class| std::cmp::Reverse(left[class]));
    }
    let chosen = &order[..classes];
    if chosen.iter().any(|&class| left[class] == 0) {
        return false;
    }
    chosen.iter().for_each(|&class| left[class] -= 1);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(sizes: &[usize]) -> Vec<i64> {
        let classes = sizes.iter().enumerate();
        classes.flat_map(|(class, &size)| vec![class as i64 * 10; size]).collect()
    }

    #[test]
    fn every_sample_comes_at_most_once_an_epoch() {
        let labels = labels(&[9, 8, 8, 20]);
        let sampler = ClassBalanced::new(&labels, 2, 4).unwrap().seed(3);
        for epoch in 0..5 {
            let batches = sampler.epoch(epoch);
            // 2 + 2 + 2 + 5 turns of two classes each.
            assert_eq!(batches.len(), 5);
            assert_eq!(batches.len(), sampler.batches_per_epoch());
            let mut all: Vec<usize> = batches.concat();
            for batch in &batches {
                let mut classes: Vec<i64> = batch.iter().map(|&s| labels[s]).collect();
                classes.sort_unstable();
                assert_eq!(batch.len(), sampler.batch_size());
                assert!(classes[..4].iter().all(|&c| c == classes[0]));
                assert!(classes[4..].iter().all(|&c| c == classes[4] && c != classes[0]));
            }
            all.sort_unstable();
            assert!(all.windows(2).all(|w| w[0] != w[1]));
        }
    }

    #[test]
    fn seed_and_epoch_decide() {
        let labels = labels(&[10, 10, 10]);
        let of = |seed| ClassBalanced::new(&labels, 2, 2).unwrap().seed(seed);
        assert_eq!(of(1).epoch(4), of(1).epoch(4));
        assert_ne!(of(1).epoch(4), of(1).epoch(5));
        assert_ne!(of(1).epoch(4), of(2).epoch(4));
        let first: Vec<Vec<usize>> = of(1).indexes().take(of(1).batches_per_epoch()).collect();
        assert_eq!(first, of(1).epoch(0));
    }

    #[test]
    fn what_is_left_of_a_class_has_its_turn_in_another_epoch() {
        let labels = labels(&[5, 5]);
        let sampler = ClassBalanced::new(&labels, 2, 4).unwrap();
        let mut seen: Vec<usize> = (0..20).flat_map(|e| sampler.epoch(e).concat()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn small_classes_repeat_only_if_told_to() {
        let labels = labels(&[2, 6]);
        let error = ClassBalanced::new(&labels, 2, 3).unwrap_err().to_string();
        assert!(error.contains("class 0 has 2") && error.contains("repeating"), "{error}");
        let sampler = ClassBalanced::repeating(&labels, 2, 3).unwrap();
        let batches = sampler.epoch(0);
        assert_eq!(batches.len(), 1);
        let small: Vec<usize> = batches[0].iter().copied().filter(|&s| s < 2).collect();
        assert_eq!(small.len(), 3);
        assert!(small.contains(&0) && small.contains(&1));
    }

    #[test]
    fn mistakes_are_told() {
        let labels = labels(&[4, 4]);
        let error = |p, m| ClassBalanced::new(&labels, p, m).unwrap_err().to_string();
        assert!(error(3, 2).contains("at least 3 classes, the data has 2"));
        assert!(error(0, 2).contains("is empty") && error(2, 0).contains("is empty"));
        let short = ClassBalanced::new(&labels, 2, 2).unwrap();
        let x = cornu_graph::Array::new([1], vec![0.0f32]).unwrap();
        let mut batches = short.batches(&x, &x);
        assert!(batches.next().unwrap().is_err());
    }
}

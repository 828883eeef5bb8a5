//! Accuracy by folds: the threshold is never chosen on the pairs that are judged with it.

use super::scores::Score;
use super::verification::{below, between};
use cornu_graph::{Error, Result};

/// The accuracies of the folds of a set of pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldAccuracy {
    /// Of each fold, with the threshold that is best on all others.
    pub folds: Vec<f64>,
    /// The threshold of each fold, in the unit of the scores.
    pub thresholds: Vec<f64>,
}

impl FoldAccuracy {
    /// The mean of the folds.
    pub fn mean(&self) -> f64 {
        self.folds.iter().sum::<f64>() / self.folds.len() as f64
    }

    /// The standard error of the mean: the standard deviation of the folds (of k - 1 degrees of
    /// freedom) divided by √k, as results on Labeled Faces in the Wild are given.
    pub fn standard_error(&self) -> f64 {
        let (k, mean) = (self.folds.len() as f64, self.mean());
        let squares: f64 = self.folds.iter().map(|a| (a - mean).powi(2)).sum();
        (squares / (k - 1.0) / k).sqrt()
    }
}

/// The accuracies of k consecutive folds of pairs, given as likeness and truth.
pub(super) fn accuracy(pairs: &[(f64, bool)], score: Score, k: usize) -> Result<FoldAccuracy> {
    if k < 2 || k > pairs.len() {
        return Err(Error::value(format!(
            "the number of folds must be at least 2 and at most that of the pairs, {}, not {k}",
            pairs.len()
        )));
    }
    let fold_of = folds(pairs.len(), k);
    // Sorted once, from the most alike on; each fold leaves its own out.
    let mut sorted: Vec<usize> = (0..pairs.len()).collect();
    sorted.sort_unstable_by(|&a, &b| pairs[b].0.total_cmp(&pairs[a].0));
    let mut result = FoldAccuracy { folds: vec![], thresholds: vec![] };
    for fold in 0..k {
        let train = sorted.iter().filter(|&&pair| fold_of[pair] != fold).map(|&pair| pairs[pair]);
        let threshold = best_threshold(train);
        let test = pairs.iter().zip(&fold_of).filter(|(_, of)| **of == fold);
        let (mut right, mut all) = (0, 0);
        for (&(likeness, same), _) in test {
            right += usize::from((likeness > threshold) == same);
            all += 1;
        }
        result.folds.push(right as f64 / all as f64);
        result.thresholds.push(score.likeness(threshold));
    }
    Ok(result)
}

/// The fold of each pair: consecutive, the first ones larger by one if they do not come out even.
fn folds(pairs: usize, k: usize) -> Vec<usize> {
    let (size, larger) = (pairs / k, pairs % k);
    (0..k).flat_map(|fold| std::iter::repeat_n(fold, size + usize::from(fold < larger))).collect()
}

/// The strictest threshold that judges most of the sorted pairs right.
fn best_threshold(sorted: impl Iterator<Item = (f64, bool)>) -> f64 {
    // Of right judgements, how many more than if nothing were accepted.
    let (mut gain, mut best) = (0i64, 0i64);
    let mut threshold = None;
    let mut last: Option<f64> = None;
    for (likeness, same) in sorted {
        if let Some(before) = last.filter(|&before| before != likeness && gain > best) {
            (best, threshold) = (gain, Some(between(before, likeness)));
        }
        threshold.get_or_insert(likeness);
        gain += if same { 1 } else { -1 };
        last = Some(likeness);
    }
    match last {
        Some(least) if gain > best => below(least),
        _ => threshold.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_consecutive_and_even() {
        assert_eq!(folds(7, 3), [0, 0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn the_threshold_is_the_strictest_of_the_best() {
        let best = |pairs: &[(f64, bool)]| best_threshold(pairs.iter().copied());
        assert_eq!(best(&[(3.0, true), (1.0, false)]), 2.0);
        // Equal scores cannot be parted: accepting nothing is as good.
        assert_eq!(best(&[(3.0, false), (1.0, true)]), 3.0);
        assert_eq!(best(&[(2.0, true), (2.0, false), (1.0, true)]), below(1.0));
    }
}

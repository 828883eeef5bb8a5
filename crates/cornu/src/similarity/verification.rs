//! How well scores tell pairs of one class from others.

use super::folds::{self, FoldAccuracy};
use super::scores::{Score, Scores};
use cornu_graph::{Error, Result};

/// The scores of pairs with the truth, in order: every figure of them at any threshold.
///
/// A pair is accepted as "same" if its distance is below the threshold, or its similarity above it.
/// Thresholds that are found lie halfway between two scores. All figures are exact, in `f64`, and
/// equal scores are never told apart.
///
/// ```
/// use cornu::similarity::{Score, Verification};
///
/// let distances = [0.1f32, 0.2, 0.4, 0.3, 0.9];
/// let same = [true, true, true, false, false];
/// let v = Verification::new(&distances, &same, Score::Distance)?;
/// assert_eq!(v.accuracy(0.35), 0.6);
/// assert_eq!(v.best_accuracy().value, 0.8);
/// assert_eq!(v.auc(), 5.0 / 6.0);
/// assert_eq!(v.true_accept_rate_at(0.0)?.value, 2.0 / 3.0);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verification {
    score: Score,
    /// As they came, for the folds: likeness and truth.
    pairs: Vec<(f64, bool)>,
    /// The different scores from the most alike on, with what is accepted down to each.
    steps: Vec<Step>,
    same: usize,
    different: usize,
}

/// What is accepted if the threshold is just below a likeness.
#[derive(Clone, Copy, Debug)]
struct Step {
    likeness: f64,
    true_accepts: usize,
    false_accepts: usize,
}

/// What becomes of the pairs at a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Pairs of one class that are accepted.
    pub true_accepts: usize,
    /// Pairs of different classes that are accepted.
    pub false_accepts: usize,
    /// Pairs of different classes that are rejected.
    pub true_rejects: usize,
    /// Pairs of one class that are rejected.
    pub false_rejects: usize,
}

impl Counts {
    /// The part of the pairs that is judged right.
    pub fn accuracy(&self) -> f64 {
        let right = self.true_accepts + self.true_rejects;
        ratio(right, right + self.false_accepts + self.false_rejects)
    }

    /// The part of the accepted pairs that is of one class; 0 if none is accepted.
    pub fn precision(&self) -> f64 {
        ratio(self.true_accepts, self.true_accepts + self.false_accepts)
    }

    /// The part of the pairs of one class that is accepted: the true accept rate.
    pub fn recall(&self) -> f64 {
        ratio(self.true_accepts, self.true_accepts + self.false_rejects)
    }

    /// The harmonic mean of precision and recall; 0 if none of one class is accepted.
    pub fn f1(&self) -> f64 {
        let twice = 2 * self.true_accepts;
        ratio(twice, twice + self.false_accepts + self.false_rejects)
    }

    /// The part of the pairs of different classes that is accepted.
    pub fn false_accept_rate(&self) -> f64 {
        ratio(self.false_accepts, self.false_accepts + self.true_rejects)
    }

    /// The part of the pairs of one class that is rejected.
    pub fn false_reject_rate(&self) -> f64 {
        ratio(self.false_rejects, self.false_rejects + self.true_accepts)
    }
}

/// A figure and the threshold at which it is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operating {
    /// In the unit of the scores.
    pub threshold: f64,
    /// The figure.
    pub value: f64,
}

/// Where as many pairs of different classes are accepted as pairs of one class are rejected, in
/// parts of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EqualError {
    /// The rate of both errors.
    pub rate: f64,
    /// The threshold that comes nearest, in the unit of the scores.
    pub threshold: f64,
}

/// A point of the receiver operating characteristic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocPoint {
    /// In the unit of the scores.
    pub threshold: f64,
    /// The part of the pairs of different classes that is accepted.
    pub false_accept_rate: f64,
    /// The part of the pairs of one class that is accepted.
    pub true_accept_rate: f64,
}

impl Verification {
    /// Takes a score for each pair, and whether it is of one class.
    ///
    /// # Errors
    /// If they are not equally many, a score is NaN or infinite, or all pairs are of one kind.
    pub fn new(
        scores: &(impl Scores + ?Sized),
        same: &[bool],
        score: Score,
    ) -> Result<Verification> {
        let scores = scores.to_scores()?;
        if scores.len() != same.len() {
            return Err(Error::data(format!(
                "{} scores but {} labels: there must be one of each for every pair",
                scores.len(),
                same.len()
            )));
        }
        if let Some(pair) = scores.iter().position(|s| !s.is_finite()) {
            return Err(Error::data(format!("the score of pair {pair} is {}", scores[pair]))
                .help("scores must be finite; a model that gives NaN has to be trained anew"));
        }
        let ones = same.iter().filter(|&&s| s).count();
        let missing = if ones == 0 { "one class" } else { "different classes" };
        if ones == 0 || ones == same.len() {
            return Err(Error::data(format!(
                "none of the {} pairs is of {missing}: verification needs both kinds",
                same.len()
            )));
        }
        let pairs: Vec<(f64, bool)> =
            scores.iter().map(|&s| score.likeness(s)).zip(same.iter().copied()).collect();
        let steps = steps(&pairs);
        Ok(Verification { score, pairs, steps, same: ones, different: same.len() - ones })
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no pairs; there always are some.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// What the scores say.
    pub fn score(&self) -> Score {
        self.score
    }

    /// What becomes of the pairs at a threshold.
    pub fn counts(&self, threshold: f64) -> Counts {
        let threshold = self.score.likeness(threshold);
        let accepted = self.steps.partition_point(|step| step.likeness > threshold);
        self.counts_of(accepted)
    }

    /// The part of the pairs that is judged right at a threshold.
    pub fn accuracy(&self, threshold: f64) -> f64 {
        self.counts(threshold).accuracy()
    }

    /// The part of the accepted pairs that is of one class at a threshold; 0 if none is accepted.
    pub fn precision(&self, threshold: f64) -> f64 {
        self.counts(threshold).precision()
    }

    /// The part of the pairs of one class that is accepted at a threshold.
    pub fn recall(&self, threshold: f64) -> f64 {
        self.counts(threshold).recall()
    }

    /// The harmonic mean of precision and recall at a threshold.
    pub fn f1(&self, threshold: f64) -> f64 {
        self.counts(threshold).f1()
    }

    /// The part of the accepted pairs that is of one class, or `None` if no pair is accepted.
    ///
    /// Keras's older siamese example calls this number accuracy, with the threshold 0.5:
    /// `labels[predictions < 0.5].mean()`. It is a precision: a network that accepts one pair out
    /// of a thousand, and that one rightly, has 1.
    pub fn precision_of_accepted(&self, threshold: f64) -> Option<f64> {
        let counts = self.counts(threshold);
        (counts.true_accepts + counts.false_accepts > 0).then(|| counts.precision())
    }

    /// The largest accuracy and its threshold; of several the one that accepts fewest.
    pub fn best_accuracy(&self) -> Operating {
        self.best(|counts| counts.accuracy())
    }

    /// The largest F1 and its threshold; of several the one that accepts fewest.
    pub fn best_f1(&self) -> Operating {
        self.best(|counts| counts.f1())
    }

    /// The receiver operating characteristic, from accepting nothing to accepting all: a point for
    /// each different score.
    pub fn roc(&self) -> Vec<RocPoint> {
        (0..=self.steps.len())
            .map(|accepted| {
                let counts = self.counts_of(accepted);
                RocPoint {
                    threshold: self.threshold(accepted),
                    false_accept_rate: counts.false_accept_rate(),
                    true_accept_rate: counts.recall(),
                }
            })
            .collect()
    }

    /// The area under the receiver operating characteristic: the chance that a pair of one class
    /// is more alike than a pair of different classes, equal scores counting half.
    pub fn auc(&self) -> f64 {
        let mut before = Step { likeness: 0.0, true_accepts: 0, false_accepts: 0 };
        let mut twice = 0u128;
        for step in &self.steps {
            let width = step.false_accepts - before.false_accepts;
            twice += width as u128 * (step.true_accepts + before.true_accepts) as u128;
            before = *step;
        }
        twice as f64 / 2.0 / (self.same as f64 * self.different as f64)
    }

    /// The equal error rate, between two points of the characteristic on the straight line.
    pub fn equal_error_rate(&self) -> EqualError {
        let excess = |counts: &Counts| counts.false_accept_rate() - counts.false_reject_rate();
        let all = 0..=self.steps.len();
        // From -1 (nothing accepted) to 1: the first point that is not below 0 ends the line.
        let end = all.into_iter().find(|&i| excess(&self.counts_of(i)) >= 0.0).unwrap_or(0);
        let start = end.saturating_sub(1);
        let (a, b) = (self.counts_of(start), self.counts_of(end));
        let (below, above) = (excess(&a), excess(&b));
        let part = if above > below { -below / (above - below) } else { 0.0 };
        let rates = (a.false_accept_rate(), b.false_accept_rate());
        let nearest = if part < 0.5 { start } else { end };
        EqualError {
            rate: rates.0 + part * (rates.1 - rates.0),
            threshold: self.threshold(nearest),
        }
    }

    /// The largest true accept rate at which no more than this part of the pairs of different
    /// classes is accepted, and its threshold.
    ///
    /// # Errors
    /// If the rate is not between 0 and 1.
    pub fn true_accept_rate_at(&self, false_accept_rate: f64) -> Result<Operating> {
        if !(0.0..=1.0).contains(&false_accept_rate) {
            return Err(Error::value(format!(
                "a false accept rate is between 0 and 1, not {false_accept_rate}"
            )));
        }
        let within = |i: usize| self.counts_of(i).false_accept_rate() <= false_accept_rate;
        let most = (0..=self.steps.len()).rev().find(|&i| within(i)).unwrap_or(0);
        // Of several thresholds with this rate the strictest.
        let rate = self.counts_of(most).recall();
        let accepted = (0..=most).find(|&i| self.counts_of(i).recall() == rate).unwrap_or(most);
        Ok(Operating { threshold: self.threshold(accepted), value: rate })
    }

    /// The average precision: the precision at each different score, weighed by how much the recall
    /// grows there.
    pub fn average_precision(&self) -> f64 {
        let mut before = 0;
        let mut total = 0.0;
        for (i, step) in self.steps.iter().enumerate() {
            total += self.counts_of(i + 1).precision() * (step.true_accepts - before) as f64;
            before = step.true_accepts;
        }
        total / self.same as f64
    }

    /// The accuracy of k folds, each judged with the threshold that is best on all others: how
    /// results on Labeled Faces in the Wild are given, with k = 10. The folds are consecutive parts
    /// of the pairs in their order (of equal size, give or take one), as the ten sets of that data
    /// are; mix the pairs before if they are sorted.
    ///
    /// Huang et al., "Labeled faces in the wild", 2007.
    ///
    /// # Errors
    /// If k is less than 2 or more than there are pairs.
    pub fn k_fold_accuracy(&self, k: usize) -> Result<FoldAccuracy> {
        folds::accuracy(&self.pairs, self.score, k)
    }

    fn counts_of(&self, accepted: usize) -> Counts {
        let step = accepted.checked_sub(1).map(|last| self.steps[last]);
        let (true_accepts, false_accepts) =
            step.map_or((0, 0), |step| (step.true_accepts, step.false_accepts));
        Counts {
            true_accepts,
            false_accepts,
            true_rejects: self.different - false_accepts,
            false_rejects: self.same - true_accepts,
        }
    }

    fn best(&self, figure: impl Fn(&Counts) -> f64) -> Operating {
        let mut best = (0, figure(&self.counts_of(0)));
        for accepted in 1..=self.steps.len() {
            let value = figure(&self.counts_of(accepted));
            if value > best.1 {
                best = (accepted, value);
            }
        }
        Operating { threshold: self.threshold(best.0), value: best.1 }
    }

    /// A threshold that accepts this many of the different scores.
    fn threshold(&self, accepted: usize) -> f64 {
        let likeness = |i: usize| self.steps[i].likeness;
        self.score.likeness(match accepted {
            0 => likeness(0),
            n if n == self.steps.len() => below(likeness(n - 1)),
            n => between(likeness(n - 1), likeness(n)),
        })
    }
}

/// The different scores, sorted, with what is accepted down to each.
fn steps(pairs: &[(f64, bool)]) -> Vec<Step> {
    let mut sorted: Vec<(f64, bool)> = pairs.to_vec();
    sorted.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut steps: Vec<Step> = Vec::new();
    let (mut true_accepts, mut false_accepts) = (0, 0);
    for (likeness, same) in sorted {
        true_accepts += usize::from(same);
        false_accepts += usize::from(!same);
        let step = Step { likeness, true_accepts, false_accepts };
        match steps.last_mut() {
            // Not by the order of bits: -0 is 0.
            Some(last) if last.likeness == likeness => *last = step,
            _ => steps.push(step),
        }
    }
    steps
}

/// A number that is below the first and not below the second, halfway where there is room.
pub(super) fn between(above: f64, below: f64) -> f64 {
    let middle = below + (above - below) / 2.0;
    if middle < above { middle } else { below }
}

/// A number below another by enough to be so in `float32` too.
pub(super) fn below(x: f64) -> f64 {
    x - (x.abs() + 1.0) * 1e-6
}

/// `a / b`, and 0 where `b` is 0.
fn ratio(a: usize, b: usize) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scores: &[f64], same: &[bool]) -> Verification {
        Verification::new(scores, same, Score::Similarity).unwrap()
    }

    #[test]
    fn equal_scores_are_one_step() {
        let v = of(&[0.5, 0.5, 0.5, 0.5], &[true, false, true, false]);
        assert_eq!(v.roc().len(), 2);
        assert_eq!(v.auc(), 0.5);
        assert_eq!(v.equal_error_rate().rate, 0.5);
        let v = of(&[0.0, -0.0], &[true, false]);
        assert_eq!(v.auc(), 0.5);
    }

    #[test]
    fn thresholds_accept_what_they_should() {
        let scores = [3.0, 2.0, 2.0f64.next_up(), 1.0, 1.0];
        let v = of(&scores, &[true, false, true, false, true]);
        for (i, point) in v.roc().iter().enumerate() {
            let counts = v.counts(point.threshold);
            assert_eq!(counts, v.counts_of(i));
        }
        let turned: Vec<f64> = scores.iter().map(|s| -s).collect();
        let same = [true, false, true, false, true];
        let d = Verification::new(&turned, &same, Score::Distance).unwrap();
        assert_eq!(d.auc(), v.auc());
        assert_eq!(d.best_accuracy().threshold, -v.best_accuracy().threshold);
    }

    #[test]
    fn the_measure_that_is_called_accuracy_is_a_precision() {
        let distances = [0.1f32, 0.5, 0.4, 0.9];
        let same = [true, true, false, false];
        let v = Verification::new(&distances, &same, Score::Distance).unwrap();
        // As the document does: labels[predictions < 0.5].mean()
        assert_eq!(v.precision_of_accepted(0.5), Some(0.5));
        assert_eq!(v.precision_of_accepted(0.05), None);
        assert_eq!(v.accuracy(0.5), 0.5);
    }

    #[test]
    fn mistakes_are_told() {
        let error = |scores: &[f64], same: &[bool]| {
            Verification::new(scores, same, Score::Distance).unwrap_err().to_string()
        };
        assert!(error(&[0.1], &[true, false]).contains("1 scores but 2 labels"));
        assert!(error(&[0.1, f64::NAN], &[true, false]).contains("pair 1 is NaN"));
        assert!(error(&[0.1, 0.2], &[true, true]).contains("different classes"));
        assert!(error(&[0.1, 0.2], &[false, false]).contains("of one class"));
        assert!(error(&[], &[]).contains("both kinds"));
        let v = of(&[0.1, 0.2], &[true, false]);
        assert!(v.true_accept_rate_at(-0.1).is_err());
        assert!(v.true_accept_rate_at(f64::NAN).is_err());
    }
}

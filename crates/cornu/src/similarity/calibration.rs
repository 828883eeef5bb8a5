//! The threshold to keep with a model.

use super::platt::{self, Platt};
use super::scores::{Score, Scores};
use super::verification::{Counts, Verification};
use cornu_graph::Result;
use serde::{Deserialize, Serialize};

/// What a threshold is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Target {
    /// Most pairs judged right.
    MaxAccuracy,
    /// The largest F1 of the pairs of one class.
    MaxF1,
    /// As many false accepts as false rejects, in parts of each kind.
    EqualErrorRate,
    /// At most this part of the pairs of different classes accepted, and as many of one class as
    /// that allows.
    FalseAcceptRate(f64),
}

/// Where to draw the line between same and different, and what that gave on the pairs it was found
/// on. Written and read with serde, to be kept in a model's file.
///
/// ```
/// use cornu::similarity::{Calibration, Score, Target, calibrate};
///
/// let distances = [0.1f32, 0.3, 0.4, 0.6, 0.9];
/// let same = [true, true, true, false, false];
/// let calibration =
///     calibrate(&distances, &same, Score::Distance, Target::FalseAcceptRate(1e-3))?;
/// assert_eq!(calibration.true_accept_rate, 1.0);
/// assert!(calibration.is_same(0.45) && !calibration.is_same(0.55));
/// assert!(calibration.probability(0.1) > 0.5);
///
/// let text = serde_json::to_string(&calibration).map_err(|e| cornu::Error::file(e.to_string()))?;
/// let read: Calibration =
///     serde_json::from_str(&text).map_err(|e| cornu::Error::file(e.to_string()))?;
/// assert_eq!(read, calibration);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Calibration {
    /// In the unit of the scores.
    pub threshold: f64,
    /// What the scores say.
    pub score: Score,
    /// What the threshold was chosen for.
    pub target: Target,
    /// How many pairs it was found on.
    pub pairs: usize,
    /// The part of them that is judged right.
    pub accuracy: f64,
    /// The part of the accepted pairs that is of one class.
    pub precision: f64,
    /// The part of the pairs of one class that is accepted: the recall.
    pub true_accept_rate: f64,
    /// The part of the pairs of different classes that is accepted.
    pub false_accept_rate: f64,
    /// The harmonic mean of precision and true accept rate.
    pub f1: f64,
    /// From a score to a probability.
    pub platt: Platt,
}

impl Calibration {
    /// Whether a score is that of a pair of one class. NaN is not.
    pub fn is_same(&self, score: f64) -> bool {
        self.score.accepts(score, self.threshold)
    }

    /// The probability that a pair with this score is of one class. At the threshold it is not
    /// 0.5, unless the target and the data make it so.
    pub fn probability(&self, score: f64) -> f64 {
        self.platt.probability(score)
    }
}

/// Chooses a threshold on scores whose truth is known: validation pairs, which neither training nor
/// the final test has seen.
///
/// # Errors
/// As [`Verification::new`], and if a false accept rate is not between 0 and 1.
pub fn calibrate(
    scores: &(impl Scores + ?Sized),
    same: &[bool],
    score: Score,
    target: Target,
) -> Result<Calibration> {
    let verification = Verification::new(scores, same, score)?;
    let threshold = match target {
        Target::MaxAccuracy => verification.best_accuracy().threshold,
        Target::MaxF1 => verification.best_f1().threshold,
        Target::EqualErrorRate => verification.equal_error_rate().threshold,
        Target::FalseAcceptRate(rate) => verification.true_accept_rate_at(rate)?.threshold,
    };
    let counts: Counts = verification.counts(threshold);
    Ok(Calibration {
        threshold,
        score,
        target,
        pairs: verification.len(),
        accuracy: counts.accuracy(),
        precision: counts.precision(),
        true_accept_rate: counts.recall(),
        false_accept_rate: counts.false_accept_rate(),
        f1: counts.f1(),
        platt: platt::fit(&scores.to_scores()?, same),
    })
}

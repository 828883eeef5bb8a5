//! From a score to the probability that a pair is of one class.

use super::scores::{Score, Scores};
use super::verification::Verification;
use cornu_graph::Result;
use serde::{Deserialize, Serialize};

/// `1 / (1 + e^(slope · score + offset))`: the probability that a pair is of one class.
///
/// Platt, "Probabilistic outputs for support vector machines", 1999, fitted by Newton's method as
/// in Lin, Lin and Weng, "A note on Platt's probabilistic outputs", 2007.
///
/// ```
/// use cornu::similarity::{Platt, Score};
///
/// let distances = [0.1f32, 0.2, 0.6, 0.5, 0.8, 0.9];
/// let same = [true, true, true, false, false, false];
/// let platt = Platt::fit(&distances, &same, Score::Distance)?;
/// assert!(platt.probability(0.1) > 0.7 && platt.probability(0.9) < 0.3);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// More than 0 for distances.
    pub slope: f64,
    /// What is added.
    pub offset: f64,
}

/// A step that changes the likelihood by less than this ends the search.
const TOLERANCE: f64 = 1e-10;
/// Newton's method needs about ten.
const MOST_STEPS: usize = 100;

impl Platt {
    /// Fits slope and offset to scores with their truth.
    ///
    /// # Errors
    /// As [`Verification::new`].
    pub fn fit(scores: &(impl Scores + ?Sized), same: &[bool], score: Score) -> Result<Platt> {
        Verification::new(scores, same, score)?;
        Ok(fit(&scores.to_scores()?, same))
    }

    /// The probability that a pair with this score is of one class.
    pub fn probability(&self, score: f64) -> f64 {
        1.0 / (1.0 + (self.slope * score + self.offset).exp())
    }
}

/// Newton's method on the likelihood of softened targets, which keep the slope finite where the
/// scores tell all pairs apart. The scores are brought to mean 0 and deviation 1 before.
pub(super) fn fit(scores: &[f64], same: &[bool]) -> Platt {
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / count;
    let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    let x: Vec<f64> = scores.iter().map(|s| (s - mean) / scale).collect();
    let ones = same.iter().filter(|&&s| s).count() as f64;
    let zeros = count - ones;
    let target = |same: bool| if same { (ones + 1.0) / (ones + 2.0) } else { 1.0 / (zeros + 2.0) };
    let targets: Vec<f64> = same.iter().map(|&s| target(s)).collect();
    let (mut a, mut b) = (0.0, ((zeros + 1.0) / (ones + 1.0)).ln());
    let mut loss = negative_log_likelihood(&x, &targets, a, b);
    for _ in 0..MOST_STEPS {
        let (step_a, step_b) = newton_step(&x, &targets, a, b);
        let mut length = 1.0;
        // Half the step until it helps: far from the minimum a whole one may overshoot.
        let (next, next_loss) = loop {
            let next = (a + length * step_a, b + length * step_b);
            let next_loss = negative_log_likelihood(&x, &targets, next.0, next.1);
            if next_loss <= loss || length < TOLERANCE {
                break (next, next_loss);
            }
            length /= 2.0;
        };
        let gained = loss - next_loss;
        if gained >= 0.0 {
            ((a, b), loss) = (next, next_loss);
        }
        if gained < TOLERANCE {
            break;
        }
    }
    Platt { slope: a / scale, offset: b - a * mean / scale }
}

fn negative_log_likelihood(x: &[f64], targets: &[f64], a: f64, b: f64) -> f64 {
    let one = |(x, t): (&f64, &f64)| {
        let f = a * x + b;
        // -t ln p - (1 - t) ln(1 - p) of p = 1 / (1 + e^f), without overflow.
        t * f + (-f.abs()).exp().ln_1p() + (-f).max(0.0)
    };
    x.iter().zip(targets).map(one).sum()
}

fn newton_step(x: &[f64], targets: &[f64], a: f64, b: f64) -> (f64, f64) {
    // A little on the diagonal keeps the matrix invertible where all scores are equal.
    let (mut haa, mut hab, mut hbb) = (1e-12, 0.0, 1e-12);
    let (mut ga, mut gb) = (0.0, 0.0);
    for (&x, &t) in x.iter().zip(targets) {
        let p = 1.0 / (1.0 + (a * x + b).exp());
        let (weight, error) = (p * (1.0 - p), t - p);
        haa += x * x * weight;
        hab += x * weight;
        hbb += weight;
        ga += x * error;
        gb += error;
    }
    let determinant = haa * hbb - hab * hab;
    (-(hbb * ga - hab * gb) / determinant, -(haa * gb - hab * ga) / determinant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_give_the_rate_of_the_softened_targets() {
        let platt = fit(&[2.0, 2.0, 2.0, 2.0], &[true, false, false, false]);
        let expected = (2.0 / 3.0 + 3.0 / 5.0) / 4.0;
        assert!((platt.probability(2.0) - expected).abs() < 1e-9);
    }

    #[test]
    fn scores_that_tell_all_apart_stay_finite() {
        let platt = fit(&[-1e6, -2e6, 1e6, 2e6], &[true, true, false, false]);
        assert!(platt.slope.is_finite() && platt.slope > 0.0);
        assert!(platt.probability(-1e6) > 0.5 && platt.probability(1e6) < 0.5);
    }
}

//! What a run of one workload measured: the line of JSON that Cornu and every peer print.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which network it was.
    pub workload: String,
    /// Who trained it: `cornu`, `jax`, …
    pub peer: String,
    /// The versions of what it is made of.
    pub versions: BTreeMap<String, String>,
    /// Seconds of the training batches of each epoch, validation left out. If only some steps were
    /// run, what a whole epoch would take.
    pub epoch_s: Vec<f64>,
    /// How many steps were run of how many, unless it was all.
    #[serde(default)]
    pub steps: Option<[usize; 2]>,
    /// Figures of the trained network on data that it was not trained on, `accuracy` among them.
    /// None stands for what is not a number. Empty if only some steps were run.
    #[serde(default)]
    pub test: BTreeMap<String, Option<f64>>,
    /// The most memory that the process held, in MB of 1,000,000 bytes; only Linux tells it.
    #[serde(default)]
    pub peak_mb: Option<f64>,
}

impl Measured {
    /// Reads the last line of what a run printed that looks like an object of JSON: libraries print
    /// what they like before.
    pub fn parse(output: &str) -> Result<Measured, String> {
        let line = output.lines().rev().find(|line| line.trim_start().starts_with('{'));
        let line = line.ok_or("it printed no line of JSON")?;
        serde_json::from_str(line).map_err(|e| format!("{e} in {line}"))
    }

    /// The seconds of an epoch: the middle of all but the first, in which programs are compiled and
    /// memory is touched for the first time.
    pub fn settled(&self) -> &[f64] {
        match self.epoch_s.as_slice() {
            [_, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        }
    }
}

/// The middle of some numbers, the mean of both if there are two; None of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some((sorted[half - 1] + sorted[half]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_object_counts() {
        let output = "WARNING: {this is no JSON}\n{\"a\": 1}\n\
            {\"workload\": \"mlp_r\", \"peer\": \"jax\", \"versions\": {\"jax\": \"0.10.2\"}, \
            \"epoch_s\": [2.0, 1.0, 3.0], \"test\": {\"accuracy\": 0.98, \"loss\": null}, \
            \"peak_mb\": 900.5}\nbye\n";
        let measured = Measured::parse(output).unwrap();
        assert_eq!((measured.workload.as_str(), measured.peer.as_str()), ("mlp_r", "jax"));
        assert_eq!(measured.test["accuracy"], Some(0.98));
        assert_eq!(measured.test["loss"], None);
        assert_eq!(measured.settled(), [1.0, 3.0]);
        let line = serde_json::to_string(&measured).unwrap();
        assert_eq!(Measured::parse(&line), Ok(measured));
    }

    #[test]
    fn other_output_is_an_error() {
        assert!(Measured::parse("Killed\n").unwrap_err().contains("no line of JSON"));
        assert!(Measured::parse("{\"workload\": \"mlp_r\"}").unwrap_err().contains("peer"));
    }

    #[test]
    fn a_single_epoch_is_not_left_out() {
        let mut measured = Measured::parse(
            "{\"workload\": \"a\", \"peer\": \"b\", \"versions\": {}, \"epoch_s\": [4.0]}",
        );
        assert_eq!(measured.as_ref().unwrap().settled(), [4.0]);
        measured.as_mut().unwrap().epoch_s.clear();
        assert!(measured.unwrap().settled().is_empty());
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    }
}

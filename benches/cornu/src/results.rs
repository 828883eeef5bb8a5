//! The results of comparisons, as a file keeps them: one entry for each workload, so that several
//! runs can fill one file.

use crate::machine::Machine;
use crate::measured::{Measured, median};
use crate::peers::CORNU;
use crate::workloads::{self, Workload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What was measured on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Where all of it was measured.
    pub machine: Machine,
    /// The workloads in the order of the tables.
    pub workloads: Vec<Comparison>,
}

/// A workload, on all peers that were there, by turns in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Its name.
    pub workload: String,
    /// What it is.
    pub about: String,
    /// How far accuracies may be apart.
    pub tolerance: f64,
    /// Cornu, if it ran, is the first.
    pub peers: Vec<Figures>,
}

/// A peer's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Its name.
    pub peer: String,
    /// The versions of what it is made of.
    pub versions: BTreeMap<String, String>,
    /// Seconds of an epoch: the median of all rounds, their first epochs left out.
    pub epoch_s: f64,
    /// The fastest of them.
    pub best_epoch_s: f64,
    /// Cornu's seconds as a part of this peer's: below 1, Cornu is faster.
    pub ratio: Option<f64>,
    /// The mean accuracy of the rounds on data that was not trained on.
    pub accuracy: Option<f64>,
    /// How that stands to Cornu's.
    pub trains: Verdict,
    /// The median of the rounds' peaks of memory, in MB of 1,000,000 bytes.
    pub peak_mb: Option<f64>,
    /// How many steps were run of how many, if the time of an epoch is extrapolated.
    pub steps: Option<[usize; 2]>,
    /// What each round measured.
    pub rounds: Vec<Round>,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Seconds of each epoch.
    pub epoch_s: Vec<f64>,
    /// Figures on data that was not trained on; what is not a number is none.
    pub test: BTreeMap<String, Option<f64>>,
    /// The most memory that the process held, in MB of 1,000,000 bytes.
    pub peak_mb: Option<f64>,
}

/// Whether a peer trains to the accuracy that Cornu trains to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does, within the workload's tolerance; or it is Cornu.
    Alike,
    /// It does not: the times are not of the same work.
    Differs,
    /// A round ended with what is not a number.
    Nan,
    /// Not known: only some steps were run, or Cornu was not there.
    Untested,
}

impl Comparison {
    /// The figures of all runs of a workload.
    pub fn new(workload: &Workload, runs: &[Measured]) -> Comparison {
        let mut peers: Vec<Figures> = vec![];
        for run in runs {
            if !peers.iter().any(|figures| figures.peer == run.peer) {
                let of_peer: Vec<&Measured> = runs.iter().filter(|r| r.peer == run.peer).collect();
                peers.extend(Figures::new(&of_peer));
            }
        }
        if let Some(cornu) = peers.iter().find(|figures| figures.peer == CORNU).cloned() {
            for figures in peers.iter_mut() {
                figures.ratio = Some(cornu.epoch_s / figures.epoch_s);
                figures.trains = figures.verdict(&cornu, workload.tolerance);
            }
        }
        Comparison {
            workload: workload.name.into(),
            about: workload.about.into(),
            tolerance: workload.tolerance,
            peers,
        }
    }

    /// A peer's figures.
    pub fn of(&self, peer: &str) -> Option<&Figures> {
        self.peers.iter().find(|figures| figures.peer == peer)
    }
}

impl Figures {
    /// The figures of a peer's rounds, not yet compared; None if there is no epoch.
    fn new(runs: &[&Measured]) -> Option<Figures> {
        let seconds: Vec<f64> = runs.iter().flat_map(|run| run.settled()).copied().collect();
        let peaks: Vec<f64> = runs.iter().filter_map(|run| run.peak_mb).collect();
        let accuracies = runs.iter().map(|run| run.test.get("accuracy").copied().flatten());
        let accuracies: Option<Vec<f64>> = accuracies.collect();
        let first = runs.first()?;
        Some(Figures {
            peer: first.peer.clone(),
            versions: first.versions.clone(),
            epoch_s: median(&seconds)?,
            best_epoch_s: seconds.iter().copied().fold(f64::INFINITY, f64::min),
            ratio: None,
            accuracy: accuracies.map(|all| all.iter().sum::<f64>() / all.len() as f64),
            trains: Verdict::Untested,
            peak_mb: median(&peaks),
            steps: first.steps,
            rounds: runs.iter().map(|run| Round::of(run)).collect(),
        })
    }

    fn verdict(&self, cornu: &Figures, tolerance: f64) -> Verdict {
        let mut figures = self.rounds.iter().flat_map(|round| round.test.values());
        if figures.any(|figure| figure.is_none()) {
            return Verdict::Nan;
        }
        match self.accuracy.zip(cornu.accuracy) {
            None => Verdict::Untested,
            Some((own, other)) if (own - other).abs() <= tolerance => Verdict::Alike,
            Some(_) => Verdict::Differs,
        }
    }
}

impl Round {
    fn of(run: &Measured) -> Round {
        // A tenth of a millisecond is noise.
        let epoch_s = run.epoch_s.iter().map(|s| (s * 1e4).round() / 1e4).collect();
        Round { epoch_s, test: run.test.clone(), peak_mb: run.peak_mb }
    }
}

impl Results {
    /// What a file holds, or nothing yet if there is no such file.
    ///
    /// # Errors
    /// If the file cannot be read, or was measured on another machine.
    pub fn open(path: &Path, machine: Machine) -> Result<Results, String> {
        if !path.exists() {
            return Ok(Results { machine, workloads: vec![] });
        }
        let results = Results::read(path)?;
        if results.machine != machine {
            return Err(format!(
                "{} was measured on another machine ({}); give another --output",
                path.display(),
                results.machine
            ));
        }
        Ok(results)
    }

    /// What a file holds.
    pub fn read(path: &Path) -> Result<Results, String> {
        let error = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let text = std::fs::read_to_string(path).map_err(|e| error(&e))?;
        serde_json::from_str(&text).map_err(|e| error(&e))
    }

    /// Puts a comparison in the place of the one of that workload.
    pub fn put(&mut self, comparison: Comparison) {
        self.workloads.retain(|old| old.workload != comparison.workload);
        self.workloads.push(comparison);
        let place = |name: &str| workloads::ALL.iter().position(|known| known.name == name);
        self.workloads.sort_by_key(|comparison| place(&comparison.workload));
    }

    /// Writes a file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| e.to_string())?;
        cornu::viz::write(path, &format!("{text}\n")).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A run with these seconds and accuracy.
    pub fn run(peer: &str, epoch_s: &[f64], accuracy: Option<f64>) -> Measured {
        Measured {
            workload: "mlp_py".into(),
            peer: peer.into(),
            versions: BTreeMap::from([(peer.to_owned(), "1.2.3".to_owned())]),
            epoch_s: epoch_s.to_vec(),
            steps: None,
            test: BTreeMap::from([("accuracy".to_owned(), accuracy)]),
            peak_mb: Some(100.0),
        }
    }

    /// Three peers, two rounds.
    pub fn comparison() -> Comparison {
        let mut few = run("candle", &[9.0, 8.0], None);
        few.test.clear();
        few.steps = Some([15, 469]);
        let runs = [
            run(CORNU, &[9.0, 1.0, 1.2], Some(0.98)),
            run("jax", &[9.0, 2.0, 2.5], Some(0.97)),
            run("torch", &[9.0, 4.0], Some(0.95)),
            few,
            run(CORNU, &[9.0, 1.0, 0.8], Some(0.98)),
            run("jax", &[9.0, 3.0, 1.5], Some(0.984)),
            run("torch", &[9.0, 8.0], Some(0.95)),
        ];
        Comparison::new(workloads::find("mlp_py").unwrap(), &runs)
    }

    #[test]
    fn medians_leave_first_epochs_out() {
        let comparison = comparison();
        let names: Vec<&str> = comparison.peers.iter().map(|p| p.peer.as_str()).collect();
        assert_eq!(names, [CORNU, "jax", "torch", "candle"]);
        let of = |peer| comparison.of(peer).unwrap();
        assert_eq!((of(CORNU).epoch_s, of(CORNU).best_epoch_s), (1.0, 0.8));
        assert_eq!((of("jax").epoch_s, of("jax").ratio), (2.25, Some(1.0 / 2.25)));
        assert_eq!(of("torch").ratio, Some(1.0 / 6.0));
        assert_eq!(of("jax").rounds.len(), 2);
    }

    #[test]
    fn accuracies_are_judged() {
        let comparison = comparison();
        let trains = |peer| comparison.of(peer).unwrap().trains;
        assert_eq!(trains(CORNU), Verdict::Alike);
        assert_eq!(trains("jax"), Verdict::Alike);
        assert_eq!(trains("torch"), Verdict::Differs);
        assert_eq!(trains("candle"), Verdict::Untested);

        let runs = [
            run(CORNU, &[1.0], Some(0.98)),
            run("jax", &[2.0], Some(0.98)),
            run("jax", &[2.0], None),
        ];
        let comparison = Comparison::new(workloads::find("mlp_py").unwrap(), &runs);
        assert_eq!(comparison.of("jax").unwrap().trains, Verdict::Nan);
        let alone = Comparison::new(workloads::find("mlp_py").unwrap(), &runs[1..2]);
        let jax = alone.of("jax").unwrap();
        assert_eq!((jax.trains, jax.ratio), (Verdict::Untested, None));
    }

    #[test]
    fn runs_fill_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/results.json");
        let machine = Machine { threads: 2, ..Machine::this() };
        let mut results = Results::open(&path, machine.clone()).unwrap();
        let other = Comparison { workload: "other".into(), ..comparison() };
        results.put(other.clone());
        results.put(comparison());
        results.write(&path).unwrap();

        let mut results = Results::open(&path, machine.clone()).unwrap();
        assert_eq!(results.workloads, [comparison(), other.clone()]);
        let again = Comparison { peers: vec![], ..comparison() };
        results.put(again.clone());
        assert_eq!(results.workloads, [again, other]);

        let elsewhere = Machine { threads: 3, ..machine };
        let error = Results::open(&path, elsewhere).unwrap_err();
        assert!(error.contains("another machine") && error.contains("--output"), "{error}");
    }
}

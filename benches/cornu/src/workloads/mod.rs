//! The networks that are trained, in Cornu. The peers say the same in their own words, under the
//! same names.

mod classifiers;
mod pairs;
mod siamese_l1;

use crate::measured::Measured;
use crate::memory;
use cornu::model::Model;
use cornu::prelude::*;
use std::collections::BTreeMap;

pub use pairs::{Part, pairs_of};

/// A network with its data, and how it is trained.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The name in every peer.
    pub name: &'static str,
    /// What it is, for tables.
    pub about: &'static str,
    /// How many epochs a comparison trains: enough that the accuracies can be compared.
    pub epochs: usize,
    /// How far the mean accuracies of two peers may be apart. Two seeds of one peer differ by less.
    pub tolerance: f64,
    /// Whether only Keras says it too: burn and candle have nothing that augments images.
    pub keras_only: bool,
    /// The steps that burn and candle run, if a whole epoch would take them many minutes.
    pub few_steps: Option<usize>,
    run: fn(&Run) -> Result<Outcome>,
}

/// All of them, in the order of the tables.
pub const ALL: &[Workload] = &[
    Workload {
        name: "mlp_py",
        about: "MLP 784-512-512-10, batch 128, RMSprop",
        epochs: 5,
        tolerance: 0.01,
        keras_only: false,
        few_steps: None,
        run: classifiers::mlp_py,
    },
    Workload {
        name: "mlp_r",
        about: "MLP 784-256-128-10, batch 128, RMSprop",
        epochs: 5,
        tolerance: 0.01,
        keras_only: false,
        few_steps: None,
        run: classifiers::mlp_r,
    },
    Workload {
        name: "siamese_new",
        about: "twins 784-512-256-128, batch 32, Adam, 120,000 pairs",
        epochs: 3,
        tolerance: 0.015,
        keras_only: false,
        few_steps: None,
        run: pairs::siamese_new,
    },
    Workload {
        name: "siamese_old",
        about: "twins 784-128-128-128, batch 128, RMSprop, 108,400 pairs",
        epochs: 5,
        tolerance: 0.015,
        keras_only: false,
        few_steps: None,
        run: pairs::siamese_old,
    },
    Workload {
        name: "siamese_l1",
        about: "100 steps of 20 augmented pairs, RMSprop",
        epochs: 20,
        tolerance: 0.03,
        keras_only: true,
        few_steps: None,
        run: siamese_l1::siamese_l1,
    },
    Workload {
        name: "cnn_r",
        about: "conv 64, conv 128, 48,000 images, batch 128, Adadelta",
        epochs: 2,
        tolerance: 0.01,
        keras_only: false,
        few_steps: Some(15),
        run: classifiers::cnn_r,
    },
    Workload {
        name: "other",
        about: "not tuned for: 784-300-200-100-10, tanh, gelu, batch norm, elu, batch 100, SGD",
        epochs: 5,
        tolerance: 0.01,
        keras_only: false,
        few_steps: None,
        run: classifiers::other,
    },
];

/// The workload of a name.
pub fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|workload| workload.name == name)
}

/// The workload of an argument.
///
/// # Errors
/// If there is none; it says which there are.
pub fn named(name: &str) -> std::result::Result<&'static Workload, String> {
    find(name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|workload| workload.name).collect();
        format!("there are {}", names.join(", "))
    })
}

/// How to train.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// How often all samples are seen.
    pub epochs: usize,
    /// Only so many steps of each epoch.
    pub steps: Option<usize>,
    /// Of the weights, the order and the dropout.
    pub seed: u64,
}

/// What training gave.
struct Outcome {
    epoch_s: Vec<f64>,
    steps: Option<[usize; 2]>,
    test: BTreeMap<String, Option<f64>>,
}

impl Workload {
    /// Trains and tests.
    pub fn measure(&self, run: &Run) -> Result<Measured> {
        utils::set_random_seed(run.seed);
        let outcome = (self.run)(run)?;
        let version = ("cornu".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Ok(Measured {
            workload: self.name.into(),
            peer: "cornu".into(),
            versions: BTreeMap::from([version]),
            epoch_s: outcome.epoch_s,
            steps: outcome.steps,
            test: outcome.test,
            peak_mb: memory::peak_mb(),
        })
    }
}

/// What a model is trained on, and what it is validated on after each epoch.
struct Data {
    x: Vec<Column>,
    y: Column,
    x_val: Vec<Column>,
    y_val: Column,
    batch_size: usize,
}

impl Run {
    /// Trains on columns. A run of a few steps takes the first samples, and does not validate: its
    /// epochs are told as long as whole ones would be.
    fn fit(&self, model: &mut Model, data: &Data) -> Result<(Vec<f64>, Option<[usize; 2]>)> {
        let samples = data.y.len();
        let all = samples.div_ceil(data.batch_size);
        let Some(steps) = self.steps.filter(|&steps| steps < all) else {
            let fit = model.fit(data.x.clone(), data.y.clone()).epochs(self.epochs).verbose(0);
            let fit = fit.batch_size(data.batch_size);
            let history = fit.validation_data(data.x_val.clone(), data.y_val.clone()).run()?;
            return Ok((history.epoch_seconds, None));
        };
        let first = 0..steps * data.batch_size;
        let x: Vec<Column> =
            data.x.iter().map(|x| x.select(first.clone())).collect::<Result<_>>()?;
        let fit = model.fit(x, data.y.select(first)?).epochs(self.epochs).verbose(0);
        let seconds = fit.batch_size(data.batch_size).run()?.epoch_seconds;
        let whole = all as f64 / steps as f64;
        Ok((seconds.into_iter().map(|s| s * whole).collect(), Some([steps, all])))
    }
}

/// The part of pairs that an output on the right side of 0.5 judges rightly.
fn pair_accuracy(pairs: &Pairs, outputs: &Array, score: cornu::similarity::Score) -> f64 {
    let outputs = outputs.values().to_f64();
    let right =
        |&(pair, &output): &(usize, &f64)| score.accepts(output, 0.5) == pairs.is_same(pair);
    outputs.iter().enumerate().filter(right).count() as f64 / pairs.len() as f64
}

/// A figure with its name; what is not finite is none.
fn figure(name: &str, value: f64) -> (String, Option<f64>) {
    (name.to_owned(), Some(value).filter(|v| v.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every workload trains: a step or two of each, so that the test is fast.
    #[test]
    fn each_trains_a_little() {
        for workload in ALL {
            let run = Run { epochs: 1, steps: Some(2), seed: 1 };
            let measured = workload.measure(&run).unwrap();
            assert_eq!(measured.workload, workload.name);
            assert_eq!(measured.steps.map(|[steps, _]| steps), Some(2));
            assert!(measured.epoch_s.len() == 1 && measured.epoch_s[0] > 0.0, "{measured:?}");
        }
    }

    #[test]
    fn names_are_found() {
        assert!(ALL.iter().all(|w| find(w.name).is_some_and(|found| found.about == w.about)));
        assert!(named("mlp").err().is_some_and(|error| error.contains("mlp_py, mlp_r")));
    }
}

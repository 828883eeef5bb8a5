//! What the recipes have in common that tell whether two digits are the same: data, training, test.

use super::{Experiment, File};
use crate::folder::Folder;
use crate::results::Results;
use cornu::prelude::*;
use cornu::train::Fit;
use cornu::viz;

/// The picture of test pairs.
pub const PAIRS: File = ("pairs.svg", "test pairs with the network's verdict");

/// How many pairs the picture shows.
const SHOWN: usize = 20;

/// A network that gives the distance of two images, and its data.
pub struct Verifier {
    pub model: Model,
    pub train: Pairs,
    pub test: Pairs,
    /// From which distance on a pair is judged to be different.
    pub threshold: f64,
    /// Whether the learning rate is halved after each epoch.
    pub halve_rate: bool,
}

impl Experiment for Verifier {
    fn model(&self) -> &Model {
        &self.model
    }

    fn data(&self) -> Vec<(usize, &'static str)> {
        vec![(self.train.len(), "training pairs"), (self.test.len(), "test pairs")]
    }

    fn fit(&mut self, _: &Folder) -> Result<Fit<'_>> {
        let fit = self
            .model
            .fit(self.train.inputs(), self.train.labels())
            .validation_data(self.test.inputs(), self.test.labels());
        if !self.halve_rate {
            return Ok(fit);
        }
        Ok(fit.learning_rate_schedule(|epoch, rate| if epoch == 0 { rate } else { rate / 2.0 }))
    }

    fn test(&mut self, results: &mut Results<'_>) -> Result<()> {
        let test = &self.test;
        let score = self.model.evaluate(test.inputs(), test.labels()).verbose(0).run()?;
        let distances = self.model.predict(test.inputs()).run()?;
        viz::pair_gallery(results.file(PAIRS), test, &distances, self.threshold, SHOWN)?;

        let (mut right, mut sums, mut counts) = (0, [0.0; 2], [0.0; 2]);
        for (pair, distance) in distances.values().to_f64().into_iter().enumerate() {
            let same = test.is_same(pair);
            right += usize::from((distance < self.threshold) == same);
            sums[usize::from(same)] += distance;
            counts[usize::from(same)] += 1.0;
        }
        results.figure("accuracy", right as f64 / test.len() as f64);
        results.figure("loss", score["loss"]);
        results.figure("distance_same", sums[1] / counts[1]);
        results.figure("distance_different", sums[0] / counts[0]);
        Ok(())
    }
}

/// Two towers with the same weights, and the Euclidean distance of what they give.
pub fn twins(tower: &Sequential, pixels: usize) -> Result<Model> {
    let (left, right) = (Input::tensor([pixels]), Input::tensor([pixels]));
    let towers = [tower.call(&left), tower.call(&right)];
    let distance = Lambda::new(euclidean_distance).call(towers);
    Model::new([&left, &right], &distance)
}

fn euclidean_distance(towers: &[Tensor]) -> Tensor {
    ops::norm(&towers[0] - &towers[1], Axis::new(1).keepdims())
}

//! One learning rate after another.

use super::LearningRateSchedule;
use crate::config::fields;
use crate::ops;
use crate::optimizers::check_learning_rate;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use serde_json::Value;

/// The first of `values` up to and with the step `boundaries[0]`, the second up to
/// `boundaries[1]`, and so on; the last from then on.
#[derive(Clone, Debug)]
pub struct PiecewiseConstantDecay {
    boundaries: Vec<usize>,
    values: Vec<f32>,
    name: String,
}

impl PiecewiseConstantDecay {
    /// Ascending numbers of steps, and one learning rate more than there are of them.
    pub fn new(
        boundaries: impl IntoIterator<Item = usize>,
        values: impl IntoIterator<Item = f32>,
    ) -> PiecewiseConstantDecay {
        PiecewiseConstantDecay {
            boundaries: boundaries.into_iter().collect(),
            values: values.into_iter().collect(),
            name: "PiecewiseConstant".into(),
        }
    }
}

schedule_settings! { PiecewiseConstantDecay {} }

fields! { PiecewiseConstantDecay(boundaries: Vec<usize>, values: Vec<f32>) { name } }

impl LearningRateSchedule for PiecewiseConstantDecay {
    fn kind(&self) -> &str {
        "PiecewiseConstantDecay"
    }

    fn rate(&self, step: &Tensor) -> Tensor {
        // From the last piece back, each takes what is not beyond its boundary.
        let last = Tensor::from(self.values.last().copied().unwrap_or_default());
        self.boundaries.iter().zip(&self.values).rev().fold(last, |later, (&boundary, &value)| {
            // A boundary beyond all steps is never passed.
            let boundary = i32::try_from(boundary).unwrap_or(i32::MAX);
            ops::where_(ops::less_equal(step, boundary), value, later)
        })
    }

    fn check(&self) -> Result<()> {
        self.values.iter().try_for_each(|&value| check_learning_rate(value))?;
        let (boundaries, values) = (self.boundaries.len(), self.values.len());
        if boundaries + 1 != values {
            return Err(Error::value(format!(
                "{boundaries} boundaries need {} values, not {values}",
                boundaries + 1
            )));
        }
        if self.boundaries.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::value(format!(
                "the boundaries must ascend, but they are {:?}",
                self.boundaries
            )));
        }
        Ok(())
    }

    fn config(&self) -> Value {
        self.fields()
    }

    fn registered_name(&self) -> Option<&str> {
        None
    }
}

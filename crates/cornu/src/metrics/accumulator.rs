//! A metric for use on its own.

use super::{Metric, MetricSpec};
use crate::tensor::Tensor;
use cornu_graph::{Array, Result};
use std::sync::Arc;

/// A metric with its totals: it is fed batches of arrays and asked for the figure so far.
#[derive(Debug)]
pub struct Accumulator {
    spec: MetricSpec,
    started: Option<Started>,
}

struct Started {
    metric: Arc<dyn Metric>,
    state: Vec<Array>,
}

impl Accumulator {
    /// A metric, by value or by name, before its first batch.
    pub fn new(metric: impl Into<MetricSpec>) -> Accumulator {
        Accumulator { spec: metric.into(), started: None }
    }

    /// Adds a batch. Weights are one for each sample.
    ///
    /// # Errors
    /// If the metric's name is not known or the shapes do not fit.
    pub fn update_state(
        &mut self,
        y_true: &Array,
        y_pred: &Array,
        sample_weight: Option<&Array>,
    ) -> Result<()> {
        let (metric, state) = match &self.started {
            Some(started) => (Arc::clone(&started.metric), started.state.clone()),
            None => {
                let metric = self.spec.resolve(&y_true.ty(), &y_pred.ty())?;
                let state = metric.state(&y_true.ty(), &y_pred.ty())?;
                (metric, state)
            }
        };
        let totals: Vec<Tensor> = state.iter().map(Tensor::from).collect();
        let (y_true, y_pred) = (Tensor::from(y_true), Tensor::from(y_pred));
        let weights = sample_weight.map(Tensor::from);
        let new = metric.update(&totals, &y_true, &y_pred, weights.as_ref())?;
        // Kept only now: a batch that does not fit changes nothing.
        let state = new.iter().map(Tensor::eval).collect::<Result<Vec<Array>>>()?;
        self.started = Some(Started { metric, state });
        Ok(())
    }

    /// The figure of all batches so far; 0 before the first.
    pub fn result(&self) -> f64 {
        self.started.as_ref().map_or(0.0, |started| started.metric.result(&started.state))
    }

    /// Forgets all batches.
    pub fn reset_state(&mut self) {
        self.started = None;
    }
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.metric.name(), self.state)
    }
}

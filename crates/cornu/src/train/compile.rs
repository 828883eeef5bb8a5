//! `compile`: with what, and towards what, a model is trained.

use super::trainer::{OutputSpec, Trainer};
use crate::losses::Loss;
use crate::metrics::MetricSpec;
use crate::model::Model;
use crate::optimizers::OptimizerSpec;
use cornu_graph::{Error, Result};

/// The options of [`Model::compile`]; ends with [`Compile::build`].
#[must_use = "compile does nothing until .build() is called"]
pub struct Compile<'a> {
    model: &'a mut Model,
    optimizer: OptimizerSpec,
    losses: Vec<Loss>,
    loss_weights: Option<Vec<f32>>,
    metrics: Vec<(usize, MetricSpec)>,
    weighted_metrics: Vec<(usize, MetricSpec)>,
}

impl Model {
    /// Says how the model is trained: the optimizer and the loss by name, by value, the loss also
    /// as a closure. A model with several outputs adds further losses with [`Compile::loss`].
    ///
    /// ```
    /// # use cornu::prelude::*;
    /// # let mut model = Sequential::new().add(Input::new([4])).add(Dense::new(1));
    /// model.compile("rmsprop", "mse").metric("mae").build()?;
    /// model.compile(Adam::default().learning_rate(0.01), |y: &Tensor, p: &Tensor| (y - p).abs()).build()?;
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn compile(
        &mut self,
        optimizer: impl Into<OptimizerSpec>,
        loss: impl Into<Loss>,
    ) -> Compile<'_> {
        Compile {
            model: self,
            optimizer: optimizer.into(),
            losses: vec![loss.into()],
            loss_weights: None,
            metrics: vec![],
            weighted_metrics: vec![],
        }
    }
}

impl Compile<'_> {
    /// The loss of the next output of a model with several.
    pub fn loss(mut self, loss: impl Into<Loss>) -> Self {
        self.losses.push(loss.into());
        self
    }

    /// How much each output's loss counts.
    pub fn loss_weights(mut self, weights: impl Into<Vec<f32>>) -> Self {
        self.loss_weights = Some(weights.into());
        self
    }

    /// A figure to show and record, of the first output: `"accuracy"`.
    pub fn metric(self, metric: impl Into<MetricSpec>) -> Self {
        self.metric_of(0, metric)
    }

    /// A figure of another output.
    pub fn metric_of(mut self, output: usize, metric: impl Into<MetricSpec>) -> Self {
        self.metrics.push((output, metric.into()));
        self
    }

    /// Several figures of the first output: `["accuracy", "mse"]`.
    pub fn metrics<M: Into<MetricSpec>>(self, metrics: impl IntoIterator<Item = M>) -> Self {
        metrics.into_iter().fold(self, Compile::metric)
    }

    /// A figure of the first output that counts sample weights.
    pub fn weighted_metric(self, metric: impl Into<MetricSpec>) -> Self {
        self.weighted_metric_of(0, metric)
    }

    /// A figure of another output that counts sample weights.
    pub fn weighted_metric_of(mut self, output: usize, metric: impl Into<MetricSpec>) -> Self {
        self.weighted_metrics.push((output, metric.into()));
        self
    }

    /// Compiles. What an earlier `compile` left, such as the optimizer's state, is dropped; the
    /// weights stay.
    ///
    /// # Errors
    /// If a name is not known, or the number of losses is not the number of outputs.
    pub fn build(self) -> Result<()> {
        let optimizer = self.optimizer.get()?;
        let names = self.model.output_names();
        if self.losses.len() != names.len() {
            return Err(Error::value(format!(
                "the model has {} outputs ({}) but {} losses",
                names.len(),
                names.join(", "),
                self.losses.len()
            ))
            .help("give each output a loss with .loss(…)"));
        }
        let weights = self.loss_weights.unwrap_or_else(|| vec![1.0; names.len()]);
        if weights.len() != names.len() {
            return Err(Error::value(format!(
                "{} loss weights for {} outputs",
                weights.len(),
                names.len()
            )));
        }
        for loss in &self.losses {
            loss.check()?;
        }
        for (output, metric) in self.metrics.iter().chain(&self.weighted_metrics) {
            metric.check()?;
            if *output >= names.len() {
                return Err(Error::value(format!("there is no output {output} to measure")));
            }
        }
        let of = |all: &[(usize, MetricSpec)], index: usize| {
            all.iter().filter(|(o, _)| *o == index).map(|(_, m)| m.clone()).collect()
        };
        let outputs = names.into_iter().zip(self.losses).zip(weights).enumerate();
        let outputs = outputs.map(|(index, ((name, loss), loss_weight))| OutputSpec {
            name,
            loss,
            loss_weight,
            metrics: of(&self.metrics, index),
            weighted_metrics: of(&self.weighted_metrics, index),
        });
        let trainer = Trainer::new(optimizer, outputs.collect());
        self.model.set_trainer(trainer);
        Ok(())
    }
}

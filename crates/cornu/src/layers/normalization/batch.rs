//! Normalization over the batch.

use super::affine::{Affine, Moments, affine_settings, others, sizes, spread};
use crate::config::{Config, decimal};
use crate::initializers::Initializer;
use crate::layers::options::only;
use crate::layers::{Layer, Scope, one_input};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use crate::variable::Variable;
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// Brings each channel to mean 0 and variance 1: in training those of the batch, otherwise those
/// that it has kept as moving averages. A layer that is not [trainable](super::super::LayerRef)
/// uses its moving averages in training too, and keeps them as they are.
///
/// Weights: `gamma`, `beta` (trained), `moving_mean`, `moving_variance` (not), one number for each
/// channel.
///
/// Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal
/// covariate shift", 2015.
///
/// ```
/// use cornu::prelude::*;
///
/// let model = Sequential::new()
///     .add(Input::new([8]))
///     .add(Dense::new(4).use_bias(false))
///     .add(BatchNormalization::new())
///     .add(Activation::new("relu"));
/// assert_eq!(model.count_params()?, 8 * 4 + 4 * 4);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Debug)]
pub struct BatchNormalization {
    axis: i32,
    momentum: f32,
    affine: Affine,
    moving_mean_initializer: Initializer,
    moving_variance_initializer: Initializer,
}

impl BatchNormalization {
    /// Keras's defaults: the last axis, momentum 0.99.
    pub fn new() -> BatchNormalization {
        BatchNormalization {
            axis: -1,
            momentum: 0.99,
            affine: Affine::default(),
            moving_mean_initializer: Initializer::zeros(),
            moving_variance_initializer: Initializer::ones(),
        }
    }

    /// The axis of the channels.
    pub fn axis(mut self, axis: i32) -> BatchNormalization {
        self.axis = axis;
        self
    }

    /// How much of the moving averages each step keeps.
    pub fn momentum(mut self, momentum: f32) -> BatchNormalization {
        self.momentum = momentum;
        self
    }

    /// The first values of the moving mean.
    pub fn moving_mean_initializer(mut self, initializer: impl Into<Initializer>) -> Self {
        self.moving_mean_initializer = initializer.into();
        self
    }

    /// The first values of the moving variance.
    pub fn moving_variance_initializer(mut self, initializer: impl Into<Initializer>) -> Self {
        self.moving_variance_initializer = initializer.into();
        self
    }

    affine_settings!();

    /// Moves an average towards the value of this batch.
    fn advance(&self, scope: &mut Scope, average: &Variable, value: &Tensor) {
        let old = average.tensor();
        let value = value.reshape_to(old.shape());
        let new = old * self.momentum + value * (1.0 - self.momentum);
        scope.update(average, ops::stop_gradient(new));
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<BatchNormalization> {
        only(config, "renorm", false)?;
        only(config, "virtual_batch_size", Value::Null)?;
        let axis = config.get_or("axis", Axis::new(-1))?;
        // Keras 2 writes a list of one.
        let &[axis] = axis.list().unwrap_or_default() else {
            let message = "BatchNormalization: statistics along several axes are not supported";
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let mut layer = BatchNormalization { axis, affine: Affine::read(config)?, ..Self::new() };
        config.set("momentum", &mut layer.momentum)?;
        config.set("moving_mean_initializer", &mut layer.moving_mean_initializer)?;
        config.set("moving_variance_initializer", &mut layer.moving_variance_initializer)?;
        Ok(layer)
    }
}

impl Default for BatchNormalization {
    fn default() -> BatchNormalization {
        BatchNormalization::new()
    }
}

impl Layer for BatchNormalization {
    fn kind(&self) -> &str {
        "BatchNormalization"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        if !(0.0..=1.0).contains(&self.momentum) {
            let momentum = self.momentum;
            return Err(Error::value(format!("momentum must be from 0 to 1, not {momentum}")));
        }
        let axis = ops::resolve_axis(self.axis, x.rank())?;
        let channels = sizes(x, &[axis])?;
        let weights = self.affine.weights(scope, x, &[axis])?;
        let mean = scope.state("moving_mean", &channels[..], &self.moving_mean_initializer)?;
        let variance =
            scope.state("moving_variance", &channels[..], &self.moving_variance_initializer)?;
        let moments = if scope.training() && scope.trainable() {
            let moments = Moments::of(x, &others(x.rank(), &[axis]));
            self.advance(scope, &mean, &moments.mean);
            self.advance(scope, &variance, &moments.variance);
            moments
        } else {
            Moments {
                mean: spread(&mean.tensor(), x, &[axis]),
                variance: spread(&variance.tensor(), x, &[axis]),
            }
        };
        Ok(self.affine.normalize(x, &moments, &weights))
    }

    fn config(&self) -> Value {
        self.affine.describe(json!({
            "axis": self.axis,
            "momentum": decimal(self.momentum),
            "moving_mean_initializer": self.moving_mean_initializer,
            "moving_variance_initializer": self.moving_variance_initializer,
            "synchronized": false,
        }))
    }
}

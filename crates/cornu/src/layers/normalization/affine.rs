//! What the normalizations share: moments, and the learned scale and offset after them.

use crate::config::{Config, decimal};
use crate::layers::{Scope, WeightSpec};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result, Shape};
use serde_json::{Value, json};

/// How normalized values are scaled and moved: `gamma · x + beta`.
#[derive(Debug)]
pub(super) struct Affine {
    pub epsilon: f32,
    pub center: bool,
    pub scale: bool,
    pub gamma: WeightSpec,
    pub beta: WeightSpec,
}

impl Default for Affine {
    fn default() -> Affine {
        Affine {
            epsilon: 1e-3,
            center: true,
            scale: true,
            gamma: WeightSpec::new("ones"),
            beta: WeightSpec::new("zeros"),
        }
    }
}

/// The learned scale and offset of one call, in a shape that broadcasts.
pub(super) struct Weights {
    gamma: Option<Tensor>,
    beta: Option<Tensor>,
}

impl Affine {
    /// The weights for these axes of `x`, in the order in which Keras makes them.
    pub fn weights(&self, scope: &mut Scope, x: &Tensor, axes: &[usize]) -> Result<Weights> {
        let sizes = sizes(x, axes)?;
        let mut weight = |wanted: bool, name: &str, spec: &WeightSpec| {
            if !wanted {
                return Ok(None);
            }
            let weight = scope.weight(name, &sizes[..], spec)?;
            Ok::<_, Error>(Some(spread(&weight, x, axes)))
        };
        let gamma = weight(self.scale, "gamma", &self.gamma)?;
        Ok(Weights { gamma, beta: weight(self.center, "beta", &self.beta)? })
    }

    /// `(x - mean) / √(variance + ε)`, scaled and moved.
    pub fn normalize(&self, x: &Tensor, moments: &Moments, weights: &Weights) -> Tensor {
        let inverse = ops::rsqrt(&moments.variance + self.epsilon);
        let inverse = match &weights.gamma {
            Some(gamma) => inverse * gamma,
            None => inverse,
        };
        let y = (x - &moments.mean) * inverse;
        match &weights.beta {
            Some(beta) => y + beta,
            None => y,
        }
    }

    /// Reads its fields of a layer's configuration.
    pub fn read(config: &Config<'_>) -> Result<Affine> {
        let mut affine = Affine::default();
        config.set("epsilon", &mut affine.epsilon)?;
        config.set("center", &mut affine.center)?;
        config.set("scale", &mut affine.scale)?;
        affine.gamma.read("gamma", config)?;
        affine.beta.read("beta", config)?;
        Ok(affine)
    }

    /// Adds its fields to a layer's configuration.
    pub fn describe(&self, mut config: Value) -> Value {
        config["epsilon"] = json!(decimal(self.epsilon));
        config["center"] = json!(self.center);
        config["scale"] = json!(self.scale);
        self.gamma.describe("gamma", &mut config);
        self.beta.describe("beta", &mut config);
        config
    }
}

/// Mean and variance along axes, which remain with size 1.
pub(super) struct Moments {
    pub mean: Tensor,
    pub variance: Tensor,
}

impl Moments {
    /// Of all elements along these axes.
    pub fn of(x: &Tensor, axes: &[usize]) -> Moments {
        let axes: Vec<i32> = axes.iter().map(|&a| a as i32).collect();
        let axis = Axis::from(&axes[..]).keepdims();
        Moments { mean: ops::mean(x, axis.clone()), variance: ops::var(x, axis) }
    }
}

/// The sizes along axes, as weights need them.
pub(super) fn sizes(x: &Tensor, axes: &[usize]) -> Result<Vec<usize>> {
    let size = |&axis: &usize| {
        x.shape().dims()[axis].known().ok_or_else(|| {
            Error::shape(format!(
                "the size of axis {axis} must be known, but is not in {}",
                x.shape()
            ))
            .help("axis 0 is the batch; weights belong to the axes after it")
        })
    };
    axes.iter().map(size).collect()
}

/// A weight for these axes of `x` in a shape that broadcasts to it.
pub(super) fn spread(weight: &Tensor, x: &Tensor, axes: &[usize]) -> Tensor {
    let dims = x.shape().dims().iter().enumerate();
    let dims: Vec<Dim> =
        dims.map(|(i, &dim)| if axes.contains(&i) { dim } else { Dim::Known(1) }).collect();
    weight.reshape_to(&Shape::from(dims))
}

/// The axes that are not among these.
pub(super) fn others(rank: usize, axes: &[usize]) -> Vec<usize> {
    (0..rank).filter(|axis| !axes.contains(axis)).collect()
}

/// The setters of [`Affine`], for a layer that has it in the field `affine`.
macro_rules! affine_settings {
    () => {
        /// What is added to the variance, so that nothing is divided by 0: 0.001 unless said
        /// otherwise.
        pub fn epsilon(mut self, epsilon: f32) -> Self {
            self.affine.epsilon = epsilon;
            self
        }

        /// Whether the learned offset `beta` is added.
        pub fn center(mut self, center: bool) -> Self {
            self.affine.center = center;
            self
        }

        /// Whether the result is multiplied by the learned `gamma`.
        pub fn scale(mut self, scale: bool) -> Self {
            self.affine.scale = scale;
            self
        }

        $crate::layers::weight_settings!(
            "offset `beta`",
            affine.beta,
            beta_initializer,
            beta_regularizer,
            beta_constraint
        );
        $crate::layers::weight_settings!(
            "factor `gamma`",
            affine.gamma,
            gamma_initializer,
            gamma_regularizer,
            gamma_constraint
        );
    };
}
pub(super) use affine_settings;

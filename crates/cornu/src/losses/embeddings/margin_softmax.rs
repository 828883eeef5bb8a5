//! Softmax losses of cosines whose own class has a margin to overcome.

use super::{must_be_finite, must_be_positive};
use crate::config::fields;
use crate::losses::LossFunction;
use crate::losses::sparse::{is_class, labels};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::Value;

/// The cross-entropy of `scale · cos(θ)`, where the angle `θ` to the own class counts as `θ + margin`.
/// `y_pred` holds the cosines `(n, classes)` that a [`CosineDense`](crate::layers::CosineDense) gives,
/// `y_true` the classes: training needs no other model than prediction.
///
/// Where `θ + margin` would exceed π the cosine is `cos(θ) - margin · sin(margin)`, as in the
/// authors' code, so that the loss keeps falling. Deng et al., "ArcFace: additive angular margin
/// loss for deep face recognition", 2019. Defaults: margin 0.5 radians, scale 64. By name:
/// `"arc_face"`.
///
/// ```
/// use cornu::layers::CosineDense;
/// use cornu::losses::ArcFace;
/// use cornu::prelude::*;
///
/// let mnist = datasets::mnist()?;
/// let mut model = Sequential::new()
///     .add(Input::new([784]))
///     .add(Dense::new(16).name("embedding"))
///     .add(CosineDense::new(10));
/// model.compile("adam", ArcFace::new().scale(16.0)).metrics(["accuracy"]).build()?;
/// let x = mnist.train.flat().select(0..256)?;
/// let y = Column::from(&mnist.train.labels).select(0..256)?;
/// let history = model.fit(&x, &y).epochs(3).verbose(0).run()?;
/// assert!(history["loss"][2] < history["loss"][0]);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ArcFace {
    margin: f32,
    scale: f32,
}

impl ArcFace {
    /// The loss with margin 0.5 and scale 64.
    pub fn new() -> ArcFace {
        ArcFace { margin: 0.5, scale: 64.0 }
    }

    /// The angle to overcome, in radians.
    pub fn margin(mut self, margin: f32) -> ArcFace {
        self.margin = margin;
        self
    }

    /// What cosines are multiplied by.
    pub fn scale(mut self, scale: f32) -> ArcFace {
        self.scale = scale;
        self
    }

    /// `cos(θ + margin)` of `cos(θ)`.
    fn harder(&self, cosine: &Tensor) -> Tensor {
        let (sin, cos) = self.margin.sin_cos();
        let cosine = cosine.clip(-1.0, 1.0);
        let sine = (1.0 - cosine.square()).sqrt();
        let added = &cosine * cos - sine * sin;
        ops::where_(ops::greater_equal(&cosine, -cos), added, cosine - self.margin * sin)
    }
}

impl Default for ArcFace {
    fn default() -> ArcFace {
        ArcFace::new()
    }
}

fields! { ArcFace { margin, scale } }

impl LossFunction for ArcFace {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        must_be_finite("margin", self.margin)?;
        must_be_positive("scale", self.scale)?;
        crossentropy(y_true, y_pred, self.scale, |cosine| self.harder(cosine))
    }

    fn name(&self) -> &str {
        "arc_face"
    }

    fn takes_labels(&self) -> bool {
        true
    }

    fn kind(&self) -> Option<&str> {
        Some("ArcFace")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// The cross-entropy of `scale · cos(θ)`, where the cosine of the own class counts as
/// `cos(θ) - margin`. `y_pred` and `y_true` as for [`ArcFace`].
///
/// Wang et al., "CosFace: large margin cosine loss for deep face recognition", 2018. Defaults:
/// margin 0.35, scale 64. With margin 0 it is the normalized softmax, and with scale 2/t then
/// ProxyNCA++ of temperature t (Teh, DeVries and Taylor, 2020). By name: `"cos_face"`.
#[derive(Clone, Copy, Debug)]
pub struct CosFace {
    margin: f32,
    scale: f32,
}

impl CosFace {
    /// The loss with margin 0.35 and scale 64.
    pub fn new() -> CosFace {
        CosFace { margin: 0.35, scale: 64.0 }
    }

    /// By how much the own class's cosine has to be larger.
    pub fn margin(mut self, margin: f32) -> CosFace {
        self.margin = margin;
        self
    }

    /// What cosines are multiplied by.
    pub fn scale(mut self, scale: f32) -> CosFace {
        self.scale = scale;
        self
    }
}

impl Default for CosFace {
    fn default() -> CosFace {
        CosFace::new()
    }
}

fields! { CosFace { margin, scale } }

impl LossFunction for CosFace {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        must_be_finite("margin", self.margin)?;
        must_be_positive("scale", self.scale)?;
        crossentropy(y_true, y_pred, self.scale, |cosine| cosine - self.margin)
    }

    fn name(&self) -> &str {
        "cos_face"
    }

    fn takes_labels(&self) -> bool {
        true
    }

    fn kind(&self) -> Option<&str> {
        Some("CosFace")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

/// The cross-entropy of scaled cosines after the own class's was made harder.
fn crossentropy(
    y_true: &Tensor,
    y_pred: &Tensor,
    scale: f32,
    harder: impl Fn(&Tensor) -> Tensor,
) -> Result<Tensor> {
    let own = is_class(&labels(y_true, y_pred)?, y_pred.last_dim()?);
    let cosine = ops::sum(ops::where_(&own, y_pred, 0.0), Axis::new(-1).keepdims());
    let target = harder(&cosine);
    let logits = ops::where_(own, &target, y_pred) * scale;
    Ok(ops::logsumexp(logits, -1) - ops::squeeze(target * scale, -1))
}

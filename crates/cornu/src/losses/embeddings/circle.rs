//! The circle loss.

use super::geometry::{Batch, logsumexp, products};
use super::{EmbeddingLoss, Terms, must_be_finite, must_be_positive};
use crate::config::{Config, fields};
use crate::ops;
use cornu_graph::{Error, Result};
use serde_json::Value;

/// `ln(1 + Σ e^(gamma (m + d(a,p)) (d(a,p) - m)) · Σ e^(gamma (1 + m - d(a,n)) (1 - m - d(a,n))))`
/// for each sample `a` of embeddings `(n, d)`, with the cosine distance `d = 1 - s`, partners `p`,
/// strangers `n` and margin `m`: pairs that are far from their optimum weigh more. The mean is of
/// the samples whose loss is not 0.
///
/// Sun et al., "Circle loss: a unified perspective of pair similarity optimization", 2020. Keras's
/// `Circle`, with its defaults gamma 80 and margin 0.4. Keras takes embeddings of length 1 and does
/// not check; here they are brought to length 1, which changes nothing for such, unless
/// [`normalize(false)`](CircleLoss::normalize) says otherwise, as models from Keras's files do. By name: `"circle"`.
#[derive(Clone, Copy, Debug)]
pub struct CircleLoss {
    gamma: f32,
    margin: f32,
    normalize: bool,
}

impl CircleLoss {
    /// The loss with gamma 80 and margin 0.4.
    pub fn new() -> CircleLoss {
        CircleLoss { gamma: 80.0, margin: 0.4, normalize: true }
    }

    /// The scale of the exponents.
    pub fn gamma(mut self, gamma: f32) -> CircleLoss {
        self.gamma = gamma;
        self
    }

    /// How strict the loss is; from 0 (most) to 1.
    pub fn margin(mut self, margin: f32) -> CircleLoss {
        self.margin = margin;
        self
    }

    /// Whether embeddings are brought to length 1 before.
    pub fn normalize(mut self, normalize: bool) -> CircleLoss {
        self.normalize = normalize;
        self
    }
}

impl Default for CircleLoss {
    fn default() -> CircleLoss {
        CircleLoss::new()
    }
}

impl EmbeddingLoss for CircleLoss {
    fn terms(&self, batch: &Batch) -> Result<Terms> {
        must_be_positive("gamma", self.gamma)?;
        must_be_finite("margin", self.margin)?;
        let cosines = if self.normalize { batch.cosines() } else { products(&batch.embeddings) };
        let distance = (1.0 - cosines).maximum(0.0);
        let pull = (&distance + self.margin).maximum(0.0) * (&distance - self.margin) * self.gamma;
        let push = (1.0 + self.margin - &distance).maximum(0.0)
            * (1.0 - self.margin - &distance)
            * self.gamma;
        let pull = logsumexp(&pull, &batch.same, -1);
        let push = logsumexp(&push, &batch.different, -1);
        let values = ops::softplus(pull + push);
        let active = ops::greater(&values, 0.0);
        Ok((values, Some(active)))
    }

    fn name(&self) -> &'static str {
        "circle"
    }

    // Keras's does not normalize and says nothing of it.
    fn kind(&self) -> Option<&str> {
        Some(if self.normalize { "CircleLoss" } else { "Circle" })
    }

    fn config(&self) -> Value {
        let mut config = self.fields();
        match self.normalize {
            true => config["normalize"] = true.into(),
            false => config["remove_diagonal"] = true.into(),
        }
        config
    }
}

fields! { CircleLoss { gamma, margin } }

impl CircleLoss {
    /// From a configuration, Keras's or the own one.
    pub(in crate::losses) fn read_all(config: &Config<'_>) -> Result<CircleLoss> {
        if !config.get_or("remove_diagonal", true)? {
            return Err(Error::file(
                "Circle: pairs of a sample with itself are never counted here",
            ));
        }
        Ok(CircleLoss {
            normalize: config.get_or("normalize", false)?,
            ..CircleLoss::read(config)?
        })
    }
}

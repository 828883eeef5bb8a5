//! The triplet loss, with the triplets found in the batch.

use super::geometry::{Batch, any, largest, smallest};
use super::{EmbeddingLoss, Terms, must_be_finite};
use crate::config::{Field, FromConfig, decimal, fields, named};
use crate::names;
use crate::ops;
use crate::similarity::Distance;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde_json::{Value, json};

/// Which triplets of a batch a [`TripletLoss`] is of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mining {
    /// All: `"batch_all"`. The mean is of those whose loss is not 0. Takes memory for n³ numbers.
    BatchAll,
    /// For each sample its farthest partner and its nearest stranger: `"batch_hard"`. The mean is
    /// of the samples that have both. (Hermans, Beyer and Leibe, "In defense of the triplet loss
    /// for person re-identification", 2017.) The hardest triplets alone can draw all embeddings
    /// together early in the training; watch
    /// [`EmbeddingSpread`](crate::metrics::EmbeddingSpread).
    BatchHard,
    /// For each pair of one class the nearest stranger that is farther than the partner, or the
    /// farthest stranger if none is: `"batch_semi_hard"`. The mean is of those pairs. Takes memory
    /// for n³ numbers. (Schroff, Kalenichenko and Philbin, "FaceNet", 2015.)
    BatchSemiHard,
    /// A name that is not known: the error comes out where the loss is used.
    Unknown(String),
}

const NAMES: &[(&str, Mining)] = &[
    ("batch_all", Mining::BatchAll),
    ("batch_hard", Mining::BatchHard),
    ("batch_semi_hard", Mining::BatchSemiHard),
];

impl From<&str> for Mining {
    fn from(name: &str) -> Mining {
        let known = NAMES.iter().find(|(n, _)| *n == name);
        known.map_or_else(|| Mining::Unknown(name.to_owned()), |(_, mining)| mining.clone())
    }
}

impl Mining {
    /// `"batch_semi_hard"`.
    pub fn name(&self) -> &str {
        match self {
            Mining::Unknown(name) => name,
            known => NAMES.iter().find(|(_, m)| m == known).map_or("", |(name, _)| name),
        }
    }
}

/// How much farther a stranger has to be than a partner.
#[derive(Clone, Copy, Debug)]
enum Margin {
    /// `max(0, x + margin)`
    Hard(f32),
    /// `ln(1 + eˣ)`
    Soft,
}

/// `max(0, d(anchor, partner) - d(anchor, stranger) + margin)` of triplets of embeddings `(n, d)`,
/// where the partner is of the anchor's class and the stranger is not.
///
/// Defaults: semi-hard triplets, Euclidean distance, margin 1, embeddings as they come. Use a
/// margin of about 0.2 with [`TripletLoss::normalize`], since distances are at most 2 there. By
/// name: `"triplet_batch_all"`, `"triplet_batch_hard"`, `"triplet_batch_semi_hard"`.
///
/// ```
/// use cornu::losses::{Loss, TripletLoss};
/// use cornu::prelude::*;
///
/// let classes = Tensor::from([0i32, 0, 1]);
/// let embeddings = Tensor::from([[0.0f32], [1.0], [3.0]]);
/// // From 0: partner at 1, stranger at 3. From 1: at 1 and 2. The 3 has no partner.
/// let loss = TripletLoss::new().mining("batch_hard").margin(2.5);
/// let mean = Loss::from(loss).call(&classes, &embeddings, None)?;
/// assert_eq!(mean.item()?, (0.5 + 1.5) / 2.0);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TripletLoss {
    mining: Mining,
    margin: Margin,
    distance: Distance,
    normalize: bool,
}

impl TripletLoss {
    /// The loss with its defaults.
    pub fn new() -> TripletLoss {
        TripletLoss {
            mining: Mining::BatchSemiHard,
            margin: Margin::Hard(1.0),
            distance: Distance::Euclidean,
            normalize: false,
        }
    }

    /// Which triplets: a [`Mining`] or its name.
    pub fn mining(mut self, mining: impl Into<Mining>) -> TripletLoss {
        self.mining = mining.into();
        self
    }

    /// How much farther strangers have to be than partners, in the unit of the distance.
    pub fn margin(mut self, margin: f32) -> TripletLoss {
        self.margin = Margin::Hard(margin);
        self
    }

    /// `ln(1 + e^(d(anchor, partner) - d(anchor, stranger)))` instead of a margin.
    pub fn soft_margin(mut self) -> TripletLoss {
        self.margin = Margin::Soft;
        self
    }

    /// How distances are taken.
    pub fn distance(mut self, distance: Distance) -> TripletLoss {
        self.distance = distance;
        self
    }

    /// Whether embeddings are brought to length 1 before. The cosine does not depend on it.
    pub fn normalize(mut self, normalize: bool) -> TripletLoss {
        self.normalize = normalize;
        self
    }

    fn of(&self, difference: Tensor) -> Tensor {
        match self.margin {
            Margin::Hard(margin) => (difference + margin).maximum(0.0),
            Margin::Soft => ops::softplus(difference),
        }
    }

    /// Of all triplets, `(n, n, n)`: anchor, partner, stranger.
    fn all(&self, batch: &Batch, d: &Tensor) -> Terms {
        let values = self.of(ops::expand_dims(d, 2) - ops::expand_dims(d, 1));
        let valid = ops::logical_and(
            ops::expand_dims(&batch.same, 2),
            ops::expand_dims(&batch.different, 1),
        );
        let values = ops::where_(valid, values, 0.0);
        let active = ops::greater(&values, 0.0);
        (values, Some(active))
    }

    /// Of each anchor, `(n,)`.
    fn hard(&self, batch: &Batch, d: &Tensor) -> Terms {
        let partner = largest(d, &batch.same);
        let stranger = smallest(d, &batch.different);
        let valid = ops::logical_and(any(&batch.same), any(&batch.different));
        let difference = ops::where_(&valid, partner - stranger, 0.0);
        (ops::where_(&valid, self.of(difference), 0.0), Some(valid))
    }

    /// Of each anchor and partner, `(n, n)`.
    fn semi_hard(&self, batch: &Batch, d: &Tensor) -> Terms {
        let (partner, stranger) = (ops::expand_dims(d, 2), ops::expand_dims(d, 1));
        let different = ops::expand_dims(&batch.different, 1);
        let outside = ops::logical_and(ops::greater(&stranger, &partner), different);
        let nearest_outside = smallest(&stranger, &outside);
        let farthest = ops::expand_dims(largest(d, &batch.different), 1);
        let stranger = ops::where_(any(&outside), nearest_outside, farthest);
        let has_stranger = ops::expand_dims(any(&batch.different), 1);
        let valid = ops::logical_and(&batch.same, has_stranger);
        let difference = ops::where_(&valid, d - stranger, 0.0);
        (ops::where_(&valid, self.of(difference), 0.0), Some(valid))
    }
}

impl Default for TripletLoss {
    fn default() -> TripletLoss {
        TripletLoss::new()
    }
}

fields! { TripletLoss { mining, margin, distance, normalize } }

impl EmbeddingLoss for TripletLoss {
    fn terms(&self, batch: &Batch) -> Result<Terms> {
        if let Margin::Hard(margin) = self.margin {
            must_be_finite("margin", margin)?;
        }
        let distances = match self.normalize {
            true => batch.normalized().distances(self.distance),
            false => batch.distances(self.distance),
        };
        match &self.mining {
            Mining::BatchAll => Ok(self.all(batch, &distances)),
            Mining::BatchHard => Ok(self.hard(batch, &distances)),
            Mining::BatchSemiHard => Ok(self.semi_hard(batch, &distances)),
            Mining::Unknown(name) => {
                Err(names::unknown("mining", name, NAMES.iter().map(|(name, _)| *name)))
            }
        }
    }

    fn name(&self) -> &'static str {
        match self.mining {
            Mining::BatchAll => "triplet_batch_all",
            Mining::BatchHard => "triplet_batch_hard",
            Mining::BatchSemiHard => "triplet_batch_semi_hard",
            Mining::Unknown(_) => "triplet",
        }
    }

    fn kind(&self) -> Option<&str> {
        Some("TripletLoss")
    }

    fn config(&self) -> Value {
        self.fields()
    }
}

impl Field for Mining {
    fn value(&self) -> Value {
        json!(self.name())
    }
}

impl FromConfig for Mining {
    fn from_config(value: &Value) -> Result<Mining> {
        Ok(Mining::from(String::from_config(value)?.as_str()))
    }
}

impl Field for Margin {
    fn value(&self) -> Value {
        match self {
            Margin::Hard(margin) => json!(decimal(*margin)),
            Margin::Soft => json!("soft"),
        }
    }
}

impl FromConfig for Margin {
    fn from_config(value: &Value) -> Result<Margin> {
        if value == "soft" { Ok(Margin::Soft) } else { f32::from_config(value).map(Margin::Hard) }
    }
}

named! {
    Distance {
        Euclidean = "euclidean",
        SquaredEuclidean = "squared_euclidean",
        Cosine = "cosine",
    }
}

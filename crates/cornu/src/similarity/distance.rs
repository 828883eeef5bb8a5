//! How far apart two embeddings are.

use serde::{Deserialize, Serialize};

/// How the distance of two embeddings is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// `√Σ(a - b)²`
    #[default]
    Euclidean,
    /// `Σ(a - b)²`
    SquaredEuclidean,
    /// 1 less the cosine of the angle: from 0 (one direction) to 2 (opposite).
    Cosine,
}

impl Distance {
    /// `"squared_euclidean"`, as it is written to files.
    pub fn name(self) -> &'static str {
        match self {
            Distance::Euclidean => "euclidean",
            Distance::SquaredEuclidean => "squared_euclidean",
            Distance::Cosine => "cosine",
        }
    }
}

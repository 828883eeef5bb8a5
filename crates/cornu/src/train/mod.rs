//! Training, evaluation and prediction.

mod batches;
mod checks;
mod class_weight;
mod compile;
mod compile_config;
mod epoch;
mod evaluate;
mod feeds;
mod fit;
mod history;
mod nan;
mod predict;
mod predictor;
mod profile;
mod progress;
mod queue;
mod restore;
mod run;
mod show;
mod source;
mod split;
mod state;
mod step;
mod stream;
mod trainer;
mod transfer;

pub use compile::Compile;
pub(crate) use compile_config::{compile_config, compile_from_config};
pub use evaluate::Evaluate;
pub(crate) use feeds::FeedSpec;
pub use fit::Fit;
pub(crate) use history::Record;
pub use history::{History, Logs};
pub use predict::Predict;
pub use predictor::Predictor;
pub use profile::{OpProfile, Profile, ProfileTable, Profiler, Sort};
pub(crate) use progress::Progress;
pub use progress::Verbose;
pub use step::Purpose;
pub(crate) use step::StepProgram;
pub(crate) use trainer::Trainer;

use serde::{Deserialize, Serialize};

/// What a run is to do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// At which epoch training ends.
    pub epochs: usize,
    pub initial_epoch: usize,
    /// The steps of an epoch, if they are known.
    pub steps: Option<usize>,
    /// After how many epochs there is a validation, if there are data for it.
    pub validation_freq: Option<usize>,
}

/// Where a training stands, so that it can go on from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The epoch that comes next, or goes on.
    pub epoch: usize,
    /// How many of its steps are done.
    pub step: usize,
    /// Where it stands in its data.
    pub data: DataPlace,
    /// Where its validation stands in its data.
    pub validation: DataPlace,
}

/// Where a run stands in its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataPlace {
    /// The number that decided the order of resident data.
    pub order: u64,
    /// How often a generator was begun before.
    pub epoch: usize,
    /// The batches taken since.
    pub batches: usize,
}

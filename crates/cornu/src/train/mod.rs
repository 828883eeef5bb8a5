//! Training, evaluation and prediction.

mod batches;
mod checks;
mod class_weight;
mod compile;
mod epoch;
mod evaluate;
mod feeds;
mod fit;
mod history;
mod nan;
mod predict;
mod progress;
mod run;
mod show;
mod source;
mod split;
mod state;
mod step;
mod stream;
mod trainer;

pub use compile::Compile;
pub use evaluate::Evaluate;
pub(crate) use feeds::FeedSpec;
pub use fit::Fit;
pub use history::{History, Logs};
pub use predict::Predict;
pub(crate) use progress::Progress;
pub use progress::Verbose;
pub(crate) use step::StepProgram;
pub(crate) use trainer::Trainer;

/// What a run is to do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// At which epoch training ends.
    pub epochs: usize,
    pub initial_epoch: usize,
    /// The steps of an epoch, if they are known.
    pub steps: Option<usize>,
}

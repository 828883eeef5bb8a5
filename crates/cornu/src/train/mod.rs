//! Training, evaluation and prediction.

mod batches;
mod compile;
mod evaluate;
mod feeds;
mod fit;
mod history;
mod nan;
mod predict;
mod progress;
mod show;
mod state;
mod step;
mod trainer;

pub use compile::Compile;
pub use evaluate::Evaluate;
pub(crate) use feeds::FeedSpec;
pub use fit::Fit;
pub use history::{History, Logs};
pub use predict::Predict;
pub use progress::Verbose;
pub(crate) use step::StepProgram;
pub(crate) use trainer::Trainer;

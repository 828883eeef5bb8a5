//! Same or different: how well distances tell it, where to draw the line, and how well embeddings
//! find their like.
//!
//! | of | gives | type |
//! |---|---|---|
//! | scores of pairs and whether they are of one class | accuracy, ROC, AUC, EER, TAR at a FAR, F1, … | [`Verification`] |
//! | the same | a threshold to keep with the model, and a probability | [`calibrate`], [`Calibration`] |
//! | embeddings and classes | recall@k, precision@1, R-precision, MAP@R | [`Retrieval`] |
//!
//! ```
//! use cornu::prelude::*;
//! use cornu::similarity::{Retrieval, Score, Target, Verification, calibrate};
//!
//! let distances = [0.1f32, 0.3, 0.6, 0.9];
//! let same = [true, true, false, false];
//! let verification = Verification::new(&distances, &same, Score::Distance)?;
//! assert_eq!(verification.auc(), 1.0);
//!
//! let calibration = calibrate(&distances, &same, Score::Distance, Target::MaxAccuracy)?;
//! assert!(calibration.is_same(0.4) && !calibration.is_same(0.5));
//!
//! let embeddings = Array::new([4, 1], vec![0.0f32, 0.1, 1.0, 1.1])?;
//! let report = Retrieval::new(&embeddings, &[7, 7, 8, 8]).run()?;
//! assert_eq!(report.precision_at_1, 1.0);
//! # Ok::<(), cornu::Error>(())
//! ```

mod calibration;
mod distance;
mod folds;
mod platt;
mod retrieval;
mod scores;
mod search;
mod verification;

pub use calibration::{Calibration, Target, calibrate};
pub use distance::Distance;
pub use folds::FoldAccuracy;
pub use platt::Platt;
pub use retrieval::{Retrieval, RetrievalReport};
pub use scores::{Score, Scores};
pub use verification::{Counts, EqualError, Operating, RocPoint, Verification};

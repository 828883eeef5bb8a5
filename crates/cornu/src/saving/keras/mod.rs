//! Keras's files: how a model, its weights and its training are laid out in them.
//!
//! `write.rs` and `read.rs` are the configuration of a model and back; `branch.rs` finds where in the
//! file each layer's weights are; `weights.rs` and `legacy.rs` are the two layouts of weights;
//! `budget.rs` is how much a file may ask for; `contents.rs` is all of it together, `files.rs` the members of an archive, `extras.rs` what Cornu adds.

mod branch;
mod budget;
mod calls;
mod contents;
mod extras;
mod files;
mod json;
pub(super) mod legacy;
mod read;
pub(super) mod weights;
mod write;

pub(super) use branch::Branch;
pub(crate) use budget::check_values;
pub(crate) use contents::Contents;
pub(super) use files::{state_of, weights_of};
pub(crate) use read::read_model;
pub(super) use weights::{Fitting, Matching};
pub(crate) use write::model_config;

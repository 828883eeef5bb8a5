//! Files: models and weights, read and written whole.

pub(crate) mod archive;
mod convert;
mod format;
pub(crate) mod h5;
mod inspect;
mod keras;
mod load;
mod onnx;
mod safetensors;
pub(crate) mod shards;
mod weights;
mod whole;

pub use crate::config::{
    Config, FromConfig, Object, register_activation, register_constraint, register_initializer,
    register_layer, register_loss, register_metric, register_optimizer, register_regularizer,
    register_schedule,
};
pub use convert::convert_weights;
pub(crate) use format::Format;
pub use inspect::{
    InspectedCompile, InspectedLayer, InspectedTensor, Inspection, Problem, TensorRole, inspect,
};
pub(crate) use keras::{Contents, check_values, model_config};
pub use load::{ModelLoader, load_model};
pub(crate) use onnx::{Export, export_onnx};
pub(crate) use safetensors::{
    Notes, check_note, list_arrays, load_arrays, load_notes, load_safetensors, read_safetensors,
    safetensors_bytes, save_arrays, save_safetensors,
};
pub use weights::LoadWeights;
pub(crate) use whole::{write_values, write_whole, write_with};

use crate::model::Model;
use cornu_graph::Result;
use serde_json::Value;
use std::panic::Location;
use std::path::Path;

/// The model of a configuration, with first values for its weights.
pub(crate) fn read_config(config: &Value, line: &'static Location<'static>) -> Result<Model> {
    let (branch, untrainable) = keras::read_model(config, line)?;
    let mut model = Model::try_from(branch.layer)?;
    untrainable.into_iter().for_each(|reason| model.set_not_compiled(reason));
    Ok(model)
}

/// All bytes of a file.
fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(crate::data::raw::broken)
}

#[cfg(test)]
mod tests;

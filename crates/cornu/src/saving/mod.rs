//! Files: models and weights, read and written whole.

#[allow(dead_code)] // until Keras's layouts are read and written with it
mod archive;
#[allow(dead_code)] // until Keras's layouts are read and written with it
mod h5;
mod onnx;
mod safetensors;
#[allow(dead_code)] // until Keras's layouts are read and written with it
mod shards;
mod whole;

pub use crate::config::{
    Config, FromConfig, Object, register_activation, register_constraint, register_initializer,
    register_layer, register_loss, register_metric, register_optimizer, register_regularizer,
    register_schedule,
};
pub(crate) use onnx::{Export, export_onnx};
pub(crate) use safetensors::{
    Notes, check_note, load_arrays, load_notes, load_safetensors, read_safetensors, save_arrays,
    save_safetensors,
};
pub(crate) use whole::{write_values, write_whole, write_with};

#[cfg(test)]
mod tests;

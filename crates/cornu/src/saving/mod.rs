//! Files of weights, and files that are written whole or not at all.

mod safetensors;
mod whole;

pub(crate) use safetensors::{load_safetensors, read_safetensors, save_safetensors};
pub(crate) use whole::{write_values, write_whole, write_with};

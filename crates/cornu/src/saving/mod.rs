//! Files of weights, and files that are written whole or not at all.

mod safetensors;
mod whole;

pub(crate) use safetensors::{
    Notes, check_note, load_arrays, load_notes, load_safetensors, read_safetensors, save_arrays,
    save_safetensors,
};
pub(crate) use whole::{write_values, write_whole, write_with};

//! What the targets share: a file for bytes, the limit of memory, a model to read weights into.
//!
//! A target hands bytes to a reader. It finds something when the reader panics, takes more than five
//! seconds, or wants more memory than [`MEMORY`].

pub mod json;

use cap::Cap;
use cornu::prelude::*;
use std::alloc::System;
use std::fs;
use std::path::{Path, PathBuf};

/// What a target may take, most of it for what libFuzzer keeps.
#[global_allocator]
pub static MEMORY: Cap<System> = Cap::new(System, 768 << 20);

/// A folder in memory that is this process's own.
pub fn folder() -> PathBuf {
    let shared = Path::new("/dev/shm");
    let above = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    let folder = above.join(format!("cornu-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// A file of these bytes.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).expect("a file can be written");
    path
}

/// The crate that parses HDF5 may panic: the reader makes an error of it. Only a panic that comes out
/// is a finding.
pub fn allow_caught_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// The model whose weights the seeds hold: `file_conv` of the fixtures.
pub fn model() -> Model {
    let json = include_str!("model.json");
    Model::from_json(json).expect("the model of the seeds")
}

/// Does with a model what a program does that was handed it.
pub fn use_model(model: &Model) {
    let _ = model.summary();
    let json = model.to_json().expect("what was read can be written");
    Model::from_json(&json).expect("what was written can be read");
}

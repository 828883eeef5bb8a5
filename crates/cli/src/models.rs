//! Models from files.

use cornu::model::Model;
use cornu::saving::ModelLoader;
use cornu::{Error, Result};
use std::path::Path;

/// The model of a file, compiled as it was.
pub fn load(path: &Path) -> Result<Model> {
    read(path, true)
}

/// The model of a file, not compiled: it predicts, and is there sooner.
pub fn load_to_predict(path: &Path) -> Result<Model> {
    read(path, false)
}

fn read(path: &Path, compile: bool) -> Result<Model> {
    let place = || path.display().to_string();
    if !path.exists() {
        return Err(Error::file("there is no such file").within(place()));
    }
    let model = ModelLoader::default().compile(compile).load(path);
    model.map_err(|error| match error.message() {
        // The library's advice is for who writes a program.
        message @ "it holds weights but no model" => Error::file(message).within(place()).help(
            "with the architecture of another file they make a model: \
             cornu convert WEIGHTS OUT.keras --model MODEL.keras",
        ),
        _ => error,
    })
}

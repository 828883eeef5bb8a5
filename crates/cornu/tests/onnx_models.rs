//! Models of every kind as ONNX: each layer of Keras's cases, each function, networks of many shapes.
//! What they compute is held against ONNX Runtime by `xtask/onnx/check.py`, for which this writes
//! them with what they predict:
//!
//!     cargo test -p cornu --test onnx_models -- --ignored

#[path = "support/layers.rs"]
mod layers;
#[path = "support/models.rs"]
mod models;
#[path = "support/onnx.rs"]
mod onnx;
mod support;

use cornu::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Check, as_json};

#[test]
fn every_layer_and_function_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let mut operators = BTreeSet::new();
    for (name, model) in models::everything() {
        let exported = model.and_then(|(model, _)| Ok(model.export(&path)?));
        exported.unwrap_or_else(|error| panic!("{name}: {error}"));
        let file = onnx::read(&path);
        file.check(&name);
        operators.extend(file.nodes.into_iter().map(|node| node.op));
    }
    // One of each group of primitive ops, and of the functions that ONNX knows by name.
    for op in ["Conv", "ConvTranspose", "MaxPool", "Gather", "ReduceMax", "ArgMin", "Selu"] {
        assert!(operators.contains(op), "{op} is not among {operators:?}");
    }
}

#[test]
#[ignore = "writes some hundred files for another program"]
fn models_are_written() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("onnx");
    let _ = fs::remove_dir_all(&folder);
    let mut failures = vec![];
    for (i, (name, model)) in models::everything().into_iter().enumerate() {
        let path = folder.join(format!("{i:03}.onnx"));
        let written = model.and_then(|(model, data)| write(&path, &name, &model, &data));
        failures.extend(written.err().map(|error| format!("{name}\n    {error}")));
    }
    println!("the models are in {}", folder.display());
    assert!(failures.is_empty(), "{} models:\n{}", failures.len(), failures.join("\n"));
}

/// Writes a model and what it predicts, for these data and for one more sample.
fn write(path: &Path, name: &str, model: &Model, data: &[Array]) -> Check {
    model.export(path)?;
    let rows = data[0].rows();
    let more: Vec<usize> = (0..rows).chain([0]).collect();
    let larger = data.iter().map(|x| x.take(&more)).collect::<Result<Vec<Array>>>()?;
    let runs = [data, &larger].map(|data| {
        let outputs = model.predict(data.to_vec()).batch_size(data[0].rows()).run_all()?;
        let text = |arrays: &[Array]| arrays.iter().map(as_json).collect::<Vec<Value>>();
        Ok(json!({ "inputs": text(data), "outputs": text(&outputs) }))
    });
    let runs = runs.into_iter().collect::<Result<Vec<Value>>>()?;
    let about = json!({ "name": name, "runs": runs });
    Ok(fs::write(path.with_extension("json"), about.to_string())?)
}

//! Models of every kind as files that Keras opens: each layer of Keras's cases, each function, networks
//! of many shapes, whatever Keras wrote itself and Cornu read, models trained here. What they compute,
//! and what one more step of training makes of them, is held against Keras by
//! `xtask/keras_files/check.py`, for which this writes them in every format:
//!
//!     cargo test -p cornu --test keras_written -- --ignored

#[path = "support/archives.rs"]
mod archives;
#[path = "support/layers.rs"]
mod layers;
#[path = "support/models.rs"]
mod models;
mod support;
#[path = "support/trained.rs"]
mod trained;

use cornu::load_model;
use cornu::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use support::{Check, Outcome, TOLERANCE, arrays, as_json, expect_close};

#[test]
fn what_is_written_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut failures = vec![];
    for (name, model) in models::everything() {
        let opened = model.and_then(|(model, data)| opens_again(folder.path(), &model, &data));
        failures.extend(opened.err().map(|error| format!("{name}\n    {error}")));
    }
    assert!(failures.is_empty(), "{} models:\n{}", failures.len(), failures.join("\n"));
}

fn opens_again(folder: &Path, model: &Model, data: &[Array]) -> Check {
    let expected = predict(model, data)?;
    for name in ["model.keras", "model.h5"] {
        let path = folder.join(name);
        model.save(&path)?;
        if predict(&load_model(&path)?, data)? != expected {
            return Err(format!("{name} predicts something else").into());
        }
    }
    Ok(())
}

#[test]
#[ignore = "writes some thousand files for another program"]
fn models_are_written() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("keras");
    let _ = fs::remove_dir_all(&folder);
    let mut writer = Writer { folder, failures: vec![], count: 0 };
    for (name, model) in models::everything() {
        writer.add("models", &name, model.map(|(model, data)| (model, About::of(data))));
    }
    let archive = archives::unpack("keras-3.15.1");
    for case in archives::cases(archive.path()) {
        if let Some(read) = read_again(archive.path(), &case) {
            writer.add("Keras's own", archives::text(&case, "name"), read);
        }
    }
    for (name, model) in trained::everything() {
        writer.add("trained", name, model);
    }
    println!("{} models are in {}", writer.count, writer.folder.display());
    assert!(
        writer.failures.is_empty(),
        "{} models:\n{}",
        writer.failures.len(),
        writer.failures.join("\n")
    );
}

/// What Keras made of these files, and saved again.
#[test]
#[ignore = "reads what another program left"]
fn what_keras_saved_again_opens() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("keras");
    let mut failures = vec![];
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("models_are_written wrote it") {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".again.keras") {
            count += 1;
            let opened = opens_as_said(&path, &folder.join(format!("{stem}.json")));
            failures.extend(opened.err().map(|error| format!("{name}\n    {error}")));
        }
    }
    assert!(count > 0, "there are no models that Keras saved in {}", folder.display());
    println!("{count} models were opened");
    assert!(failures.is_empty(), "{} models:\n{}", failures.len(), failures.join("\n"));
}

fn opens_as_said(path: &Path, about: &Path) -> Check {
    let about: Value = serde_json::from_slice(&fs::read(about)?)?;
    let model = load_model(path)?;
    let outputs = predict(&model, &arrays(&about["inputs"]))?;
    for (i, (ours, expected)) in outputs.iter().zip(arrays(&about["outputs"])).enumerate() {
        expect_close(&format!("output {i} of {}", about["name"]), ours, &expected, TOLERANCE)?;
    }
    Ok(())
}

/// What is asked of a model.
pub struct About {
    /// Inputs of a prediction.
    pub inputs: Vec<Array>,
    /// Inputs and targets of one more step of training.
    pub step: Option<(Vec<Array>, Vec<Array>)>,
    /// It can be trained here, but Keras does not know its loss.
    pub untrainable: bool,
}

impl About {
    /// Only predictions are asked.
    pub fn of(inputs: Vec<Array>) -> About {
        About { inputs, step: None, untrainable: false }
    }
}

/// A model that Keras wrote; nothing if Cornu is not to read it.
fn read_again(folder: &Path, case: &Value) -> Option<Outcome<(Model, About)>> {
    let whole = ["keras", "folder"].contains(&archives::text(case, "form"));
    let unbuilt = archives::text(case, "name") == "nest_unbuilt";
    if !whole
        || unbuilt
        || !case["error"].is_null()
        || !case["json"].is_null()
        || case["outputs"].is_null()
    {
        return None;
    }
    utils::clear_session();
    let model = load_model(folder.join(archives::text(case, "file"))).ok()?;
    let mut about = About::of(archives::arrays(&case["inputs"]));
    let compiled = model.not_compiled_because().is_none();
    if let Some(step) = case.get("step").filter(|s| compiled && s["sample_weight"].is_null()) {
        about.step = Some((archives::arrays(&step["x"]), archives::arrays(&step["y"])));
    }
    Some(Ok((model, about)))
}

/// Writes models into a folder, each with a JSON file that says what it computes.
struct Writer {
    folder: PathBuf,
    failures: Vec<String>,
    count: usize,
}

impl Writer {
    fn add(&mut self, kind: &str, name: &str, model: Outcome<(Model, About)>) {
        let path = self.folder.join(format!("{:03}", self.count));
        self.count += 1;
        let written = model.and_then(|(model, about)| write(&path, kind, name, model, &about));
        self.failures.extend(written.err().map(|error| format!("{name}\n    {error}")));
    }
}

fn write(path: &Path, kind: &str, name: &str, mut model: Model, about: &About) -> Check {
    for form in ["keras", "h5", "weights.h5", "weights.json"] {
        let path = path.with_extension(form);
        match form.starts_with("weights") {
            true => model.save_weights(path)?,
            false => model.save(path)?,
        }
    }
    model.save_unzipped(path.with_extension("folder"))?;
    let mut written = json!({
        "kind": kind,
        "name": name,
        "model": serde_json::from_str::<Value>(&model.to_json()?)?,
        "metadata": model.metadata("about"),
        "untrainable": about.untrainable,
        "inputs": text(&about.inputs),
        "outputs": text(&predict(&model, &about.inputs)?),
    });
    if let Some((x, y)) = &about.step {
        let logs = model.train_on_batch(x.clone(), y.clone())?;
        let figures = logs.iter().map(|(name, value)| (name.to_owned(), json!(value)));
        written["step"] = json!({
            "x": text(x),
            "y": text(y),
            "logs": figures.collect::<serde_json::Map<String, Value>>(),
            "outputs": text(&predict(&model, &about.inputs)?),
        });
    }
    Ok(fs::write(path.with_extension("json"), written.to_string())?)
}

fn predict(model: &Model, inputs: &[Array]) -> Outcome<Vec<Array>> {
    Ok(model.predict(inputs.to_vec()).verbose(0).run_all()?)
}

fn text(arrays: &[Array]) -> Vec<Value> {
    arrays.iter().map(as_json).collect()
}

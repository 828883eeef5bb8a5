//! `cornu convert`: models and weights from one format into another.

use crate::{models, say};
use clap::{Args, Command};
use cornu::model::Model;
use cornu::saving::{self, Inspection, TensorRole};
use cornu::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// What `cornu convert` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The file to read: .keras, .h5, .weights.h5, .weights.json or .safetensors
    #[arg(value_name = "FROM")]
    from: PathBuf,

    /// The file to write: the same, or .onnx
    #[arg(value_name = "TO")]
    to: PathBuf,

    /// A model of the architecture that the weights are of, if FROM holds
    /// weights alone
    #[arg(long, value_name = "MODEL", verbatim_doc_comment)]
    model: Option<PathBuf>,
}

/// The command, with its help.
pub fn command() -> Command {
    Options::augment_args(Command::new("convert"))
        .about("Converts models and weights: Keras's formats, safetensors, ONNX")
        .after_help(
            "The endings say the formats. Whole models: .keras and .h5; weights alone: .weights.h5,
.weights.json (several files) and .safetensors; for other programs: .onnx. What the other format
cannot hold is told.

Examples:
  cornu convert old.h5 model.keras
  cornu convert runs/mlp/model.keras mlp.onnx
  cornu convert model.keras model.weights.h5
  cornu convert model.safetensors new.keras --model model.keras",
        )
}

/// Converts and tells what is not in the new file.
pub fn run(options: &Options) -> Result<()> {
    let Options { from, to, model } = options;
    let target = Target::of(to)?;
    if !from.exists() {
        return Err(Error::file("there is no such file").within(from.display().to_string()));
    }
    let before = saving::inspect(from)?;
    if model.is_some() || target != Target::Weights || !as_it_stands(from, to)? {
        target.write(&read(&before, from, model.as_deref(), target)?, to)?;
    }
    let after = match target {
        Target::Onnx => None,
        _ => Some(saving::inspect(to)?),
    };
    for lost in lost(&before, after.as_ref()) {
        say::aside(format_args!("note: not in {}: {lost}", to.display()));
    }
    say::line(format_args!("Written to {}.", to.display()));
    Ok(())
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Model,
    /// In Keras 3's tree.
    Weights,
    Safetensors,
    Onnx,
}

impl Target {
    /// By the name of the file.
    fn of(path: &Path) -> Result<Target> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match () {
            () if is(&[".weights.h5", ".weights.json"]) => Ok(Target::Weights),
            () if is(&[".keras", ".h5", ".hdf5"]) => Ok(Target::Model),
            () if is(&[".safetensors"]) => Ok(Target::Safetensors),
            () if is(&[".onnx"]) => Ok(Target::Onnx),
            () => Err(Error::new(ErrorKind::Unsupported, "its ending stands for no known format")
                .within(path.display().to_string())
                .help("known are: .keras, .h5, .weights.h5, .weights.json, .safetensors, .onnx")),
        }
    }

    fn write(self, model: &Model, to: &Path) -> Result<()> {
        match self {
            Target::Model => model.save(to),
            Target::Weights | Target::Safetensors => model.save_weights(to),
            Target::Onnx => model.export(to),
        }
    }
}

/// Brings weights over without their model, if the formats allow it: also of a model that cannot be
/// loaded.
fn as_it_stands(from: &Path, to: &Path) -> Result<bool> {
    match saving::convert_weights(from, to) {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(false),
        done => done.map(|()| true),
    }
}

/// The model to write.
fn read(
    before: &Inspection,
    from: &Path,
    architecture: Option<&Path>,
    target: Target,
) -> Result<Model> {
    if let Some(architecture) = architecture {
        // Of the other file the architecture is taken alone: what it was trained to is not known
        // of these weights.
        let mut model = models::load_to_predict(architecture)?;
        model.load_weights(from)?;
        return Ok(model);
    }
    if before.model.is_none() {
        let what = match target {
            Target::Model => "a model is to be written",
            Target::Onnx => ".onnx holds a model",
            Target::Weights | Target::Safetensors => {
                "what the weights are called in the other format follows from the model"
            }
        };
        return Err(Error::file(format!("it holds weights but no model, and {what}"))
            .within(from.display().to_string())
            .help("name a file with the model that they are of: --model MODEL.keras"));
    }
    let model = models::load(from)?;
    if let Some(reason) = model.not_compiled_because() {
        say::aside(format_args!("note: the model is not compiled as its file says: {reason}"));
    }
    Ok(model)
}

/// What the one file holds and the other does not.
fn lost(before: &Inspection, after: Option<&Inspection>) -> Vec<String> {
    let nothing = Inspection::default();
    let (is_onnx, after) = (after.is_none(), after.unwrap_or(&nothing));
    let mut lost = vec![];
    let mut add = |is_lost: bool, what: &str| {
        if is_lost {
            lost.push(what.to_owned());
        }
    };
    let has_model = |file: &Inspection| file.model.is_some();
    add(has_model(before) && !has_model(after) && !is_onnx, "the architecture of the model");
    let is_compiled = |file: &Inspection| file.compiled.is_some();
    add(is_compiled(before) && !is_compiled(after), "what the model was compiled with");
    let state = |file: &Inspection| file.tensors_of(TensorRole::Optimizer).count();
    add(state(before) > state(after), "the optimizer's state");
    let epoch = |file: &Inspection| file.epoch.unwrap_or(0);
    add(
        epoch(before) > epoch(after),
        "how long it was trained, and the state of its random numbers",
    );
    let keeps = |key: &String| after.metadata.contains_key(key) || is_onnx;
    let keys: Vec<&str> =
        before.metadata.keys().filter(|key| !keeps(key)).map(String::as_str).collect();
    add(!keys.is_empty(), &format!("metadata ({})", keys.join(", ")));
    let assets = before.assets.keys().filter(|name| !after.assets.contains_key(*name)).count();
    add(assets > 0, &format!("{assets} further files"));
    let narrow = |file: &Inspection| {
        file.tensors.iter().map(|t| t.dtype.clone()).find(|dtype| !is_plain(dtype))
    };
    if let Some(dtype) = narrow(before).filter(|_| narrow(after).is_none()) {
        lost.push(format!("numbers as {dtype}: they become what Cornu computes with"));
    }
    lost
}

/// Whether Cornu has such numbers itself.
fn is_plain(dtype: &str) -> bool {
    ["float32", "int32", "uint8", "bool"].contains(&dtype)
}

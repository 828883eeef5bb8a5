//! Looking into files, format by format. What of a file is damaged becomes a problem among others.

use super::layers::{compiled, find_problems, problem, tree};
use super::{InspectedTensor, Inspection, TensorRole};
use crate::saving::archive::{self, Archive};
use crate::saving::h5::{Attribute, Group, Stored};
use crate::saving::keras::{self, legacy};
use crate::saving::{Format, list_arrays, load, read_file, shards, weights};
use cornu_graph::{Array, Error, Result};
use serde_json::Value;
use std::fs;
use std::panic::Location;
use std::path::Path;

/// Where Cornu's own files are in an archive; what is of interest in them is told otherwise.
const OWN: &str = "assets/cornu/state.json";

/// What the file holds.
pub(super) fn gather(path: &Path, line: &'static Location<'static>) -> Result<Inspection> {
    let mut found = Inspection { path: path.display().to_string(), ..Inspection::default() };
    found.bytes = size_of(path);
    match Format::of_file(path)? {
        Format::Keras => in_archive(&mut found, path)?,
        Format::Hdf5 => in_hdf5(&mut found, Group::read(read_file(path)?)?),
        Format::Shards => in_shards(&mut found, path)?,
        Format::Safetensors => in_safetensors(&mut found, path)?,
        other => return Err(other.unsupported("look into")),
    }
    if found.model.is_some() {
        try_loading(&mut found, path, line);
    }
    Ok(found)
}

/// The bytes of a file or of all files in a folder; links are not followed.
fn size_of(path: &Path) -> u64 {
    let size = |metadata: fs::Metadata| if metadata.is_file() { metadata.len() } else { 0 };
    match fs::read_dir(path) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| match entry.file_type() {
                Ok(kind) if kind.is_dir() => size_of(&entry.path()),
                _ => entry.metadata().map_or(0, size),
            })
            .sum(),
        Err(_) => fs::metadata(path).map_or(0, size),
    }
}

impl Inspection {
    /// A part of the file, unless it cannot be read.
    fn part<T>(&mut self, place: &str, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.problems.push(problem(place, &error))).ok()
    }

    fn json(&mut self, place: &str, bytes: Result<Vec<u8>>) -> Option<Value> {
        let wrong = |e| Error::file(format!("it is no JSON: {e}"));
        self.part(place, bytes.and_then(|b| serde_json::from_slice(&b).map_err(wrong)))
    }
}

fn in_archive(found: &mut Inspection, path: &Path) -> Result<()> {
    let mut archive = Archive::open(path)?;
    let names: Vec<String> = archive.names().into_iter().map(str::to_owned).collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    found.format = match path.is_dir() {
        true => "Keras 3, an unpacked archive",
        false => "Keras 3, an archive (.keras)",
    }
    .into();
    if has(archive::METADATA)
        && let Some(metadata) = found.json(archive::METADATA, archive.read(archive::METADATA))
    {
        found.writer = writer(&metadata);
    }
    let state = keras::state_of(&mut archive);
    if let Some(state) = found.part(OWN, state) {
        found.metadata = state.metadata;
        found.epoch = Some(state.epoch).filter(|_| has(OWN));
        found.compiled = state.compile.as_ref().map(compiled);
    }
    if let Some(config) = found.json(archive::CONFIG, archive.read(archive::CONFIG)) {
        model(found, &config, config.get("compile_config"));
    }
    if let Some(root) = found.part(archive::WEIGHTS, keras::weights_of(&mut archive)) {
        walk(&root, "", &mut found.tensors);
    }
    for name in names.iter().filter(|name| name.starts_with(archive::ASSETS) && *name != OWN) {
        if let Some(bytes) = found.part(name, archive.read(name)) {
            found.assets.insert(name.clone(), bytes.len() as u64);
        }
    }
    Ok(())
}

/// The model of a configuration, and what it was compiled with, if that is not better known.
fn model(found: &mut Inspection, config: &Value, compile: Option<&Value>) {
    found.model = Some(tree(config));
    find_problems(config, &mut found.problems);
    let compile = compile.filter(|c| c.as_object().is_some_and(|fields| !fields.is_empty()));
    if found.compiled.is_none() {
        found.compiled = compile.map(compiled);
    }
}

fn writer(metadata: &Value) -> Option<String> {
    let keras = metadata["keras_version"].as_str().map(|version| format!("Keras {version}"));
    match metadata["cornu_version"].as_str() {
        Some(version) => {
            let keras = keras.map_or(String::new(), |keras| format!(", as {keras} writes it"));
            Some(format!("Cornu {version}{keras}"))
        }
        None => keras,
    }
}

fn in_hdf5(found: &mut Inspection, root: Group) {
    let is_legacy = legacy::is_legacy(&root);
    found.format = match root.text("model_config") {
        Some(_) => "HDF5, Keras's older format of whole models (.h5)",
        None if is_legacy => "HDF5, weights as Keras 2 writes them (.h5)",
        None => "HDF5, weights as Keras 3 writes them (.weights.h5)",
    }
    .into();
    found.writer = root.text("keras_version").map(|version| match root.text("backend") {
        Some("cornu") => format!("Cornu, as Keras {version} writes it"),
        Some(backend) => format!("Keras {version} on {backend}"),
        None => format!("Keras {version}"),
    });
    if let Some(metadata) = found.part("metadata", weights::said(&root)) {
        found.metadata = metadata;
    }
    let mut json = |key: &str| {
        let text = root.text(key)?.as_bytes().to_vec();
        found.json(key, Ok(text))
    };
    let (config, training) = (json("model_config"), json("training_config"));
    if let Some(config) = config {
        model(found, &config, training.as_ref());
    }
    walk(&root, "", &mut found.tensors);
}

fn in_shards(found: &mut Inspection, path: &Path) -> Result<()> {
    let files = shards::files(&read_file(path)?)?;
    found.format = format!("weights as Keras 3 writes them, in {} files", files.len());
    found.bytes += files.iter().map(|name| size_of(&path.with_file_name(name))).sum::<u64>();
    walk(&shards::load(path)?, "", &mut found.tensors);
    Ok(())
}

fn in_safetensors(found: &mut Inspection, path: &Path) -> Result<()> {
    let (arrays, notes) = list_arrays(path)?;
    found.format = "safetensors: names and values of weights".into();
    found.metadata = notes;
    for listed in arrays {
        let array = found.part(&listed.name, listed.array);
        let mut tensor = described(listed.name, &listed.dtype, listed.shape, array.as_ref());
        tensor.bytes = listed.bytes;
        found.tensors.push(tensor);
    }
    Ok(())
}

/// All arrays of a tree, `dense_2` before `dense_10`.
fn walk(group: &Group, path: &str, tensors: &mut Vec<InspectedTensor>) {
    let layer = match group.attributes.get("name") {
        Some(Attribute::Text(name)) => Some(name.clone()),
        _ => None,
    };
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    };
    let mut arrays: Vec<(&String, &Stored)> = group.arrays.iter().collect();
    arrays.sort_by_key(|(name, _)| numbered(name));
    for (name, Stored { array, dtype }) in arrays {
        let tensor = described(below(name), dtype, array.shape().to_vec(), Some(array));
        tensors.push(InspectedTensor { layer: layer.clone(), ..tensor });
    }
    let mut groups: Vec<(&String, &Group)> = group.groups.iter().collect();
    groups.sort_by_key(|(name, _)| numbered(name));
    groups.into_iter().for_each(|(name, inner)| walk(inner, &below(name), tensors));
}

/// A name as its beginning and the number at its end.
fn numbered(name: &str) -> (&str, u64) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().unwrap_or(0))
}

fn described(
    path: String,
    dtype: &str,
    shape: Vec<usize>,
    array: Option<&Array>,
) -> InspectedTensor {
    let of_optimizer = path.starts_with("optimizer/") || path.starts_with("optimizer_weights/");
    let role = if of_optimizer { TensorRole::Optimizer } else { TensorRole::Weight };
    let mut tensor = InspectedTensor {
        path,
        role,
        bytes: (shape.iter().product::<usize>() * width(dtype)) as u64,
        dtype: dtype.to_owned(),
        shape,
        ..InspectedTensor::default()
    };
    if let Some(array) = array {
        measure(&mut tensor, &array.values().to_f64());
    }
    tensor
}

/// The bytes of a value of a type, by NumPy's name.
fn width(dtype: &str) -> usize {
    let digits = dtype.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.parse().map_or(1, |bits: usize| bits / 8)
}

fn measure(tensor: &mut InspectedTensor, values: &[f64]) {
    let (mut min, mut max, mut sum, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0usize);
    for value in values.iter().filter(|value| value.is_finite()) {
        (min, max) = (min.min(*value), max.max(*value));
        (sum, count) = (sum + value, count + 1);
    }
    tensor.not_finite = values.len() - count;
    if count > 0 {
        tensor.min = Some(min);
        tensor.max = Some(max);
        tensor.mean = Some(sum / count as f64);
    }
}

/// What would go wrong where the file is loaded, if nothing is known to be wrong yet.
fn try_loading(found: &mut Inspection, path: &Path, line: &'static Location<'static>) {
    if !found.problems.is_empty() {
        return;
    }
    if let Some(model) = found.part("the model", load::read_model(path, true, line))
        && let Some(error) = model.not_compiled_because()
    {
        found.problems.push(problem("what it was compiled with", error));
    }
}

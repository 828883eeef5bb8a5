//! Weights in several files: `x.weights.json` says in which of `x_00000.weights.h5`,
//! `x_00001.weights.h5` and so on they are.

use super::h5::{Group, Stored};
use super::{check_values, write_whole};
use crate::data::raw;
use crate::names::short;
use cornu_graph::{Error, Result};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The longest `.weights.json`.
const MAX_JSON: u64 = 64 << 20;

/// Reads the weights of all files as one tree.
///
/// # Errors
/// If a file is missing, is not what it should be, or has an array that another has, too.
pub(crate) fn load(path: &Path) -> Result<Group> {
    let (reader, len) = raw::open(path)?;
    let mut json = Vec::new();
    reader.take(MAX_JSON + 1).read_to_end(&mut json).map_err(raw::broken)?;
    if len.max(json.len() as u64) > MAX_JSON {
        return Err(Error::file(format!("it has more than {MAX_JSON} bytes")));
    }
    let mut tree = Group::default();
    for name in files(&json)? {
        let shard = fs::read(path.with_file_name(&name)).map_err(raw::broken).and_then(Group::read);
        let shard = shard.and_then(|shard| tree.merge(shard));
        shard.map_err(|e| e.within(short(&name)))?;
    }
    Ok(tree)
}

/// The files that a `.weights.json` names: they lie beside it.
///
/// # Errors
/// If it is not what Keras writes, or a name leads elsewhere.
pub(crate) fn files(json: &[u8]) -> Result<BTreeSet<String>> {
    check_values(json)?;
    let json: Value = serde_json::from_slice(json)
        .map_err(|e| Error::file(format!("not the JSON of sharded weights: {e}")))?;
    let Some(map) = json.get("weight_map").and_then(Value::as_object) else {
        return Err(Error::file("not the JSON of sharded weights: it lacks \"weight_map\""));
    };
    let mut files = BTreeSet::new();
    for (path, names) in map {
        let names = match names {
            Value::Array(names) => names.as_slice(),
            name => std::slice::from_ref(name),
        };
        for name in names {
            let plain = name.as_str().filter(|name| is_plain(name)).ok_or_else(|| {
                let (name, path) = (short(&name.to_string()), short(path));
                Error::file(format!("{name}, where '{path}' is, is no file beside it"))
            })?;
            files.insert(plain.to_string());
        }
    }
    Ok(files)
}

/// Whether it names a file in the same folder, on every system.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '\0'])
}

/// Writes a tree to several files of at most so many bytes of values each, but for arrays that are
/// larger, and the `.weights.json` that names them. That one is written last.
///
/// # Errors
/// If the path does not end with `.weights.json`, or a file cannot be written.
pub(crate) fn save(path: &Path, tree: &Group, max_bytes: u64) -> Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(stem) = name.strip_suffix(".weights.json") else {
        let path = path.display();
        return Err(Error::value(format!("expected a path that ends with .weights.json: {path}")));
    };
    let mut shards = Shards::new(stem, max_bytes);
    shards.add(tree, "");
    for (index, shard) in shards.files.iter().enumerate() {
        write_whole(&path.with_file_name(shards.name(index)), &shard.to_bytes()?)?;
    }
    let json = json!({ "metadata": { "total_size": shards.total }, "weight_map": shards.map });
    write_whole(path, format!("{json:#}").as_bytes())
}

/// A tree that is being split.
struct Shards<'a> {
    stem: &'a str,
    max_bytes: u64,
    files: Vec<Group>,
    /// Bytes of values in the last file, and in all.
    last: u64,
    total: u64,
    map: Map<String, Value>,
}

impl<'a> Shards<'a> {
    fn new(stem: &'a str, max_bytes: u64) -> Shards<'a> {
        let files = vec![Group::default()];
        Shards { stem, max_bytes, files, last: 0, total: 0, map: Map::new() }
    }

    fn name(&self, index: usize) -> String {
        format!("{}_{index:05}.weights.h5", self.stem)
    }

    fn add(&mut self, group: &Group, path: &str) {
        // What is said about a group stands where its first array is.
        let mut attributes = Some(group.attributes.clone());
        let mut names = Vec::new();
        for (name, stored) in in_order(group) {
            self.make_room(stored);
            let file = self.files.len() - 1;
            let inner = self.files[file].make(path);
            inner.attributes.extend(attributes.take().unwrap_or_default());
            inner.arrays.insert(name.clone(), stored.clone());
            if names.last() != Some(&self.name(file)) {
                names.push(self.name(file));
            }
        }
        if let Some(attributes) = attributes {
            self.files.last_mut().expect("there is one").make(path).attributes.extend(attributes);
        }
        if !names.is_empty() {
            self.map.insert(format!("/{path}"), json!(names));
        }
        for (name, group) in &group.groups {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            self.add(group, &path);
        }
    }

    /// Begins another file if an array does not fit the last one.
    fn make_room(&mut self, stored: &Stored) {
        let size = (stored.array.len() * stored.array.dtype().size()) as u64;
        if self.last > 0 && self.last + size > self.max_bytes {
            self.files.push(Group::default());
            self.last = 0;
        }
        self.last += size;
        self.total += size;
    }
}

/// The arrays of a group, `2` before `10`.
fn in_order(group: &Group) -> Vec<(&String, &Stored)> {
    let mut arrays: Vec<(&String, &Stored)> = group.arrays.iter().collect();
    arrays.sort_by_cached_key(|(name, _)| (name.parse::<usize>().unwrap_or(usize::MAX), *name));
    arrays
}

#[cfg(test)]
mod tests;

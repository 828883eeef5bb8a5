//! The container of `.keras` files: a zip archive of a few files, or a folder with the same files
//! in it. Nothing is ever unpacked to the disk.

mod write;
mod zipped;

#[cfg(test)]
pub(crate) use write::to_bytes;
pub(crate) use write::{write_file, write_folder};

use crate::data::raw;
use crate::names::short;
use cornu_graph::{Error, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
#[cfg(test)]
use std::io::Cursor;
use std::io::Read;
use std::path::{Path, PathBuf};
use zipped::{Seekable, Zipped};

pub(crate) const METADATA: &str = "metadata.json";
pub(crate) const CONFIG: &str = "config.json";
pub(crate) const WEIGHTS: &str = "model.weights.h5";

/// What layers keep beside their weights is under this folder.
pub(crate) const ASSETS: &str = "assets/";

/// The most bytes of a JSON file, and of all assets together.
const MAX_JSON: u64 = 64 << 20;
const MAX_ASSETS: u64 = 256 << 20;

/// Files in a folder, and folders in folders.
const MAX_FILES: usize = 100_000;
const MAX_DEPTH: usize = 32;

/// What an archive is made of: contents by their names.
pub(crate) type Members = BTreeMap<String, Vec<u8>>;

/// An archive that was opened. Its members are read one by one.
pub(crate) struct Archive {
    members: Source,
    /// What all assets together may still take.
    assets_left: u64,
}

enum Source {
    Zip(Zipped),
    /// Sizes and places by name.
    Folder(BTreeMap<String, (u64, PathBuf)>),
}

impl Archive {
    /// Opens a zip archive or a folder, whichever it is.
    ///
    /// # Errors
    /// If it cannot be read, is neither, is damaged, or has a member twice or under a name that
    /// leads out of it.
    pub fn open(path: &Path) -> Result<Archive> {
        if path.is_dir() {
            let mut members = BTreeMap::new();
            list(path, "", 0, &mut members)?;
            return Ok(Archive::of(Source::Folder(members)));
        }
        let (reader, len) = raw::open(path)?;
        Archive::zipped(Box::new(reader), len)
    }

    /// Opens a zip archive in memory.
    ///
    /// # Errors
    /// As [`Archive::open`].
    #[cfg(test)]
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Archive> {
        let len = bytes.len() as u64;
        Archive::zipped(Box::new(Cursor::new(bytes)), len)
    }

    fn zipped(reader: Box<dyn Seekable>, len: u64) -> Result<Archive> {
        Ok(Archive::of(Source::Zip(Zipped::new(reader, len)?)))
    }

    fn of(members: Source) -> Archive {
        Archive { members, assets_left: MAX_ASSETS }
    }

    /// The names of the members, in order: `assets/lookup/vocabulary.txt`.
    pub fn names(&self) -> Vec<&str> {
        match &self.members {
            Source::Zip(zip) => zip.names().collect(),
            Source::Folder(members) => members.keys().map(String::as_str).collect(),
        }
    }

    /// Reads a member whole.
    ///
    /// # Errors
    /// If there is none, it is damaged, encrypted, compressed in an unusual way, or larger than a
    /// member of its name may be: JSON 64 MiB, all assets together 256 MiB, anything 100 times its
    /// stored size.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>> {
        let most = match name {
            _ if name.starts_with(ASSETS) => self.assets_left,
            _ if name.ends_with(".json") => MAX_JSON,
            _ => u64::MAX,
        };
        let bytes = match &mut self.members {
            Source::Zip(zip) => zip.read(name, most),
            Source::Folder(members) => match members.get(name) {
                Some((size, path)) => read_file(path, *size, most),
                None => Err(lacks(name, members.keys().map(String::as_str))),
            },
        };
        let bytes = bytes.map_err(|e| e.within(short(name)))?;
        if name.starts_with(ASSETS) {
            self.assets_left = self.assets_left.saturating_sub(bytes.len() as u64);
        }
        Ok(bytes)
    }
}

/// Lists the files of a folder and those below it. Links are passed over.
fn list(
    folder: &Path,
    prefix: &str,
    depth: usize,
    members: &mut BTreeMap<String, (u64, PathBuf)>,
) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(raw::broken)? {
        let entry = entry.map_err(raw::broken)?;
        let metadata = entry.metadata().map_err(raw::broken)?;
        let Ok(own) = entry.file_name().into_string() else { continue };
        let name = format!("{prefix}{own}");
        if metadata.is_dir() {
            if depth == MAX_DEPTH {
                return Err(Error::file("folders lie too deep in folders").within(short(&name)));
            }
            list(&entry.path(), &format!("{name}/"), depth + 1, members)?;
        } else if metadata.is_file() {
            members.insert(name, (metadata.len(), entry.path()));
        }
        if members.len() > MAX_FILES {
            return Err(Error::file(format!("the folder holds more than {MAX_FILES} files")));
        }
    }
    Ok(())
}

fn read_file(path: &Path, size: u64, most: u64) -> Result<Vec<u8>> {
    check_size(size, most)?;
    let mut bytes = Vec::with_capacity(size as usize);
    let file = File::open(path).map_err(raw::broken)?;
    // A file that grows while it is read is read as far as it was.
    file.take(size).read_to_end(&mut bytes).map_err(raw::broken)?;
    Ok(bytes)
}

fn check_size(size: u64, most: u64) -> Result<()> {
    if size <= most {
        return Ok(());
    }
    Err(Error::file(format!("it has {size} bytes, which is more than the limit of {most}")))
}

fn lacks<'a>(name: &str, members: impl Iterator<Item = &'a str>) -> Error {
    let members: Vec<String> = members.take(10).map(short).collect();
    Error::file("there is no such file in the archive").help(match (name, members.is_empty()) {
        (_, true) => "the archive is empty".into(),
        (CONFIG, _) if members.iter().any(|m| m == "saved_model.pb") => {
            "this is a SavedModel of TensorFlow: save the model with `model.save(\"model.keras\")`"
                .into()
        }
        _ => format!("it has: {}", members.join(", ")),
    })
}

#[cfg(test)]
mod tests;

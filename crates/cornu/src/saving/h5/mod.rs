//! HDF5, the container of Keras's weights, as a plain tree of groups and arrays in memory.
//!
//! The bytes are read and written by the crate `hdf5-pure`; nothing of it is seen outside this
//! folder. Reading believes nothing: see `read.rs` for what a file may not do.

mod metered;
mod read;
mod values;
mod write;

use crate::names::short;
use cornu_graph::{Array, Error, ErrorKind, Result};
use std::collections::BTreeMap;

/// The most bytes of names that one attribute holds. Longer lists are split over several:
/// `weight_names0`, `weight_names1` and so on, as all versions of Keras read and write them.
const MAX_NAMES: usize = 64_512;

/// A group: what HDF5 has for a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    pub attributes: BTreeMap<String, Attribute>,
    pub groups: BTreeMap<String, Group>,
    pub arrays: BTreeMap<String, Stored>,
}

/// An array of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub array: Array,
    /// The type that it has in the file, by NumPy's name: `float16`, `int64`. The array holds the
    /// nearest that Cornu has. Arrays are written as what they are, not as this.
    pub dtype: String,
}

impl From<Array> for Stored {
    fn from(array: Array) -> Stored {
        Stored { dtype: array.dtype().to_string(), array }
    }
}

/// What is said about a group, under a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    Text(String),
    /// Read and written by [`Group::texts`] and [`Group::set_texts`].
    Texts(Vec<String>),
    Number(f64),
    /// An empty list is this, of texts too: so Keras writes it.
    Numbers(Vec<f64>),
}

impl Group {
    /// Reads the bytes of a file.
    ///
    /// `float16`, `bfloat16` and `float64` become `float32`; integers of other sizes become
    /// `int32`. Links to other places and other files are not followed: what they name is not in
    /// the tree.
    ///
    /// # Errors
    /// If it is no HDF5 file, is cut short or damaged, holds values of other types or an integer
    /// that does not fit `int32`, or tries to use more memory or time than its size explains.
    pub fn read(bytes: Vec<u8>) -> Result<Group> {
        read::read(bytes)
    }

    /// The bytes of a file: for the same tree the same ones. HDF5 1.8 and later read it.
    ///
    /// # Errors
    /// If a name is empty or has a `/`, or a list of texts takes too much room for one attribute.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        write::to_bytes(self)
    }

    /// The group at a path, `layers/dense/vars`. An empty path is the group itself.
    pub fn at(&self, path: &str) -> Option<&Group> {
        names(path).try_fold(self, |group, name| group.groups.get(name))
    }

    /// The group at a path, made with those on the way to it where they are missing.
    pub fn make(&mut self, path: &str) -> &mut Group {
        names(path).fold(self, |group, name| group.groups.entry(name.into()).or_default())
    }

    /// The array at a path, `sequential/dense/kernel`.
    pub fn array(&self, path: &str) -> Option<&Stored> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.at(folder)?.arrays.get(name)
    }

    /// Puts an array at a path, and makes the groups on the way to it.
    pub fn insert(&mut self, path: &str, array: Array) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.make(folder).arrays.insert(name.into(), array.into());
    }

    /// Takes over all that another tree has: the rest of a model that is split over several files.
    ///
    /// # Errors
    /// If an array is in both.
    pub fn merge(&mut self, other: Group) -> Result<()> {
        for (name, stored) in other.arrays {
            if self.arrays.contains_key(&name) {
                return Err(Error::file(format!("the array '{}' is there twice", short(&name))));
            }
            self.arrays.insert(name, stored);
        }
        for (name, group) in other.groups {
            let own = self.groups.entry(name.clone()).or_default();
            own.merge(group).map_err(|e| e.within(short(&name)))?;
        }
        for (name, attribute) in other.attributes {
            self.attributes.entry(name).or_insert(attribute);
        }
        Ok(())
    }

    /// How many numbers all arrays hold.
    pub fn numbers(&self) -> usize {
        let own: usize = self.arrays.values().map(|stored| stored.array.len()).sum();
        own + self.groups.values().map(Group::numbers).sum::<usize>()
    }

    /// The arrays whose names are numbers, in the order of these: `2` before `10`.
    pub fn numbered(&self) -> Vec<&Stored> {
        let arrays = self.arrays.iter();
        let mut numbered: Vec<(usize, &Stored)> =
            arrays.filter_map(|(name, stored)| Some((name.parse().ok()?, stored))).collect();
        numbered.sort_by_key(|&(number, _)| number);
        numbered.into_iter().map(|(_, stored)| stored).collect()
    }

    /// A text that is said about the group.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.attributes.get(name)? {
            Attribute::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list of texts that is said about the group, joined where it is split over several
    /// attributes.
    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        if let Some(attribute) = self.attributes.get(name) {
            return Some(attribute.texts()?.to_vec());
        }
        let pieces = (0..).map_while(|i| self.attributes.get(&format!("{name}{i}"))?.texts());
        let pieces: Vec<&[String]> = pieces.collect();
        (!pieces.is_empty()).then(|| pieces.concat())
    }

    /// Says a list of texts about the group, split over several attributes where it is too long
    /// for one.
    pub fn set_texts(&mut self, name: &str, texts: Vec<String>) {
        // In the file all are as long as the longest.
        let longest = texts.iter().map(String::len).max().unwrap_or(0).max(1);
        let piece = (MAX_NAMES / longest).max(1);
        if texts.len() <= piece {
            self.attributes.insert(name.into(), Attribute::Texts(texts));
            return;
        }
        for (i, piece) in texts.chunks(piece).enumerate() {
            self.attributes.insert(format!("{name}{i}"), Attribute::Texts(piece.to_vec()));
        }
    }
}

impl Attribute {
    fn texts(&self) -> Option<&[String]> {
        match self {
            Attribute::Texts(texts) => Some(texts),
            Attribute::Text(text) => Some(std::slice::from_ref(text)),
            Attribute::Numbers(numbers) if numbers.is_empty() => Some(&[]),
            _ => None,
        }
    }
}

/// The names of a path. A `/` at its beginning or end says nothing.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// An error about something that the format has, but Cornu does not read.
fn unsupported(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}

#[cfg(test)]
mod tests;

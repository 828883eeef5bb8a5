//! NumPy's files: one array (.npy) or several with names (.npz, a zip archive of .npy files).

use super::npy;
use super::raw::{self, Room};
use crate::saving::{write_values, write_with};
use cornu_graph::{Array, Error, Result};
use std::io::{BufReader, Read, Seek};
use std::ops::Index;
use std::path::Path;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// Reads a .npy file, as `numpy.save` writes it, row by row or column by column, in either byte
/// order.
///
/// `float64` becomes `float32`, rounded; 8-bit signed, 16-bit and 64-bit integers become `int32`;
/// `uint8`, `int32`, `float32` and `bool` stay what they are.
///
/// # Errors
/// If the file cannot be read, is no NumPy array, is cut short, goes on after its values, holds
/// Python objects, records or another type, or an integer does not fit `int32`.
///
/// ```
/// use cornu::data::{read_npy, write_npy};
/// use cornu::prelude::*;
///
/// let path = std::env::temp_dir().join("cornu-doc-read_npy.npy");
/// let embeddings = Array::new([2, 2], vec![0.5f32, 1.0, -1.0, 2.0])?;
/// write_npy(&path, &embeddings)?; // numpy.load(path) reads it
/// assert_eq!(read_npy(&path)?, embeddings);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), cornu::Error>(())
/// ```
pub fn read_npy(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    raw::open(path)
        .and_then(|(mut reader, len)| npy::read(&mut reader, Room::plain(len)))
        .map_err(|e| e.within(path.display().to_string()))
}

/// Writes an array to a .npy file that `numpy.load` reads. A file that was there is replaced only
/// once the new one is whole.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npy(path: impl AsRef<Path>, array: &Array) -> Result<()> {
    write_with(path.as_ref(), |file| {
        file.write_all(&npy::header(array))?;
        write_values(array.values(), file)
    })
}

/// Reads a .npz file, as `numpy.savez` and `numpy.savez_compressed` write it. The types of the
/// values become what [`read_npy`] says. Members that are not .npy files are passed over.
///
/// Compressed arrays may inflate to 1 GiB in all, or to 100 times the size of the file, whichever
/// is more.
///
/// # Errors
/// If the file cannot be read, is no zip archive, is damaged, holds no array, or one that
/// [`read_npy`] would refuse.
///
/// ```no_run
/// let mnist = cornu::data::read_npz("mnist.npz")?;
/// assert_eq!(mnist["x_train"].shape(), [60_000, 28, 28]);
/// let labels = mnist.get("y_train")?;
/// # Ok::<(), cornu::Error>(())
/// ```
pub fn read_npz(path: impl AsRef<Path>) -> Result<Npz> {
    let path = path.as_ref();
    raw::open(path)
        .and_then(|(reader, len)| read_archive(reader, len))
        .map_err(|e| e.within(path.display().to_string()))
}

fn read_archive<R: Read + Seek>(mut reader: BufReader<R>, len: u64) -> Result<Npz> {
    let mut start = [0; 8];
    let found = raw::fill(&mut reader, &mut start)?;
    if !start[..found].starts_with(b"PK") {
        let found = raw::describe(&start[..found]);
        return Err(Error::file(format!("not a .npz file: expected a zip archive, found {found}")));
    }
    let mut archive = ZipArchive::new(reader).map_err(broken_zip)?;
    // Shared by all members, so that many that claim the same compressed bytes are no bomb.
    let mut left = Room::inflated(len);
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(broken_zip)?;
        let file_name = member.name().map_err(broken_zip)?.into_owned();
        let Some(name) = file_name.strip_suffix(".npy") else { continue };
        let compressed = member.compressed_size().min(len);
        let room = match member.compression() {
            CompressionMethod::Stored => Room::plain(compressed),
            _ => Room::deflated(compressed),
        };
        let array = npy::read(&mut member, room.at_most(left)).map_err(|e| e.within(&file_name))?;
        left = left.saturating_sub((array.len() * array.dtype().size()) as u64);
        arrays.push((name.to_string(), array));
    }
    if arrays.is_empty() {
        return Err(Error::file("not a .npz file: expected .npy files in it, found none"));
    }
    Ok(Npz { arrays })
}

fn broken_zip(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => raw::broken(error),
        ZipError::CompressionMethodNotSupported(method) => {
            Error::file(format!("it is compressed with method {method}, which is not supported"))
                .help("numpy.savez and numpy.savez_compressed write what Cornu reads")
        }
        ZipError::InvalidArchive(why) => {
            Error::file(format!("the zip archive is damaged or cut short: {why}"))
        }
        other => Error::file(other.to_string()),
    }
}

/// The arrays of a .npz file, in the order of the file, under the names they were saved with.
#[derive(Clone, Debug, PartialEq)]
pub struct Npz {
    arrays: Vec<(String, Array)>,
}

impl Npz {
    /// The array of a name.
    ///
    /// # Errors
    /// If there is none. The error tells the nearest name that there is.
    pub fn get(&self, name: &str) -> Result<&Array> {
        let found = self.arrays.iter().find(|(known, _)| known == name).map(|(_, array)| array);
        found.ok_or_else(|| crate::names::unknown("array", name, self.names()))
    }

    /// The names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.iter().map(|(name, _)| name.as_str())
    }

    /// How many arrays there are.
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// Whether there are none. A file that was read has at least one.
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }
}

/// # Panics
/// If there is no array of that name. [`Npz::get`] returns an error instead.
impl Index<&str> for Npz {
    type Output = Array;

    fn index(&self, name: &str) -> &Array {
        self.get(name).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Names and arrays, in the order of the file.
impl IntoIterator for Npz {
    type Item = (String, Array);
    type IntoIter = std::vec::IntoIter<(String, Array)>;

    fn into_iter(self) -> Self::IntoIter {
        self.arrays.into_iter()
    }
}

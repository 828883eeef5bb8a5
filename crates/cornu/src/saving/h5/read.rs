//! Reading, with everything in a file held to what the file can be.
//!
//! - Arrays lie in the file, each at its own place: together they are no longer than it is.
//!   Compressed ones become at most a thousand times their size and 4 GiB in all, as in Keras.
//! - The depth of groups is limited, which ends circles of groups, too.
//! - All else, such as the number of objects and the length of names, is limited by what may be
//!   read: see `metered.rs`.
//! - Values in other files and links are never followed.

use super::metered::Metered;
use super::values::Kind;
use super::{Attribute, Group, Stored, unsupported};
use crate::data::raw;
use crate::names::short;
use cornu_graph::{Error, Result};
use hdf5_pure::{AttrValue, ChunkIndex, Dataset, File, FormatError, Layout};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Groups in groups. A model in a model takes two or three.
const MAX_DEPTH: usize = 64;

/// What compressed arrays may inflate to, in all and as a multiple of their bytes.
const MAX_INFLATED: u64 = 4 << 30;
const MAX_RATIO: u64 = 1000;

/// The filters of compressed arrays that are undone: deflate, shuffle, a checksum.
const FILTERS: [u16; 3] = [1, 2, 3];

pub(super) fn read(bytes: Vec<u8>) -> Result<Group> {
    if !hdf5_pure::is_hdf5_bytes(&bytes) {
        let found = raw::describe(&bytes[..bytes.len().min(8)]);
        return Err(Error::file(format!("not an HDF5 file: found {found}")));
    }
    // What is cut may lack what nobody misses: a model's settings, but not its weights.
    if let Some(end) = claimed_end(&bytes)
        && end > bytes.len() as u64
    {
        let found = bytes.len();
        return Err(Error::file(format!("cut short: expected {end} bytes, found {found}")));
    }
    // The crate that parses answers damage with errors. Should it panic over some all the same,
    // that is an error of the file too: nothing is shared that a panic could leave half done.
    catch_unwind(AssertUnwindSafe(|| Reader::new(bytes).root()))
        .unwrap_or_else(|_| Err(Error::file("the HDF5 file is damaged: its structure is broken")))
}

/// Where the file says that it ends, if it says it as all files of Keras do: in its first block, in
/// eight bytes.
fn claimed_end(bytes: &[u8]) -> Option<u64> {
    let (size, place) = match bytes.get(8)? {
        0 => (13, 40),
        1 => (13, 44),
        2 | 3 => (9, 28),
        _ => return None,
    };
    let is_usual = bytes.starts_with(b"\x89HDF") && bytes.get(size) == Some(&8);
    let end = bytes.get(place..)?.first_chunk().filter(|_| is_usual)?;
    Some(u64::from_le_bytes(*end))
}

struct Reader {
    file: Metered,
    /// Where it reads: the names from the root.
    path: Vec<String>,
    /// Bytes of the file that no array has claimed yet.
    unclaimed: u64,
    /// What compressed arrays may still become.
    inflated: u64,
}

impl Reader {
    fn new(bytes: Vec<u8>) -> Reader {
        let unclaimed = bytes.len() as u64;
        Reader { file: Metered::new(bytes), path: vec![], unclaimed, inflated: MAX_INFLATED }
    }

    fn root(&mut self) -> Result<Group> {
        let file = File::from_source(self.file.clone()).map_err(|e| self.broken(e))?;
        self.group(&file.root()).map_err(|e| match self.path.is_empty() {
            true => e,
            false => e.within(short(&self.path.join("/"))),
        })
    }

    fn group(&mut self, group: &hdf5_pure::Group) -> Result<Group> {
        if self.path.len() > MAX_DEPTH {
            return Err(unsupported(format!(
                "groups lie in groups more than {MAX_DEPTH} deep, or in a circle"
            )));
        }
        let mut found = Group::default();
        let attributes = group.attrs().map_err(|e| self.broken(e))?;
        self.check_meter()?;
        found.attributes = attributes_of(attributes);
        for (name, dataset) in group.iter_datasets().map_err(|e| self.broken(e))? {
            let stored = self.below(&name, |reader| reader.stored(&dataset))?;
            found.arrays.insert(name, stored);
        }
        for (name, group) in group.iter_groups().map_err(|e| self.broken(e))? {
            let group = self.below(&name, |reader| reader.group(&group))?;
            found.groups.insert(name, group);
        }
        Ok(found)
    }

    /// Reads what is under a name. After an error the path stays where it happened.
    fn below<T>(&mut self, name: &str, read: impl FnOnce(&mut Reader) -> Result<T>) -> Result<T> {
        self.path.push(name.into());
        let found = read(self)?;
        self.path.pop();
        Ok(found)
    }

    fn stored(&mut self, dataset: &Dataset) -> Result<Stored> {
        let kind = Kind::of(dataset, &|e| self.broken(e))?;
        let shape = dataset.shape().map_err(|e| self.broken(e))?;
        let shape: Vec<usize> =
            shape.iter().map(|&size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
        let size = raw::count(&shape)? as u64 * kind.size();
        let file = self.file.clone();
        let bytes = self.bytes_of(dataset, size, &file)?;
        let array = kind.array(&bytes, shape)?;
        Ok(Stored { array, dtype: kind.name.into() })
    }

    /// The bytes of the values of an array: `size` of them.
    fn bytes_of<'a>(
        &mut self,
        dataset: &Dataset,
        size: u64,
        file: &'a Metered,
    ) -> Result<Cow<'a, [u8]>> {
        match dataset.layout().map_err(|e| self.broken(e))? {
            _ if size == 0 => Ok(Cow::Borrowed(&[])),
            Layout::Contiguous { address: Some(address), .. } => {
                self.claim(size)?;
                let start = usize::try_from(address).unwrap_or(usize::MAX);
                let end = start.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
                let bytes = file.bytes().get(start..end);
                bytes.map(Cow::Borrowed).ok_or_else(|| cut(size))
            }
            Layout::Contiguous { address: None, .. } => Err(unsupported(
                "its values are not in this file: they were never written, or are in another",
            )),
            Layout::Compact { .. } => self.read_raw(dataset, size),
            // Of arrays that can grow in the newest form, the size of the index is only claimed.
            Layout::Chunked {
                index: ChunkIndex::ExtensibleArray | ChunkIndex::BTreeV2, ..
            } => Err(unsupported("it can grow, in the newest form of HDF5")
                .help("repack the file with h5py or h5repack")),
            Layout::Chunked { chunk_shape, .. } => {
                self.check_chunks(dataset, &chunk_shape, size)?;
                self.read_raw(dataset, size)
            }
            _ => Err(unsupported("it is a virtual dataset: its values are in other files")),
        }
    }

    fn read_raw(&self, dataset: &Dataset, size: u64) -> Result<Cow<'static, [u8]>> {
        let bytes = dataset.read_raw().map_err(|e| self.broken(e))?;
        if bytes.len() as u64 == size { Ok(Cow::Owned(bytes)) } else { Err(cut(size)) }
    }

    /// Takes bytes of the file for an array alone.
    fn claim(&mut self, bytes: u64) -> Result<()> {
        let left = self.unclaimed.checked_sub(bytes);
        self.unclaimed = left.ok_or_else(|| {
            let file = self.len();
            Error::file(format!(
                "cut short or damaged: with its {bytes} bytes the arrays are longer than the \
                 {file} bytes of the file"
            ))
        })?;
        Ok(())
    }

    /// Checks that the pieces of an array can become it, before any is read.
    fn check_chunks(&mut self, dataset: &Dataset, chunk: &[u64], size: u64) -> Result<()> {
        if let Some(filter) = dataset.filters().iter().find(|filter| !FILTERS.contains(filter)) {
            return Err(unsupported(format!("it is compressed by HDF5's filter {filter}"))
                .help("repack the file with h5py or h5repack, uncompressed or with gzip"));
        }
        // The number of pieces follows from the shape, and with it the memory for their index.
        let shape = dataset.shape().map_err(|e| self.broken(e))?;
        let counts = shape.iter().zip(chunk).map(|(&size, &chunk)| size.div_ceil(chunk.max(1)));
        let count = counts.fold(1, u64::saturating_mul);
        let element = dataset.element_size().map_err(|e| self.broken(e))?;
        let piece = chunk.iter().fold(element, |size, &n| size.saturating_mul(n));
        let most = (self.len() as u64).saturating_mul(MAX_RATIO);
        if chunk.len() != shape.len() || count > self.len() as u64 || piece > most {
            return Err(bomb(count.saturating_mul(piece), self.len() as u64));
        }
        let chunks = dataset.chunks().map_err(|e| self.broken(e))?;
        let there = chunks.iter().fold(0, |sum, chunk| chunk.storage_size.saturating_add(sum));
        self.claim(there)?;
        let whole = size.max(piece);
        let left = self.inflated.checked_sub(whole);
        self.inflated = left.ok_or_else(|| bomb(whole, there))?;
        if whole > there.saturating_mul(MAX_RATIO) {
            return Err(bomb(whole, there));
        }
        Ok(())
    }

    fn check_meter(&self) -> Result<()> {
        if !self.file.is_spent() {
            return Ok(());
        }
        Err(Error::file(
            "the HDF5 file is damaged or hostile: its parts refer to one another without end",
        ))
    }

    fn broken(&self, error: hdf5_pure::Error) -> Error {
        if let Err(spent) = self.check_meter() {
            return spent;
        }
        // Where old files have a soft link, what it names has no address.
        let nowhere = FormatError::UnexpectedEof { expected: usize::MAX, available: self.len() };
        match error {
            hdf5_pure::Error::Format(error) if error == nowhere => {
                unsupported("there is a link in this group to another place, which is not followed")
            }
            error => {
                let why = short(&error.to_string());
                Error::file(format!("the HDF5 file is damaged or not understood: {why}"))
            }
        }
    }

    /// The size of the file in bytes.
    fn len(&self) -> usize {
        self.file.bytes().len()
    }
}

fn cut(size: u64) -> Error {
    Error::file(format!("cut short: its {size} bytes of values are not in the file"))
}

fn bomb(size: u64, there: u64) -> Error {
    Error::file(format!(
        "its {there} bytes would inflate to {size}, which is more than {MAX_RATIO} times as many or \
         {MAX_INFLATED} in all"
    ))
}

/// Those that are texts or numbers. Keras writes no others.
fn attributes_of(attributes: HashMap<String, AttrValue>) -> BTreeMap<String, Attribute> {
    let read = |(name, value)| Some((name, attribute(value)?));
    attributes.into_iter().filter_map(read).collect()
}

fn attribute(value: AttrValue) -> Option<Attribute> {
    use AttrValue as A;
    Some(match value {
        A::String(text)
        | A::AsciiString(text)
        | A::VarLenString(text)
        | A::VarLenAsciiString(text)
        | A::StringSized { value: text, .. }
        | A::AsciiStringSized { value: text, .. } => Attribute::Text(text),
        A::F32(number) => Attribute::Number(number.into()),
        A::F64(number) => Attribute::Number(number),
        A::F32Array(numbers) => Attribute::Numbers(numbers.into_iter().map(f64::from).collect()),
        A::F64Array(numbers) => Attribute::Numbers(numbers),
        A::I8(_) | A::I16(_) | A::I32(_) | A::I64(_) | A::U8(_) | A::U16(_) | A::U32(_) => {
            Attribute::Number(value.as_i64()? as f64)
        }
        A::U64(number) => Attribute::Number(number as f64),
        _ => match value.as_strings() {
            Some(texts) => Attribute::Texts(texts.to_vec()),
            None => Attribute::Numbers(value.to_i64s()?.into_iter().map(|n| n as f64).collect()),
        },
    })
}

//! Members of a zip archive, found by names that are safe, and never larger than they may be.

use super::{check_size, lacks};
use crate::data::raw;
use crate::names::short;
use cornu_graph::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use zip::ZipArchive;
use zip::result::ZipError;

/// What a compressed member may always become, and beyond that as a multiple of its stored size:
/// Keras's limit.
const FREE: u64 = 16 << 20;
const MAX_RATIO: u64 = 100;

pub(super) trait Seekable: Read + Seek {}
impl<T: Read + Seek> Seekable for T {}

pub(super) struct Zipped {
    archive: ZipArchive<Box<dyn Seekable>>,
    /// Where each member stands.
    places: BTreeMap<String, usize>,
    len: u64,
}

impl Zipped {
    pub fn new(mut reader: Box<dyn Seekable>, len: u64) -> Result<Zipped> {
        let mut start = [0; 8];
        let found = raw::fill(&mut reader, &mut start)?;
        if !start[..found].starts_with(b"PK") {
            let found = raw::describe(&start[..found]);
            let message = format!("not a .keras file: expected a zip archive, found {found}");
            return Err(Error::file(message));
        }
        reader.seek(SeekFrom::Start(0)).map_err(raw::broken)?;
        let archive = ZipArchive::new(reader).map_err(broken)?;
        if archive.has_duplicate_names() {
            return Err(Error::file("the zip archive has two members of one name"));
        }
        let places = places(&archive)?;
        Ok(Zipped { archive, places, len })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Reads a member of at most so many bytes.
    pub fn read(&mut self, name: &str, most: u64) -> Result<Vec<u8>> {
        let Some(&place) = self.places.get(name) else {
            return Err(lacks(name, self.names()));
        };
        let member = self.archive.by_index(place).map_err(broken)?;
        let (size, stored) = (member.size(), member.compressed_size().min(self.len));
        check_size(size, most)?;
        check_size(size, stored.saturating_mul(MAX_RATIO).max(FREE))?;
        // No more than is there, or may always be: the size is only claimed.
        let mut bytes = Vec::with_capacity(size.min(stored.max(FREE)) as usize);
        member.take(size + 1).read_to_end(&mut bytes).map_err(raw::broken)?;
        if bytes.len() as u64 != size {
            return Err(Error::file(format!(
                "damaged or cut short: expected {size} bytes, found {}",
                bytes.len()
            )));
        }
        Ok(bytes)
    }
}

/// Where each file stands, by its name. Folders have no content.
fn places(archive: &ZipArchive<Box<dyn Seekable>>) -> Result<BTreeMap<String, usize>> {
    let mut places = BTreeMap::new();
    for (place, name) in archive.file_names().enumerate() {
        // Old Keras on Windows wrote backslashes.
        let name = name.map_err(broken)?.replace('\\', "/");
        if name.ends_with('/') {
            continue;
        }
        if !is_safe(&name) {
            let name = short(&name);
            return Err(Error::file(format!("the zip archive has a member of the name '{name}'"))
                .help("names that lead out of the archive are not read"));
        }
        if let Some((name, _)) = places.get_key_value(&name) {
            let name: &String = name;
            return Err(Error::file(format!("the zip archive has two members '{}'", short(name))));
        }
        places.insert(name, place);
    }
    Ok(places)
}

/// Whether a name stays below the folder in which it is looked up, on every system.
fn is_safe(name: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    name.split('/').all(is_plain) && !name.contains([':', '\0'])
}

fn broken(error: ZipError) -> Error {
    let unsupported = |message: String| {
        Error::new(ErrorKind::Unsupported, message).help("save it as Keras does, or unzip it")
    };
    match error {
        ZipError::Io(error) => raw::broken(error),
        ZipError::CompressionMethodNotSupported(method) => {
            unsupported(format!("it is compressed with method {method}, which is not supported"))
        }
        ZipError::InvalidArchive(why) => {
            Error::file(format!("the zip archive is damaged or cut short: {why}"))
        }
        other => unsupported(other.to_string()),
    }
}

//! Writing: members stored as they are, in Keras's order, with a fixed date, so that the same model
//! is the same bytes.

use super::{CONFIG, METADATA, Members, WEIGHTS};
use crate::saving::write_whole;
use cornu_graph::{Error, Result};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::{fs, io, process};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

/// A member of this size needs the longer form of the format.
const LARGE: usize = u32::MAX as usize;

/// Writes a zip archive whole, in the place of one that may be there.
///
/// # Errors
/// If it cannot be written. A file that was there is as it was then.
pub(crate) fn write_file(path: &Path, members: &Members) -> Result<()> {
    write_whole(path, &to_bytes(members)?)
}

/// The bytes of a zip archive.
///
/// # Errors
/// If the format cannot hold it.
pub(crate) fn to_bytes(members: &Members) -> Result<Vec<u8>> {
    let size: usize = members.iter().map(|(name, bytes)| bytes.len() + 2 * name.len() + 128).sum();
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(size + 128)));
    let write = || -> io::Result<Vec<u8>> {
        for (name, bytes) in ordered(members) {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(DateTime::default())
                .system(System::Unix)
                .unix_permissions(0o644)
                .large_file(bytes.len() >= LARGE);
            zip.start_file(name, options)?;
            zip.write_all(bytes)?;
        }
        Ok(zip.finish()?.into_inner())
    };
    write().map_err(|e| Error::file(format!("cannot be written as a zip archive: {e}")))
}

/// First the three files that every model has, in Keras's order.
fn ordered(members: &Members) -> impl Iterator<Item = (&String, &Vec<u8>)> {
    let first = [METADATA, CONFIG, WEIGHTS];
    let rest = members.iter().filter(move |(name, _)| !first.contains(&name.as_str()));
    first.into_iter().filter_map(|name| members.get_key_value(name)).chain(rest)
}

/// Writes a folder with the members in it, whole or not at all.
///
/// # Errors
/// If it cannot be written, or something of this name is there: folders are not replaced.
pub(crate) fn write_folder(path: &Path, members: &Members) -> Result<()> {
    let within = |e: Error| e.within(path.display().to_string());
    if path.exists() {
        let error = Error::file("cannot be written: there is something of this name");
        return Err(within(error.help("remove it first, or choose another name")));
    }
    let beside = beside(path);
    let written = members
        .iter()
        .try_for_each(|(name, bytes)| write_whole(&beside.join(name), bytes))
        .and_then(|()| {
            let renamed = fs::rename(&beside, path);
            renamed.map_err(|e| within(Error::file(format!("cannot be written: {e}"))))
        });
    if written.is_err() {
        // What it was for has failed already.
        let _ = fs::remove_dir_all(&beside);
    }
    written
}

/// A folder beside a path, on the same disk, for what becomes the path when it is whole.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".writing-{}-{name}", process::id()))
}

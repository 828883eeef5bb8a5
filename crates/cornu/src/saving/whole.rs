//! Files that are written whole or not at all: whoever reads one never sees half of it, and a
//! program that dies while it writes leaves the old file as it was.

use cornu_graph::{Error, Result, Values};
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file, in the place of one that may be there. Missing folders are made.
///
/// # Errors
/// If it cannot be written. A file that was there is as it was then.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Writes a file piece by piece, in the place of one that may be there. Missing folders are made.
///
/// # Errors
/// If it cannot be written. A file that was there is as it was then.
pub(crate) fn write_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    replace(path, write).map_err(|e| {
        Error::file(format!("cannot be written: {e}")).within(path.display().to_string())
    })
}

fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let old = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(old) = &old {
        if old.is_dir() {
            return Err(io::Error::other("there is a folder of this name"));
        }
        if !old.is_file() {
            // A pipe or a terminal has no old content to keep.
            return write(&mut File::options().write(true).open(path)?);
        }
        if old.permissions().readonly() {
            return Err(io::Error::other("the file that is there is read-only"));
        }
    }
    // A link stays a link: what it points to is replaced.
    let target = if old.is_some() { fs::canonicalize(path)? } else { path.to_path_buf() };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;

    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    if let Some(permissions) = permissions(old.as_ref()) {
        builder.permissions(permissions);
    }
    let mut file = BufWriter::with_capacity(1 << 16, builder.tempfile_in(folder)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Some(old) = old {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&target)?;
    sync_folder(folder);
    Ok(())
}

/// Those of a file that anybody makes; a temporary file is for its owner alone otherwise.
#[cfg(unix)]
fn permissions(old: Option<&Metadata>) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    // The umask is taken off these.
    old.is_none().then(|| Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn permissions(_old: Option<&Metadata>) -> Option<Permissions> {
    None
}

/// Makes the new name last, where the system can. The file itself is safe already.
fn sync_folder(folder: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// Writes values as little-endian bytes, one after another.
pub(crate) fn write_values(values: &Values, file: &mut dyn Write) -> io::Result<()> {
    match values {
        Values::U8(values) => file.write_all(values),
        Values::F32(values) => write_pieces(values, file, |value| value.to_le_bytes()),
        Values::I32(values) => write_pieces(values, file, |value| value.to_le_bytes()),
        Values::Bool(values) => write_pieces(values, file, |value| [u8::from(value)]),
    }
}

fn write_pieces<T: Copy, const N: usize>(
    values: &[T],
    file: &mut dyn Write,
    convert: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(N << 12);
    for piece in values.chunks(1 << 12) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|&value| convert(value)));
        file.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_folders_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file.txt");
        write_whole(&path, b"old, and longer").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(path.parent().unwrap()), ["file.txt"]);
    }

    #[test]
    fn a_failing_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        write_whole(&path, b"old").unwrap();
        let error = write_with(&path, |file| {
            file.write_all(&[1; 1 << 20])?;
            Err(io::Error::other("the disk is full"))
        });
        let error = error.unwrap_err().to_string();
        assert_eq!(error, format!("{}: cannot be written: the disk is full", path.display()));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["weights"]);
    }

    #[test]
    fn a_read_only_file_and_a_folder_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        write_whole(&path, b"old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert!(write_whole(&path, b"new").unwrap_err().to_string().contains("read-only"));
        assert_eq!(fs::read(&path).unwrap(), b"old");

        let error = write_whole(folder.path(), b"new").unwrap_err().to_string();
        assert!(error.contains("a folder of this name"), "{error}");
        let error = write_whole(&path.join("below"), b"new").unwrap_err().to_string();
        assert!(error.contains("kept"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

        write_whole(&path, b"1").unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, b"").unwrap();
        assert_eq!(mode(&path), mode(&plain));

        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        write_whole(&link, b"2").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"2".to_vec(), 0o640));

        write_whole(Path::new("/dev/null"), b"nothing is kept").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}

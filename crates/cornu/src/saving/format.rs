//! Which format a file has.

use crate::data::raw::broken;
use cornu_graph::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The formats of models and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Keras's own: a zip archive, or a folder with the same files.
    Keras,
    /// HDF5: `.weights.h5`, or Keras's older format of whole models.
    Hdf5,
    /// `.weights.h5` in several files, and a list of them.
    Shards,
    /// Names and values of weights.
    Safetensors,
    /// For other programs.
    Onnx,
}

impl Format {
    /// By the beginning of a file that is there. What it is called does not matter, but for a list
    /// of parts.
    pub fn of_file(path: &Path) -> Result<Format> {
        if std::fs::metadata(path).map_err(broken)?.is_dir() {
            return Ok(Format::Keras);
        }
        let mut start = vec![];
        let mut file = File::open(path).map_err(broken)?;
        file.by_ref().take(16).read_to_end(&mut start).map_err(broken)?;
        match start.as_slice() {
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Ok(Format::Keras),
            [0x89, b'H', b'D', b'F', ..] => Ok(Format::Hdf5),
            [_, _, _, _, _, _, _, _, b'{', ..] => Ok(Format::Safetensors),
            [b'{', ..] => Ok(Format::Shards),
            _ => Err(Error::file(
                "it is no .keras, .h5 or .safetensors file, nor a list of .weights.h5 files",
            )),
        }
    }

    /// By the name of a file to write.
    pub fn of_name(path: &Path) -> Result<Format> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let known = [
            (".keras", Format::Keras),
            (".weights.json", Format::Shards),
            (".h5", Format::Hdf5),
            (".hdf5", Format::Hdf5),
            (".safetensors", Format::Safetensors),
            (".onnx", Format::Onnx),
        ];
        let found = known.iter().find(|(ending, _)| name.ends_with(ending));
        found.map(|(_, format)| *format).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("'{}' has an ending that is not known", path.display()),
            )
            .help("models: .keras, .h5; weights: .weights.h5, .safetensors; other programs: .onnx")
        })
    }

    /// An error for a format that cannot be used for something.
    pub fn unsupported(self, what: &str) -> Error {
        let (name, help) = match self {
            Format::Keras => (".keras", "weights: .weights.h5, .weights.json, .safetensors"),
            Format::Hdf5 => (".h5", "models: .keras, .h5"),
            Format::Shards => (".weights.json", "models: .keras, .h5; weights: model.save_weights"),
            Format::Safetensors => {
                (".safetensors", "models: .keras, .h5; weights: model.save_weights")
            }
            Format::Onnx => (".onnx", "models: .keras, .h5; model.export writes .onnx"),
        };
        Error::new(ErrorKind::Unsupported, format!("{name} is no format to {what}")).help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_beginnings_tell_the_format() {
        let of = |name: &str| Format::of_name(Path::new(name)).ok();
        assert_eq!(of("a/b.keras"), Some(Format::Keras));
        assert_eq!(of("b.WEIGHTS.H5"), Some(Format::Hdf5));
        assert_eq!(of("b.weights.json"), Some(Format::Shards));
        assert_eq!(of("b.pt"), None);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (start, format) in [
            (&b"PK\x03\x04rest"[..], Some(Format::Keras)),
            (b"\x89HDF\r\n\x1a\n", Some(Format::Hdf5)),
            (b"\x20\0\0\0\0\0\0\0{}", Some(Format::Safetensors)),
            (b"{\"metadata\":1}", Some(Format::Shards)),
            (b"", None),
            (b"text", None),
        ] {
            std::fs::write(&path, start).unwrap();
            assert_eq!(Format::of_file(&path).ok(), format, "{start:?}");
        }
        assert_eq!(Format::of_file(folder.path()).ok(), Some(Format::Keras));
        assert!(Format::of_file(&folder.path().join("none")).is_err());
    }
}

//! The folder of a run.

use cornu::{Error, Result, viz};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that files are written into, and what they are.
pub struct Folder {
    path: PathBuf,
    files: Vec<(&'static str, &'static str)>,
}

impl Folder {
    /// Makes the folder, if it is not there, and makes sure now that files can be written into it:
    /// after the training would be late.
    pub fn create(path: &Path) -> Result<Folder> {
        let probe = path.join(".cornu-can-write-here");
        fs::create_dir_all(path)
            .and_then(|()| fs::write(&probe, ""))
            .and_then(|()| fs::remove_file(&probe))
            .map_err(|error| {
                Error::file(format!("nothing can be written into this folder: {error}"))
                    .within(path.display().to_string())
                    .help("name another with --out DIR")
            })?;
        Ok(Folder { path: path.to_owned(), files: vec![] })
    }

    /// The path of a file that is written now.
    pub fn file(&mut self, (name, what): (&'static str, &'static str)) -> PathBuf {
        self.files.push((name, what));
        self.path.join(name)
    }

    /// The path of a file, be it written or not.
    pub fn path_of(&self, (name, _): (&'static str, &'static str)) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a text.
    pub fn write(&mut self, file: (&'static str, &'static str), text: &str) -> Result<()> {
        viz::write(self.file(file), text)
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that were written, and what they are.
    pub fn files(&self) -> &[(&'static str, &'static str)] {
        &self.files
    }
}

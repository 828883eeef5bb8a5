//! What came of a training: figures, files, and where "the same" ends.

use crate::folder::Folder;
use crate::recipes::File;
use cornu::similarity::Calibration;
use std::path::PathBuf;

/// The results of a run so far.
pub struct Results<'a> {
    folder: &'a mut Folder,
    figures: Vec<(&'static str, f64)>,
    /// The threshold to keep with the model, of a network that compares images.
    pub calibration: Option<Calibration>,
}

impl<'a> Results<'a> {
    /// No figures yet.
    pub fn new(folder: &'a mut Folder) -> Results<'a> {
        Results { folder, figures: vec![], calibration: None }
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: &'static str, value: f64) {
        self.figures.push((name, value));
    }

    /// The path of a file that is written now.
    pub fn file(&mut self, file: File) -> PathBuf {
        self.folder.file(file)
    }

    /// The figures with their names.
    pub fn figures(&self) -> &[(&'static str, f64)] {
        &self.figures
    }
}

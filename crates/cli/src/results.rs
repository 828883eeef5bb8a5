//! What came of a training: figures, pictures, files, and where "the same" ends.

use crate::folder::Folder;
use crate::recipes::File;
use cornu::Result;
use cornu::similarity::Calibration;
use cornu::viz::{Picture, Report};
use std::path::PathBuf;

/// The results of a run so far.
pub struct Results<'a> {
    folder: &'a mut Folder,
    figures: Vec<(&'static str, f64)>,
    report: Report,
    /// The threshold to keep with the model, of a network that compares images.
    pub calibration: Option<Calibration>,
}

impl<'a> Results<'a> {
    /// No figures yet, to be added to a report.
    pub fn new(folder: &'a mut Folder, report: Report) -> Results<'a> {
        Results { folder, figures: vec![], report, calibration: None }
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: &'static str, value: f64) {
        self.figures.push((name, value));
    }

    /// Writes a picture, and shows it in the report with a line about it.
    pub fn picture(
        &mut self,
        file: File,
        title: &str,
        picture: Picture,
        about: &str,
    ) -> Result<()> {
        picture.save(self.folder.file(file))?;
        let report = std::mem::replace(&mut self.report, Report::new(""));
        self.report = report.picture_with_text(title, picture, about);
        Ok(())
    }

    /// The path of a file that is there now.
    pub fn file(&mut self, file: File) -> PathBuf {
        self.folder.file(file)
    }

    /// The figures with their names, the report, and the threshold.
    pub fn finish(self) -> (Vec<(&'static str, f64)>, Report, Option<Calibration>) {
        (self.figures, self.report, self.calibration)
    }
}

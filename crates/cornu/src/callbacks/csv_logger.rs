//! A table of the figures, written while training runs.

use super::format::repr;
use super::{Callback, CallbackState, Training};
use crate::train::Logs;
use cornu_graph::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Writes the figures of each epoch to a CSV file, a row at once, so that the file can be read while
/// training runs and has all epochs if it fails.
///
/// ```no_run
/// use cornu::callbacks::CSVLogger;
/// # use cornu::prelude::*;
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("adam", "mse").build()?;
/// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
/// model.fit(&x, &x).epochs(100).callback(CSVLogger::new("logs/training.csv")).run()?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// The file is Keras's: the columns are `epoch` (from 0) and the figures of the first epoch in
/// alphabetical order, with columns `val_…` even if nothing is validated (yet); what is missing is
/// `NA`; lines end with `\r\n`. Missing folders are made. A training that a
/// [`BackupAndRestore`](super::BackupAndRestore) takes up goes on in the same file.
#[derive(Debug)]
pub struct CSVLogger {
    path: PathBuf,
    separator: char,
    append: bool,
    file: Option<File>,
    /// The columns after `epoch`, known after the first epoch.
    columns: Option<Vec<String>>,
}

/// What a backup keeps: how long the file was, so that rows of lost epochs are not left in it.
#[derive(Serialize, Deserialize)]
struct Written {
    bytes: u64,
    columns: Option<Vec<String>>,
}

impl CSVLogger {
    /// Writes to a file, in the place of one that may be there.
    pub fn new(filename: impl Into<PathBuf>) -> CSVLogger {
        CSVLogger {
            path: filename.into(),
            separator: ',',
            append: false,
            file: None,
            columns: None,
        }
    }

    /// What stands between the columns: a comma unless said otherwise.
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// Whether rows are added to a file that is there already.
    pub fn append(mut self, append: bool) -> Self {
        self.append = append;
        self
    }

    fn open(&self, truncate: bool) -> std::io::Result<File> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(truncate).open(&self.path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    }

    fn cannot(&self, error: &std::io::Error) -> Error {
        Error::file(format!("cannot be written: {error}")).within(self.path.display().to_string())
    }

    /// A line of cells, quoted where they would be misread.
    fn line<'s>(&self, cells: impl IntoIterator<Item = &'s str>) -> String {
        let special = |c: char| c == self.separator || "\"\r\n".contains(c);
        let quote = |cell: &str| match cell.contains(special) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.to_owned(),
        };
        let cells: Vec<String> = cells.into_iter().map(quote).collect();
        cells.join(&self.separator.to_string()) + "\r\n"
    }

    /// Writes whole lines at once.
    fn write(&mut self, text: &str) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(text.as_bytes()).map_err(|e| self.cannot(&e))
    }

    fn bytes(&self) -> u64 {
        let metadata = self.file.as_ref().and_then(|file| file.metadata().ok());
        metadata.map_or(0, |metadata| metadata.len())
    }
}

/// The columns of the first epoch's figures.
fn columns(logs: &Logs) -> Vec<String> {
    let mut columns: Vec<String> = logs.iter().map(|(name, _)| name.to_owned()).collect();
    // The first validation may come later.
    if !columns.iter().any(|name| name.starts_with("val_")) {
        let later: Vec<String> = columns.iter().map(|name| format!("val_{name}")).collect();
        columns.extend(later);
    }
    columns
}

impl Callback for CSVLogger {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        let keeps = self.append || training.is_resumed();
        self.file = Some(self.open(!keeps).map_err(|e| self.cannot(&e))?);
        self.columns = None;
        Ok(())
    }

    fn on_epoch_end(&mut self, _: &mut Training<'_>, epoch: usize, logs: &mut Logs) -> Result<()> {
        let mut text = String::new();
        let columns = match self.columns.take() {
            Some(columns) => columns,
            None => {
                let columns = columns(logs);
                if self.bytes() == 0 {
                    text = self.line(std::iter::once("epoch").chain(columns.iter().map(|c| &**c)));
                }
                columns
            }
        };
        let cells = columns.iter().map(|name| logs.get(name).map_or("NA".into(), repr));
        let cells: Vec<String> = std::iter::once(epoch.to_string()).chain(cells).collect();
        text.push_str(&self.line(cells.iter().map(String::as_str)));
        self.columns = Some(columns);
        self.write(&text)
    }

    fn on_train_end(&mut self, _: &mut Training<'_>, _: &Logs) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        file.sync_all().or_else(|e| match e.kind() {
            // A pipe or a terminal has nothing to wait for.
            std::io::ErrorKind::InvalidInput => Ok(()),
            _ => Err(self.cannot(&e)),
        })
    }

    fn state(&self) -> CallbackState {
        CallbackState::new(Written { bytes: self.bytes(), columns: self.columns.clone() })
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        let written: Written = state.read()?;
        self.columns = written.columns.filter(|_| self.bytes() > 0);
        let Some(file) = &mut self.file else { return Ok(()) };
        let shorten = |file: &mut File| -> std::io::Result<()> {
            if file.metadata()?.len() > written.bytes {
                file.set_len(written.bytes)?;
            }
            file.seek(SeekFrom::End(0)).map(drop)
        };
        shorten(file).map_err(|e| self.cannot(&e))
    }
}

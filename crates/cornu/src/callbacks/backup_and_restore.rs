//! Going on with a training that was interrupted.

use super::{Callback, CallbackState, SaveFreq, Snapshot, Training};
use cornu_graph::{Error, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Saves all of a training on the way, so that one that was interrupted (the power failed, the
/// process was killed) goes on where it was: start the same program again.
///
/// ```no_run
/// use cornu::callbacks::BackupAndRestore;
/// # use cornu::prelude::*;
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("adam", "mse").build()?;
/// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
/// model.fit(&x, &x).epochs(100).callback(BackupAndRestore::new("backup")).run()?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// What is saved is the weights, the variables of the optimizer, the learning rate, the random
/// state, the place in the data, the history, and what all callbacks of the run counted. So a
/// training that is taken up again ends as it would have ended without the interruption, to the
/// bit (on the same machine with the same number of threads), if the data, the options and the
/// callbacks are the same. This goes further than Keras, which begins the epoch anew and forgets
/// what callbacks counted.
///
/// A closure or an iterator that yields batches cannot be rewound: it begins where the program
/// lets it begin. Arrays, a [`Sequence`](crate::data::Sequence) and
/// [`Generator::each_epoch`](crate::data::Generator::each_epoch) go on where they were.
///
/// When the training ends, also by [`Training::stop`], the backup is deleted. It stays if the
/// training fails or another thread stops it ([`stop_flag`](crate::train::Fit::stop_flag)).
#[derive(Clone, Debug)]
pub struct BackupAndRestore {
    folder: PathBuf,
    save_freq: SaveFreq,
    double_checkpoint: bool,
    delete_checkpoint: bool,
    /// Steps since the last backup.
    steps: usize,
}

impl BackupAndRestore {
    /// Backups in a folder that nothing else uses, after every epoch. Missing folders are made.
    pub fn new(backup_dir: impl Into<PathBuf>) -> BackupAndRestore {
        BackupAndRestore {
            folder: backup_dir.into(),
            save_freq: SaveFreq::Epoch,
            double_checkpoint: false,
            delete_checkpoint: true,
            steps: 0,
        }
    }

    /// When to save: after each epoch, or after every so many steps.
    pub fn save_freq(mut self, save_freq: impl Into<SaveFreq>) -> Self {
        self.save_freq = save_freq.into();
        self
    }

    /// Whether the backup before the last is kept too, and used if the last cannot be read.
    pub fn double_checkpoint(mut self, double_checkpoint: bool) -> Self {
        self.double_checkpoint = double_checkpoint;
        self
    }

    /// Whether the backup is deleted when the training ends; it is unless said otherwise. With one
    /// that was kept, the same program only gives the result again, or trains the epochs that were
    /// added, unless a callback had stopped it.
    pub fn delete_checkpoint(mut self, delete_checkpoint: bool) -> Self {
        self.delete_checkpoint = delete_checkpoint;
        self
    }

    fn latest(&self) -> PathBuf {
        self.folder.join("latest.keras")
    }

    fn previous(&self) -> PathBuf {
        self.folder.join("previous.keras")
    }

    /// The training that was interrupted, if there is one.
    ///
    /// # Errors
    /// If there is a backup that cannot be read, and none before it.
    pub(crate) fn earlier(&mut self) -> Result<Option<Snapshot>> {
        if self.folder.as_os_str().is_empty() {
            return Err(Error::value("BackupAndRestore needs the name of a folder"));
        }
        self.save_freq.check()?;
        self.steps = 0;
        let (latest, previous) = (self.latest(), self.previous());
        let error = match read(&latest) {
            Ok(None) => return read(&previous),
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        if let Ok(Some(snapshot)) = read(&previous) {
            eprintln!("warning: {error}\n  going on from the backup before it");
            // The next backup must not put the damaged one in the place of the whole one.
            fs::rename(&previous, &latest).map_err(|e| cannot(&previous, "renamed", &e))?;
            return Ok(Some(snapshot));
        }
        let help = format!("delete '{}' to begin anew", self.folder.display());
        Err(error.help(help))
    }

    /// Counts a step; whether a backup is due after it.
    pub(crate) fn is_due_after_step(&mut self) -> bool {
        let SaveFreq::Batches(freq) = self.save_freq else { return false };
        self.steps += 1;
        let is_due = self.steps >= freq;
        if is_due {
            self.steps = 0;
        }
        is_due
    }

    /// Whether a backup is due after an epoch.
    pub(crate) fn is_due_after_epoch(&mut self) -> bool {
        matches!(self.save_freq, SaveFreq::Epoch)
    }

    /// Writes a backup.
    pub(crate) fn save(&mut self, snapshot: &mut Snapshot) -> Result<()> {
        let latest = self.latest();
        if self.double_checkpoint && latest.exists() {
            // At every moment one of the two is whole.
            fs::rename(&latest, self.previous()).map_err(|e| cannot(&latest, "renamed", &e))?;
        }
        snapshot.write(&latest)
    }

    /// Deletes the backup: the training is complete.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if !self.delete_checkpoint {
            return Ok(());
        }
        for path in [self.latest(), self.previous()] {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != ErrorKind::NotFound => {
                    return Err(cannot(&path, "deleted", &e));
                }
                _ => {}
            }
        }
        // Only if nothing else is in it.
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }
}

fn cannot(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::file(format!("cannot be {what}: {error}")).within(path.display().to_string())
}

/// The backup in a file, if there is such a file.
fn read(path: &Path) -> Result<Option<Snapshot>> {
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        _ => Snapshot::read(path).map(Some),
    }
}

impl Callback for BackupAndRestore {
    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        // A folder that cannot be made is told before anything is trained.
        fs::create_dir_all(&self.folder).map_err(|e| cannot(&self.folder, "made", &e))
    }

    fn state(&self) -> CallbackState {
        CallbackState::new(self.steps)
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        self.steps = state.read()?;
        Ok(())
    }

    fn as_backup(&mut self) -> Option<&mut BackupAndRestore> {
        Some(self)
    }
}

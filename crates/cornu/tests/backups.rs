//! A training that is interrupted and taken up again ends, to the bit, as one that was not.

use cornu::callbacks::{
    BackupAndRestore, CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler,
    ReduceLROnPlateau, SaveFreq,
};
use cornu::data::{Batch, Generator, Sequence};
use cornu::prelude::*;
use cornu::train::Fit;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SAMPLES: usize = 50;

fn data() -> (Array, Array) {
    let x: Vec<f32> = (0..SAMPLES * 4).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
    let y = x.chunks(4).map(|x| i32::from(x[0] * x[1] + x[2] > 0.1)).collect();
    (Array::new([SAMPLES, 4], x).unwrap(), Array::new([SAMPLES], y).unwrap())
}

/// What a new process makes: every one from another seed.
fn model(seed: u64) -> Model {
    utils::set_random_seed(seed);
    let mut model: Model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(16).activation("relu"))
        .add(Dropout::new(0.3))
        .add(Dense::new(2).activation("softmax"))
        .into();
    let adam = Adam::default().learning_rate(0.02);
    let compile = model.compile(adam, "sparse_categorical_crossentropy");
    compile.metric("accuracy").build().unwrap();
    model
}

/// Fails at a moment, as a process that is killed.
#[derive(Clone, Copy, Debug)]
enum Killer {
    Never,
    /// After a step of an epoch.
    Step(usize, usize),
    /// When the callbacks of an epoch are called, before the backup.
    EpochEnd(usize),
}

struct Kill {
    killer: Killer,
    epoch: usize,
}

impl Callback for Kill {
    fn on_epoch_begin(&mut self, _: &mut Training<'_>, epoch: usize) -> Result<()> {
        self.epoch = epoch;
        Ok(())
    }

    fn on_train_batch_end(&mut self, _: &mut Training<'_>, batch: usize) -> Result<()> {
        match self.killer {
            Killer::Step(epoch, step) if (epoch, step) == (self.epoch, batch) => killed(),
            _ => Ok(()),
        }
    }

    fn on_epoch_end(&mut self, _: &mut Training<'_>, epoch: usize, _: &mut Logs) -> Result<()> {
        match self.killer {
            Killer::EpochEnd(end) if end == epoch => killed(),
            _ => Ok(()),
        }
    }
}

fn killed() -> Result<()> {
    Err(Error::state("killed"))
}

/// All that a training leaves behind.
#[derive(Debug, PartialEq)]
struct Outcome {
    weights: Vec<Array>,
    epochs: Vec<usize>,
    figures: Vec<(String, Vec<u64>)>,
    stopped: bool,
    early: (Option<usize>, Option<usize>, Option<u64>, usize),
    table: String,
    rate: u32,
}

/// Trains in one process, with all callbacks that count something.
fn train(
    seed: u64,
    fit: impl for<'m> Fn(&'m mut Model) -> Fit<'m>,
    folder: &Path,
    freq: SaveFreq,
    killer: Killer,
) -> Result<Outcome> {
    let table = folder.join("log.csv");
    let mut model = model(seed);
    let mut early =
        EarlyStopping::new("val_loss").patience(4).restore_best_weights(true).min_delta(0.002);
    let mut own = History::default();
    let history = fit(&mut model)
        .epochs(14)
        .verbose(0)
        .callback(BackupAndRestore::new(folder.join("backup")).save_freq(freq))
        .callback(LearningRateScheduler::new(|_, rate| rate * 0.97))
        .callback(CSVLogger::new(&table))
        .callback(ReduceLROnPlateau::new("loss").patience(2).min_delta(0.05).factor(0.7))
        .callback(&mut early)
        .callback(&mut own)
        .callback(Kill { killer, epoch: 0 })
        .run()?;
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect();
    let figures = |history: &History| -> Vec<(String, Vec<u64>)> {
        history.iter().map(|(name, values)| (name.to_owned(), bits(values))).collect()
    };
    assert_eq!(figures(&own), figures(&history), "the history as a callback is the same");
    Ok(Outcome {
        weights: model.get_weights()?,
        epochs: history.epochs.clone(),
        figures: figures(&history),
        stopped: history.stopped,
        early: (
            early.stopped_epoch(),
            early.best_epoch(),
            early.best().map(f64::to_bits),
            early.wait(),
        ),
        table: fs::read_to_string(table)?,
        rate: model.learning_rate()?.to_bits(),
    })
}

/// Checks that trainings that are killed at these moments, one process after the other, end as one
/// that is not.
#[track_caller]
fn check(
    fit: impl for<'m> Fn(&'m mut Model) -> Fit<'m>,
    freq: SaveFreq,
    killers: &[Killer],
) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let whole = train(1, &fit, folder.path(), freq, Killer::Never).unwrap();
    assert!(!folder.path().join("backup").exists(), "a training that ends deletes its backup");
    let folder = tempfile::tempdir().unwrap();
    for (process, killer) in killers.iter().enumerate() {
        let seed = 1 + 1000 * process as u64;
        let error = train(seed, &fit, folder.path(), freq, *killer).unwrap_err();
        assert_eq!(error.message(), "killed", "{killer:?}");
    }
    let again = train(77, &fit, folder.path(), freq, Killer::Never).unwrap();
    assert_eq!(again.table, whole.table, "{killers:?}");
    assert_eq!(again, whole, "{killers:?}");
    whole
}

fn arrays(model: &mut Model) -> Fit<'_> {
    let (x, y) = data();
    model.fit(&x, &y).batch_size(8).validation_split(0.2)
}

#[test]
fn arrays_after_each_epoch() {
    let kills = [Killer::Step(3, 2), Killer::EpochEnd(4), Killer::EpochEnd(4), Killer::Step(5, 0)];
    let whole = check(arrays, SaveFreq::Epoch, &kills);
    assert_eq!((whole.epochs.len(), whole.epochs[0]), (whole.table.lines().count() - 1, 0));
    assert!(whole.epochs.len() >= 6, "the kills came too late: {:?}", whole.epochs);
    // Once, after the first backup.
    check(arrays, SaveFreq::Epoch, &[Killer::Step(1, 1)]);
}

#[test]
fn arrays_in_the_middle_of_an_epoch() {
    let kills = [Killer::Step(0, 4), Killer::Step(2, 1), Killer::EpochEnd(3), Killer::Step(4, 3)];
    check(arrays, SaveFreq::Batches(1), &kills);
    check(arrays, SaveFreq::Batches(3), &kills);
    check(arrays, SaveFreq::Batches(7), &kills[1..]);
}

fn steps(model: &mut Model) -> Fit<'_> {
    let (x, y) = data();
    let fit = model.fit(&x, &y).batch_size(8).steps_per_epoch(3);
    fit.validation_data(&x, &y).validation_steps(2).validation_freq(2)
}

#[test]
fn epochs_of_a_number_of_steps_go_on_where_they_were() {
    let kills = [Killer::EpochEnd(2), Killer::Step(4, 1), Killer::EpochEnd(5)];
    check(steps, SaveFreq::Epoch, &kills);
    check(steps, SaveFreq::Batches(2), &kills);
}

/// Batches of rows that depend on epoch and number.
struct Numbered;

impl Sequence for Numbered {
    fn len(&self) -> usize {
        5
    }

    fn get(&self, epoch: usize, index: usize) -> Result<Batch> {
        let (x, y) = data();
        let rows: Vec<usize> = (0..6).map(|i| (i * 7 + index * 11 + epoch) % SAMPLES).collect();
        Ok(Batch::new(x.take(&rows)?, y.take(&rows)?))
    }
}

fn sequence(model: &mut Model) -> Fit<'_> {
    let (x, y) = data();
    model.fit_generator(Generator::sequence(Numbered, 2, true)).validation_data(&x, &y)
}

#[test]
fn a_sequence_goes_on_where_it_was() {
    let kills = [Killer::Step(2, 2), Killer::EpochEnd(3), Killer::Step(4, 4)];
    check(sequence, SaveFreq::Epoch, &kills);
    check(sequence, SaveFreq::Batches(2), &kills);
}

fn each_epoch(model: &mut Model) -> Fit<'_> {
    let batches = |epoch| (0..4).map(move |index| Numbered.get(epoch, index));
    let validation = |number| (0..2).map(move |index| Numbered.get(number, index));
    model
        .fit_generator(Generator::each_epoch(batches))
        .validation_generator(Generator::each_epoch(validation))
}

fn each_epoch_of_steps(model: &mut Model) -> Fit<'_> {
    each_epoch(model).steps_per_epoch(2).validation_steps(3)
}

#[test]
fn generators_that_are_made_anew_go_on_where_they_were() {
    let kills = [Killer::Step(1, 1), Killer::EpochEnd(1), Killer::EpochEnd(3), Killer::Step(5, 0)];
    for freq in [SaveFreq::Epoch, SaveFreq::Batches(1)] {
        check(each_epoch, freq, &kills);
        check(each_epoch_of_steps, freq, &kills);
    }
}

/// Trains until it is killed.
fn interrupted(backup: impl Fn() -> BackupAndRestore) {
    let (x, y) = data();
    let mut model = model(5);
    let kill = Kill { killer: Killer::Step(3, 1), epoch: 0 };
    let fit = model.fit(&x, &y).epochs(9).verbose(0).callback(backup()).callback(kill);
    assert_eq!(fit.run().unwrap_err().message(), "killed");
}

#[test]
fn a_damaged_backup_is_told_and_the_one_before_it_helps() {
    let folder = tempfile::tempdir().unwrap();
    let backup = || BackupAndRestore::new(folder.path()).double_checkpoint(true);
    interrupted(backup);
    let names = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["latest.keras", "previous.keras"]);
    let latest = folder.path().join("latest.keras");
    let bytes = fs::read(&latest).unwrap();
    let (x, y) = data();
    let resume = |kill: Killer| {
        let mut begun = None;
        let mut model = model(6);
        let watch = LambdaCallback::new().on_train_begin(|training| {
            assert!(training.is_resumed());
            begun = Some(training.initial_epoch());
            Ok(())
        });
        let kill = Kill { killer: kill, epoch: 0 };
        let fit = model.fit(&x, &y).epochs(9).verbose(0).callback(backup()).callback(kill);
        let result = fit.callback(watch).run();
        (begun, result)
    };
    fs::write(&latest, &bytes[..bytes.len() / 2]).unwrap();
    let (begun, result) = resume(Killer::Step(2, 0));
    assert_eq!((begun, result.unwrap_err().message()), (Some(2), "killed"));
    // The whole one is the latest now, and nothing damaged is left.
    assert_eq!(names(), ["latest.keras"]);
    let (begun, result) = resume(Killer::Never);
    assert_eq!((begun, result.unwrap().epochs.len()), (Some(2), 9));
    assert!(!folder.path().exists());
}

#[test]
fn backups_that_do_not_fit_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let backup = || BackupAndRestore::new(folder.path());
    interrupted(backup);
    let latest = folder.path().join("latest.keras");
    let bytes = fs::read(&latest).unwrap();
    let (x, y) = data();
    let text = |model: &mut Model| {
        let kill = Kill { killer: Killer::Never, epoch: 0 };
        let fit = model.fit(&x, &y).epochs(9).verbose(0).callback(backup()).callback(kill);
        fit.run().unwrap_err().to_string()
    };
    let expect = |text: &str, parts: &[&str]| {
        for part in parts {
            assert!(text.contains(part), "'{part}' is not in:\n{text}");
        }
    };
    for length in (0..bytes.len()).step_by(bytes.len() / 23) {
        fs::write(&latest, &bytes[..length]).unwrap();
        expect(&text(&mut model(1)), &["latest.keras: ", "to begin anew"]);
    }
    // No byte that is wrong makes a panic.
    for at in (0..bytes.len()).step_by(31) {
        let mut wrong = bytes.clone();
        wrong[at] ^= 0x55;
        fs::write(&latest, &wrong).unwrap();
        let mut model = model(1);
        let fit = model.fit(&x, &y).epochs(3).verbose(0);
        let fit = fit.callback(backup().delete_checkpoint(false));
        let _ = fit.allow_nan(true).callback(Kill { killer: Killer::Step(2, 0), epoch: 0 }).run();
    }
    for foreign in [&b"not a backup"[..], b"", b"\x02\0\0\0\0\0\0\0{}"] {
        fs::write(&latest, foreign).unwrap();
        expect(&text(&mut model(1)), &["latest.keras: ", "to begin anew"]);
    }
    model(1).save(&latest).unwrap();
    expect(&text(&mut model(1)), &["latest.keras: it is no backup of a training"]);

    fs::write(&latest, &bytes).unwrap();
    let mut wide: Model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(17).activation("relu"))
        .add(Dropout::new(0.3))
        .add(Dense::new(2).activation("softmax"))
        .into();
    let loss = "sparse_categorical_crossentropy";
    wide.compile("adam", loss).metric("accuracy").build().unwrap();
    let before = wide.get_weights().unwrap();
    let wanted = ["the backup does not fit", "its kernel is (4, 17), in the file it is (4, 16)"];
    expect(&text(&mut wide), &wanted);
    expect(&text(&mut wide), &["delete the one that is there"]);
    assert_eq!(wide.get_weights().unwrap(), before);
    let mut plain = model(1);
    plain.compile("sgd", loss).metric("accuracy").build().unwrap();
    expect(&text(&mut plain), &["the backup does not fit", "variables"]);
    // Other callbacks.
    let mut model = model(1);
    let fit = model.fit(&x, &y).epochs(9).verbose(0).callback(backup());
    let error = fit.callback(EarlyStopping::new("loss")).run().unwrap_err().to_string();
    expect(&error, &["2 callbacks of this training", "but 1 of the one", "the same order"]);
    let other = LambdaCallback::new();
    let fit = model.fit(&x, &y).epochs(9).verbose(0).callback(backup()).callback(other);
    assert_eq!(fit.run().unwrap().epochs.len(), 9, "one that counts nothing may come");
}

#[test]
fn a_stop_flag_keeps_the_backup_and_an_end_deletes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/backup");
    let (x, y) = data();
    let flag = Arc::new(AtomicBool::new(false));
    let raise = LambdaCallback::new().on_train_batch_end(|training, _| {
        flag.store(training.iterations() == 10, Ordering::Relaxed);
        Ok(())
    });
    let mut first = model(1);
    let history = first
        .fit(&x, &y)
        .batch_size(8)
        .epochs(4)
        .verbose(0)
        .callback(BackupAndRestore::new(&path))
        .callback(raise)
        .stop_flag(Arc::clone(&flag))
        .run()
        .unwrap();
    assert_eq!((history.epochs.len(), history.stopped), (2, true));
    assert!(path.join("latest.keras").exists());
    // The epoch that was cut short is done again, whole.
    let train = |seed: u64, path: &Path| {
        let mut model = model(seed);
        let fit = model.fit(&x, &y).batch_size(8).epochs(4).verbose(0);
        let nothing = LambdaCallback::new();
        let history = fit.callback(BackupAndRestore::new(path)).callback(nothing).run().unwrap();
        (history["loss"].to_vec(), model.get_weights().unwrap())
    };
    let again = train(2, &path);
    assert!(!path.exists());
    assert_eq!(again, train(1, &folder.path().join("other")));
}

#[test]
fn a_backup_that_is_kept_gives_the_result_again() {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let train = |seed: u64, epochs: usize| {
        let mut model = model(seed);
        let backup = BackupAndRestore::new(folder.path()).delete_checkpoint(false);
        let fit = model.fit(&x, &y).epochs(epochs).verbose(0).callback(backup);
        let history = fit.run().unwrap();
        (history["loss"].to_vec(), model.get_weights().unwrap())
    };
    let first = train(1, 3);
    assert_eq!(train(2, 3), first);
    let (more, _) = train(3, 5);
    assert_eq!((&more[..3], more.len()), (first.0.as_slice(), 5));
}

#[test]
fn a_folder_that_cannot_be_used_is_told_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (x, y) = data();
    for (path, part) in [(file.join("backup"), "file"), ("".into(), "the name of a folder")] {
        let mut model = model(1);
        let before = model.get_weights().unwrap();
        let fit = model.fit(&x, &y).verbose(0).callback(BackupAndRestore::new(path));
        let error = fit.run().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert_eq!(model.get_weights().unwrap(), before);
    }
    let mut model = model(1);
    let backup = BackupAndRestore::new(folder.path().join("b")).save_freq(0);
    let error = model.fit(&x, &y).verbose(0).callback(backup).run().unwrap_err().to_string();
    assert!(error.contains("at least 1 step"), "{error}");
}

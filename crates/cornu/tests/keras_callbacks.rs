//! Callbacks do what Keras's do with the same figures: the epoch they stop in, the learning rates
//! they set, the files they write.

mod support;

use cornu::callbacks::{CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau};
use cornu::prelude::*;
use serde_json::Value;
use std::cell::RefCell;
use std::path::Path;
use support::{Check, Outcome, Settings, check_all, number, text};

#[test]
fn callbacks_do_what_kerases_do() {
    let describe = |case: &Value| {
        let kind = case["callback"].as_str().unwrap_or("format").to_owned();
        let detail = if kind == "format" { &case["format"] } else { &case["options"] };
        (kind.clone(), format!("{kind} {detail} {}", case["value"]))
    };
    // Hundreds of numbers are written with the same model.
    let shared = RefCell::new(model().unwrap());
    check_all("callbacks", &[], describe, |case| match case["callback"].as_str() {
        Some("EarlyStopping") => early_stopping(case),
        Some("ReduceLROnPlateau") => reduce_lr_on_plateau(case),
        Some("ModelCheckpoint") => model_checkpoint(case),
        Some("CSVLogger") => csv_logger(case),
        Some(other) => Err(format!("no such callback: {other}").into()),
        None => format(case, &mut shared.borrow_mut()),
    });
}

/// One weight, which [`Script`] sets to the number of the epoch.
fn model() -> Outcome<Model> {
    let mut model: Model =
        Sequential::new().add(Input::new([1])).add(Dense::new(1).use_bias(false)).into();
    model.compile(SGD::new(0.5), "mse").metric("accuracy").build()?;
    Ok(model)
}

/// Puts the figures of a case in the place of those of training.
struct Script<'a>(&'a [Value]);

impl Callback for Script<'_> {
    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        *logs = Logs::default();
        for (name, value) in self.0[epoch].as_object().expect("figures") {
            logs.set(name.as_str(), figure(value).expect("a figure"));
        }
        training.set_weights([Array::new([1, 1], vec![epoch as f32])?])
    }
}

/// A number as Python prints it; none for null.
fn figure(value: &Value) -> Option<f64> {
    Some(value.as_str()?.parse().expect("a number"))
}

/// Trains with the figures of a case, as many epochs and steps as it has.
fn drive(case: &Value, model: &mut Model, callback: impl Callback) -> Outcome<History> {
    let script = case["script"].as_array().ok_or("no script")?;
    let steps = case["steps"].as_u64().unwrap_or(1) as usize;
    let x = Array::zeros([steps, 1], DType::F32);
    let fit = model.fit(&x, &x).batch_size(1).epochs(script.len()).verbose(0);
    Ok(fit.callback(Script(script)).callback(callback).run()?)
}

fn float<T>(settings: &mut Settings, it: T, name: &str, builder: impl Fn(T, f64) -> T) -> T {
    match settings.take(name) {
        Some(value) => builder(it, number(&value)),
        None => it,
    }
}

fn count<T>(settings: &mut Settings, it: T, name: &str, builder: impl Fn(T, usize) -> T) -> T {
    float(settings, it, name, |it, value| builder(it, value as usize))
}

fn word<T>(settings: &mut Settings, it: T, name: &str, builder: impl Fn(T, &str) -> T) -> T {
    match settings.take(name) {
        Some(value) => builder(it, text(&value)),
        None => it,
    }
}

/// Whether two things are equal; NaN is NaN.
fn expect<T: std::fmt::Debug>(what: &str, ours: T, keras: T) -> Check {
    let (ours, keras) = (format!("{ours:?}"), format!("{keras:?}"));
    if ours == keras { Ok(()) } else { Err(format!("{what} is {ours}, not {keras}").into()) }
}

fn whole(value: &Value) -> Option<usize> {
    value.as_u64().map(|n| n as usize)
}

fn early_stopping(case: &Value) -> Check {
    let mut s = Settings::of(case, "options");
    let it = EarlyStopping::new(text(&s.take("monitor").ok_or("no monitor")?));
    let it = count(&mut s, it, "patience", EarlyStopping::patience);
    let it = float(&mut s, it, "min_delta", EarlyStopping::min_delta);
    let it = float(&mut s, it, "baseline", EarlyStopping::baseline);
    let it = count(&mut s, it, "start_from_epoch", EarlyStopping::start_from_epoch);
    let it = word(&mut s, it, "mode", |it, mode| it.mode(mode));
    let mut it = s.set_bool(it, "restore_best_weights", EarlyStopping::restore_best_weights);
    s.all_used()?;
    let mut model = model()?;
    let history = drive(case, &mut model, &mut it)?;
    expect("epochs", Some(history.epochs.len()), whole(&case["ran"]))?;
    expect("stopped", history.stopped, !case["stopped_epoch"].is_null())?;
    expect("stopped_epoch", it.stopped_epoch(), whole(&case["stopped_epoch"]))?;
    expect("best", it.best(), figure(&case["best"]))?;
    expect("best_epoch", it.best_epoch(), whole(&case["best_epoch"]))?;
    expect("wait", Some(it.wait()), whole(&case["wait"]))?;
    let weight = model.get_weights()?[0].values().to_f64()[0];
    expect("the weights", weight, number(&case["weights"]))
}

fn reduce_lr_on_plateau(case: &Value) -> Check {
    let mut s = Settings::of(case, "options");
    let it = ReduceLROnPlateau::new(text(&s.take("monitor").ok_or("no monitor")?));
    let it = count(&mut s, it, "patience", ReduceLROnPlateau::patience);
    let it = float(&mut s, it, "factor", ReduceLROnPlateau::factor);
    let it = count(&mut s, it, "cooldown", ReduceLROnPlateau::cooldown);
    let it = float(&mut s, it, "min_delta", ReduceLROnPlateau::min_delta);
    let it = float(&mut s, it, "min_lr", ReduceLROnPlateau::min_lr);
    let mut it = word(&mut s, it, "mode", |it, mode| it.mode(mode));
    s.all_used()?;
    let mut model = model()?;
    let history = drive(case, &mut model, &mut it)?;
    let rates = case["learning_rates"].as_array().ok_or("no rates")?;
    let rates: Vec<f64> = rates.iter().filter_map(figure).collect();
    expect("the learning rates", &history["learning_rate"], rates.as_slice())?;
    let last = f64::from(model.learning_rate()?);
    expect("the last rate", Some(last), figure(&case["last_rate"]))?;
    expect("best", it.best(), figure(&case["best"]))?;
    expect("wait", Some(it.wait()), whole(&case["wait"]))
}

fn model_checkpoint(case: &Value) -> Check {
    let folder = tempfile::tempdir()?;
    let mut s = Settings::of(case, "options");
    let path = text(&s.take("filepath").ok_or("no filepath")?).to_owned();
    let path = format!("{}/{path}.safetensors", folder.path().display());
    let it = word(&mut s, ModelCheckpoint::new(path), "monitor", |it, name| it.monitor(name));
    let it = s.set_bool(it, "save_best_only", ModelCheckpoint::save_best_only);
    let it = word(&mut s, it, "mode", |it, mode| it.mode(mode));
    let it = count(&mut s, it, "save_freq", |it, freq| it.save_freq(freq));
    let name = "initial_value_threshold";
    let it = float(&mut s, it, name, ModelCheckpoint::initial_value_threshold);
    s.all_used()?;
    let mut saved = vec![];
    drive(case, &mut model()?, Saved { it, root: folder.path(), names: &mut saved })?;
    let keras = case["saved"].as_array().ok_or("no names")?;
    expect("saved", saved, keras.iter().map(|name| text(name).to_owned()).collect())
}

/// A checkpoint that tells which files it wrote. Each is removed, so that a name that is saved
/// twice counts twice.
struct Saved<'a> {
    it: ModelCheckpoint,
    root: &'a Path,
    names: &'a mut Vec<String>,
}

impl Saved<'_> {
    fn collect(&mut self) {
        let Some(path) = self.it.last_path().filter(|path| path.exists()) else { return };
        std::fs::remove_file(path).expect("it was written");
        let name = path.strip_prefix(self.root).expect("it is in the folder").with_extension("");
        self.names.push(name.display().to_string());
    }
}

impl Callback for Saved<'_> {
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.it.on_train_begin(training)
    }

    fn on_epoch_begin(&mut self, training: &mut Training<'_>, epoch: usize) -> Result<()> {
        self.it.on_epoch_begin(training, epoch)
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>, batch: usize) -> Result<()> {
        self.it.on_train_batch_end(training, batch)?;
        self.collect();
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        self.it.on_epoch_end(training, epoch, logs)?;
        self.collect();
        Ok(())
    }
}

fn csv_logger(case: &Value) -> Check {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log.csv");
    if let Some(before) = case["before"].as_str() {
        std::fs::write(&path, before)?;
    }
    let mut s = Settings::of(case, "options");
    let it = CSVLogger::new(&path);
    let it = word(&mut s, it, "separator", |it, c| it.separator(c.chars().next().unwrap()));
    let it = s.set_bool(it, "append", CSVLogger::append);
    s.all_used()?;
    drive(case, &mut model()?, it)?;
    expect("the file", std::fs::read_to_string(path)?.as_str(), text(&case["after"]))
}

/// A number in a file name.
fn format(case: &Value, model: &mut Model) -> Check {
    let folder = tempfile::tempdir()?;
    let template = text(&case["format"]);
    let is_count = case["value"].is_u64();
    let template = template.replace("{x", if is_count { "{epoch" } else { "{x" });
    let path = format!("{}/{template}.safetensors", folder.path().display());
    let mut it = ModelCheckpoint::new(path);
    let epoch = whole(&case["value"]).unwrap_or(1);
    let value = figure(&case["value"]).unwrap_or_default();
    let x = Array::zeros([1, 1], DType::F32);
    model
        .fit(&x, &x)
        .initial_epoch(epoch - 1)
        .epochs(epoch)
        .verbose(0)
        .callback(cornu::callbacks::LambdaCallback::new().on_epoch_end(|_, _, logs| {
            logs.set("x", value);
            Ok(())
        }))
        .callback(&mut it)
        .run()?;
    let name = it.last_path().and_then(Path::file_name).ok_or("nothing was saved")?;
    let name = name.to_str().and_then(|name| name.strip_suffix(".safetensors"));
    expect("the text", name, Some(text(&case["text"])))
}

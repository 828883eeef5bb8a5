//! All of a training at one moment, in a file: what it takes to go on as if nothing had happened.
//!
//! The file is a safetensors file: the weights, the variables of training, the totals of the
//! figures, the arrays that callbacks keep, and last, as bytes, a JSON of the rest.

use super::{CallbackState, Training};
use crate::saving::{Notes, read_safetensors, save_safetensors};
use crate::train::{History, Place, Record, Trainer};
use crate::variable::Variable;
use cornu_graph::{Array, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// The version of what the JSON holds.
const VERSION: u32 = 1;

/// Under which name the JSON is in the file.
const REST: &str = "backup/rest";

/// All of a training at one moment.
pub(crate) struct Snapshot {
    rest: Rest,
    callbacks: Vec<CallbackState>,
    /// The variables of the model and of training, with their paths.
    values: Vec<(String, Array)>,
}

/// What is no array.
#[derive(Serialize, Deserialize)]
struct Rest {
    version: u32,
    place: Place,
    /// Decides the order of the data.
    seed: u64,
    /// Whether a callback had asked for the end.
    stopped: bool,
    averages_in_model: bool,
    history: Record,
    /// For each callback what it counted, and how many arrays it keeps.
    callbacks: Vec<(Value, usize)>,
}

impl Snapshot {
    /// A training as it is now.
    pub fn new(
        training: &Training<'_>,
        place: Place,
        callbacks: Vec<CallbackState>,
    ) -> Result<Snapshot> {
        let values = variables(training)?.into_iter();
        let rest = Rest {
            version: VERSION,
            place,
            seed: training.model.trainer().map_or(0, Trainer::seed),
            stopped: training.stopped,
            averages_in_model: training.averages_in_model,
            history: training.history.record(),
            callbacks: callbacks.iter().map(|c| (c.counts.clone(), c.arrays.len())).collect(),
        };
        let values = values.map(|v| (v.path().to_owned(), v.value())).collect();
        Ok(Snapshot { rest, callbacks, values })
    }

    /// Where the training stood.
    pub fn place(&self) -> Place {
        self.rest.place
    }

    /// What decided the order of its data.
    pub fn seed(&self) -> u64 {
        self.rest.seed
    }

    /// What its callbacks had counted.
    pub fn callback_states(&self) -> &[CallbackState] {
        &self.callbacks
    }

    /// Writes the file, in the place of one that may be there.
    ///
    /// # Errors
    /// If it cannot be written. A file that was there is as it was then.
    pub fn write(&self, path: &Path) -> Result<()> {
        let rest = serde_json::to_vec(&self.rest)
            .map_err(|e| Error::state(format!("the state of training cannot be written: {e}")))?;
        let rest = Array::new([rest.len()], rest)?;
        let arrays = self.callbacks.iter().enumerate().flat_map(|(number, callback)| {
            let path = format!("callbacks/{number}");
            callback.arrays.iter().map(move |array| (path.clone(), array.clone()))
        });
        let all = self.values.iter().cloned().chain(arrays).chain([(REST.to_owned(), rest)]);
        let all: Vec<Variable> =
            all.map(|(path, value)| Variable::new(path, value, false)).collect();
        save_safetensors(path, &all, &Notes::new())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or is no backup.
    pub fn read(path: &Path) -> Result<Snapshot> {
        read(path).map_err(|e| e.within(path.display().to_string()))
    }

    /// Gives the model and the training what they were. Nothing is changed if one does not fit.
    ///
    /// # Errors
    /// If the backup is one of another model or of another training.
    pub fn restore(&self, training: &mut Training<'_>) -> Result<()> {
        let variables = variables(training)?;
        self.check(&variables).map_err(|e| {
            e.within("the backup does not fit").help(
                "it was made of another model, or compiled in another way: give another folder, \
                 or delete the one that is there",
            )
        })?;
        for (variable, (_, value)) in variables.iter().zip(&self.values) {
            variable.assign(value.clone())?;
        }
        training.history = History::of_record(&self.rest.history);
        (training.stopped, training.resumed) = (self.rest.stopped, true);
        training.averages_in_model = self.rest.averages_in_model;
        Ok(())
    }

    fn check(&self, variables: &[Variable]) -> Result<()> {
        let [ours, theirs] = [variables.len(), self.values.len()];
        if ours != theirs {
            return Err(Error::value(format!(
                "this training has {ours} variables, the one in the backup has {theirs}"
            )));
        }
        let own = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            name.split('#').next().unwrap_or_default().to_owned()
        };
        for (variable, (path, value)) in variables.iter().zip(&self.values) {
            if value.ty() != *variable.ty() || own(path) != own(variable.path()) {
                return Err(Error::shape(format!(
                    "'{}' is {}, but in its place the backup has '{path}', which is {}",
                    variable.path(),
                    variable.ty(),
                    value.ty()
                )));
            }
        }
        Ok(())
    }
}

/// The weights, the variables of training and the totals of the figures.
fn variables(training: &Training<'_>) -> Result<Vec<Variable>> {
    let mut all = training.model.weights()?;
    if let Some(trainer) = training.model.trainer() {
        all.extend(trainer.variables());
        all.extend(trainer.total_variables());
    }
    Ok(all)
}

fn read(path: &Path) -> Result<Snapshot> {
    let mut values = read_safetensors(path)?;
    let foreign = || Error::file("it is no backup of a training");
    let (name, rest) = values.pop().ok_or_else(foreign)?;
    let rest = rest.as_slice::<u8>().ok().filter(|_| name == REST).ok_or_else(foreign)?;
    let version = serde_json::from_slice::<Value>(rest).ok().map(|rest| rest["version"].clone());
    match version.as_ref().and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the backup has version {version}, expected {VERSION}"),
            ));
        }
        None => return Err(Error::file("the backup is damaged")),
    }
    let rest: Rest = serde_json::from_slice(rest)
        .map_err(|e| Error::file(format!("the backup is damaged: {e}")))?;
    let mut arrays = values.len();
    let mut callbacks = vec![];
    // From the last callback to the first: their arrays stand last.
    for (counts, count) in rest.callbacks.iter().rev() {
        let damaged = || Error::file("the backup is damaged: it lacks arrays of a callback");
        arrays = arrays.checked_sub(*count).ok_or_else(damaged)?;
        let kept = values.split_off(arrays).into_iter().map(|(_, array)| array).collect();
        callbacks.insert(0, CallbackState { counts: counts.clone(), arrays: kept });
    }
    Ok(Snapshot { rest, callbacks, values })
}

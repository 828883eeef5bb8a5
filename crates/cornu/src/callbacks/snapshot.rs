//! All of a training at one moment, in a file: what it takes to go on as if nothing had happened.
//!
//! The file is the model's `.keras`, which Keras opens too. What training has beside the model is in
//! its assets: `training.safetensors` with the random state, the totals of the figures and the arrays
//! that callbacks keep, and `training.json` with the rest.

use super::{CallbackState, Training};
use crate::saving::{Contents, read_safetensors, safetensors_bytes};
use crate::train::{History, Place, Record, Trainer};
use crate::variable::Variable;
use cornu_graph::{Array, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// The version of what the JSON holds.
const VERSION: u32 = 2;

/// The files among the assets.
const REST: &str = "training.json";
const ARRAYS: &str = "training.safetensors";

/// All of a training at one moment.
pub(crate) struct Snapshot {
    /// The model with its weights.
    contents: Contents,
    rest: Rest,
    callbacks: Vec<CallbackState>,
    /// The other variables of training, with their paths.
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
        let contents = Contents::or_weights(training.model)?;
        let values = variables(training).into_iter();
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
        Ok(Snapshot { contents, rest, callbacks, values })
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
    pub fn write(&mut self, path: &Path) -> Result<()> {
        let rest = serde_json::to_vec(&self.rest)
            .map_err(|e| Error::state(format!("the state of training cannot be written: {e}")))?;
        let arrays = self.callbacks.iter().enumerate().flat_map(|(number, callback)| {
            let path = format!("callbacks/{number}");
            callback.arrays.iter().map(move |array| (path.clone(), array.clone()))
        });
        let all: Vec<Variable> = (self.values.iter().cloned().chain(arrays))
            .map(|(path, value)| Variable::new(path, value, false))
            .collect();
        let files = &mut self.contents.extras.files;
        files.insert(REST.into(), rest);
        files.insert(ARRAYS.into(), safetensors_bytes(&all)?);
        self.contents.write(path)
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
        let variables = variables(training);
        let mut fit = || {
            let weights = self.contents.fit_weights(training.model)?;
            self.check(&variables)?;
            self.contents.restore_optimizer(training.model)?;
            Ok(weights)
        };
        let weights = fit().map_err(|e: Error| {
            e.within("the backup does not fit").help(
                "it was made of another model, or compiled in another way: give another folder, \
                 or delete the one that is there",
            )
        })?;
        weights.assign()?;
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

/// What the model's own file does not hold of training: the random state, and the totals of the
/// figures.
fn variables(training: &Training<'_>) -> Vec<Variable> {
    let trainer = training.model.trainer();
    trainer.map_or(vec![], |t| [vec![t.state.random.clone()], t.total_variables()].concat())
}

fn read(path: &Path) -> Result<Snapshot> {
    let contents = Contents::read(path)?;
    let file = |name: &str| {
        let file = contents.extras.files.get(name);
        file.ok_or_else(|| Error::file("it is no backup of a training"))
    };
    let (rest, mut values) = (file(REST)?, read_safetensors(file(ARRAYS)?)?);
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
    Ok(Snapshot { contents, rest, callbacks, values })
}

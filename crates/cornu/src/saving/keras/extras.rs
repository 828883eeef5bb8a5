//! What Cornu writes into a model's file beside what Keras knows: `assets/cornu/`. Keras opens the
//! file all the same.

use super::budget::check_values;
use crate::saving::Notes;
use cornu_graph::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The folder of Cornu's own files in an archive.
pub(crate) const FOLDER: &str = "assets/cornu";

/// The version of what is written.
const VERSION: u32 = 1;

/// The most bytes of what is said about a model, as in a safetensors file.
const MAX_NOTES: usize = 4 << 20;

/// What is known of a model beside its layers and weights.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub state: State,
    /// Files of their own, by name: what a backup keeps.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// `assets/cornu/state.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    /// What was said about the model: see [`Model::set_metadata`](crate::model::Model::set_metadata).
    #[serde(default)]
    pub metadata: Notes,
    /// What training had drawn its random numbers from, and would go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_state: Option<Vec<i32>>,
    /// How many epochs it was trained.
    #[serde(default)]
    pub epoch: u64,
    /// What `compile` was given, where Keras has no word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<Value>,
}

impl State {
    /// As JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check_notes()?;
        let state = State { version: VERSION, ..self.clone() };
        serde_json::to_vec_pretty(&state)
            .map_err(|e| Error::state(format!("the state of the model cannot be written: {e}")))
    }

    /// From JSON.
    pub fn read(bytes: &[u8]) -> Result<State> {
        check_values(bytes)?;
        let state: State = serde_json::from_slice(bytes)
            .map_err(|e| Error::file(format!("state.json is damaged: {e}")))?;
        if state.version > VERSION {
            let version = state.version;
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("state.json has version {version}, this Cornu knows up to {VERSION}"),
            ));
        }
        state.check_notes()?;
        Ok(state)
    }

    fn check_notes(&self) -> Result<()> {
        match self.metadata.iter().map(|(key, text)| key.len() + text.len()).sum::<usize>() {
            0..=MAX_NOTES => Ok(()),
            length => Err(Error::new(
                ErrorKind::Unsupported,
                format!("the metadata take {length} bytes, over {MAX_NOTES}"),
            )),
        }
    }
}

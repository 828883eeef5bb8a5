//! What training recorded.

use crate::callbacks::{Callback, CallbackState, Exact, Training};
use cornu_graph::Result;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::ops::Index;
use std::path::Path;

/// Figures by name, in alphabetical order: `loss`, `accuracy`, …
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs(Vec<(String, f64)>);

impl Logs {
    /// Adds a figure or replaces the one of that name.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.0.binary_search_by(|(n, _)| n.as_str().cmp(&name)) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// The figure of a name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The figures with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// The figure of a name; panics if there is none, as indexing does.
impl Index<&str> for Logs {
    type Output = f64;
    fn index(&self, name: &str) -> &f64 {
        let figure = self.0.iter().find(|(n, _)| n == name);
        &figure.unwrap_or_else(|| panic!("no figure '{name}' among {:?}", self.0)).1
    }
}

/// The figures of every epoch: what `fit` returns.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The numbers of the epochs, from 0.
    pub epochs: Vec<usize>,
    /// The seconds that the training batches of each epoch took, without validation.
    pub epoch_seconds: Vec<f64>,
    metrics: Vec<(String, Vec<f64>)>,
    /// Whether training was stopped before its last epoch.
    pub stopped: bool,
}

impl History {
    pub(crate) fn push(&mut self, epoch: usize, seconds: f64, logs: &Logs) {
        for (name, value) in logs.iter() {
            match self.metrics.iter_mut().find(|(n, _)| n == name) {
                Some((_, values)) => values.push(value),
                None => self.metrics.push((name.to_owned(), vec![value])),
            }
        }
        self.epochs.push(epoch);
        self.epoch_seconds.push(seconds);
    }

    /// The figures of the last epoch.
    pub(crate) fn last_logs(&self) -> Logs {
        let mut logs = Logs::default();
        for (name, values) in &self.metrics {
            values.last().into_iter().for_each(|value| logs.set(name.as_str(), *value));
        }
        logs
    }

    /// What was recorded, as a backup keeps it.
    pub(crate) fn record(&self) -> Record {
        let exact = |values: &[f64]| values.iter().copied().map(Exact).collect();
        Record {
            epochs: self.epochs.clone(),
            epoch_seconds: exact(&self.epoch_seconds),
            metrics: self.iter().map(|(name, values)| (name.to_owned(), exact(values))).collect(),
        }
    }

    /// The history of what a backup kept.
    pub(crate) fn of_record(record: &Record) -> History {
        let plain = |values: &[Exact]| values.iter().map(|value| value.0).collect();
        let metrics = record.metrics.iter();
        History {
            epochs: record.epochs.clone(),
            epoch_seconds: plain(&record.epoch_seconds),
            metrics: metrics.map(|(name, values)| (name.clone(), plain(values))).collect(),
            stopped: false,
        }
    }

    /// The values of a figure, one for each epoch.
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.metrics.iter().find(|(n, _)| n == name).map(|(_, values)| values.as_slice())
    }

    /// All figures with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.metrics.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The value of a figure in the last epoch.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.get(name)?.last().copied()
    }

    /// A table with a row for each epoch, as Keras's `CSVLogger` writes it.
    pub fn to_csv(&self) -> String {
        let names: Vec<&str> = self.iter().map(|(name, _)| name).collect();
        let mut text = format!("epoch,{}\n", names.join(","));
        for (row, epoch) in self.epochs.iter().enumerate() {
            let values = self.iter().map(|(_, values)| match values.get(row) {
                Some(value) => value.to_string(),
                None => String::new(),
            });
            let _ = writeln!(text, "{epoch},{}", values.collect::<Vec<_>>().join(","));
        }
        text
    }

    /// Writes the table to a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::saving::write_whole(path.as_ref(), self.to_csv().as_bytes())
    }
}

/// A [`History`] as a file keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    epochs: Vec<usize>,
    epoch_seconds: Vec<Exact>,
    metrics: Vec<(String, Vec<Exact>)>,
}

/// A history records the epochs of all trainings that it is given to, so that they can be read even
/// if one fails: `.callback(&mut history)`. `fit` returns one in any case.
impl Callback for History {
    fn on_epoch_end(
        &mut self,
        training: &mut Training<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<()> {
        self.push(epoch, training.epoch_seconds(), logs);
        Ok(())
    }

    fn on_train_end(&mut self, training: &mut Training<'_>, _: &Logs) -> Result<()> {
        self.stopped = training.is_stopped();
        Ok(())
    }

    fn state(&self) -> CallbackState {
        CallbackState::new(self.record())
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        *self = History::of_record(&state.read()?);
        Ok(())
    }
}

/// The values of a figure; panics if there is none, as indexing does.
impl Index<&str> for History {
    type Output = [f64];
    fn index(&self, name: &str) -> &[f64] {
        self.get(name).unwrap_or_else(|| {
            let names: Vec<&str> = self.iter().map(|(name, _)| name).collect();
            panic!("the history has no '{name}', only {names:?}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_a_row_an_epoch() {
        let mut history = History::default();
        let mut logs = Logs::default();
        logs.set("loss", 0.5);
        logs.set("accuracy", 0.25);
        history.push(0, 1.0, &logs);
        logs.set("loss", 0.125);
        history.push(1, 1.0, &logs);
        assert_eq!(history.to_csv(), "epoch,accuracy,loss\n0,0.25,0.5\n1,0.25,0.125\n");
        assert_eq!(history["loss"], [0.5, 0.125]);
        assert_eq!(history.last("accuracy"), Some(0.25));
    }
}

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
    metrics: Vec<Metric>,
    /// Whether training was stopped before its last epoch.
    pub stopped: bool,
}

/// What was recorded of a figure: not in all epochs, if validation comes only now and then.
#[derive(Clone, Debug)]
struct Metric {
    name: String,
    values: Vec<f64>,
    /// In which recorded epoch each value was, counted from 0.
    rows: Vec<usize>,
}

impl History {
    pub(crate) fn push(&mut self, epoch: usize, seconds: f64, logs: &Logs) {
        for (name, value) in logs.iter() {
            let known = self.metrics.iter().position(|metric| metric.name == name);
            let known = known.unwrap_or_else(|| {
                let name = name.to_owned();
                self.metrics.push(Metric { name, values: vec![], rows: vec![] });
                self.metrics.len() - 1
            });
            self.metrics[known].values.push(value);
            self.metrics[known].rows.push(self.epochs.len());
        }
        self.epochs.push(epoch);
        self.epoch_seconds.push(seconds);
    }

    /// The figures of the last epoch.
    pub(crate) fn last_logs(&self) -> Logs {
        let mut logs = Logs::default();
        for (name, values) in self.iter() {
            values.last().into_iter().for_each(|value| logs.set(name, *value));
        }
        logs
    }

    /// What was recorded, as a backup keeps it.
    pub(crate) fn record(&self) -> Record {
        let exact = |values: &[f64]| values.iter().copied().map(Exact).collect();
        Record {
            epochs: self.epochs.clone(),
            epoch_seconds: exact(&self.epoch_seconds),
            metrics: (self.metrics.iter())
                .map(|m| (m.name.clone(), exact(&m.values), m.rows.clone()))
                .collect(),
        }
    }

    /// The history of what a backup kept.
    pub(crate) fn of_record(record: &Record) -> History {
        let plain = |values: &[Exact]| values.iter().map(|value| value.0).collect();
        let metric = |(name, values, rows): &(String, Vec<Exact>, Vec<usize>)| Metric {
            name: name.clone(),
            values: plain(values),
            rows: rows.clone(),
        };
        History {
            epochs: record.epochs.clone(),
            epoch_seconds: plain(&record.epoch_seconds),
            metrics: record.metrics.iter().map(metric).collect(),
            stopped: false,
        }
    }

    /// The values of a figure, one for each epoch; of validation only those epochs that had one.
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.metric(name).map(|metric| metric.values.as_slice())
    }

    /// The values of a figure with the numbers of their epochs, from 0.
    pub fn points(&self, name: &str) -> impl Iterator<Item = (usize, f64)> {
        let metric = self.metric(name).into_iter();
        let points = metric.flat_map(|metric| metric.rows.iter().zip(&metric.values));
        points.map(|(&row, &value)| (self.epochs[row], value))
    }

    /// The value of a figure in a recorded epoch, counted from 0.
    pub(crate) fn value_in(&self, name: &str, row: usize) -> Option<f64> {
        let metric = self.metric(name)?;
        let place = metric.rows.binary_search(&row).ok()?;
        Some(metric.values[place])
    }

    fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// All figures with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.metrics.iter().map(|metric| (metric.name.as_str(), metric.values.as_slice()))
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
            let value = |name: &&str| self.value_in(name, row).map(|value| value.to_string());
            let values = names.iter().map(|name| value(name).unwrap_or_default());
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
    metrics: Vec<(String, Vec<Exact>, Vec<usize>)>,
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
        // A validation that comes only in the third epoch.
        logs.set("val_loss", 0.75);
        history.push(2, 1.0, &logs);
        assert!(history.to_csv().ends_with("\n1,0.25,0.125,\n2,0.25,0.125,0.75\n"));
        assert_eq!(history.points("val_loss").collect::<Vec<_>>(), [(2, 0.75)]);
        assert_eq!(History::of_record(&history.record()).to_csv(), history.to_csv());
    }
}

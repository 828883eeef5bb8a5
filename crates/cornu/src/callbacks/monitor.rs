//! A figure that is watched, and whether it became better.

use super::Training;
use super::state::Exact;
use crate::metrics::Direction;
use crate::names;
use crate::train::Logs;
use cornu_graph::{Error, Result};

/// What `EarlyStopping`, `ModelCheckpoint` and `ReduceLROnPlateau` have in common.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    pub figure: String,
    pub mode: String,
    pub min_delta: f64,
    /// The best value so far.
    pub best: Option<f64>,
    /// Which way is better, once it is known.
    direction: Option<Direction>,
}

impl Monitor {
    /// Watches a figure.
    pub fn new(figure: impl Into<String>) -> Monitor {
        Monitor {
            figure: figure.into(),
            mode: "auto".into(),
            min_delta: 0.0,
            best: None,
            direction: None,
        }
    }

    /// Checks the options before training begins.
    ///
    /// # Errors
    /// If the mode is not known or `min_delta` is negative.
    pub fn check(&mut self) -> Result<()> {
        self.direction = match self.mode.as_str() {
            "min" => Some(Direction::Down),
            "max" => Some(Direction::Up),
            "auto" => None,
            other => return Err(names::unknown("mode", other, ["auto", "min", "max"])),
        };
        if self.min_delta >= 0.0 {
            return Ok(());
        }
        Err(Error::value(format!("min_delta must be at least 0, not {}", self.min_delta)))
    }

    /// The value of the figure; none if it only comes with a later validation.
    ///
    /// # Errors
    /// If there is no such figure, or nobody knows whether more of it is better.
    pub fn value(
        &mut self,
        training: &Training<'_>,
        epoch: usize,
        logs: &Logs,
    ) -> Result<Option<f64>> {
        let Some(value) = logs.get(&self.figure) else {
            let is_later = self.is_validated() && training.validation_is_missing(epoch);
            let known = logs.get(self.plain_figure()).is_some();
            return if is_later && known { Ok(None) } else { Err(self.missing(training, logs)) };
        };
        self.direction(training)?;
        Ok(Some(value))
    }

    fn is_validated(&self) -> bool {
        self.figure.starts_with("val_")
    }

    /// The figure's name without `val_`.
    fn plain_figure(&self) -> &str {
        self.figure.strip_prefix("val_").unwrap_or(&self.figure)
    }

    fn missing(&self, training: &Training<'_>, logs: &Logs) -> Error {
        let figures: Vec<&str> = logs.iter().map(|(name, _)| name).collect();
        let error = Error::new(
            cornu_graph::ErrorKind::Name,
            format!(
                "there is no figure '{}' to monitor; there are: {}",
                self.figure,
                figures.join(", ")
            ),
        );
        if self.is_validated() && !training.is_validated() {
            return error.help(
                "figures that begin with val_ need data to validate on: .validation_data(…), \
                 .validation_split(…)",
            );
        }
        match names::nearest(&self.figure, figures) {
            Some(nearest) => error.help(format!("did you mean '{nearest}'?")),
            None => error,
        }
    }

    /// Which way is better: as asked, or as the figure's own metric says.
    fn direction(&mut self, training: &Training<'_>) -> Result<Direction> {
        let name = self.plain_figure();
        let found = self.direction.or_else(|| match name {
            "loss" => Some(Direction::Down),
            _ => training.direction_of(name),
        });
        self.direction = found;
        found.ok_or_else(|| {
            Error::value(format!(
                "nobody knows whether more or less of '{}' is better",
                self.figure
            ))
            .help("say .mode(\"max\") or .mode(\"min\")")
        })
    }

    /// Whether a value is better than another by more than `min_delta`; any is better than none.
    /// Compared as `float32`, as Keras does.
    pub fn improves(&self, value: f64, than: Option<f64>) -> bool {
        let Some(than) = than else { return true };
        match self.direction {
            Some(Direction::Up) => (value - self.min_delta) as f32 > than as f32,
            _ => ((value + self.min_delta) as f32) < than as f32,
        }
    }

    /// The best value so far, as a backup keeps it.
    pub fn exact_best(&self) -> Option<Exact> {
        self.best.map(Exact)
    }
}

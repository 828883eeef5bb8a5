//! Checks of the data before a step sees them.

use super::Trainer;
use crate::data::Column;
use crate::model::Built;
use cornu_graph::{Array, Error, Result};

/// Checks that there are samples, and equally many everywhere.
pub fn check_data(x: &[Column], y: &[Column], sample_weight: Option<&Column>) -> Result<()> {
    let all: Vec<&Column> = x.iter().chain(y).chain(sample_weight).collect();
    let samples = x.first().map_or(0, Column::len);
    if samples == 0 {
        return Err(Error::data("the data are empty").help("x must have at least one sample"));
    }
    if all.iter().any(|c| c.array().shape().is_empty()) {
        return Err(Error::shape("data must have a first dimension of samples, not be one number"));
    }
    if all.iter().any(|c| i32::try_from(c.array().rows()).is_err()) {
        return Err(Error::data("an array can have at most 2147483647 rows"));
    }
    if let Some(other) = all.iter().find(|c| c.len() != samples) {
        return Err(Error::data(format!(
            "all data must have equally many samples, but there are {samples} and {}",
            other.len()
        )));
    }
    Ok(())
}

/// Checks that there is a column for each input and output.
pub fn check_counts(built: &Built, inputs: usize, outputs: usize) -> Result<()> {
    for (what, wanted, given) in
        [("inputs", built.inputs.len(), inputs), ("outputs", built.outputs.len(), outputs)]
    {
        if wanted != given {
            return Err(Error::data(format!(
                "the model has {wanted} {what}, but {given} arrays were given for them"
            )));
        }
    }
    Ok(())
}

/// Checks that class numbers are those of the output's classes: an index out of range would train
/// on nothing without a word.
pub fn check_labels(trainer: &Trainer, built: &Built, y: &[Column]) -> Result<()> {
    let takes_labels = |output: usize| trainer.outputs[output].loss.takes_labels();
    let arrays = y.iter().enumerate().map(|(output, column)| {
        // Only labels are looked at: the rest need not be put together.
        if takes_labels(output) { column.to_array() } else { Ok(Array::scalar(0.0f32)) }
    });
    check_label_arrays(trainer, built, &arrays.collect::<Result<Vec<Array>>>()?)
}

/// As [`check_labels`], for the targets of one batch.
pub fn check_label_arrays(trainer: &Trainer, built: &Built, y: &[Array]) -> Result<()> {
    for ((spec, output), labels) in trainer.outputs.iter().zip(&built.outputs).zip(y) {
        let Some(classes) = output.shape().dims().last().and_then(|d| d.known()) else { continue };
        if !spec.loss.takes_labels() {
            continue;
        }
        let values = labels.values().to_f64();
        if !spec.loss.labels_are_outputs() {
            check_whole(&spec.name, &values)?;
            continue;
        }
        let ignored = spec.loss.ignored_label().map(f64::from);
        let is_class = |v: f64| v >= 0.0 && v < classes as f64 && v.fract() == 0.0;
        let bad = values.iter().find(|&&v| !is_class(v) && Some(v) != ignored);
        if let Some(bad) = bad {
            return Err(Error::data(format!(
                "label {bad} for output '{}', which has {classes} classes: labels go from 0 to {}",
                spec.name,
                classes.saturating_sub(1)
            )));
        }
    }
    Ok(())
}

/// Checks that labels which only tell who belongs together are whole numbers.
fn check_whole(output: &str, values: &[f64]) -> Result<()> {
    match values.iter().find(|v| !v.is_finite() || v.fract() != 0.0) {
        Some(bad) => Err(Error::data(format!(
            "label {bad} for output '{output}': the classes of embeddings are whole numbers"
        ))),
        None => Ok(()),
    }
}

//! `validation_split`: the last part of the data, kept for validation.

use super::source::Columns;
use crate::data::Column;
use cornu_graph::{Error, Result};

/// What is left to train on, and the last `part` (0 to 1) of the samples.
pub fn split(data: &Columns, part: f64) -> Result<(Columns, Columns)> {
    let samples = data.x.first().map_or(0, Column::len);
    let kept = (samples as f64 * (1.0 - part)).floor();
    if !(0.0..1.0).contains(&part) || kept < 1.0 || kept as usize == samples {
        return Err(Error::value(format!(
            "validation_split {part} of {samples} samples leaves nothing to train or to validate \
             on"
        ))
        .help("it is the part of the data to validate on: more than 0 and less than 1"));
    }
    let kept = kept as usize;
    Ok((cut(data, 0, kept)?, cut(data, kept, samples)?))
}

fn cut(data: &Columns, from: usize, to: usize) -> Result<Columns> {
    let shared = data.x.first().map(|c| c.select(from..to)).transpose()?;
    let of_all_rows = data.x.first().is_some_and(|first| first.rows().is_none());
    let cut = |column: &Column| match (&shared, column.rows()) {
        // Columns of all rows share one index of rows.
        (Some(first), None) if of_all_rows => Ok(column.with_rows_of(first)),
        _ => column.select(from..to),
    };
    Ok(Columns {
        x: data.x.iter().map(cut).collect::<Result<_>>()?,
        y: data.y.iter().map(cut).collect::<Result<_>>()?,
        sample_weight: data.sample_weight.as_ref().map(cut).transpose()?,
    })
}

//! Class weights: how much the samples of each class count, as sample weights.

use crate::data::Column;
use cornu_graph::{Array, DType, Error, Result};
use std::collections::BTreeMap;

/// The weight of each sample: of its class, times its own if there is one.
pub fn weights_by_class(
    y: &[Column],
    weights: &BTreeMap<usize, f32>,
    sample_weight: Option<&Column>,
) -> Result<Column> {
    let [y] = y else {
        return Err(Error::value("class_weight needs a model with one output"));
    };
    let classes = classes_of(&y.to_array()?)?;
    let mut values: Vec<f32> =
        classes.iter().map(|class| weights.get(class).copied().unwrap_or(1.0)).collect();
    if let Some(given) = sample_weight {
        let given = given.to_array()?.cast(DType::F32);
        if given.len() != values.len() {
            return Err(Error::shape(format!(
                "with class_weight, sample_weight must have one number for each sample, not \
                 shape {}",
                cornu_graph::Shape::from(given.shape())
            )));
        }
        values.iter_mut().zip(given.as_slice::<f32>()?).for_each(|(v, w)| *v *= w);
    }
    Ok(Column::new(Array::new([values.len()], values)?))
}

/// The class of each sample: the label, or the place of the largest in a one-hot row.
fn classes_of(y: &Array) -> Result<Vec<usize>> {
    let values = y.values().to_f64();
    match y.shape() {
        [_] | [_, 1] => match values.iter().find(|v| **v < 0.0 || v.fract() != 0.0) {
            Some(bad) => Err(Error::data(format!("class_weight needs classes 0, 1, …, not {bad}"))),
            None => Ok(values.iter().map(|&v| v as usize).collect()),
        },
        [_, classes] if *classes > 0 => Ok(values
            .chunks(*classes)
            .map(|row| (0..*classes).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0))
            .collect()),
        shape => Err(Error::shape(format!(
            "class_weight needs labels (n,) or one-hot rows (n, classes), not {}",
            cornu_graph::Shape::from(shape)
        ))),
    }
}

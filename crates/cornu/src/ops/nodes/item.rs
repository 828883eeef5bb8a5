//! Parts of a tensor by a key, as Python writes them: `x[:, None, -1, ::2]`.

use crate::config::{FromConfig, expected};
use crate::ops;
use crate::ops::layout::known_size;
use crate::tensor::{Operation, Tensor};
use cornu_graph::op::SliceRange;
use cornu_graph::{Dim, Error, Op, Result, Shape};
use serde_json::Value;

/// A part of a key.
enum Part {
    Index(i64),
    Range([Option<i64>; 3]),
    NewAxis,
    /// All axes that no other part is for.
    Rest,
}

impl Part {
    fn read(value: &Value) -> Result<Part> {
        match value.get("class_name").and_then(Value::as_str) {
            Some("__ellipsis__") => return Ok(Part::Rest),
            Some("__slice__") => {
                let of = |key| Option::<i64>::from_config(&value["config"][key]);
                return Ok(Part::Range([of("start")?, of("stop")?, of("step")?]));
            }
            _ => {}
        }
        match value {
            Value::Null => Ok(Part::NewAxis),
            value => value.as_i64().map(Part::Index).ok_or_else(|| expected("an index", value)),
        }
    }

    /// How many axes it is for.
    fn axes(&self) -> usize {
        usize::from(matches!(self, Part::Index(_) | Part::Range(_)))
    }
}

/// The part of a tensor that a key says, as one operation.
pub(super) fn get_item(x: &Tensor, key: &Value) -> Result<Tensor> {
    x.check()?;
    let alone = std::slice::from_ref(key);
    let parts = key.as_array().map_or(alone, Vec::as_slice);
    let parts = complete(parts.iter().map(Part::read).collect::<Result<_>>()?, x)?;
    let mut ranges = vec![];
    let mut backwards = vec![];
    for part in parts.iter().filter(|part| part.axes() == 1) {
        let axis = ranges.len();
        let (range, reversed) = range(part, x, axis)?;
        ranges.push(range);
        backwards.extend(reversed.then_some(axis as i32));
    }
    let sliced = Tensor::op(Op::Slice(ranges), &[x]);
    sliced.check()?;
    let flipped = backwards.into_iter().fold(sliced, ops::flip);
    let mut sizes = flipped.shape().dims().iter();
    let mut dims: Vec<Dim> = vec![];
    for part in &parts {
        match part {
            Part::NewAxis => dims.push(Dim::Known(1)),
            Part::Index(_) => drop(sizes.next()),
            Part::Range(_) | Part::Rest => dims.extend(sizes.next()),
        }
    }
    let y = flipped.reshape_to(&Shape::from(dims));
    Ok(Tensor::named(Operation::new("GetItem").with("key", key.clone()), &[x], y))
}

/// The key with a part for every axis.
fn complete(mut parts: Vec<Part>, x: &Tensor) -> Result<Vec<Part>> {
    let wrong = |why: &str| Error::shape(format!("a key for {} {why}", x.shape()));
    let given: usize = parts.iter().map(Part::axes).sum();
    let missing = x.rank().checked_sub(given).ok_or_else(|| wrong("has too many parts"))?;
    let mut rests = (0..parts.len()).filter(|&i| matches!(parts[i], Part::Rest));
    let rest = rests.next();
    if rests.next().is_some() {
        return Err(wrong("has more than one ellipsis"));
    }
    let all = (0..missing).map(|_| Part::Range([None; 3]));
    let place = rest.unwrap_or(parts.len());
    parts.splice(place..place + usize::from(rest.is_some()), all);
    Ok(parts)
}

/// What of an axis is taken, and whether in reverse.
fn range(part: &Part, x: &Tensor, axis: usize) -> Result<(SliceRange, bool)> {
    match part {
        // All of it, even of the batch.
        Part::Range([None | Some(0), None, None | Some(1)]) => Ok((SliceRange::ALL, false)),
        Part::Range(range) => python_range(*range, known_size(x, axis)?),
        Part::Index(index) => {
            let size = known_size(x, axis)? as i128;
            let index = i128::from(*index);
            let start = if index < 0 { index + size } else { index };
            if !(0..size).contains(&start) {
                let shape = x.shape();
                return Err(Error::shape(format!("index {index} of axis {axis} of {shape}")));
            }
            let start = start as usize;
            Ok((SliceRange { start, end: Some(start + 1), step: 1 }, false))
        }
        Part::NewAxis | Part::Rest => unreachable!("these are for no axis"),
    }
}

/// Python's rule for the bounds of a slice. A negative step counts down: the same elements in
/// reverse.
fn python_range(range: [Option<i64>; 3], size: usize) -> Result<(SliceRange, bool)> {
    let size = size as i128;
    let [start, stop, step] = range.map(|bound| bound.map(i128::from));
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Error::value("a slice with a step of 0"));
    }
    let (least, most) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let bound = |bound: Option<i128>, default| {
        let from_front = bound.map(|b| if b < 0 { b + size } else { b });
        from_front.map_or(default, |b| b.clamp(least, most))
    };
    let (mut first, mut end) = match step > 0 {
        true => (bound(start, 0), bound(stop, size)),
        false => (bound(start, size - 1), bound(stop, -1)),
    };
    if step < 0 {
        // From the last element that is met, up to the first.
        let count = (first - end - step - 1) / -step;
        (first, end) = (first + step * (count - 1), first + 1);
    }
    if first >= end || first < 0 {
        return Ok((SliceRange { start: 0, end: Some(0), step: 1 }, false));
    }
    let step_up = step.unsigned_abs().min(size as u128) as usize;
    Ok((SliceRange { start: first as usize, end: Some(end as usize), step: step_up }, step < 0))
}

//! Operations that put the same numbers elsewhere.

use super::super::Call;
use super::super::item::get_item;
use crate::ops;
use crate::ops::layout::known_size;
use crate::ops::resolve_axis;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Result, Shape};
use serde_json::{Value, json};

/// More parts than this no model needs; a file may ask for any number.
const MOST_PARTS: usize = 4096;

pub(super) fn reshape(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let name = if c.value("newshape").is_some() { "newshape" } else { "shape" };
    // The batch is null in some files.
    let sizes: Vec<Option<i64>> = match c.value(name) {
        Some(value) if !value.is_array() => vec![Some(c.get(name)?)],
        _ => c.get(name)?,
    };
    let sizes: Vec<i64> = sizes.into_iter().map(|size| size.unwrap_or(-1)).collect();
    Ok(ops::reshape(x, sizes))
}

pub(super) fn transpose(c: &Call<'_>) -> Result<Tensor> {
    let (x, axes) = (c.tensor("x")?, c.get_or("axes", None::<Vec<i32>>)?);
    Ok(ops::transpose(x, axes.as_deref()))
}

pub(super) fn swapaxes(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let (a, b): (i32, i32) = (c.get("axis1")?, c.get("axis2")?);
    let mut axes: Vec<i32> = (0..x.rank() as i32).collect();
    axes.swap(resolve_axis(a, x.rank())?, resolve_axis(b, x.rank())?);
    Ok(ops::transpose(x, Some(&axes)))
}

pub(super) fn moveaxis(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let resolved = |name: &str| -> Result<Vec<usize>> {
        let axes = c.numbers(name)?.unwrap_or_default();
        axes.into_iter().map(|axis| resolve_axis(axis, x.rank())).collect()
    };
    let mut moves: Vec<(usize, usize)> =
        resolved("destination")?.into_iter().zip(resolved("source")?).collect();
    moves.sort_unstable();
    let stays = |axis: &usize| moves.iter().all(|(_, source)| source != axis);
    let mut axes: Vec<usize> = (0..x.rank()).filter(stays).collect();
    for &(destination, source) in &moves {
        axes.insert(destination.min(axes.len()), source);
    }
    let axes: Vec<i32> = axes.into_iter().map(|axis| axis as i32).collect();
    Ok(ops::transpose(x, Some(&axes)))
}

pub(super) fn broadcast_to(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let sizes: Vec<Option<usize>> = c.get("shape")?;
    let dims: Vec<Dim> = sizes.into_iter().map(|s| s.map_or(Dim::BATCH, Dim::Known)).collect();
    Ok(ops::broadcast_to(x, Shape::from(dims)))
}

pub(super) fn expand_dims(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let axes = c.numbers("axis")?.unwrap_or_default();
    if let [axis] = axes[..] {
        return Ok(ops::expand_dims(x, axis));
    }
    let rank = x.rank() + axes.len();
    let mut places: Vec<usize> =
        axes.into_iter().map(|axis| resolve_axis(axis, rank)).collect::<Result<_>>()?;
    places.sort_unstable();
    Ok(places.into_iter().fold(x, |x, place| ops::expand_dims(x, place as i32)))
}

pub(super) fn squeeze(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let mut places: Vec<usize> = match c.numbers("axis")? {
        Some(axes) => axes.into_iter().map(|a| resolve_axis(a, x.rank())).collect::<Result<_>>()?,
        None => (0..x.rank()).filter(|&a| x.shape().dims()[a] == Dim::Known(1)).collect(),
    };
    places.sort_unstable();
    Ok(places.into_iter().rev().fold(x, |x, place| ops::squeeze(x, place as i32)))
}

pub(super) fn flip(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let axes = c.numbers("axis")?.unwrap_or_else(|| (0..x.rank() as i32).collect());
    Ok(axes.into_iter().fold(x, ops::flip))
}

pub(super) fn roll(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let (shift, axis): (i64, i32) = (c.get("shift")?, c.get("axis")?);
    let axis = resolve_axis(axis, x.rank())?;
    let size = known_size(&x, axis)?;
    let shift = shift.rem_euclid(size.max(1) as i64) as usize;
    if shift == 0 {
        return Ok(x);
    }
    let parts = [part(&x, axis, size - shift, size)?, part(&x, axis, 0, size - shift)?];
    Ok(ops::concatenate(parts, axis as i32))
}

/// The elements from a place to another along an axis.
fn part(x: &Tensor, axis: usize, start: usize, stop: usize) -> Result<Tensor> {
    let slice = |start: Option<usize>, stop: Option<usize>| {
        let bounds = json!({ "start": start, "stop": stop, "step": null });
        json!({ "class_name": "__slice__", "config": bounds })
    };
    let mut key = vec![slice(None, None); axis];
    key.push(slice(Some(start), Some(stop)));
    get_item(x, &Value::from(key))
}

pub(super) fn split(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, axis) = (c.tensor("x")?, c.get_or("axis", 0)?);
    let axis = resolve_axis(axis, x.rank())?;
    let size = known_size(&x, axis)?;
    let bounds = match c.value("indices_or_sections") {
        Some(Value::Array(_)) => c.get::<Vec<usize>>("indices_or_sections")?,
        _ => {
            let sections: usize = c.get("indices_or_sections")?;
            if sections == 0 || sections > MOST_PARTS || size % sections != 0 {
                return Err(c.wrong(format!("an axis of {size} cannot be in {sections} parts")));
            }
            (1..sections).map(|i| i * (size / sections)).collect()
        }
    };
    let starts = std::iter::once(0).chain(bounds.iter().copied());
    let stops = bounds.iter().copied().chain([size]);
    starts.zip(stops).map(|(start, stop)| part(&x, axis, start, stop)).collect()
}

pub(in super::super) fn unstack(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, axis) = (c.tensor("x")?, c.get_or("axis", 0)?);
    let axis = resolve_axis(axis, x.rank())?;
    let size = known_size(&x, axis)?;
    if size > MOST_PARTS {
        return Err(c.wrong(format!("an axis of {size} is in too many parts")));
    }
    let one = |i: usize| Ok(ops::squeeze(part(&x, axis, i, i + 1)?, axis as i32));
    (0..size).map(one).collect()
}

pub(in super::super) fn slice(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("inputs")?;
    let starts: Vec<usize> = c.read("start_indices", c.next_value("start_indices")?)?;
    let sizes: Vec<usize> = c.read("shape", c.next_value("shape")?)?;
    let range = |(start, size): (usize, usize)| (start, Some(start.saturating_add(size)), 1);
    Ok(ops::slice(x, starts.into_iter().zip(sizes).map(range).collect::<Vec<_>>()))
}

pub(super) fn repeat(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let counts: Vec<usize> = match c.value("repeats") {
        Some(Value::Array(_)) => c.get("repeats")?,
        _ => vec![c.get("repeats")?],
    };
    let &[count] = &counts[..] else {
        return Err(c.wrong("each element can only be repeated equally often"));
    };
    Ok(match c.get_or("axis", None)? {
        Some(axis) => ops::repeat(x, count, axis),
        None => ops::repeat(ops::ravel(x), count, 0),
    })
}

pub(super) fn tile(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let mut counts: Vec<usize> = match c.value("repeats") {
        Some(Value::Array(_)) => c.get("repeats")?,
        _ => vec![c.get("repeats")?],
    };
    let rank = x.rank();
    if counts.len() < rank {
        counts.splice(0..0, vec![1; rank - counts.len()]);
    }
    let x = (rank..counts.len()).fold(x, |x, _| ops::expand_dims(x, 0));
    Ok(ops::tile(x, counts))
}

pub(super) fn pad(c: &Call<'_>) -> Result<Tensor> {
    let x = c.tensor("x")?;
    let mode: String = c.get_or("mode", "constant".to_owned())?;
    if mode != "constant" {
        return Err(c.wrong(format!("Cornu pads with a constant, not in the mode '{mode}'")));
    }
    let widths: Vec<(usize, usize)> = match c.value("pad_width") {
        Some(Value::Array(pairs)) if pairs.iter().all(Value::is_array) => {
            c.get::<Vec<[usize; 2]>>("pad_width")?.into_iter().map(|[a, b]| (a, b)).collect()
        }
        Some(Value::Array(_)) => vec![c.get::<[usize; 2]>("pad_width")?.into(); x.rank()],
        _ => vec![(c.get("pad_width")?, c.get("pad_width")?); x.rank()],
    };
    let value: f32 = c.get_or("constant_values", 0.0)?;
    if value == 0.0 {
        return Ok(ops::pad(x, widths));
    }
    let inside = ops::cast(ops::pad(ops::ones_like(&x), &widths), cornu_graph::DType::Bool);
    Ok(ops::where_(inside, ops::pad(x, widths), value))
}

/// Side by side along an axis, or one after another if there is only one.
pub(super) fn joined(c: &Call<'_>, axis: i32) -> Result<Tensor> {
    let tensors = c.tensors("xs")?;
    let tensors = tensors.into_iter().map(|x| match (x.rank(), axis) {
        (0, _) => ops::reshape(x, [1]),
        (1, 0) => ops::expand_dims(x, 0),
        _ => x,
    });
    let tensors: Vec<Tensor> = tensors.collect();
    let of_vectors = tensors.iter().all(|x| x.rank() == 1);
    Ok(ops::concatenate(tensors, if of_vectors { 0 } else { axis }))
}

/// The sum over axes of both, as an Einstein sum.
pub(super) fn tensordot(c: &Call<'_>) -> Result<Tensor> {
    let (a, b) = (c.tensor("x1")?, c.tensor("x2")?);
    let (of_a, of_b) = match c.value("axes") {
        Some(Value::Array(_)) => {
            let [of_a, of_b]: [Value; 2] = c.get("axes")?;
            (axes(c, &of_a, a.rank())?, axes(c, &of_b, b.rank())?)
        }
        _ => {
            let count: usize = c.get_or("axes", 2)?;
            let first = a.rank().checked_sub(count).filter(|_| count <= b.rank());
            let first =
                first.ok_or_else(|| c.wrong(format!("there are no {count} axes to sum")))?;
            ((first..a.rank()).collect(), (0..count).collect())
        }
    };
    let mut letters = ('a'..='z').chain('A'..='Z');
    let mut next = |_| letters.next().ok_or_else(|| c.wrong("there are too many axes"));
    let letters_a: Vec<char> = (0..a.rank()).map(&mut next).collect::<Result<_>>()?;
    let mut letters_b: Vec<char> = (0..b.rank()).map(&mut next).collect::<Result<_>>()?;
    for (&i, &j) in of_a.iter().zip(&of_b) {
        letters_b[j] = letters_a[i];
    }
    let own_a = (0..a.rank()).filter(|i| !of_a.contains(i)).map(|i| letters_a[i]);
    let own_b = (0..b.rank()).filter(|j| !of_b.contains(j)).map(|j| letters_b[j]);
    let y: String = own_a.chain(own_b).collect();
    let text = |letters: &[char]| letters.iter().collect::<String>();
    Ok(ops::einsum(&format!("{},{}->{y}", text(&letters_a), text(&letters_b)), a, b))
}

fn axes(c: &Call<'_>, value: &Value, rank: usize) -> Result<Vec<usize>> {
    let given = match value {
        Value::Array(axes) => axes.iter().collect(),
        one => vec![one],
    };
    let axis = |value: &Value| {
        let axis = value.as_i64().and_then(|axis| i32::try_from(axis).ok());
        resolve_axis(axis.ok_or_else(|| c.wrong("axes are whole numbers"))?, rank)
    };
    given.into_iter().map(axis).collect()
}

//! The dot product of two tensors.

use super::shapes;
use crate::config::Config;
use crate::layers::{Layer, Scope};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result, Shape};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// The dot product of two inputs along one axis of each: of `(None, 3, 5)` and `(None, 10, 3)` along
/// the axes `[1, 2]`, a tensor `(None, 5, 10)`; of two vectors, one number for each sample.
///
/// ```
/// use cornu::prelude::*;
///
/// let (a, b) = (Input::tensor([128]), Input::tensor([128]));
/// let cosine = Dot::new(1).normalize(true).call([&a, &b]);
/// assert_eq!(cosine.shape().to_string(), "(None, 1)");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dot {
    axes: DotAxes,
    normalize: bool,
}

/// The axes of [`Dot`]: one of both inputs, or one of each. Axis 0 is the batch and not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DotAxes {
    /// The same of both inputs.
    Both(i32),
    /// One of each.
    Each([i32; 2]),
}

impl From<i32> for DotAxes {
    fn from(axis: i32) -> DotAxes {
        DotAxes::Both(axis)
    }
}

impl From<[i32; 2]> for DotAxes {
    fn from(axes: [i32; 2]) -> DotAxes {
        DotAxes::Each(axes)
    }
}

impl Serialize for DotAxes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            DotAxes::Both(axis) => axis.serialize(serializer),
            DotAxes::Each(axes) => axes.serialize(serializer),
        }
    }
}

impl Dot {
    /// Along an axis of both inputs (`1`) or one of each (`[1, 2]`).
    pub fn new(axes: impl Into<DotAxes>) -> Dot {
        Dot { axes: axes.into(), normalize: false }
    }

    /// Whether the vectors are scaled to length 1 before: the product is the cosine between them.
    pub fn normalize(mut self, normalize: bool) -> Dot {
        self.normalize = normalize;
        self
    }

    /// The axes counted from the front, checked.
    fn resolve(&self, a: &Tensor, b: &Tensor) -> Result<[usize; 2]> {
        let [first, second] = match self.axes {
            DotAxes::Both(axis) => [axis, axis],
            DotAxes::Each(axes) => axes,
        };
        let axes = [ops::resolve_axis(first, a.rank())?, ops::resolve_axis(second, b.rank())?];
        let inputs = [a.clone(), b.clone()];
        if axes.contains(&0) {
            return Err(Error::value("axis 0 is the batch: a dot product is taken in each sample"));
        }
        let sizes = [a.shape().dims()[axes[0]], b.shape().dims()[axes[1]]];
        if sizes[0] != sizes[1] {
            return Err(Error::shape(format!(
                "inputs of shapes {} have {} elements along axis {first} and {} along axis {second}",
                shapes(&inputs),
                sizes[0],
                sizes[1]
            ))
            .help("both must have the same number; Dot::new([i, j]) takes one axis of each"));
        }
        Ok(axes)
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Dot> {
        let axes = match config.get::<Value>("axes")? {
            Value::Number(_) => DotAxes::Both(config.get("axes")?),
            _ => DotAxes::Each(config.get("axes")?),
        };
        Ok(Dot::new(axes).normalize(config.get_or("normalize", false)?))
    }
}

/// A tensor as `(batch, others, size)`, and the others.
fn rows(x: &Tensor, axis: usize) -> (Tensor, Vec<Dim>) {
    let mut order: Vec<i32> = (0..x.rank() as i32).filter(|&a| a != axis as i32).collect();
    let dims = x.shape().dims();
    let others: Vec<Dim> = order[1..].iter().map(|&a| dims[a as usize]).collect();
    let count = others.iter().filter_map(|d| d.known()).product();
    order.push(axis as i32);
    let last = ops::transpose(x, Some(&order));
    (last.reshape_to(&Shape::from(vec![dims[0], Dim::Known(count), dims[axis]])), others)
}

impl Layer for Dot {
    fn kind(&self) -> &str {
        "Dot"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let [a, b] = inputs else {
            return Err(Error::value(format!("the layer takes two inputs, not {}", inputs.len())));
        };
        let axes = self.resolve(a, b)?;
        let side = |x: &Tensor, axis: usize| match self.normalize {
            true => rows(&ops::normalize(x, axis as i32, ops::SMALLEST_NORM), axis),
            false => rows(x, axis),
        };
        let ((left, of_left), (right, of_right)) = (side(a, axes[0]), side(b, axes[1]));
        let y = ops::matmul(left, ops::transpose(right, Some(&[0, 2, 1])));
        let mut dims = vec![a.shape().dims()[0]];
        dims.extend(of_left.into_iter().chain(of_right));
        if dims.len() == 1 {
            dims.push(Dim::Known(1));
        }
        Ok(y.check()?.reshape_to(&Shape::from(dims)))
    }

    fn config(&self) -> Value {
        json!({ "axes": self.axes, "normalize": self.normalize })
    }
}

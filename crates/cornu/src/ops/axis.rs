//! Which axes a function works along.

use cornu_graph::{Error, Result};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Axes to reduce, counted from the front or, if negative, from the back.
///
/// ```
/// use cornu::prelude::*;
///
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(ops::sum(&x, Axis::ALL).item()?, 10.0);
/// assert_eq!(ops::sum(&x, 0).shape().to_string(), "(2,)");
/// assert_eq!(ops::sum(&x, Axis::new(-1).keepdims()).shape().to_string(), "(2, 1)");
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    axes: Option<Vec<i32>>,
    keepdims: bool,
}

impl Axis {
    /// All axes.
    pub const ALL: Axis = Axis { axes: None, keepdims: false };

    /// One axis.
    pub fn new(axis: i32) -> Axis {
        Axis { axes: Some(vec![axis]), keepdims: false }
    }

    /// Keeps reduced axes with size 1.
    pub fn keepdims(mut self) -> Axis {
        self.keepdims = true;
        self
    }

    pub(crate) fn keeps_dims(&self) -> bool {
        self.keepdims
    }

    /// The axes as they were given, for a configuration; `None` are all.
    pub(crate) fn list(&self) -> Option<&[i32]> {
        self.axes.as_deref()
    }

    /// The axes of a tensor of this rank, ascending.
    pub(crate) fn resolve(&self, rank: usize) -> Result<Vec<usize>> {
        let Some(axes) = &self.axes else { return Ok((0..rank).collect()) };
        let mut resolved =
            axes.iter().map(|&a| resolve(a, rank)).collect::<Result<Vec<usize>>>()?;
        resolved.sort_unstable();
        if resolved.windows(2).any(|w| w[0] == w[1]) {
            return Err(Error::value(format!("an axis occurs twice in {axes:?}")));
        }
        Ok(resolved)
    }
}

impl From<i32> for Axis {
    fn from(axis: i32) -> Axis {
        Axis::new(axis)
    }
}

impl<const N: usize> From<[i32; N]> for Axis {
    fn from(axes: [i32; N]) -> Axis {
        Axis { axes: Some(axes.to_vec()), keepdims: false }
    }
}

impl From<&[i32]> for Axis {
    fn from(axes: &[i32]) -> Axis {
        Axis { axes: Some(axes.to_vec()), keepdims: false }
    }
}

/// One axis as a number, several as a list.
impl Serialize for Axis {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.axes.as_deref() {
            Some([axis]) => axis.serialize(serializer),
            axes => axes.serialize(serializer),
        }
    }
}

/// As an attribute of an operation: one axis, several, or null for all.
impl From<&Axis> for Value {
    fn from(axis: &Axis) -> Value {
        match axis.list() {
            Some([axis]) => Value::from(*axis),
            axes => axes.map_or(Value::Null, Value::from),
        }
    }
}

/// An axis counted from the front.
pub(crate) fn resolve(axis: i32, rank: usize) -> Result<usize> {
    let from_front = if axis < 0 { axis + rank as i32 } else { axis };
    usize::try_from(from_front).ok().filter(|&a| a < rank).ok_or_else(|| {
        let error = Error::shape(format!("axis {axis} of a tensor with {rank} dimensions"));
        match rank {
            0 => error.help("a single number has no axes"),
            _ => error.help(format!("axes go from -{rank} to {}", rank - 1)),
        }
    })
}

//! How much on each side of an image.

use crate::config::FromConfig;
use cornu_graph::Result;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Rows above and below and columns left and right of an image: `1` for all, `[1, 2]` for rows and
/// columns, `[[1, 0], [0, 2]]` for `[[above, below], [left, right]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides(pub [[usize; 2]; 2]);

impl From<usize> for Sides {
    fn from(all: usize) -> Sides {
        Sides([[all; 2]; 2])
    }
}

impl From<[usize; 2]> for Sides {
    fn from([rows, columns]: [usize; 2]) -> Sides {
        Sides([[rows; 2], [columns; 2]])
    }
}

impl From<[[usize; 2]; 2]> for Sides {
    fn from(sides: [[usize; 2]; 2]) -> Sides {
        Sides(sides)
    }
}

impl Serialize for Sides {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl FromConfig for Sides {
    fn from_config(value: &Value) -> Result<Sides> {
        if value.is_number() {
            return usize::from_config(value).map(Sides::from);
        }
        let sides = <[Value; 2]>::from_config(value)?;
        match sides.iter().all(Value::is_number) {
            true => <[usize; 2]>::from_config(value).map(Sides::from),
            false => <[[usize; 2]; 2]>::from_config(value).map(Sides::from),
        }
    }
}

//! How much a model in a file may ask for. A few lines in which models call one another twice, or
//! stand in one another, are otherwise more work than can be done.

use super::branch::Branch;
use crate::layers::LayerRef;
use crate::model::Extent;
use cornu_graph::{Error, ErrorKind, Result};

/// Layers, operations, inputs and outputs, in all models inside together, a shared one wherever it
/// stands.
const MOST_LAYERS: usize = 20_000;

/// Calls of layers and operations, those in models inside wherever these are called.
const MOST_CALLS: usize = 250_000;

/// Models in models.
const MOST_DEPTH: usize = 64;

/// Values in JSON. Each takes up to a hundred bytes of memory, and two in the file.
const MOST_VALUES: usize = 2_000_000;

/// Checks that JSON has not too many values to be read.
///
/// # Errors
/// If it has.
pub(crate) fn check_values(json: &[u8]) -> Result<()> {
    // Each value but the first of its list or object follows a comma; those in texts do not matter.
    let begins = |byte: &&u8| matches!(**byte, b',' | b'[' | b'{');
    match json.iter().filter(begins).count() {
        0..=MOST_VALUES => Ok(()),
        _ => Err(Error::file(format!("it has more than {MOST_VALUES} values"))),
    }
}

/// What is left of it.
pub(super) struct Left {
    layers: usize,
    calls: usize,
}

impl Default for Left {
    fn default() -> Left {
        Left { layers: MOST_LAYERS, calls: MOST_CALLS }
    }
}

impl Left {
    /// One more layer, operation, input or output.
    pub fn take_layer(&mut self) -> Result<()> {
        let left = self.layers.checked_sub(1);
        self.layers =
            left.ok_or_else(|| too_large(format!("{MOST_LAYERS} layers, operations and outputs")))?;
        Ok(())
    }

    /// A layer that is shared, once more, with all that is inside.
    pub fn take_shared(&mut self, branch: &Branch) -> Result<()> {
        self.take_branch(branch, 0)
    }

    fn take_branch(&mut self, branch: &Branch, depth: usize) -> Result<()> {
        check_depth(depth)?;
        self.take_layer()?;
        branch.children.iter().try_for_each(|child| self.take_branch(child, depth + 1))
    }

    /// A call of a layer, with all calls inside.
    pub fn take_call(&mut self, layer: &LayerRef) -> Result<()> {
        let Extent { calls, depth } = Extent::of(layer);
        check_depth(depth)?;
        self.take_calls(calls)
    }

    /// So many calls of layers or operations.
    pub fn take_calls(&mut self, calls: usize) -> Result<()> {
        let left = self.calls.checked_sub(calls);
        self.calls = left.ok_or_else(|| {
            too_large(format!("{MOST_CALLS} calls of layers, with those in models inside"))
        })?;
        Ok(())
    }
}

fn check_depth(depth: usize) -> Result<()> {
    match depth {
        0..=MOST_DEPTH => Ok(()),
        _ => Err(too_large(format!("{MOST_DEPTH} models in models"))),
    }
}

fn too_large(what: String) -> Error {
    Error::new(ErrorKind::Unsupported, format!("a model in a file may have at most {what}"))
}

//! Weights from one format into another, without their model.

use super::archive::Archive;
use super::h5::Group;
use super::keras::{self, legacy};
use super::{Format, read_file, shards, weights, write_whole};
use cornu_graph::{Error, ErrorKind, Result};
use std::path::Path;

/// Writes the weights of one file into another, layer by layer as they stand, without making the
/// model: also of one that cannot be loaded. From `.keras`, `.weights.h5` and `.weights.json` into
/// `.weights.h5` and `.weights.json`.
///
/// Numbers that Cornu does not have become the nearest that it has: `float16` becomes `float32`.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::saving::convert_weights;
///
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
/// let mut model = Sequential::new().add(Input::new([4])).add(Dense::new(3));
/// model.save("model.keras")?;
/// convert_weights("model.keras", "model.weights.h5")?;
/// model.load_weights("model.weights.h5")?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If a format is another, in which the places of weights follow from the model; the file is
/// damaged, or the other cannot be written.
pub fn convert_weights(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let tree = tree_of(from).map_err(|e| e.within(from.display().to_string()))?;
    match Format::of_name(to)? {
        Format::Hdf5 if weights::is_keras3_name(to) => write_whole(to, &tree.to_bytes()?),
        Format::Shards => shards::save(to, &tree, weights::PART),
        _ => Err(needs_model("to").within(to.display().to_string())),
    }
}

/// The weights by layers, without what the optimizer remembers.
fn tree_of(path: &Path) -> Result<Group> {
    let mut root = match Format::of_file(path)? {
        Format::Keras => keras::weights_of(&mut Archive::open(path)?)?,
        Format::Shards => shards::load(path)?,
        Format::Hdf5 => Group::read(read_file(path)?)?,
        _ => return Err(needs_model("from")),
    };
    if legacy::is_legacy(&root) {
        return Err(needs_model("from"));
    }
    root.groups.remove("optimizer");
    Ok(root)
}

fn needs_model(direction: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("{direction} this format weights are converted with their model only"),
    )
    .help("load the model and its weights, then save them")
}

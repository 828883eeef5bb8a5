//! Where the images come from: out of the program, or out of a folder.

use crate::args::Options;
use cornu::Result;
use cornu::datasets::{self, LabelledImages, Mnist};
use std::path::Path;

/// How many digits there are, and what they are called.
pub const CLASSES: usize = 10;
/// See [`CLASSES`].
pub const NAMES: [&str; CLASSES] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// The images that the options ask for.
pub fn load(options: &Options) -> Result<Mnist> {
    let Mnist { train, test } = match &options.data {
        Some(folder) => datasets::mnist_from(folder)?,
        None => inside()?,
    };
    Ok(Mnist { train: first(train, options.limit)?, test: first(test, options.limit)? })
}

/// The first test images of a folder or of MNIST.
pub fn test(folder: Option<&Path>, limit: Option<usize>) -> Result<LabelledImages> {
    let Mnist { test, .. } = folder.map_or_else(inside, datasets::mnist_from)?;
    first(test, limit)
}

/// The images in the program.
#[cfg(feature = "mnist")]
pub fn inside() -> Result<Mnist> {
    datasets::mnist()
}

/// The images in the program.
#[cfg(not(feature = "mnist"))]
pub fn inside() -> Result<Mnist> {
    let error = cornu::Error::data("this program was built without the images of MNIST");
    Err(error.help(
        "build it with them (cargo build --release -p cornu-cli --features mnist), \
         or name a folder with MNIST's four files (--data DIR)",
    ))
}

/// The first images, if there is a limit.
fn first(all: LabelledImages, limit: Option<usize>) -> Result<LabelledImages> {
    match limit {
        Some(limit) if limit < all.len() => Ok(LabelledImages {
            images: all.images.slice_rows(0, limit)?,
            labels: all.labels.slice_rows(0, limit)?,
        }),
        _ => Ok(all),
    }
}

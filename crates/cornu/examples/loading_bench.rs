//! How long it takes to write and read models of several sizes, in each format.
//!
//!     cargo run --release -p cornu --example loading_bench

use cornu::load_model;
use cornu::prelude::*;
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 15;

fn main() -> Result<()> {
    let folder = tempfile::tempdir().map_err(|e| Error::file(e.to_string()))?;
    println!("{:>12} {:>22} {:>10} {:>10} {:>10}", "weights", "format", "MB", "save ms", "load ms");
    for width in [256, 1150, 3000] {
        let mut model: Model = Sequential::new()
            .add(Input::new([784]))
            .add(Dense::new(width).activation("relu"))
            .add(BatchNormalization::new())
            .add(Dense::new(width).activation("relu"))
            .add(Dense::new(10).activation("softmax"))
            .into();
        model.compile("adam", "sparse_categorical_crossentropy").metric("accuracy").build()?;
        for name in ["model.keras", "model.h5", "model.weights.h5", "model.safetensors"] {
            measure(&mut model, &folder.path().join(name))?;
        }
    }
    Ok(())
}

/// Prints the medians for one file.
fn measure(model: &mut Model, path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let whole = matches!(name.as_str(), "model.keras" | "model.h5");
    let save = |model: &mut Model| if whole { model.save(path) } else { model.save_weights(path) };
    let load = |model: &mut Model| {
        if whole { load_model(path).map(|_| ()) } else { model.load_weights(path) }
    };
    let (saved, loaded) = (median(model, save)?, median(model, load)?);
    let bytes = std::fs::metadata(path).map_err(|e| Error::file(e.to_string()))?.len();
    let (weights, megabytes) = (model.count_params()?, bytes as f64 / 1e6);
    println!("{weights:>12} {name:>22} {megabytes:>10.1} {saved:>10.1} {loaded:>10.1}");
    Ok(())
}

/// The median of the milliseconds that something takes.
fn median(model: &mut Model, run: impl Fn(&mut Model) -> Result<()>) -> Result<f64> {
    let mut times = vec![];
    for _ in 0..ROUNDS {
        let started = Instant::now();
        run(model)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[ROUNDS / 2])
}

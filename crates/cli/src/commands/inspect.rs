//! `cornu inspect`: what is in a file of a model or of weights.

use crate::say;
use clap::{Args, Command};
use cornu::{Error, Result, saving};
use std::path::PathBuf;

/// What `cornu inspect` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// A model or weights: .keras, .h5, .weights.h5, .weights.json, .safetensors
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// The command, with its help.
pub fn command() -> Command {
    Options::augment_args(Command::new("inspect"))
        .about("Shows what is in a file of a model or of weights")
        .after_help(
            "Layers, what the model was compiled with, every array with its type, size and range, and
what would not load and why: also of models that cannot be loaded.

Examples:
  cornu inspect runs/mlp/model.keras
  cornu inspect downloaded.h5
  cornu inspect model.weights.h5 --json",
        )
}

/// Prints what is in the file.
pub fn run(options: &Options) -> Result<()> {
    let found = saving::inspect(&options.file)?;
    if !options.json {
        say::line(found);
        return Ok(());
    }
    let json = serde_json::to_string_pretty(&found)
        .map_err(|e| Error::state(format!("what was found is no JSON: {e}")))?;
    say::line(json);
    Ok(())
}

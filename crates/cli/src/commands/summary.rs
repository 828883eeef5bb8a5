//! `cornu summary`: a model as a table.

use crate::{models, say};
use clap::{Args, Command};
use cornu::Result;
use std::path::PathBuf;

/// What `cornu summary` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The model: .keras or .h5
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Show the layers of models in the model, too
    #[arg(long)]
    expand_nested: bool,

    /// Show which layers are trained
    #[arg(long)]
    show_trainable: bool,
}

/// The command, with its help.
pub fn command() -> Command {
    Options::augment_args(Command::new("summary"))
        .about("Prints a model's layers, shapes and parameters: Keras's table")
        .after_help(
            "Examples:
  cornu summary runs/mlp/model.keras
  cornu summary runs/siamese/model.keras --expand-nested",
        )
}

/// Prints the table.
pub fn run(options: &Options) -> Result<()> {
    let model = models::load(&options.model)?;
    let summary = model.summary().expand_nested(options.expand_nested);
    say::line(summary.show_trainable(options.show_trainable));
    Ok(())
}

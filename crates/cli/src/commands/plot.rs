//! `cornu plot`: a model as a picture.

use super::picture;
use crate::{models, say};
use clap::{Args, Command, ValueEnum};
use cornu::Result;
use std::path::PathBuf;

/// What `cornu plot` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The model: .keras or .h5
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// The picture, .svg or .png [default: the model's name with .svg]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Draw models in the model as one card
    #[arg(long)]
    collapse_nested: bool,

    /// Where the arrows point: tb, down, or lr, to the right
    #[arg(long, value_name = "DIR", default_value = "tb", hide_possible_values = true)]
    rankdir: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    Tb,
    Lr,
}

/// The command, with its help.
pub fn command() -> Command {
    Options::augment_args(Command::new("plot"))
        .about("Draws a model: its layers, shapes and connections")
        .after_help(
            "Examples:
  cornu plot runs/siamese/model.keras
  cornu plot downloaded.h5 -o picture.png --rankdir lr",
        )
}

/// Draws the model.
pub fn run(options: &Options) -> Result<()> {
    let output = options.output.clone().unwrap_or_else(|| options.model.with_extension("svg"));
    picture::check(&output)?;
    let plot = models::load_to_predict(&options.model)?.plot();
    let plot = plot.show_shapes(true).show_layer_names(true);
    let direction = match options.rankdir {
        Direction::Tb => "TB",
        Direction::Lr => "LR",
    };
    plot.expand_nested(!options.collapse_nested).rankdir(direction).save(&output)?;
    say::line(format_args!("Drawn in {}.", output.display()));
    Ok(())
}

//! `cornu predict`: what a model makes of arrays and images.

use super::Reading;
use super::images::is_npy;
use super::inputs::{Inputs, Preparation};
use crate::{about, models, say};
use clap::{Args, Command};
use cornu::data::write_npy;
use cornu::{Array, Error, Result, Shape};
use std::path::{Path, PathBuf};

/// How many samples, and numbers of each, the table shows.
const SHOWN_SAMPLES: usize = 50;
const SHOWN_NUMBERS: usize = 10;
/// How many classes of each sample the table shows, the likeliest first.
const SHOWN_CLASSES: usize = 3;

/// What `cornu predict` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The model: .keras or .h5
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// The data: a .npy array, an image, or a folder of images; once for
    /// each input of the model, in order; or one .npz file for all inputs
    #[arg(short, long, value_name = "FILE", required = true, verbatim_doc_comment)]
    input: Vec<PathBuf>,

    /// Write the outputs into this .npy file (those after the first into
    /// Y.1.npy and so on) instead of printing them
    #[arg(short, long, value_name = "Y.npy", verbatim_doc_comment)]
    output: Option<PathBuf>,

    /// What pixels from 0 to 255 are multiplied by [default: as the model's
    /// file says, or 1/255 unless the model scales them itself]
    #[arg(long, value_name = "X", verbatim_doc_comment)]
    scale: Option<f32>,

    /// Samples to compute at once
    #[arg(long, value_name = "N", default_value_t = 256, allow_negative_numbers = true)]
    #[arg(value_parser = crate::args::at_least_one)]
    batch_size: usize,

    #[command(flatten)]
    reading: Reading,
}

/// The command, with its help.
pub fn command() -> Command {
    Options::augment_args(Command::new("predict"))
        .about("Prints or writes what a model makes of arrays or images")
        .after_help(
            "Images are PNG or JPEG; they are brought to the size and colours that the model takes.

Examples:
  cornu predict runs/mlp/model.keras --input digit.png
  cornu predict runs/cnn/model.keras --input folder --output y.npy
  cornu predict runs/siamese/model.keras --input a.png --input b.png
  cornu predict downloaded.h5 --input x.npy --output y.npy",
        )
}

/// Predicts, and prints or writes the outputs.
pub fn run(options: &Options) -> Result<()> {
    options.reading.set_threads()?;
    if let Some(output) = &options.output
        && !is_npy(output)
    {
        return Err(Error::value("outputs are written to a name that ends in .npy")
            .within(output.display().to_string()));
    }
    let model = models::load_to_predict(&options.model)?;
    let place = |e: Error| e.within(options.model.display().to_string());
    let (reading, scale) = (&options.reading, options.scale);
    let inputs = Preparation { model: &model, reading, scale }.read(&options.input)?;
    let Inputs { columns, names } = inputs;
    let outputs = model.predict(columns).batch_size(options.batch_size).run_all().map_err(place)?;
    match &options.output {
        Some(path) => write(path, &outputs),
        None => print(&names, &outputs, about::labels(&model).as_deref()),
    }
}

fn write(path: &Path, outputs: &[Array]) -> Result<()> {
    for (i, output) in outputs.iter().enumerate() {
        let path = match i {
            0 => path.to_owned(),
            i => path.with_extension(format!("{i}.npy")),
        };
        write_npy(&path, output)?;
        let (dtype, shape) = (output.dtype(), Shape::from(output.shape()));
        say::line(format_args!("{dtype}{shape} in {}", path.display()));
    }
    Ok(())
}

/// A line for each sample, a table for each output.
fn print(names: &[String], outputs: &[Array], labels: Option<&[String]>) -> Result<()> {
    for (i, output) in outputs.iter().enumerate() {
        if outputs.len() > 1 {
            say::line(format_args!("Output {i}:"));
        }
        let values = output.values().to_f64();
        let width = values.len() / output.rows().max(1);
        let shown = names.len().min(output.rows()).min(SHOWN_SAMPLES);
        let longest = names[..shown].iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, row) in names[..shown].iter().zip(values.chunks(width.max(1))) {
            let text = match labels.filter(|labels| labels.len() == width) {
                Some(labels) => classes(row, labels),
                None => numbers(row),
            };
            say::line(format_args!("{name:<longest$}  {text}"));
        }
        if shown < output.rows() {
            let rest = say::grouped(output.rows() - shown);
            say::line(format_args!("… and {rest} more (--output Y.npy writes all)"));
        }
    }
    Ok(())
}

/// The likeliest classes of a sample.
fn classes(row: &[f64], labels: &[String]) -> String {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    let class = |&i: &usize| format!("{}  {:.4}", say::printable(&labels[i]), row[i]);
    order.iter().take(SHOWN_CLASSES).map(class).collect::<Vec<_>>().join("    ")
}

fn numbers(row: &[f64]) -> String {
    let shown: Vec<String> =
        row.iter().take(SHOWN_NUMBERS).map(|number| format!("{number:.4}")).collect();
    match row.len() > SHOWN_NUMBERS {
        true => format!("{} … ({} numbers)", shown.join(" "), say::grouped(row.len())),
        false => shown.join(" "),
    }
}

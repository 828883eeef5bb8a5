//! `cornu embed`: what a trained network makes of images, as a table or for TensorBoard.

use super::Reading;
use super::csv::Table;
use super::images::{Images, MNIST, is_npy};
use crate::say;
use crate::trained::Trained;
use clap::{Args, Command, ValueEnum};
use cornu::data::write_npy;
use cornu::tensorboard::{Embeddings, Projector};
use cornu::{Array, Error, Result};
use std::path::{Path, PathBuf};

/// What `cornu embed` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The trained network: a model.keras that `cornu train` wrote
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// A folder of images, an image, or images in a .npy array; mnist for
    /// MNIST's 10,000 test images
    #[arg(long, value_name = "FROM", default_value = MNIST, verbatim_doc_comment)]
    input: PathBuf,

    /// Where to write: .npy for numpy, .csv with names and labels, a folder
    /// for TensorBoard's Projector [default: embeddings.npy beside the model]
    #[arg(long, value_name = "PATH", verbatim_doc_comment)]
    output: Option<PathBuf>,

    /// npy, csv or projector [default: as the name of the output ends]
    #[arg(long, value_name = "FORM", hide_possible_values = true)]
    format: Option<Form>,

    #[command(flatten)]
    reading: Reading,
}

/// The command, with its help.
pub fn command() -> Command {
    Options::augment_args(Command::new("embed"))
        .about("Writes the embeddings that a trained network makes of images")
        .after_help(
            "Images are PNG or JPEG; they are made grey and brought to the size that the network takes.
In a .npy array they are (n, 28, 28) or (n, 784): uint8 from 0 to 255, or float32 from 0 to 1.

Examples:
  cornu embed runs/siamese/model.keras
  cornu embed runs/siamese/model.keras --output digits.csv
  cornu embed runs/siamese/model.keras --input my-digits --output mine.npy
  cornu embed runs/siamese/model.keras --output points
  tensorboard --logdir points",
        )
}

/// The forms in which embeddings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Npy,
    Csv,
    Projector,
}

impl Form {
    /// The form that a name stands for.
    fn of(path: &Path) -> Option<Form> {
        let Some(ending) = path.extension().filter(|_| !path.is_dir()) else {
            return Some(Form::Projector);
        };
        match () {
            () if is_npy(path) => Some(Form::Npy),
            () if ending.eq_ignore_ascii_case("csv") => Some(Form::Csv),
            () => None,
        }
    }

    /// The name beside the model, if none is given.
    fn default_name(self) -> &'static str {
        match self {
            Form::Npy => "embeddings.npy",
            Form::Csv => "embeddings.csv",
            Form::Projector => "projector",
        }
    }
}

/// Where embeddings are written, and in which form.
fn target(options: &Options) -> Result<(PathBuf, Form)> {
    let Some(output) = options.output.clone() else {
        let form = options.format.unwrap_or(Form::Npy);
        return Ok((options.model.with_file_name(form.default_name()), form));
    };
    let wrong = |message: &str| Err(Error::value(message).within(output.display().to_string()));
    match (Form::of(&output), options.format) {
        (None, None) => wrong("embeddings are written to .npy, .csv, or a folder"),
        // Any folder may be one of the projector, whatever its name.
        (_, Some(Form::Projector)) | (Some(Form::Projector), None) if output.is_file() => {
            wrong("the projector is written to a folder, and this is a file")
        }
        (Some(form), None) => Ok((output, form)),
        (Some(Form::Npy), Some(Form::Csv)) | (Some(Form::Csv), Some(Form::Npy)) => {
            wrong("the name ends in another form than the one that is asked for")
        }
        (_, Some(form)) if form != Form::Projector && output.is_dir() => {
            wrong("this is a folder, not a file")
        }
        (_, Some(form)) => Ok((output, form)),
    }
}

/// Embeds images and writes what comes of them.
pub fn run(options: &Options) -> Result<()> {
    options.reading.set_threads()?;
    let (output, form) = target(options)?;
    let trained = Trained::load(&options.model)?;
    let images = Images::read(&options.input, &trained, &options.reading)?;
    let embeddings = images.embed(&trained)?;
    match form {
        Form::Npy => write_npy(&output, &embeddings)?,
        Form::Csv => table(&images, &embeddings)?.write(&output)?,
        Form::Projector => project(&images, &embeddings, &output)?,
    }
    let (count, width) = (say::grouped(images.len()), embeddings.len() / images.len());
    let output = output.display();
    say::line(format_args!("{count} embeddings of {width} numbers in {output}"));
    if form == Form::Projector {
        say::line(format_args!("To look at them: tensorboard --logdir {output}"));
    }
    Ok(())
}

/// A line for each image: its name, its label if it has one, and the numbers.
fn table(images: &Images, embeddings: &Array) -> Result<Table> {
    let width = embeddings.len() / images.len();
    let label = images.labels.as_ref().map(|_| "label".to_owned());
    let numbers = (0..width).map(|i| format!("e{i}"));
    let mut table = Table::new(["image".to_owned()].into_iter().chain(label).chain(numbers));
    for (i, row) in embeddings.as_slice::<f32>()?.chunks_exact(width).enumerate() {
        let label = images.labels.as_ref().map(|labels| labels[i].clone());
        let numbers = row.iter().map(f32::to_string);
        table.line([images.names[i].clone()].into_iter().chain(label).chain(numbers));
    }
    Ok(table)
}

/// Points with their labels, names and images, for TensorBoard's Projector.
fn project(images: &Images, embeddings: &Array, folder: &Path) -> Result<()> {
    let mut points = Embeddings::new("embeddings", embeddings).images(images.pixels.clone());
    if let Some(labels) = &images.labels {
        points = points.labels(labels);
    }
    Projector::new(folder).add(points.column("image", &images.names)).write()
}

//! `cornu embed`: what a trained network makes of images, as a table.

use super::Reading;
use super::csv::Table;
use super::images::{Images, MNIST, is_npy};
use crate::say;
use crate::trained::Trained;
use clap::{Args, Command};
use cornu::data::write_npy;
use cornu::{Array, Error, Result};
use std::path::{Path, PathBuf};

/// What `cornu embed` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The trained network: a model.safetensors that `cornu train` wrote
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// A folder of images, an image, or images in a .npy array; mnist for
    /// MNIST's 10,000 test images
    #[arg(long, value_name = "FROM", default_value = MNIST, verbatim_doc_comment)]
    input: PathBuf,

    /// Where to write: .npy for numpy, .csv with names and labels
    /// [default: embeddings.npy beside the model]
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    output: Option<PathBuf>,

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
  cornu embed runs/siamese/model.safetensors
  cornu embed runs/siamese/model.safetensors --output digits.csv
  cornu embed runs/siamese/model.safetensors --input my-digits --output mine.npy",
        )
}

/// The forms in which embeddings are written.
enum Form {
    Npy,
    Csv,
}

impl Form {
    fn of(path: &Path) -> Result<Form> {
        let csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        match (is_npy(path), csv) {
            (true, _) => Ok(Form::Npy),
            (_, true) => Ok(Form::Csv),
            _ => Err(Error::value("embeddings are written to a name that ends in .npy or .csv")
                .within(path.display().to_string())),
        }
    }
}

/// Embeds images and writes what comes of them.
pub fn run(options: &Options) -> Result<()> {
    options.reading.set_threads()?;
    let beside = || options.model.with_file_name("embeddings.npy");
    let output = options.output.clone().unwrap_or_else(beside);
    let form = Form::of(&output)?;
    let trained = Trained::load(&options.model)?;
    let images = Images::read(&options.input, &trained, &options.reading)?;
    let embeddings = images.embed(&trained)?;
    match form {
        Form::Npy => write_npy(&output, &embeddings)?,
        Form::Csv => table(&images, &embeddings)?.write(&output)?,
    }
    let (count, width) = (say::grouped(images.len()), embeddings.len() / images.len());
    let output = output.display();
    say::line(format_args!("{count} embeddings of {width} numbers in {output}"));
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

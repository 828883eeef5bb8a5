//! `cornu evaluate`: the loss and the metrics of a model.

use super::Reading;
use super::inputs::Preparation;
use crate::recipes::TestData;
use crate::{about, digits, models, say};
use clap::{Args, Command};
use cornu::data::{Column, read_npy};
use cornu::datasets::LabelledImages;
use cornu::model::Model;
use cornu::train::Logs;
use cornu::{Error, Result, ops, saving};
use std::path::{Path, PathBuf};

/// What `cornu evaluate` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The model: .keras or .h5
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Test images in MNIST's format: a folder [default: MNIST's own]
    #[arg(long, value_name = "DIR", conflicts_with = "x")]
    data: Option<PathBuf>,

    /// Only the first N test images
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "x")]
    #[arg(value_parser = crate::args::at_least_one)]
    limit: Option<usize>,

    /// Other data: a .npy array, or a folder of images; once for each input
    #[arg(long, value_name = "FILE", requires = "y")]
    x: Vec<PathBuf>,

    /// What the outputs should be, a .npy array; once for each output
    #[arg(long, value_name = "Y.npy", requires = "x")]
    y: Vec<PathBuf>,

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
    Options::augment_args(Command::new("evaluate"))
        .about("Prints the loss and the metrics of a model on test data")
        .after_help(
            "A model that `cornu train` wrote is tested on what its recipe tests it on: MNIST's 10,000
test images, or pairs of them.

Examples:
  cornu evaluate runs/mlp/model.keras
  cornu evaluate runs/siamese/model.keras --limit 1000
  cornu evaluate runs/cnn/model.keras --data fashion-mnist
  cornu evaluate downloaded.h5 --x images.npy --y labels.npy",
        )
}

/// Evaluates and prints the figures.
pub fn run(options: &Options) -> Result<()> {
    options.reading.set_threads()?;
    let mut model = models::load(&options.model)?;
    let place = |e: Error| e.within(options.model.display().to_string());
    check_compiled(&model).map_err(place)?;
    let data = match options.x.is_empty() {
        false => (own_data(options, &model)?, "samples"),
        true => {
            let images = digits::test(options.data.as_deref(), options.limit)?;
            test_data(&model, &images, &options.model, options.scale).map_err(place)?
        }
    };
    let ((x, y), what) = data;
    let count = x.first().map_or(0, Column::len);
    let evaluation = model.evaluate(x, y).batch_size(options.batch_size).verbose(0);
    let figures = evaluation.run().map_err(place)?;
    say::line(format_args!("Test on {} {what}: {}", say::grouped(count), told(&figures)));
    Ok(())
}

/// Inputs and targets.
type Data = (Vec<Column>, Vec<Column>);

fn check_compiled(model: &Model) -> Result<()> {
    if model.learning_rate().is_ok() {
        return Ok(());
    }
    if let Some(reason) = model.not_compiled_because() {
        return Err(Error::state(format!(
            "the model cannot be compiled as its file says, so there is nothing to measure: {reason}"
        )));
    }
    Err(Error::state("the file does not say what the model was compiled with: no loss, no metrics")
        .help("compile the model before saving it"))
}

fn own_data(options: &Options, model: &Model) -> Result<Data> {
    let (reading, scale) = (&options.reading, options.scale);
    let inputs = Preparation { model, reading, scale }.read(&options.x)?;
    let y = options.y.iter().map(|path| Ok(Column::new(read_npy(path)?)));
    let y: Vec<Column> = y.collect::<Result<_>>()?;
    let samples = inputs.names.len();
    for (column, path) in y.iter().zip(&options.y) {
        if column.len() != samples {
            let message = format!("it has {} rows for {samples} samples", column.len());
            return Err(Error::data(message).within(path.display().to_string()));
        }
    }
    Ok((inputs.columns, y))
}

/// Test images as the model's recipe tests on them, or as its shape has it.
fn test_data(
    model: &Model,
    images: &LabelledImages,
    path: &Path,
    scale: Option<f32>,
) -> Result<(Data, &'static str)> {
    if let Some(recipe) = about::recipe(model) {
        let TestData { x, y } = (recipe.test)(images, about::seed(model).unwrap_or(1))?;
        let what = if recipe.embedding.is_some() { "pairs of images" } else { "images" };
        return Ok(((x, vec![y]), what));
    }
    Ok((plain_test_data(model, images, path, scale)?, "images"))
}

/// Digits for a model of no recipe, which reads them if its shapes say so.
fn plain_test_data(
    model: &Model,
    images: &LabelledImages,
    path: &Path,
    scale: Option<f32>,
) -> Result<Data> {
    let (inputs, outputs) = (model.inputs()?, model.outputs()?);
    let size = &images.images.shape()[1..];
    let sizes = |dims: &cornu::Shape| -> Vec<usize> {
        dims.dims().iter().skip(1).filter_map(|dim| dim.known()).collect()
    };
    let takes = |sample: Vec<usize>| match *sample.as_slice() {
        [pixels] => pixels == size.iter().product::<usize>(),
        [height, width] | [height, width, 1] => [height, width] == *size,
        _ => false,
    };
    let classes = outputs.first().and_then(|output| output.last_dim().ok()).unwrap_or(0);
    let most = images.classes().iter().map(|&class| usize::from(class)).max().unwrap_or(0);
    if inputs.len() != 1
        || outputs.len() != 1
        || !takes(sizes(inputs[0].shape()))
        || classes <= most
    {
        let ends = |tensors: &[cornu::Tensor]| {
            tensors.iter().map(|t| t.shape().to_string()).collect::<Vec<_>>().join(", ")
        };
        return Err(Error::shape(format!(
            "the model makes {} of {}; it does not read the {} classes of images of {} x {}",
            ends(&outputs),
            ends(&inputs),
            most + 1,
            size[0],
            size[1]
        ))
        .help("name your own data: --x X.npy --y Y.npy"));
    }
    let shape: Vec<usize> = [images.len()].into_iter().chain(sizes(inputs[0].shape())).collect();
    let reading = Column::new(images.images.reshape(shape)?);
    let x = reading.rescale(scale.unwrap_or(1.0 / 255.0));
    // Labels are numbers or one of many, as the loss takes them.
    let loss = saving::inspect(path)?.compiled.map(|compiled| compiled.loss).unwrap_or_default();
    let sparse = loss.iter().any(|loss| loss.to_lowercase().contains("sparse"));
    let y = match sparse {
        true => images.labels.clone(),
        false => ops::one_hot(&images.labels, classes).eval()?,
    };
    Ok((vec![x], vec![y.into()]))
}

fn told(figures: &Logs) -> String {
    figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect::<Vec<_>>().join(", ")
}

//! `cornu compare`: whether images show the same.

use super::images::Images;
use super::{Reading, picture};
use crate::say;
use crate::trained::Trained;
use clap::{Args, Command};
use cornu::data::{Column, IntoColumns};
use cornu::{Error, Result};
use std::path::{Path, PathBuf};

/// How many pairs a picture shows.
const SHOWN: usize = 50;

/// What `cornu compare` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The trained network: a model.keras that `cornu train` wrote
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Images to compare: two or more files, each with each; a file and a folder;
    /// or two folders, whose files of the same name are compared
    #[arg(value_name = "IMAGE", num_args = 2.., verbatim_doc_comment)]
    #[arg(required_unless_present = "mnist", conflicts_with = "mnist")]
    images: Vec<PathBuf>,

    /// Compare test images of MNIST instead: places from 0 to 9999
    #[arg(long, value_name = "N", num_args = 2..)]
    mnist: Vec<usize>,

    /// Where 'the same' ends [default: as the model's file says]
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = finite)]
    threshold: Option<f64>,

    /// Draw the pairs with their verdicts into this file (.svg or .png)
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

/// The command, with its help.
pub fn command() -> Command {
    Options::augment_args(Command::new("compare"))
        .about("Tells whether images show the same, by a trained network")
        .after_help(
            "Examples:
  cornu compare runs/siamese/model.keras --mnist 3 10
  cornu compare runs/siamese/model.keras mine.png yours.png
  cornu compare runs/siamese/model.keras mine.png folder --output pairs.svg
  cornu compare runs/siamese/model.keras monday tuesday",
        )
}

/// A finite number.
fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "it must be a number".into())
}

/// Which images are compared with which.
struct Pairs {
    images: Images,
    pairs: Vec<(usize, usize)>,
}

/// Compares and prints what came of it.
pub fn run(options: &Options) -> Result<()> {
    options.reading.set_threads()?;
    options.output.as_deref().map_or(Ok(()), picture::check)?;
    let trained = Trained::load(&options.model)?;
    let Pairs { images, pairs } = pairs(options, &trained)?;
    let scores = scores(&images, &pairs, &trained)?;
    let threshold = options.threshold.or(trained.threshold);

    let titles: Vec<String> = (0..images.len()).map(|i| images.title(i)).collect();
    let length = |title: &String| title.chars().count();
    let left = pairs.iter().map(|pair| length(&titles[pair.0])).max().unwrap_or(0);
    let right = pairs.iter().map(|pair| length(&titles[pair.1])).max().unwrap_or(0);
    for (&(a, b), &score) in pairs.iter().zip(&scores) {
        let verdict = threshold.map_or("", |threshold| trained.verdict(score.into(), threshold));
        let (a, b, name) = (&titles[a], &titles[b], trained.score());
        let line = format!("{a:<left$}  {b:<right$}  {name} {score:.4}  {verdict}");
        say::line(line.trim_end());
    }
    match threshold {
        Some(threshold) => {
            say::line(format_args!("Judged the same {}.", trained.rule(threshold)));
        }
        None => say::aside("note: the model's file has no threshold; --threshold X gives one"),
    }
    if let Some(output) = &options.output {
        let said = |&score: &f32| {
            let verdict = threshold.map(|threshold| trained.verdict(score.into(), threshold));
            format!("{} {score:.2}", verdict.unwrap_or(trained.score()))
        };
        draw(output, &images, &pairs, &scores.iter().map(said).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn pairs(options: &Options, trained: &Trained) -> Result<Pairs> {
    let reading = &options.reading;
    if !options.mnist.is_empty() {
        return Ok(each_with_each(Images::mnist(Some(&options.mnist))?));
    }
    let paths: Vec<&Path> = options.images.iter().map(PathBuf::as_path).collect();
    if let [a, b] = paths[..]
        && (a.is_dir() || b.is_dir())
    {
        let read = |path: &Path| Images::read(path, trained, reading);
        let (left, right) = (read(a)?, read(b)?);
        let pairs = match a.is_dir() && b.is_dir() {
            true => same_names(&left, &right, a, b)?,
            false => (0..left.len()).flat_map(|i| (0..right.len()).map(move |j| (i, j))).collect(),
        };
        let pairs = pairs.into_iter().map(|(i, j)| (i, left.len() + j)).collect();
        return Ok(Pairs { images: together(left, right, a, b)?, pairs });
    }
    Ok(each_with_each(Images::of_files(&paths, trained, reading)?))
}

fn each_with_each(images: Images) -> Pairs {
    let count = images.len();
    let pairs = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).collect();
    Pairs { images, pairs }
}

/// The images of two folders that have the same names.
fn same_names(left: &Images, right: &Images, a: &Path, b: &Path) -> Result<Vec<(usize, usize)>> {
    let place = |name| right.names.iter().position(|other| other == name);
    let pairs: Vec<(usize, usize)> =
        left.names.iter().enumerate().filter_map(|(i, name)| Some((i, place(name)?))).collect();
    let alone = left.len() + right.len() - 2 * pairs.len();
    if pairs.is_empty() {
        let (a, b) = (a.display(), b.display());
        return Err(Error::data(format!("no image in {a} has the name of one in {b}"))
            .help("of two folders, the files of the same name are compared"));
    }
    if alone > 0 {
        say::aside(format_args!("note: {alone} images have no other of their name: left out"));
    }
    Ok(pairs)
}

/// The images of both, with their folders before their names.
fn together(mut left: Images, mut right: Images, a: &Path, b: &Path) -> Result<Images> {
    for (images, path) in [(&mut left, a), (&mut right, b)] {
        if path.is_dir() {
            let whole = |name: &mut String| {
                *name = say::printable(&path.join(&name).to_string_lossy());
            };
            images.names.iter_mut().for_each(whole);
        }
    }
    left.and(&right)
}

/// What the network says of each pair.
fn scores(images: &Images, pairs: &[(usize, usize)], trained: &Trained) -> Result<Vec<f32>> {
    let inputs = trained.network.inputs()?;
    let [left, right] = &inputs[..] else {
        return Err(Error::state("the network does not take two images"));
    };
    let chosen = |input: &cornu::Tensor, places: Vec<usize>| -> Result<Column> {
        images.column(input.shape())?.select(places)
    };
    let left = chosen(left, pairs.iter().map(|pair| pair.0).collect())?;
    let right = chosen(right, pairs.iter().map(|pair| pair.1).collect())?;
    let outputs = trained.network.predict([left, right].into_columns()).batch_size(256).run()?;
    outputs.into_vec()
}

/// Draws the first pairs, with what is said of each.
fn draw(output: &Path, images: &Images, pairs: &[(usize, usize)], said: &[String]) -> Result<()> {
    let shown = &pairs[..pairs.len().min(SHOWN)];
    let [left, right]: [Vec<usize>; 2] =
        [shown.iter().map(|pair| pair.0).collect(), shown.iter().map(|pair| pair.1).collect()];
    let names: Vec<String> = (0..images.len()).map(|place| images.short_title(place)).collect();
    let titles = shown.iter().zip(said);
    let titles = titles.map(|(&(a, b), said)| picture::title(said, &[&names[a], &names[b]]));
    let titles: Vec<String> = titles.collect();
    picture::draw_pairs(output, &images.select(&left)?, &images.select(&right)?, &titles)?;
    let what = match shown.len() < pairs.len() {
        true => format!("the first {} pairs", shown.len()),
        false => "the pairs".to_owned(),
    };
    say::line(format_args!("Drawn in {}: {what}.", output.display()));
    Ok(())
}

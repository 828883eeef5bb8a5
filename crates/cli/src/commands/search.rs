//! `cornu search`: the images most like one.

use super::csv::Table;
use super::images::{Images, MNIST, is_npy};
use super::{Reading, picture};
use crate::say;
use crate::trained::Trained;
use clap::{Args, Command};
use cornu::data::read_npy;
use cornu::search::{Hit, Hnsw, Index};
use cornu::{Array, DType, Error, Result};
use std::path::{Path, PathBuf};

/// What `cornu search` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The trained network: a model.keras that `cornu train` wrote
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// The image that others are to be like
    #[arg(value_name = "QUERY", required_unless_present = "mnist", conflicts_with = "mnist")]
    query: Option<PathBuf>,

    /// Take a test image of MNIST instead, from 0 to 9999
    #[arg(long, value_name = "N")]
    mnist: Option<usize>,

    /// Where to search: a folder of images, a .npy array of images or of
    /// embeddings (of `cornu embed`), mnist for MNIST's 10,000 test
    /// images
    #[arg(long, value_name = "FROM", default_value = MNIST, verbatim_doc_comment)]
    among: PathBuf,

    /// How many images to find
    #[arg(short, value_name = "N", default_value_t = 10, allow_negative_numbers = true)]
    #[arg(value_parser = crate::args::at_least_one)]
    k: usize,

    /// Search along a graph instead of looking at every image
    #[arg(long)]
    approximate: bool,

    /// Write what is found: .csv a table, .svg or .png a picture
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

/// The command, with its help.
pub fn command() -> Command {
    Options::augment_args(Command::new("search"))
        .about("Finds the images that are most like one, by a trained network")
        .after_help(
            "Examples:
  cornu search runs/siamese/model.keras --mnist 3
  cornu search runs/siamese/model.keras mine.png --among folder -k 5
  cornu search runs/siamese/model.keras mine.png --output hits.svg

For many searches, embed once:
  cornu embed runs/siamese/model.keras --input folder --output folder.npy
  cornu search runs/siamese/model.keras mine.png --among folder.npy",
        )
}

/// What is searched among.
struct Known {
    embeddings: Array,
    /// Unless only their embeddings are known.
    images: Option<Images>,
}

impl Known {
    fn read(from: &Path, trained: &Trained, reading: &Reading) -> Result<Known> {
        if is_npy(from) && from != Path::new(MNIST) {
            let array = read_npy(from)?;
            let width = trained.tower.outputs()?[0].last_dim()?;
            if array.dtype() == DType::F32 && matches!(*array.shape(), [_, w] if w == width) {
                return Ok(Known { embeddings: array, images: None });
            }
            let images = Images::of_array(array, trained).map_err(|error| {
                let error = error.within(from.display().to_string());
                error.help(format!("or embeddings, float32 (n, {width}), of the same network"))
            })?;
            return Ok(Known { embeddings: images.embed(trained)?, images: Some(images) });
        }
        let images = Images::read(from, trained, reading)?;
        Ok(Known { embeddings: images.embed(trained)?, images: Some(images) })
    }

    fn title(&self, row: usize) -> String {
        self.images.as_ref().map_or_else(|| format!("row {row}"), |images| images.title(row))
    }

    fn label(&self, row: usize) -> Option<&str> {
        Some(self.images.as_ref()?.labels.as_ref()?[row].as_str())
    }
}

/// Searches and tells what was found.
pub fn run(options: &Options) -> Result<()> {
    let Options { reading, k, .. } = options;
    reading.set_threads()?;
    let is_table = options.output.as_deref().map(form).transpose()?.unwrap_or(false);
    let trained = Trained::load(&options.model)?;
    let query = query(options, &trained)?;
    let known = Known::read(&options.among, &trained, reading)?;
    if options.output.is_some() && !is_table && known.images.is_none() {
        return Err(Error::data("embeddings alone cannot be drawn")
            .within(options.among.display().to_string())
            .help("search among the images, or write a table: --output hits.csv"));
    }
    let index = match options.approximate {
        true => Index::approximate(&known.embeddings, trained.measure, Hnsw::default())?,
        false => Index::exact(&known.embeddings, trained.measure)?,
    };
    // A test image is no find among the test images.
    let itself = options.mnist.filter(|_| options.among == Path::new(MNIST));
    let more = k.saturating_add(usize::from(itself.is_some()));
    let mut hits = index.search(&query.embed(&trained)?, more)?;
    hits.retain(|hit| Some(hit.row) != itself);
    hits.truncate(*k);

    report(&query, &known, &hits, &trained);
    if let Some(output) = &options.output {
        match is_table {
            true => table(&known, &hits, &trained).write(output)?,
            false => draw(output, &query, &known, &hits, &trained)?,
        }
        say::line(format_args!("Written to {}.", output.display()));
    }
    Ok(())
}

/// Whether a file of this name is a table; a picture otherwise.
fn form(output: &Path) -> Result<bool> {
    if output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
        return Ok(true);
    }
    if picture::is_picture(output) {
        return Ok(false);
    }
    Err(Error::value("what is found is written to a name that ends in .csv, .svg or .png")
        .within(output.display().to_string()))
}

fn query(options: &Options, trained: &Trained) -> Result<Images> {
    match (&options.query, options.mnist) {
        (_, Some(place)) => Images::mnist(Some(&[place])),
        (Some(path), None) if path.is_dir() => {
            let error = Error::file("this is a folder, not an image");
            Err(error.within(path.display().to_string()))
        }
        (Some(path), None) => Images::of_files(&[path], trained, &options.reading),
        (None, None) => Err(Error::value("there is no image to search for")),
    }
}

/// Where "the same" ends in the measure of the embeddings, if that is known.
fn threshold(trained: &Trained) -> Option<f64> {
    trained.threshold.filter(|_| trained.output_is_measure)
}

/// Prints the hits, the nearest first.
fn report(query: &Images, known: &Known, hits: &[Hit], trained: &Trained) {
    say::line(format_args!("Most like {}:", query.title(0)));
    let label = hits.iter().filter_map(|hit| Some(known.label(hit.row)?.chars().count())).max();
    let width = label.map(|label| label.max("label".len()));
    let cell = |text: &str| width.map_or_else(String::new, |width| format!("  {text:<width$}"));
    say::line(format_args!("{:>8}{}  image", trained.nearness(), cell("label")));
    for hit in hits {
        let label = cell(known.label(hit.row).unwrap_or_default());
        say::line(format_args!("{:>8.4}{label}  {}", hit.score, known.title(hit.row)));
    }
    let Some(threshold) = threshold(trained) else { return };
    let near = |hit: &&Hit| trained.measure.accepts(hit.score, threshold as f32);
    let count = hits.iter().filter(near).count();
    let rule = trained.rule(threshold);
    say::line(match count {
        0 => format!("None is judged the same, which is {rule}: like nothing known."),
        n if n == hits.len() => format!("All are judged the same: {rule}."),
        n => format!("The first {n} are judged the same: {rule}."),
    });
}

fn table(known: &Known, hits: &[Hit], trained: &Trained) -> Table {
    let mut table = Table::new(["rank", "row", "image", "label", trained.nearness()]);
    for (i, hit) in hits.iter().enumerate() {
        let name = known.images.as_ref().map_or_else(String::new, |i| i.names[hit.row].clone());
        let label = known.label(hit.row).unwrap_or_default().to_owned();
        let numbers = [(i + 1).to_string(), hit.row.to_string()];
        table.line(numbers.into_iter().chain([name, label, hit.score.to_string()]));
    }
    table
}

/// Draws the query and then the hits.
fn draw(
    output: &Path,
    query: &Images,
    known: &Known,
    hits: &[Hit],
    trained: &Trained,
) -> Result<()> {
    let Some(images) = &known.images else { return Ok(()) };
    let found = images.select(&hits.iter().map(|hit| hit.row).collect::<Vec<_>>())?;
    let title = |(place, hit): (usize, &Hit)| {
        let score = f64::from(hit.score);
        let said = match threshold(trained) {
            Some(threshold) => format!("{} {score:.2}", trained.verdict(score, threshold)),
            None => format!("{score:.2}"),
        };
        picture::title(&said, &[&found.short_title(place)])
    };
    let titles = hits.iter().enumerate().map(title);
    let wanted = picture::title("wanted", &[&query.short_title(0)]);
    let titles: Vec<String> = [wanted].into_iter().chain(titles).collect();
    picture::draw(output, &query.and(&found)?, &titles)
}

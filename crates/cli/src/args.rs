//! The command line.

use crate::commands::{
    compare, convert, embed, evaluate, inspect, plot, predict, profile, search, summary,
};
use crate::recipes::{self, Recipe};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use cornu::mixed_precision::DTypePolicy;
use cornu::train::Verbose;
use std::path::PathBuf;

/// How a recipe is carried out.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// How many times to go over the training data
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub epochs: usize,

    /// Samples for each training step
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub batch_size: usize,

    /// The same seed gives the same model again
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 1)]
    pub seed: u64,

    /// Threads to compute with [default: one for each core]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub threads: Option<usize>,

    /// In which precision layers multiply: float32, or mixed_bfloat16, which
    /// is faster on processors with AVX512-BF16
    #[arg(long, value_name = "POLICY", default_value = "float32", verbatim_doc_comment)]
    #[arg(value_parser = policy)]
    pub dtype_policy: DTypePolicy,

    /// Folder to write into [default: runs/RECIPE]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Only the first N images, for training and for the test: a quick look
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub limit: Option<usize>,

    /// Other images: a folder with files in MNIST's format (Fashion-MNIST)
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// What to print: 0 results only, 1 a bar, 2 a line for each epoch,
    /// auto a bar on a terminal and lines elsewhere
    #[arg(long, value_name = "HOW", default_value = "auto")]
    #[arg(verbatim_doc_comment, hide_possible_values = true)]
    pub verbose: Verbosity,

    /// The switches that the recipe alone has and that were given
    #[arg(skip)]
    pub switches: Vec<&'static str>,
}

impl Options {
    /// Whether a switch of the recipe was given.
    pub fn has(&self, switch: &str) -> bool {
        self.switches.contains(&switch)
    }
}

/// The values of `--verbose`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Verbosity {
    Auto,
    #[value(name = "0")]
    Silent,
    #[value(name = "1")]
    Bar,
    #[value(name = "2")]
    Lines,
}

impl From<Verbosity> for Verbose {
    fn from(verbosity: Verbosity) -> Verbose {
        match verbosity {
            Verbosity::Auto => Verbose::Auto,
            Verbosity::Silent => Verbose::Silent,
            Verbosity::Bar => Verbose::Bar,
            Verbosity::Lines => Verbose::Lines,
        }
    }
}

/// A whole number from 1.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("it must be a whole number of at least 1".into()),
    }
}

/// A dtype policy that Cornu has.
pub fn policy(name: &str) -> Result<DTypePolicy, String> {
    DTypePolicy::new(name).check().map_err(|error| error.to_string())
}

/// What the program is asked to do.
pub enum Task {
    Train(&'static Recipe, Options),
    Embed(embed::Options),
    Compare(compare::Options),
    Search(search::Options),
    Predict(predict::Options),
    Evaluate(evaluate::Options),
    Profile(profile::Options),
    Inspect(inspect::Options),
    Summary(summary::Options),
    Plot(plot::Options),
    Convert(convert::Options),
}

/// What is asked for. Prints help and ends the program if that is asked for, or if the command line
/// is wrong.
pub fn parse() -> Task {
    task(&command().get_matches())
}

fn task(matches: &ArgMatches) -> Task {
    let (name, matches) = matches.subcommand().expect("clap asks for a command");
    match name {
        "embed" => Task::Embed(options(matches)),
        "compare" => Task::Compare(options(matches)),
        "search" => Task::Search(options(matches)),
        "predict" => Task::Predict(options(matches)),
        "evaluate" => Task::Evaluate(options(matches)),
        "profile" => Task::Profile(options(matches)),
        "inspect" => Task::Inspect(options(matches)),
        "summary" => Task::Summary(options(matches)),
        "plot" => Task::Plot(options(matches)),
        "convert" => Task::Convert(options(matches)),
        _ => {
            let (recipe, matches) = matches.subcommand().expect("clap asks for a recipe");
            let recipe = recipes::find(recipe).expect("clap knows these alone");
            let mut options: Options = options(matches);
            let given = recipe.switches.iter().filter(|(name, _)| matches.get_flag(name));
            options.switches = given.map(|(name, _)| *name).collect();
            Task::Train(recipe, options)
        }
    }
}

fn options<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).unwrap_or_else(|error| error.exit())
}

fn command() -> Command {
    Command::new("cornu")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Cornu: neural networks the Keras way, in Rust")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(train())
        .subcommand(profile::command())
        .subcommand(evaluate::command())
        .subcommand(predict::command())
        .subcommand(compare::command())
        .subcommand(search::command())
        .subcommand(embed::command())
        .subcommand(inspect::command())
        .subcommand(summary::command())
        .subcommand(plot::command())
        .subcommand(convert::command())
        .after_help(
            "Examples:
  cornu train siamese              learn which two handwritten digits are the same
  cornu train mlp --epochs 3       learn to read handwritten digits, for 3 epochs
  cornu train --help               all recipes
  cornu train siamese --help       one recipe and its options
  cornu profile siamese            what each op of its training step costs

With what was trained:
  cornu compare runs/siamese/model.keras a.png b.png   are these two the same?
  cornu search runs/siamese/model.keras a.png          which images are like it?
  cornu embed runs/siamese/model.keras                 embeddings, for other tools
  cornu predict runs/mlp/model.keras --input a.png     what does it read?
  cornu evaluate runs/mlp/model.keras                  how well does it read?

With any model of Keras or Cornu:
  cornu inspect model.keras                            what is in it, and would it load?
  cornu convert model.h5 model.onnx                    into another format",
        )
}

fn train() -> Command {
    let train = Command::new("train")
        .about("Trains a network by a recipe and writes weights, figures and pictures")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand_value_name("RECIPE")
        .subcommand_help_heading("Recipes")
        .after_help(
            "Examples:
  cornu train siamese                          as the recipe says, into runs/siamese
  cornu train siamese --seed 2 --out runs/two  another seed, into another folder
  cornu train mlp --epochs 1 --limit 5000      a quick look: some seconds

Ctrl-C stops after the current batch and keeps what was trained; a second one quits at once.",
        );
    recipes::ALL.iter().fold(train, |train, recipe| train.subcommand(command_of(recipe)))
}

fn command_of(recipe: &Recipe) -> Command {
    let (name, details) = (recipe.name, recipe.details);
    let files: String =
        recipe.files().map(|(file, what)| format!("\n  {file:<18} {what}")).collect();
    // Not a long_about: with one, clap draws the options out over two screens.
    let teaching = format!(
        "{details}

Examples:
  cornu train {name}
  cornu train {name} --epochs 1 --limit 5000
  cornu train {name} --seed 2 --threads 1 --out runs/{name}-2

Files in the folder:{files}"
    );
    let switch = |(name, help): &(&'static str, &'static str)| {
        Arg::new(*name).long(*name).help(*help).action(ArgAction::SetTrue)
    };
    // About comes after the options: their comment would take its place.
    Options::augment_args(Command::new(name))
        .args(recipe.switches.iter().map(switch))
        .about(recipe.about)
        .mut_arg("epochs", |arg| arg.required(false).default_value(recipe.epochs.to_string()))
        .mut_arg("batch_size", |arg| {
            arg.required(false).default_value(recipe.batch_size.to_string())
        })
        .mut_arg("out", |arg| arg.help(format!("Folder to write into [default: runs/{name}]")))
        .after_help(teaching)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn recipes_have_their_own_defaults() {
        let options_of =
            |words: &[&str]| match task(&command().try_get_matches_from(words).unwrap()) {
                Task::Train(_, options) => options,
                _ => panic!("{words:?} does not train"),
            };
        let siamese = options_of(&["cornu", "train", "siamese", "--seed", "3"]);
        assert_eq!((siamese.epochs, siamese.batch_size, siamese.seed), (5, 32, 3));
        let mlp = options_of(&["cornu", "train", "mlp", "--epochs", "2", "--verbose", "1"]);
        assert_eq!((mlp.epochs, mlp.batch_size, mlp.verbose), (2, 128, Verbosity::Bar));
        assert_eq!(mlp.dtype_policy, DTypePolicy::Float32);
        let mixed = options_of(&["cornu", "train", "mlp", "--dtype-policy", "mixed_bfloat16"]);
        assert_eq!(mixed.dtype_policy, DTypePolicy::MixedBFloat16);
    }

    #[test]
    fn nonsense_is_refused() {
        for words in [
            &["cornu", "train", "mlp", "--epochs", "0"][..],
            &["cornu", "train", "mlp", "--batch-size", "-3"],
            &["cornu", "train", "mlp", "--verbose", "3"],
            &["cornu", "train", "mlp", "--seed", "one"],
            &["cornu", "train", "mlp", "--dtype-policy", "mixed_float16"],
            &["cornu", "profile", "mlp", "--dtype-policy", "float"],
            &["cornu", "train"],
            &["cornu"],
            &["cornu", "embed"],
            &["cornu", "compare", "model", "one.png"],
            &["cornu", "compare", "model", "a.png", "b.png", "--mnist", "1", "2"],
            &["cornu", "compare", "model", "a.png", "b.png", "--threshold", "nan"],
            &["cornu", "predict", "model"],
            &["cornu", "evaluate", "model", "--x", "x.npy"],
            &["cornu", "evaluate", "model", "--y", "y.npy"],
            &["cornu", "convert", "model"],
            &["cornu", "search", "model"],
            &["cornu", "search", "model", "a.png", "-k", "0"],
            &["cornu", "search", "model", "a.png", "--invert", "perhaps"],
        ] {
            assert!(command().try_get_matches_from(words).is_err(), "{words:?}");
        }
    }
}

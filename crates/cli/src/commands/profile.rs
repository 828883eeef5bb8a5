//! `cornu profile`: what each op of a recipe's step costs.

use crate::args::{self, Verbosity, at_least_one, policy};
use crate::recipes::{self, Recipe};
use crate::say;
use clap::builder::PossibleValuesParser;
use clap::{Arg, Args, Command, ValueEnum};
use cornu::mixed_precision::{DTypePolicy, set_global_policy};
use cornu::train::{Purpose, Sort};
use cornu::{Result, utils};
use std::path::PathBuf;

/// What `cornu profile` is told.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The recipe: `cornu train --help` lists them
    #[arg(value_name = "RECIPE", hide_possible_values = true)]
    recipe: String,

    /// Samples for each step [default: the recipe's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    batch_size: Option<usize>,

    /// How many steps to time, op by op; as many more as a
    /// whole
    #[arg(verbatim_doc_comment)]
    #[arg(long, value_name = "N", default_value_t = 50, allow_negative_numbers = true)]
    #[arg(value_parser = at_least_one)]
    steps: usize,

    /// Threads to compute with [default: one for each core]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    threads: Option<usize>,

    /// In which precision layers multiply: float32 or
    /// mixed_bfloat16
    #[arg(long, value_name = "POLICY", default_value = "float32", value_parser = policy)]
    #[arg(verbatim_doc_comment)]
    dtype_policy: DTypePolicy,

    /// Steps of an evaluation instead of a training
    #[arg(long, conflicts_with = "predict")]
    evaluate: bool,

    /// Steps of a prediction instead of a training
    #[arg(long)]
    predict: bool,

    /// The ops in the order in which they run (order), or the slowest
    /// first (time)
    #[arg(long, value_name = "HOW", default_value = "order", verbatim_doc_comment)]
    #[arg(hide_possible_values = true)]
    sort: Sorting,

    /// Write every op of every step for chrome://tracing and
    /// ui.perfetto.dev, which draw it
    #[arg(long, value_name = "FILE.json", verbatim_doc_comment)]
    trace: Option<PathBuf>,

    /// Write all figures for other programs
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
}

/// The values of `--sort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sorting {
    Order,
    Time,
}

/// The command, with its help.
pub fn command() -> Command {
    let names = PossibleValuesParser::new(recipes::ALL.iter().map(|recipe| recipe.name));
    Options::augment_args(Command::new("profile"))
        .about("Times each op of a recipe's step and compares it with what the machine can do")
        .mut_arg("recipe", |arg: Arg| arg.value_parser(names))
        .after_help(
            "The floor is the time that the machine would need at least, as measured at the start: for the
arithmetic in registers, or for reading as many bytes from the smallest cache that they fit.
It is given as a part of the time: 100% is as fast as can be.

Examples:
  cornu profile mlp
  cornu profile siamese --sort time --threads 1
  cornu profile cnn --batch-size 32 --steps 10 --trace cnn.json
  cornu profile mlp --dtype-policy mixed_bfloat16
  cornu profile mlp --predict --batch-size 1",
        )
}

/// Profiles and prints the table.
pub fn run(options: &Options) -> Result<()> {
    let recipe = recipes::find(&options.recipe).expect("clap knows these alone");
    options.threads.map_or(Ok(()), utils::set_threads)?;
    utils::set_random_seed(1);
    set_global_policy(options.dtype_policy.clone())?;
    let batch_size = options.batch_size.unwrap_or(recipe.batch_size);
    let mut experiment = (recipe.prepare)((recipe.network)()?, &training(recipe, batch_size))?;
    let profiler = experiment.profile()?.batch_size(batch_size).steps(options.steps);
    let profile = profiler.purpose(options.purpose()).run()?;
    let sort = match options.sort {
        Sorting::Order => Sort::Order,
        Sorting::Time => Sort::Time,
    };
    say::line(profile.table().sort(sort));
    if let Some(path) = &options.trace {
        profile.save_trace(path)?;
        say::line(format_args!("Trace in {}: open it in ui.perfetto.dev", path.display()));
    }
    if let Some(path) = &options.json {
        profile.save_json(path)?;
        say::line(format_args!("Figures in {}", path.display()));
    }
    Ok(())
}

impl Options {
    fn purpose(&self) -> Purpose {
        match (self.predict, self.evaluate) {
            (true, _) => Purpose::Predict,
            (_, true) => Purpose::Evaluate,
            _ => Purpose::Train,
        }
    }
}

/// How the recipe would be trained.
fn training(recipe: &Recipe, batch_size: usize) -> args::Options {
    args::Options {
        epochs: recipe.epochs,
        batch_size,
        seed: 1,
        threads: None,
        dtype_policy: DTypePolicy::Float32,
        out: None,
        limit: None,
        data: None,
        verbose: Verbosity::Silent,
        switches: vec![],
    }
}

//! `cornu train`: what is the same for every recipe.

use crate::args::{Options, Verbosity};
use crate::folder::Folder;
use crate::recipes::{self, Experiment, Recipe};
use crate::results::Results;
use crate::{say, stop, trained};
use cornu::model::Model;
use cornu::train::History;
use cornu::{Error, Result, utils};
use serde_json::{Map, json};
use std::path::PathBuf;
use std::thread::available_parallelism;

/// Trains by a recipe, and writes what came of it.
pub fn train(recipe: &Recipe, options: &Options) -> Result<()> {
    let run = Run { recipe, options, threads: threads(options) };
    utils::set_threads(run.threads)?;
    utils::set_random_seed(options.seed);
    let stop = stop::flag()?;

    let mut experiment = (recipe.prepare)((recipe.network)()?, options)?;
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(recipe.name));
    let mut folder = Folder::create(&out)?;
    run.announce(experiment.as_ref())?;
    let history = experiment
        .fit(&folder)?
        .epochs(options.epochs)
        .batch_size(options.batch_size)
        .verbose(options.verbose)
        .stop_flag(stop)
        .run()?;
    if history.epochs.is_empty() {
        return Err(Error::state("stopped before the first batch: nothing is written"));
    }
    if history.stopped {
        say::line(format_args!("Stopped in epoch {} of {}.", history.epochs.len(), options.epochs));
    }

    let mut model = Model::try_from(experiment.model().as_layer())?;
    trained::describe(&mut model, recipe)?;
    model.save_weights(folder.file(recipes::MODEL))?;
    history.save_csv(folder.file(recipes::HISTORY_CSV))?;
    history.plot(folder.file(recipes::HISTORY_SVG))?;
    let mut results = Results::new(&mut folder);
    experiment.test(&mut results)?;
    let figures = results.figures().to_vec();
    if let Some(calibration) = results.calibration {
        trained::calibrate(&mut model, &calibration)?;
        model.save_weights(folder.path_of(recipes::MODEL))?;
    }
    let summary = run.summary(experiment.as_ref(), &history, &figures)?;
    folder.write(recipes::SUMMARY, &summary)?;
    report(&figures, &folder);
    Ok(())
}

/// As many as asked for, or one for each core.
fn threads(options: &Options) -> usize {
    options.threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}

/// What is to be done.
struct Run<'a> {
    recipe: &'a Recipe,
    options: &'a Options,
    threads: usize,
}

impl Run<'_> {
    fn announce(&self, experiment: &dyn Experiment) -> Result<()> {
        if self.options.verbose == Verbosity::Silent {
            return Ok(());
        }
        let Options { seed, epochs, batch_size, .. } = self.options;
        let data = experiment.data().into_iter();
        let data: Vec<String> =
            data.map(|(count, what)| format!("{} {what}", say::grouped(count))).collect();
        say::line(experiment.model().summary());
        say::line(format_args!("\nData: {}", data.join(", ")));
        say::line(format_args!(
            "Training: epochs {epochs}, batch size {batch_size}, seed {seed}, threads {}\n",
            self.threads
        ));
        Ok(())
    }

    /// The text of `summary.json`.
    fn summary(
        &self,
        experiment: &dyn Experiment,
        history: &History,
        figures: &[(&str, f64)],
    ) -> Result<String> {
        let test: Map<_, _> =
            figures.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        let summary = json!({
            "recipe": self.recipe.name,
            "cornu": env!("CARGO_PKG_VERSION"),
            "seed": self.options.seed,
            "epochs": history.epochs.len(),
            "stopped": history.stopped,
            "batch_size": self.options.batch_size,
            "threads": self.threads,
            "samples": experiment.data().iter().map(|(count, _)| *count).next(),
            "parameters": experiment.model().count_params()?,
            "epoch_seconds": history.epoch_seconds.iter().map(|s| milliseconds(*s)).collect::<Vec<_>>(),
            "test": test,
        });
        Ok(format!("{summary:#}\n"))
    }
}

/// Seconds to the millisecond: what is beyond is noise.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

/// Prints the results.
fn report(figures: &[(&str, f64)], folder: &Folder) {
    let figures: Vec<String> =
        figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
    say::line(format_args!("\nTest: {}", figures.join(", ")));
    say::line(format_args!("Files in {}:", folder.path().display()));
    for (name, what) in folder.files() {
        say::line(format_args!("  {name:<18} {what}"));
    }
}

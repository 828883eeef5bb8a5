//! `cornu train`: what is the same for every recipe.

use crate::args::{Options, Verbosity};
use crate::folder::Folder;
use crate::recipes::{self, Experiment, Recipe};
use crate::results::Results;
use crate::{about, say, stop};
use cornu::mixed_precision::set_global_policy;
use cornu::train::History;
use cornu::viz::Report;
use cornu::{Error, Result, utils};
use serde_json::{Map, json};
use std::path::PathBuf;
use std::thread::available_parallelism;

/// Trains by a recipe, and writes what came of it.
pub fn train(recipe: &Recipe, options: &Options) -> Result<()> {
    let run = Run { recipe, options, threads: threads(options) };
    utils::set_threads(run.threads)?;
    utils::set_random_seed(options.seed);
    set_global_policy(options.dtype_policy.clone())?;
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

    run.write(experiment.as_mut(), &history, &mut folder)
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
    /// Writes the model first: whatever comes after, it is there.
    fn write(
        &self,
        experiment: &mut dyn Experiment,
        history: &History,
        folder: &mut Folder,
    ) -> Result<()> {
        let model = experiment.model_mut();
        about::describe(model, self.recipe, self.options.seed)?;
        model.save(folder.file(recipes::MODEL))?;
        history.save_csv(folder.file(recipes::HISTORY_CSV))?;
        history.plot(folder.file(recipes::HISTORY_SVG))?;
        let plot = model.plot().show_shapes(true).show_layer_names(true).expand_nested(true);
        plot.save(folder.file(recipes::MODEL_SVG))?;
        plot.save(folder.file(recipes::MODEL_PNG))?;

        let mut results =
            Results::new(folder, Report::new(format!("cornu train {}", self.recipe.name)));
        experiment.test(&mut results)?;
        let (figures, report, calibration) = results.finish();
        if let Some(calibration) = calibration {
            about::calibrate(experiment.model_mut(), &calibration)?;
            experiment.model().save(folder.path_of(recipes::MODEL))?;
        }
        let summary = self.summary(experiment, history, &figures)?;
        folder.write(recipes::SUMMARY, &summary)?;
        let report = self.report(report, experiment, history, &figures).model(experiment.model());
        report.write(folder.file(recipes::REPORT))?;
        tell(&figures, folder);
        Ok(())
    }

    /// The page about the run.
    fn report(
        &self,
        report: Report,
        experiment: &dyn Experiment,
        history: &History,
        figures: &[(&str, f64)],
    ) -> Report {
        let Options { seed, batch_size, .. } = self.options;
        let mut report = report
            .summary(format!("{}.", self.recipe.about))
            .setting("recipe", self.recipe.name)
            .setting("epochs", history.epochs.len())
            .setting("batch size", batch_size)
            .setting("seed", seed)
            .setting("threads", self.threads)
            .setting("dtype policy", self.options.dtype_policy.name())
            .setting("seconds an epoch", format!("{:.2}", median(&history.epoch_seconds)));
        for (count, what) in experiment.data() {
            report = report.setting(what, say::grouped(count));
        }
        for (name, value) in figures {
            report = report.figure(name.replace('_', " "), *value);
        }
        report.history(history)
    }

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
            "dtype_policy": self.options.dtype_policy.name(),
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

/// The middle of some times, so that one interruption does not count.
fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Prints the results.
fn tell(figures: &[(&str, f64)], folder: &Folder) {
    let figures: Vec<String> =
        figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
    say::line(format_args!("\nTest: {}", figures.join(", ")));
    say::line(format_args!("Files in {}:", folder.path().display()));
    for (name, what) in folder.files() {
        say::line(format_args!("  {name:<18} {what}"));
    }
}

//! The program `cornu`: trains the networks that Cornu's documents describe, writes down what came of
//! it, and uses what was trained. Everything that computes is in the library.
#![forbid(unsafe_code)]

mod about;
mod args;
mod commands;
mod digits;
mod folder;
mod models;
mod recipes;
mod results;
mod say;
mod stop;
mod train;
mod trained;

use args::Task;
use std::process::ExitCode;

fn main() -> ExitCode {
    recipes::register_losses();
    let done = match args::parse() {
        Task::Train(recipe, options) => train::train(recipe, &options),
        Task::Embed(options) => commands::embed::run(&options),
        Task::Compare(options) => commands::compare::run(&options),
        Task::Search(options) => commands::search::run(&options),
        Task::Predict(options) => commands::predict::run(&options),
        Task::Evaluate(options) => commands::evaluate::run(&options),
        Task::Profile(options) => commands::profile::run(&options),
        Task::Inspect(options) => commands::inspect::run(&options),
        Task::Summary(options) => commands::summary::run(&options),
        Task::Plot(options) => commands::plot::run(&options),
        Task::Convert(options) => commands::convert::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

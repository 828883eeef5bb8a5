//! The program `cornu`: trains the networks that Cornu's documents describe, writes down what came of
//! it, and uses what was trained. Everything that computes is in the library.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod digits;
mod folder;
mod recipes;
mod results;
mod say;
mod stop;
mod train;
mod trained;

use args::Task;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match args::parse() {
        Task::Train(recipe, options) => train::train(recipe, &options),
        Task::Embed(options) => commands::embed::run(&options),
        Task::Compare(options) => commands::compare::run(&options),
        Task::Search(options) => commands::search::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

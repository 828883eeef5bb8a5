//! The program `cornu`: trains the networks that Cornu's documents describe, and writes down what
//! came of it. Everything that computes is in the library.
#![forbid(unsafe_code)]

mod args;
mod digits;
mod folder;
mod recipes;
mod results;
mod say;
mod stop;
mod train;

use std::process::ExitCode;

fn main() -> ExitCode {
    let (recipe, options) = args::parse();
    match train::train(recipe, &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

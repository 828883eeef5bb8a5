//! Cornu and its peers, side by side on the same networks: `cornu-bench --help`.

mod compare;
mod data;
mod machine;
mod measured;
mod memory;
mod peers;
mod results;
mod show;
mod table;
mod workloads;

use clap::{Parser, Subcommand};
use results::Results;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use workloads::{Run, Workload};

/// Trains the same networks in Cornu and in its peers, and compares.
#[derive(Parser)]
#[command(name = "cornu-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Trains one network in Cornu, and prints a line of JSON with what was measured
    Workload(WorkloadOptions),
    /// Trains the networks in Cornu and its peers by turns, and writes what was measured
    Compare(compare::Options),
    /// Shows the results of a file again: as a table, as Markdown, as pictures beside it
    Show(ShowOptions),
    /// Writes the data that peers read into a folder: MNIST, and pairs of its images
    Data {
        /// The folder; it is made if it is not there
        folder: PathBuf,
    },
}

#[derive(clap::Args)]
struct WorkloadOptions {
    /// Which network: mlp_py, mlp_r, siamese_new, siamese_old, siamese_l1, cnn_r, other
    #[arg(value_parser = workloads::named)]
    name: &'static Workload,
    /// How often all samples are seen [default: as a comparison does]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Only the first so many steps of each epoch; its time is extrapolated
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// How many threads compute [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Decides weights, order and dropout
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

#[derive(clap::Args)]
struct ShowOptions {
    /// The file that a comparison wrote
    file: PathBuf,
    /// Markdown, as the README has it
    #[arg(long)]
    markdown: bool,
    /// Draw the pictures again
    #[arg(long)]
    draw: bool,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Workload(options) => run_workload(&options),
        Command::Compare(options) => compare::compare(&options),
        Command::Show(options) => show_again(&options),
        Command::Data { folder } => export(&folder),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run_workload(options: &WorkloadOptions) -> Result<(), String> {
    if let Some(threads) = options.threads {
        cornu::utils::set_threads(threads).map_err(|e| e.to_string())?;
    }
    let epochs = options.epochs.unwrap_or(options.name.epochs);
    let run = Run { epochs, steps: options.steps, seed: options.seed };
    let measured = options.name.measure(&run).map_err(|e| e.to_string())?;
    println!("{}", serde_json::to_string(&measured).map_err(|e| e.to_string())?);
    Ok(())
}

fn show_again(options: &ShowOptions) -> Result<(), String> {
    let results = Results::read(&options.file)?;
    match options.markdown {
        true => print!("{}", table::markdown(&results)),
        false => show::tell(&results),
    }
    if options.draw { show::draw(&results, &options.file) } else { Ok(()) }
}

fn export(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    data::export(folder).map_err(|e| e.to_string())
}

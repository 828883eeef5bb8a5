//! Cornu and its peers, side by side on the same networks: `cornu-bench --help`.

mod measured;
mod memory;
mod workloads;

use clap::{Parser, Subcommand};
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
}

#[derive(clap::Args)]
struct WorkloadOptions {
    /// Which network: mlp_py, mlp_r, siamese_new, siamese_old, siamese_l1, cnn_r, other
    #[arg(value_parser = workload)]
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

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Workload(options) => run_workload(&options),
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

/// The workload of an argument.
fn workload(name: &str) -> Result<&'static Workload, String> {
    workloads::find(name).ok_or_else(|| {
        let names: Vec<&str> = workloads::ALL.iter().map(|w| w.name).collect();
        format!("there are {}", names.join(", "))
    })
}

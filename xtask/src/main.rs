//! The workspace's own commands: `cargo xtask <command>`.

mod bench;
mod fuzz;
mod keras;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
The workspace's own commands.

Usage: cargo xtask <command>

Commands:
  tidy   Checks the house rules that no compiler checks: file headers, file sizes,
         which crate may use which, where unsafe code may stand
  check  Runs what CI runs, cheapest first (.ci/run)
  bench  Trains in Cornu and its peers by turns, and compares: `cargo xtask bench --help`
  fuzz   Hands every reader of files what nobody wrote, each for so many seconds (60 unless
         told), with cargo-fuzz: cargo xtask fuzz [seconds [target…]]
  keras  Holds files that Cornu writes against Keras: `cargo xtask keras --help`

The Keras fixtures are made by xtask/fixtures/make.py, the MNIST asset by xtask/mnist/compress.py.";

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy::run(),
        Some("check") => check(),
        Some("fuzz") => fuzz::run(std::env::args().skip(2)),
        Some("bench") => bench::run(&rest()),
        Some("keras") => keras::run(&rest()),
        Some("help" | "--help" | "-h") | None => {
            println!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(format!("there is no command '{other}'\n\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What stands behind the command.
fn rest() -> Vec<String> {
    std::env::args().skip(2).collect()
}

fn check() -> Result<(), String> {
    let status = std::process::Command::new("bash")
        .arg(".ci/run")
        .current_dir(tidy::root())
        .status()
        .map_err(|e| format!("bash: {e}"))?;
    if status.success() { Ok(()) } else { Err("the checks failed".into()) }
}

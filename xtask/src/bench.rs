//! `cargo xtask bench`: builds Cornu's benchmarks and its peers' that are in Rust, and runs them.

use crate::tidy::root;
use std::path::PathBuf;
use std::process::Command;

const USAGE: &str = "\
Trains the same networks in Cornu and in its peers by turns, and compares times and accuracies.

Usage: cargo xtask bench [options of cornu-bench compare]

Builds everything for this machine's processor, then runs `cornu-bench compare`. The results are in
target/bench/results.json, with pictures beside it. benches/README.md tells more.

  --python PATH        a Python with Keras and its backends; with python3 unless told:
                       pip install -r benches/keras/requirements.txt
  --workloads NAMES    only these networks, separated by commas
  --peers NAMES        only these peers: jax, tensorflow, torch, burn, candle
  --rounds N           how often each peer's turn comes
  --epochs N           instead of as many as each network wants
  --output FILE.json   where results go, to those that are there of other networks

Peers that are not there are left out. All of it takes hours; on some cores only: taskset -c 0,1.";

/// Peers that are built here.
const BUILT: [&str; 2] = ["burn", "candle"];

/// Builds, then compares.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{USAGE}");
        return Ok(());
    }
    call(Command::new("cargo").args(["build", "--release", "--package", "cornu-bench"]))?;
    let mut compare = Command::new(root().join("target/release/cornu-bench"));
    compare.arg("compare").args(arguments);
    for peer in BUILT.into_iter().filter(|peer| is_wanted(peer, arguments)) {
        match build_peer(peer) {
            Ok(program) => drop(compare.arg(format!("--{peer}")).arg(program)),
            // What it means for the comparison is told there.
            Err(why) => eprintln!("{why}"),
        }
    }
    call(&mut compare)
}

/// Whether a peer is among those of `--peers`, or all are wanted.
fn is_wanted(peer: &str, arguments: &[String]) -> bool {
    let mut values = arguments.iter().skip_while(|a| !a.starts_with("--peers"));
    let Some(option) = values.next() else { return true };
    let named = option.strip_prefix("--peers=").or(values.next().map(String::as_str));
    named.is_none_or(|names| names.split(',').any(|name| name == peer))
}

/// With all that the processor has: Cornu finds that out as it runs.
fn build_peer(peer: &str) -> Result<PathBuf, String> {
    let target = root().join("target/bench").join(peer);
    let manifest = format!("benches/{peer}/Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--manifest-path", &manifest]);
    call(cargo.arg("--target-dir").arg(&target).env("RUSTFLAGS", "-C target-cpu=native"))?;
    Ok(target.join(format!("release/bench-{peer}{}", std::env::consts::EXE_SUFFIX)))
}

fn call(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let status = command.current_dir(root()).status().map_err(|e| format!("{name}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed")) }
}

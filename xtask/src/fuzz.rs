//! `cargo xtask fuzz`: runs the targets of `fuzz/`, one after another.
//!
//! cargo-fuzz must be there (`cargo install cargo-fuzz`); the stable compiler will do.

use crate::tidy::root;
use std::process::Command;

/// As cargo-fuzz has them: no instruments that only the nightly compiler knows.
const OPTIONS: [&str; 2] = ["--sanitizer", "none"];

/// Stops at the first target that finds something; what it found stands in `fuzz/artifacts`.
pub fn run(mut args: impl Iterator<Item = String>) -> Result<(), String> {
    let seconds = args.next().unwrap_or("60".into());
    let seconds: u32 = seconds.parse().map_err(|_| format!("'{seconds}' are no seconds"))?;
    let mut targets: Vec<String> = args.collect();
    if targets.is_empty() {
        targets = all_targets()?;
    }
    call(Command::new("python3").arg("fuzz/seeds.py"))?;
    for target in targets {
        println!("\n== {target}");
        let limits = [format!("-max_total_time={seconds}")];
        let limits = limits.iter().map(String::as_str);
        let limits = limits.chain(["-timeout=5", "-rss_limit_mb=1024", "-max_len=65536"]);
        let mut fuzz = Command::new("cargo");
        // The flags of coverage are for the nightly compiler, the stable one has them too.
        fuzz.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run"]).args(OPTIONS).arg(&target);
        call(fuzz.arg("--").args(limits))?;
    }
    Ok(())
}

/// The files of `fuzz/targets`.
fn all_targets() -> Result<Vec<String>, String> {
    let files = std::fs::read_dir(root().join("fuzz/targets")).map_err(|e| e.to_string())?;
    let stem = |file: std::fs::DirEntry| file.path().file_stem()?.to_str().map(str::to_owned);
    let mut targets: Vec<String> = files.flatten().filter_map(stem).collect();
    targets.sort();
    Ok(targets)
}

fn call(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let status = command.current_dir(root()).status().map_err(|e| format!("{name}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed")) }
}

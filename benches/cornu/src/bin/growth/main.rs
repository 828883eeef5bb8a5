//! How time and memory of a training step grow with the width, the batch, the depth and the threads.
//!
//!     growth [--part widths|batches|depths] [--out FOLDER]
//!
//! Each network is measured in a process of its own (`growth --one KIND VALUE THREADS`), so that the
//! peak of its memory is its own. Figures are merged into `growth.json` in the folder, and drawn from
//! there to `growth.svg` and `growth.png`.

mod drawing;
mod network;

use cap::Cap;
use cornu::prelude::*;
use network::{Measured, Setting};
use std::alloc::System;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Counts what is allocated: the weights, the optimizer's slots, the program's arena, the data.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Each part with the values that grow.
const PARTS: [(&str, &[usize]); 3] = [
    ("widths", &[128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096]),
    ("batches", &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]),
    ("depths", &[2, 5, 10, 20, 35, 50]),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let every: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
    match words[..] {
        ["--one", part, value, threads] => one(part, value, threads),
        [] => grow(&every, Path::new(".")),
        ["--out", folder] => grow(&every, Path::new(folder)),
        ["--part", part] if every.contains(&part) => grow(&[part], Path::new(".")),
        ["--part", part, "--out", folder] if every.contains(&part) => {
            grow(&[part], Path::new(folder))
        }
        _ => Err(Error::value(format!("there is no {}", words.join(" ")))
            .help(format!("growth [--part {}] [--out FOLDER]", every.join("|")))),
    }
}

/// Measures one network in this process and prints the figures as JSON.
fn one(part: &str, value: &str, threads: &str) -> Result<()> {
    let number = |text: &str| text.parse().map_err(|e| Error::value(format!("{text}: {e}")));
    let setting = Setting::new(part, number(value)?, number(threads)?);
    let measured = network::measure(&setting)?;
    let measured = Measured { peak_bytes: MEMORY.max_allocated(), ..measured };
    println!("{}", serde_json::to_string(&measured).map_err(json_error)?);
    Ok(())
}

/// Measures parts, each network in a process of its own, and draws all that is known.
fn grow(parts: &[&str], folder: &Path) -> Result<()> {
    let file = folder.join("growth.json");
    let mut all = read(&file)?;
    all.retain(|measured| !parts.contains(&measured.setting.part.as_str()));
    for (part, values) in PARTS.iter().filter(|(part, _)| parts.contains(part)) {
        for threads in [1, 2] {
            for value in *values {
                let measured = in_a_process(part, *value, threads)?;
                println!("{}", measured.line());
                all.push(measured);
            }
        }
    }
    let text = serde_json::to_string_pretty(&all).map_err(json_error)?;
    cornu::viz::write(&file, &text)?;
    let picture = drawing::picture(&all)?;
    picture.save(folder.join("growth.svg"))?;
    picture.save(folder.join("growth.png"))
}

/// What earlier runs left.
fn read(file: &PathBuf) -> Result<Vec<Measured>> {
    match std::fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text).map_err(json_error),
        Err(_) => Ok(vec![]),
    }
}

fn in_a_process(part: &str, value: usize, threads: usize) -> Result<Measured> {
    let failed = |e: String| Error::state(format!("{part} {value}: {e}"));
    let program = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
    let arguments = ["--one", part, &value.to_string(), &threads.to_string()];
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(json_error)
}

fn json_error(error: serde_json::Error) -> Error {
    Error::state(format!("JSON: {error}"))
}

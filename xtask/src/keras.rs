//! The live check of the files that Cornu writes: Keras opens them, and Cornu what Keras saves again.

use crate::tidy::root;
use std::path::{Path, PathBuf};
use std::process::Command;

const USAGE: &str = "\
Holds files that Cornu writes against Keras.

Usage: cargo xtask keras [--python PATH] [options of xtask/keras_files/check.py]

Writes some hundred models in every format (target/tmp/keras), loads them in Keras without custom objects,
compares predictions, optimizers and one more step of training, lets Keras save them again and opens that
here. What differs is listed.

  --python PATH     a Python that has Keras; without it one is made in target/keras-venv, which needs
                    python3 and a package index (xtask/keras_files/requirements.txt, 700 MB)
  --only TEXT       models whose kind or name has this text
  --predict-only    load .keras and predict, no more: for other versions and backends of Keras
  --list            print every model

KERAS_BACKEND chooses the backend: jax unless it is set.";

/// Runs all pieces; the error says which of them failed.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{USAGE}");
        return Ok(());
    }
    let (python, options) = match arguments {
        [flag, python, rest @ ..] if flag == "--python" => (PathBuf::from(python), rest),
        [flag] if flag == "--python" => return Err(format!("--python needs a path\n\n{USAGE}")),
        rest => (environment(&root().join("target/keras-venv"))?, rest),
    };
    test("models_are_written")?;
    let mut check = Command::new(python);
    check.args(["xtask/keras_files/check.py", "target/tmp/keras"]).args(options);
    let checked = done(&mut check, "Keras differs");
    let again = match options.iter().any(|option| option == "--predict-only") {
        true => Ok(()),
        false => test("what_keras_saved_again_opens"),
    };
    checked.and(again)
}

fn test(name: &str) -> Result<(), String> {
    let arguments = ["test", "-p", "cornu", "--test", "keras_written", "--", "--ignored"];
    done(Command::new("cargo").args(arguments).args(["--nocapture", name]), name)
}

/// The Python of a virtual environment with what the check needs, made if it is not there.
fn environment(folder: &Path) -> Result<PathBuf, String> {
    let binaries = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let python = binaries.join("python");
    let ready = folder.join("ready");
    if !ready.exists() {
        done(Command::new("python3").args(["-m", "venv"]).arg(folder), "python3 -m venv")?;
        let install = ["-m", "pip", "install", "-r", "xtask/keras_files/requirements.txt"];
        done(Command::new(&python).args(install), "pip install")?;
        std::fs::write(&ready, "").map_err(|e| format!("{}: {e}", ready.display()))?;
    }
    Ok(python)
}

fn done(command: &mut Command, what: &str) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status =
        command.current_dir(root()).status().map_err(|e| format!("{what}: {program}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what} ({program}: {status})")) }
}

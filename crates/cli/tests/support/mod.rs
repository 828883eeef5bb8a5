//! The program, run as a user runs it.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in a folder.
pub fn cornu(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cornu")).args(words).current_dir(folder).output().unwrap()
}

/// What a command prints that succeeds: the results, and the notes.
pub fn succeed(folder: &Path, words: &[&str]) -> (String, String) {
    let output = cornu(folder, words);
    let [text, notes] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{words:?}: {notes}");
    (text, notes)
}

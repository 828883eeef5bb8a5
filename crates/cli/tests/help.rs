//! The help and the errors of the command line.

use std::process::{Command, Output};

fn cornu(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cornu")).args(words).output().unwrap()
}

fn help(words: &[&str]) -> String {
    let output = cornu(words);
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_teaches_with_examples() {
    for words in [&["--help"][..], &["train", "--help"], &["train", "siamese", "-h"]] {
        let text = help(words);
        assert!(text.contains("Examples:\n  cornu train siamese"), "{words:?}:\n{text}");
    }
    let train = help(&["train", "--help"]);
    for recipe in
        ["siamese", "siamese-classic", "siamese-l1", "mlp", "mlp-dropout", "two-branch", "cnn"]
    {
        assert!(train.contains(&format!("  {recipe} ")), "{recipe} is missing in:\n{train}");
    }
}

#[test]
fn every_command_has_examples() {
    for command in [
        "profile", "compare", "search", "embed", "predict", "evaluate", "inspect", "summary",
        "plot", "convert",
    ] {
        let text = help(&[command, "--help"]);
        assert!(text.contains(&format!("Examples:\n  cornu {command} ")), "{text}");
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 100, "{command} has a line of {longest} characters:\n{text}");
    }
}

#[test]
fn a_recipe_tells_its_defaults_and_files() {
    let siamese = help(&["train", "siamese", "--help"]);
    for part in ["[default: 5]", "[default: 32]", "[default: runs/siamese]", "pairs.svg", "margin"]
    {
        assert!(siamese.contains(part), "{part} is missing in:\n{siamese}");
    }
    let mlp = help(&["train", "mlp", "--help"]);
    assert!(mlp.contains("[default: 10]") && mlp.contains("[default: 128]"), "{mlp}");
    assert!(!mlp.contains("pairs.svg"), "{mlp}");
}

#[test]
fn help_fits_a_terminal() {
    for words in [
        &["--help"][..],
        &["train", "--help"],
        &["train", "siamese", "--help"],
        &["train", "mlp", "-h"],
        &["train", "siamese-l1", "--help"],
        &["train", "siamese-classic", "--help"],
        &["train", "mlp-dropout", "--help"],
    ] {
        let text = help(words);
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 100, "{words:?} has a line of {longest} characters:\n{text}");
    }
}

#[test]
fn a_misspelt_recipe_is_recognized() {
    let output = cornu(&["train", "siamse"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("'siamse'") && errors.contains("'siamese'"), "{errors}");
}

#[test]
fn usage_errors_end_with_2() {
    for words in [&["train", "mlp", "--epochs", "0"][..], &["train", "mlp", "--sed", "1"], &["fly"]]
    {
        assert_eq!(cornu(words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn the_version_is_told() {
    assert_eq!(help(&["--version"]), format!("cornu {}\n", env!("CARGO_PKG_VERSION")));
}

#[cfg(not(feature = "mnist"))]
#[test]
fn without_images_the_way_to_get_them_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cornu"));
    let output = command.args(["train", "mlp"]).current_dir(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("--features mnist") && errors.contains("--data DIR"), "{errors}");
}

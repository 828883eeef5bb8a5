//! `cornu profile` from the outside: the table, the files, mistakes.
#![cfg(feature = "mnist")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn profile(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cornu"));
    command.env("COLUMNS", "110").arg("profile").args(words).current_dir(folder).output().unwrap()
}

fn text(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_recipe_is_profiled_as_it_would_be_trained() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["mlp", "--steps", "2", "--threads", "1", "--json", "p.json", "--trace", "t.json"];
    let table = text(profile(folder.path(), &words));
    for part in [
        "Training step, batch 128, 1 thread: medians of 2 steps",
        "forward  matmul 128x784 784x512",
        "gradient matmul ",
        "update   ",
        "By layer",
        "By phase",
        "What to look at",
        "p.json",
        "t.json",
    ] {
        assert!(table.contains(part), "{part} is missing in:\n{table}");
    }
    let read = |name| fs::read(folder.path().join(name)).unwrap();
    let figures: Value = serde_json::from_slice(&read("p.json")).unwrap();
    assert_eq!((figures["batch_size"].as_u64(), figures["steps"].as_u64()), (Some(128), Some(2)));
    let ops = figures["ops"].as_array().unwrap();
    // Forward and gradient of the weights of all three layers, of the inputs of two; and a little for
    // the loops that are one with a product.
    let products = ops.iter().filter(|op| op["op"].as_str().unwrap().starts_with("matmul"));
    let flops: u64 = products.map(|op| op["flops"].as_u64().unwrap()).sum();
    let (first, others) = (784 * 512, 512 * 512 + 512 * 10);
    let expected = 2 * 128 * (2 * first + 3 * others);
    assert!((expected..expected + expected / 20).contains(&flops), "{flops} for {expected}");
    let trace: Value = serde_json::from_slice(&read("t.json")).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > 2 * ops.len());
}

#[test]
fn every_recipe_has_a_profile() {
    let folder = tempfile::tempdir().unwrap();
    for recipe in ["siamese", "siamese-classic", "siamese-l1", "mlp-dropout", "two-branch", "cnn"] {
        for purpose in ["--predict", "--evaluate"] {
            let words = [recipe, "--steps", "1", "--batch-size", "4", purpose];
            let table = text(profile(folder.path(), &words));
            assert!(table.contains(", batch 4, "), "{recipe}:\n{table}");
        }
    }
}

#[test]
fn an_unknown_recipe_is_an_error_that_names_those_there_are() {
    let output = profile(Path::new("."), &["mpl"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(errors.contains("siamese-l1, mlp,"), "{errors}");
}

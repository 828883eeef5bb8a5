//! `cornu train` from the outside: files, seeds, mistakes, Ctrl-C.
#![cfg(feature = "mnist")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// `cornu train` with these words, in a folder of its own.
fn train(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cornu"));
    command.arg("train").args(words).current_dir(folder).output().unwrap()
}

fn succeed(folder: &Path, words: &[&str]) -> String {
    let output = train(folder, words);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn summary(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap()
}

/// The files that every recipe writes.
const COMMON: [&str; 7] = [
    "history.csv",
    "history.svg",
    "model.png",
    "model.keras",
    "model.svg",
    "report.html",
    "summary.json",
];

/// These files and those that every recipe writes, in order.
fn with(own: &[&str]) -> Vec<String> {
    let mut files: Vec<String> = COMMON.iter().chain(own).map(|file| file.to_string()).collect();
    files.sort();
    files
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn mlp_writes_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let text = succeed(folder.path(), &["mlp", "--epochs", "2", "--limit", "500"]);
    for part in ["669,706", "500 training images", "seed 1", "Epoch 2/2", "Test: accuracy 0."] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }

    let run = folder.path().join("runs/mlp");
    let files = with(&["confusion.svg", "mistakes.svg"]);
    assert_eq!(names(&run), files);
    files.iter().for_each(|file| assert!(text.contains(file), "{file} is not listed"));

    let summary = summary(&run);
    assert_eq!(summary["recipe"], "mlp");
    assert_eq!(summary["cornu"], env!("CARGO_PKG_VERSION"));
    assert_eq!((summary["seed"].as_u64(), summary["epochs"].as_u64()), (Some(1), Some(2)));
    assert_eq!(summary["batch_size"], 128);
    assert_eq!(summary["parameters"], 669_706);
    assert_eq!(summary["stopped"], false);
    assert_eq!(summary["epoch_seconds"].as_array().unwrap().len(), 2);
    let accuracy = summary["test"]["accuracy"].as_f64().unwrap();
    assert!((0.3..1.0).contains(&accuracy), "{accuracy}");
    assert!(summary["test"]["loss"].as_f64().unwrap() > 0.0);

    let csv = fs::read_to_string(run.join("history.csv")).unwrap();
    assert!(csv.starts_with("epoch,accuracy,loss,val_accuracy,val_loss\n0,"), "{csv}");
    assert_eq!(csv.lines().count(), 3);
    assert!(fs::read_to_string(run.join("history.svg")).unwrap().contains("validation 0."));
}

#[test]
fn products_are_in_bfloat16_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let figures = |policy: &str| {
        let words = ["mlp", "--epochs", "1", "--limit", "500", "--verbose", "0"];
        let run = folder.path().join(policy);
        succeed(
            folder.path(),
            &[&words[..], &["--dtype-policy", policy, "--out", policy]].concat(),
        );
        let summary = summary(&run);
        assert_eq!(summary["dtype_policy"], policy);
        (summary["test"]["loss"].as_f64().unwrap(), summary["test"]["accuracy"].as_f64().unwrap())
    };
    let ((plain_loss, plain), (loss, accuracy)) = (figures("float32"), figures("mixed_bfloat16"));
    assert_ne!(loss, plain_loss);
    assert!((accuracy - plain).abs() < 0.1, "{accuracy} and {plain}");
    let output = train(folder.path(), &["mlp", "--dtype-policy", "mixed_float16"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("Cornu has 'float32' and 'mixed_bfloat16'"), "{message}");
}

#[test]
fn siamese_draws_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["siamese", "--epochs", "1", "--limit", "500", "--out", "here", "--verbose", "0"];
    let text = succeed(folder.path(), &words);
    assert!(text.trim_start().starts_with("Test: accuracy"), "not only results:\n{text}");

    let run = folder.path().join("here");
    assert_eq!(
        names(&run),
        with(&["embeddings.svg", "mistakes.svg", "pairs.svg", "roc.svg", "scores.svg"])
    );
    let pairs = fs::read_to_string(run.join("pairs.svg")).unwrap();
    assert_eq!(pairs.matches("data:image/png;base64,").count(), 40);
    assert!(pairs.contains("Different") && pairs.contains("Same"));
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    for part in ["<title>", "accuracy", "Pairs", "Receiver operating characteristic", "Sequential"]
    {
        assert!(report.contains(part), "{part} is missing in the report");
    }

    let summary = summary(&run);
    assert_eq!(summary["recipe"], "siamese");
    assert_eq!(summary["samples"], 1000);
    let figure = |of: &str| summary["test"][of].as_f64().unwrap();
    assert!(figure("accuracy") > 0.6 && figure("auc") > 0.65, "{summary}");
    assert!(figure("equal_error_rate") < 0.4 && figure("precision_at_1") > 0.5, "{summary}");
}

#[test]
fn generators_and_callbacks_write_their_logs() {
    let folder = tempfile::tempdir().unwrap();
    let text = succeed(folder.path(), &["mlp-dropout", "--epochs", "2", "--limit", "600"]);
    assert!(text.contains("235,146") && text.contains("Epoch 2/2"), "{text}");
    let run = folder.path().join("runs/mlp-dropout");
    assert_eq!(names(&run), with(&["confusion.svg", "log.csv", "mistakes.svg", "tensorboard"]));
    let board = names(&run.join("tensorboard"));
    for name in ["train", "validation", "projector", "projector_config.pbtxt"] {
        assert!(board.contains(&name.to_owned()), "{name} is missing in {board:?}");
    }
    // Lines end as in Python's csv.
    let log = fs::read_to_string(run.join("log.csv")).unwrap().replace("\r\n", "\n");
    assert!(log.starts_with("epoch,accuracy,loss,val_accuracy,val_loss\n0,"), "{log}");
}

#[test]
fn augmented_pairs_are_drawn_by_a_generator() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["siamese-l1", "--epochs", "1", "--limit", "600", "--plain"];
    succeed(folder.path(), &words);
    let summary = summary(&folder.path().join("runs/siamese-l1"));
    assert_eq!(summary["parameters"], 133_633);
    for figure in ["validation_accuracy_augmented", "validation_accuracy_plain", "threshold"] {
        assert!(summary["test"][figure].as_f64().unwrap() > 0.1, "{summary}");
    }
}

#[test]
fn the_other_recipes_train() {
    let folder = tempfile::tempdir().unwrap();
    for (recipe, limit, parameters) in [
        ("two-branch", "600", 50_890),
        ("siamese-classic", "600", 133_504),
        ("cnn", "160", 2_435_210),
    ] {
        succeed(folder.path(), &[recipe, "--epochs", "1", "--limit", limit, "--verbose", "0"]);
        let summary = summary(&folder.path().join("runs").join(recipe));
        assert_eq!(summary["parameters"], parameters, "{recipe}");
        let accuracy = summary["test"]["accuracy"].as_f64().unwrap();
        assert!((0.05..1.0).contains(&accuracy), "{recipe}: {accuracy}");
    }
}

#[test]
fn the_seed_decides_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = |seed: &str, out: &str| {
        let words = ["mlp", "--epochs", "1", "--limit", "600", "--seed", seed, "--out", out];
        succeed(folder.path(), &words);
        fs::read(folder.path().join(out).join("model.keras")).unwrap()
    };
    let first = model("7", "a");
    assert!(first == model("7", "b"), "the same seed gave another model");
    assert!(first != model("8", "c"), "another seed gave the same model");
}

#[test]
fn a_folder_that_cannot_be_written_is_found_out_before_training() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let output = train(folder.path(), &["mlp", "--limit", "500", "--out", "file/below"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with("error: file/below: "), "{errors}");
    assert!(errors.contains("help: name another with --out DIR"), "{errors}");
    assert!(output.stdout.is_empty(), "it began to train");
}

#[test]
fn other_images_come_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let output = train(folder.path(), &["mlp", "--data", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("nowhere: there is no file train-images-idx3-ubyte"), "{errors}");
}

#[cfg(unix)]
mod interrupt {
    use super::{COMMON, Path, names, summary};
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;
    use std::{fs, thread};

    /// A training that is in its first epoch and would take minutes.
    fn started(folder: &Path) -> (Child, BufReader<impl Read + use<>>) {
        let words = ["train", "mlp", "--epochs", "10000", "--limit", "2000", "--verbose", "2"];
        let mut child = Command::new(env!("CARGO_BIN_EXE_cornu"))
            .args(words)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("Epoch 2/") {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended too early");
        }
        (child, lines)
    }

    fn press_ctrl_c(child: &Child) {
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    #[test]
    fn the_first_ctrl_c_keeps_what_was_trained() {
        let folder = tempfile::tempdir().unwrap();
        let (mut child, mut lines) = started(folder.path());
        press_ctrl_c(&child);
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(child.wait().unwrap().success(), "{errors}");
        assert!(errors.contains("what was trained is kept"), "{errors}");
        assert!(rest.contains("Stopped in epoch "), "{rest}");

        let run = folder.path().join("runs/mlp");
        assert_eq!(names(&run).len(), COMMON.len() + 2);
        let summary = summary(&run);
        assert_eq!(summary["stopped"], true);
        let epochs = summary["epochs"].as_u64().unwrap();
        assert!((1..10_000).contains(&epochs), "{epochs}");
        let csv = fs::read_to_string(run.join("history.csv")).unwrap();
        assert_eq!(csv.lines().count() as u64, epochs + 1);
    }

    #[test]
    fn the_second_ctrl_c_quits() {
        let folder = tempfile::tempdir().unwrap();
        let (mut child, _lines) = started(folder.path());
        // Signals that come together count once: go on until it has ended.
        let status = loop {
            press_ctrl_c(&child);
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            thread::sleep(Duration::from_millis(1));
        };
        // On a fast machine the first may be enough: the run ended well before the second came.
        assert!(matches!(status.code(), Some(130 | 0)), "{status}");
    }
}

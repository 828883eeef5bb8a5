//! `cornu inspect`, `summary`, `plot`, `convert`, `predict` and `evaluate` from the outside.
#![cfg(feature = "mnist")]

mod support;

use cornu::data::{read_npy, save_image, write_npy};
use cornu::losses::Loss;
use cornu::prelude::*;
use cornu::{Result, load_model};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use support::{cornu, succeed};

/// What a command says that fails.
fn fail(folder: &Path, words: &[&str]) -> String {
    let output = cornu(folder, words);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words:?}: {errors}");
    assert!(errors.starts_with("error: ") || errors.starts_with("note: "), "{words:?}: {errors}");
    assert!(!errors.contains(".rs:"), "lines of the program's code: {errors}");
    errors
}

/// The folder of a trained network, which the tests of this file share.
fn trained(recipe: &'static str) -> &'static Path {
    static FOLDERS: [OnceLock<tempfile::TempDir>; 2] = [OnceLock::new(), OnceLock::new()];
    let folder = FOLDERS[usize::from(recipe == "siamese")].get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let words = ["train", recipe, "--epochs", "1", "--limit", "300", "--out", "."];
        succeed(folder.path(), &words);
        folder
    });
    folder.path()
}

/// The path of a trained network.
fn model(recipe: &'static str) -> String {
    trained(recipe).join("model.keras").to_str().unwrap().to_owned()
}

fn figure(recipe: &'static str, name: &str) -> f64 {
    let summary = fs::read_to_string(trained(recipe).join("summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    summary["test"][name].as_f64().unwrap()
}

/// Test images of MNIST, as bytes in rows.
fn digits(count: usize) -> Array {
    datasets::mnist().unwrap().test.images.slice_rows(0, count).unwrap()
}

/// The text of a file's inspection, as JSON.
fn inspected(folder: &Path, file: &str) -> Value {
    serde_json::from_str(&succeed(folder, &["inspect", file, "--json"]).0).unwrap()
}

#[test]
fn a_trained_model_is_looked_into() {
    let (folder, model) = (trained("mlp"), model("mlp"));
    let (text, _) = succeed(folder, &["inspect", &model]);
    for part in [
        "writer   Cornu ",
        "activation (Activation)",
        "RMSprop, learning rate 0.001",
        "CategoricalCrossentropy",
        "layers/dense_2/vars/0",
        "in all 669,706 values in 6 arrays, 2,678,824 bytes",
        "Optimizer's state:",
        "recipe: mlp",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let found = inspected(folder, &model);
    assert_eq!(found["tensors"][0]["shape"], serde_json::json!([784, 512]));
    assert_eq!(found["epoch"], 1);
    assert_eq!(found["problems"], serde_json::json!([]));

    let (table, _) = succeed(folder, &["summary", &model]);
    assert!(table.contains("Total params: ") && table.contains("401,920"), "{table}");
    let (told, _) = succeed(folder, &["plot", &model, "-o", "drawn.svg"]);
    assert_eq!(told, "Drawn in drawn.svg.\n");
    assert!(fs::read_to_string(folder.join("drawn.svg")).unwrap().contains("Dropout"));
}

#[test]
fn a_model_goes_through_all_formats_and_predicts_the_same() {
    let (model, folder) = (model("mlp"), tempfile::tempdir().unwrap());
    let here = folder.path();
    let convert = |words: &[&str]| succeed(here, &[&["convert"][..], words].concat());
    let notes = convert(&[&model, "a.h5"]).1;
    assert!(notes.contains("not in a.h5: metadata (input, labels, recipe, seed)"), "{notes}");
    assert!(!notes.contains("optimizer"), "{notes}");
    let notes = convert(&["a.h5", "b.safetensors"]).1;
    assert!(notes.contains("architecture") && notes.contains("the optimizer's state"), "{notes}");
    convert(&["b.safetensors", "c.weights.json", "--model", &model]);
    convert(&["c.weights.json", "d.weights.h5"]);
    convert(&["d.weights.h5", "e.keras", "--model", "a.h5"]);
    let notes = convert(&["e.keras", "e.onnx"]).1;
    assert_eq!(notes, "", "nothing of it is lost");
    assert!(fs::metadata(here.join("e.onnx")).unwrap().len() > 2_678_824);

    write_npy(here.join("x.npy"), &digits(40)).unwrap();
    let expected = load_model(&model).unwrap();
    let x = datasets::mnist().unwrap().test.flat().select(0..40).unwrap();
    let expected = expected.predict(x).batch_size(256).run().unwrap();
    for file in [model.as_str(), "a.h5"] {
        // The .h5 file does not say how pixels are scaled.
        let words =
            ["predict", file, "-i", "x.npy", "-o", "y.npy", "--scale", "0.003921568627450980"];
        // Nor does its input, 784 numbers, look like an image.
        if file == "a.h5" {
            write_npy(here.join("x.npy"), &digits(40).reshape([40, 784]).unwrap()).unwrap();
        }
        assert_eq!(succeed(here, &words).0, "float32(40, 10) in y.npy\n");
        assert_eq!(read_npy(here.join("y.npy")).unwrap(), expected, "{file}");
    }
    let words =
        ["predict", "e.keras", "-i", "x.npy", "-o", "y.npy", "--scale", "0.003921568627450980"];
    succeed(here, &words);
    assert_eq!(read_npy(here.join("y.npy")).unwrap(), expected);
}

#[test]
fn figures_are_those_of_the_training() {
    for (recipe, what) in [("mlp", "300 images: "), ("siamese", "600 pairs of images: ")] {
        let words = ["evaluate", &model(recipe), "--limit", "300"];
        let (text, _) = succeed(trained(recipe), &words);
        assert!(text.contains(what), "{text}");
        let (_, loss) = text.split_once("loss ").unwrap();
        let loss: f64 = loss.split([',', '\n']).next().unwrap().parse().unwrap();
        assert!((loss - figure(recipe, "loss")).abs() < 1e-3, "{recipe}: {text}");
    }
    // The same from files, for a model that does not say how.
    let (model, folder) = (model("mlp"), tempfile::tempdir().unwrap());
    let here = folder.path();
    succeed(here, &["convert", &model, "m.h5"]);
    let (text, _) = succeed(here, &["evaluate", "m.h5", "--limit", "300"]);
    let (own, _) = succeed(here, &["evaluate", &model, "--limit", "300"]);
    assert_eq!(text, own);
    let test = datasets::mnist().unwrap().test;
    let y = utils::to_categorical(test.labels.slice_rows(0, 300).unwrap(), 10).unwrap();
    write_npy(here.join("x.npy"), &digits(300)).unwrap();
    write_npy(here.join("y.npy"), &y).unwrap();
    let (text, _) = succeed(here, &["evaluate", &model, "--x", "x.npy", "--y", "y.npy"]);
    assert_eq!(text, own.replace("images", "samples"));
}

#[test]
fn images_are_read_as_the_model_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for place in 0..3 {
        let image = digits(3).slice_rows(place, place + 1).unwrap().reshape([28, 28]).unwrap();
        save_image(here.join(format!("some/{place}.png")), &image).unwrap();
    }
    let (text, _) = succeed(here, &["predict", &model("mlp"), "-i", "some"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let x = datasets::mnist().unwrap().test.flat().select(0..3).unwrap();
    let expected = load_model(model("mlp")).unwrap().predict(x).run().unwrap();
    for (i, row) in expected.as_slice::<f32>().unwrap().chunks(10).enumerate() {
        let best = (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        let start = format!("{i}.png  {best}  {:.4}", row[best]);
        assert!(lines[i].starts_with(&start), "{start}: {text}");
    }
    // Two inputs, two images.
    let words = ["predict", &model("siamese"), "-i", "some/0.png", "-i", "some/0.png"];
    let (text, _) = succeed(here, &words);
    assert!(text.starts_with("some/0.png  0.00"), "{text}");

    // A colour model of a stranger: the shape says what it takes.
    let stranger = Sequential::new().add(Input::new([4, 5, 3])).add(Flatten::new());
    Model::from(stranger).save(here.join("colour.keras")).unwrap();
    let (text, notes) = succeed(here, &["predict", "colour.keras", "-i", "some/1.png"]);
    assert!(text.contains("(60 numbers)") && notes.contains("scaled"), "{text}{notes}");
}

#[test]
fn several_inputs_and_outputs_have_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let (a, b) = (Input::tensor([2]), Input::tensor([3]));
    let model = Model::new([&a, &b], [&(&a * 2.0), &(&b + 1.0)]).unwrap();
    model.save(here.join("m.keras")).unwrap();
    let ones = |width: usize| Array::new([2, width], vec![1.0f32; 2 * width]).unwrap();
    write_npy(here.join("a.npy"), &ones(2)).unwrap();
    write_npy(here.join("b.npy"), &ones(3)).unwrap();
    let words = ["predict", "m.keras", "-i", "a.npy", "-i", "b.npy"];
    let (text, _) = succeed(here, &[&words[..], &["-o", "y.npy"]].concat());
    assert_eq!(text, "float32(2, 2) in y.npy\nfloat32(2, 3) in y.1.npy\n");
    assert_eq!(read_npy(here.join("y.1.npy")).unwrap().values().to_f64(), [2.0; 6]);
    let (text, _) = succeed(here, &words);
    assert!(text.starts_with("Output 0:\nrow 0  2.0000 2.0000\n"), "{text}");
}

/// A layer that the program does not know.
#[derive(Debug)]
struct Strange;

impl Layer for Strange {
    fn kind(&self) -> &str {
        "Strange"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(inputs[0].clone() * 2.0)
    }
}

#[test]
fn models_of_strangers_are_told_apart_from_broken_ones() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let network = || Sequential::new().add(Input::new([784])).add(Dense::new(10));
    let strange = network().add(Strange);
    Model::from(strange).save(here.join("layer.keras")).unwrap();
    let (text, _) = succeed(here, &["inspect", "layer.keras"]);
    assert!(text.contains("Would not load:\n  strange (Strange): "), "{text}");
    assert!(fail(here, &["summary", "layer.keras"]).contains("Strange"));
    // Its weights are brought over all the same.
    succeed(here, &["convert", "layer.keras", "layer.weights.h5"]);
    fail(here, &["convert", "layer.keras", "layer.onnx"]);

    let mut model = network();
    let loss = Loss::custom("fourth", |y: &Tensor, p: &Tensor| (y - p).square().square());
    model.compile("adam", loss).build().unwrap();
    Model::from(model).save(here.join("loss.keras")).unwrap();
    let (text, _) = succeed(here, &["inspect", "loss.keras"]);
    assert!(text.contains("what it was compiled with: ") && text.contains("fourth"), "{text}");
    assert!(fail(here, &["evaluate", "loss.keras"]).contains("fourth"));
    succeed(here, &["summary", "loss.keras"]);

    Model::from(network()).save(here.join("plain.keras")).unwrap();
    assert!(fail(here, &["evaluate", "plain.keras"]).contains("no loss, no metrics"));
}

#[test]
fn mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let (mlp, siamese) = (&model("mlp"), &model("siamese"));
    fs::write(here.join("text.keras"), "no model").unwrap();
    fs::write(here.join("cut.keras"), &fs::read(mlp).unwrap()[..5000]).unwrap();
    load_model(mlp).unwrap().save_weights(here.join("w.weights.h5")).unwrap();
    write_npy(here.join("x.npy"), &Array::zeros([3, 5], DType::F32)).unwrap();
    write_npy(here.join("y.npy"), &Array::zeros([2, 10], DType::F32)).unwrap();
    write_npy(here.join("one.npy"), &Array::zeros([1, 784], DType::U8)).unwrap();
    for (words, expected) in [
        (&["inspect", "none.keras"][..], "none.keras: there is no such file"),
        (&["inspect", "text.keras"], "text.keras: it is no .keras, .h5"),
        (&["summary", "none.keras"], "none.keras: there is no such file"),
        (&["summary", "cut.keras"], "cut.keras: the zip archive is damaged"),
        (&["summary", "w.weights.h5"], "cornu convert WEIGHTS OUT.keras --model"),
        (&["plot", mlp, "-o", "x.txt"], "ends in .svg or .png"),
        (&["convert", "w.weights.h5", "w.onnx"], "holds weights but no model, and .onnx"),
        (&["convert", "w.weights.h5", "w.safetensors"], "follows from the model"),
        (&["convert", mlp, "model.pt"], "model.pt: its ending stands for no known format"),
        (&["convert", "none.h5", "x.keras"], "none.h5: there is no such file"),
        (&["predict", mlp, "-i", "none.npy"], "none.npy: "),
        (
            &["predict", mlp, "-i", "x.npy"],
            "x.npy: the model's input is float32(None, 784), but the array is float32(3, 5)",
        ),
        (&["predict", mlp, "-i", "one.npy", "-o", "y.txt"], "ends in .npy"),
        (&["predict", siamese, "-i", "one.npy"], "the model has 2 inputs, but data for 1 input"),
        (
            &["evaluate", mlp, "--x", "one.npy", "--y", "y.npy"],
            "y.npy: it has 2 rows for 1 samples",
        ),
        (&["evaluate", mlp, "--data", "nowhere"], "nowhere: there is no file"),
    ] {
        let errors = fail(here, words);
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
    assert!(!here.join("w.onnx").exists() && !here.join("x.keras").exists());
}

//! What is told of files, whole and broken.

use super::*;
use crate::prelude::*;
use std::fs;
use std::path::PathBuf;

/// A file in a folder of its own.
fn saved(name: &str, save: impl FnOnce(&Path)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    save(&path);
    (folder, path)
}

fn model() -> Model {
    let mut model = Sequential::new()
        .add(Input::new([2]))
        .add(Dense::new(3).name("hidden"))
        .add(Dropout::new(0.5))
        .add(Dense::new(1));
    model.compile(Adam::new(0.01), "mse").metric("mae").build().unwrap();
    let mut model = Model::from(model);
    let x = Array::new([4, 2], vec![0.5f32; 8]).unwrap();
    let y = Array::new([4, 1], vec![1.0f32; 4]).unwrap();
    model.fit(&x, &y).epochs(2).verbose(0).run().unwrap();
    model.set_metadata("about", "mine\x1b[2J").unwrap();
    model
}

#[test]
fn everything_in_a_models_file_is_told() {
    let model = model();
    let (_folder, path) = saved("model.keras", |path| model.save(path).unwrap());
    let found = inspect(&path).unwrap();
    assert_eq!(found.bytes, fs::metadata(&path).unwrap().len());
    assert!(found.writer.as_ref().unwrap().starts_with("Cornu "), "{:?}", found.writer);
    let tree = found.model.as_ref().unwrap();
    let layers: Vec<&str> = tree.layers.iter().map(|layer| layer.class.as_str()).collect();
    assert_eq!(layers, ["InputLayer", "Dense", "Dropout", "Dense"]);
    assert_eq!(tree.layers[1].name, "hidden");
    let compiled = found.compiled.as_ref().unwrap();
    assert_eq!(compiled.optimizer.as_deref(), Some("Adam"));
    assert_eq!(compiled.learning_rate.as_deref(), Some("0.01"));
    assert_eq!((compiled.loss.len(), compiled.metrics.len()), (1, 1));
    assert_eq!((found.epoch, found.metadata.len(), found.problems.len()), (Some(2), 1, 0));

    let weights: Vec<&InspectedTensor> = found.tensors_of(TensorRole::Weight).collect();
    assert_eq!(weights[0].path, "layers/dense/vars/0");
    assert_eq!(weights[0].layer.as_deref(), Some("hidden"));
    assert_eq!((weights[0].shape.as_slice(), weights[0].bytes), (&[2, 3][..], 24));
    let values = model.get_weights().unwrap()[0].values().to_f64();
    let mean = values.iter().sum::<f64>() / 6.0;
    assert!((weights[0].mean.unwrap() - mean).abs() < 1e-9);
    assert_eq!(weights[0].max, values.iter().copied().reduce(f64::max));
    // Two numbers, and two slots of each weight.
    assert_eq!(found.tensors_of(TensorRole::Optimizer).count(), 2 + 2 * 4);

    let page = found.to_string();
    for part in ["hidden (Dense)", "Adam, learning rate 0.01", "[2, 3]", "float32", "2 epochs"] {
        assert!(page.contains(part) || page.contains(&part.replace(['[', ']'], "")), "{page}");
    }
    assert!(!page.contains('\x1b') && !page.contains("Would not load"), "{page}");
}

#[test]
fn weights_alone_are_told_in_every_format() {
    let model = model();
    for name in ["w.weights.h5", "w.weights.json", "w.safetensors", "w.h5", "model.h5"] {
        let (_folder, path) = saved(name, |path| match name {
            "model.h5" => model.save(path).unwrap(),
            _ => model.save_weights(path).unwrap(),
        });
        let found = inspect(&path).unwrap();
        assert_eq!(found.model.is_some(), name == "model.h5", "{name}");
        let count: usize = found.tensors_of(TensorRole::Weight).map(InspectedTensor::len).sum();
        assert_eq!(count, 13, "{name}");
        assert!(found.problems.is_empty(), "{name}: {:?}", found.problems);
    }
}

#[test]
fn what_would_not_load_is_named_and_the_rest_is_there() {
    let (_folder, path) = saved("model.keras", |path| model().save(path).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut archive = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    archive.extract(folder.path()).unwrap();
    let config = folder.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replacen("\"Dropout\"", "\"Dropin\"", 1)).unwrap();
    let found = inspect(folder.path()).unwrap();
    assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
    assert!(found.problems[0].place.contains("Dropin"), "{:?}", found.problems);
    assert!(found.to_string().contains("register_layer"), "{found}");
    assert_eq!(found.tensors_of(TensorRole::Weight).count(), 4);

    // Damage of a part leaves the others.
    fs::write(&config, "{").unwrap();
    fs::write(folder.path().join("assets/cornu/state.json"), "[]").unwrap();
    let found = inspect(folder.path()).unwrap();
    assert_eq!((found.problems.len(), &found.model), (2, &None));
    assert_eq!(found.tensors_of(TensorRole::Weight).count(), 4);
    fs::write(folder.path().join("model.weights.h5"), "none").unwrap();
    assert_eq!(inspect(folder.path()).unwrap().problems.len(), 3);

    let (_folder, path) = saved("text.keras", |path| fs::write(path, "text").unwrap());
    assert!(inspect(&path).unwrap_err().to_string().contains("text.keras: it is no .keras"));
}

#[test]
fn trees_of_weights_are_converted_without_their_model() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let model = model();
    model.save(at("a.keras")).unwrap();
    super::super::convert_weights(at("a.keras"), at("b.weights.json")).unwrap();
    super::super::convert_weights(at("b.weights.json"), at("c.weights.h5")).unwrap();
    let mut other = model.clone_model().unwrap();
    other.load_weights(at("c.weights.h5")).unwrap();
    assert_eq!(other.get_weights().unwrap(), model.get_weights().unwrap());
    assert_eq!(inspect(at("c.weights.h5")).unwrap().tensors.len(), 4);
    for (from, to) in [("a.keras", "d.safetensors"), ("a.keras", "d.h5"), ("a.keras", "d.keras")] {
        let error = super::super::convert_weights(at(from), at(to)).unwrap_err().to_string();
        assert!(error.contains("with their model only"), "{to}: {error}");
    }
    model.save_weights(at("e.h5")).unwrap();
    let error = super::super::convert_weights(at("e.h5"), at("f.weights.h5")).unwrap_err();
    assert!(error.to_string().contains("e.h5: from this format"), "{error}");
}

//! A model's weights in a file: saved, loaded by another model, refused where they do not fit.

use cornu::prelude::*;
use std::path::Path;

fn network(hidden: usize) -> Model {
    let mut model: Model = Sequential::new()
        .add(Input::new([3]))
        .add(Dense::new(hidden).activation("relu"))
        .add(Dense::new(2))
        .into();
    model.compile(SGD::default(), "mse").build().unwrap();
    model
}

fn saved(model: &Model, folder: &Path) -> std::path::PathBuf {
    let path = folder.join("weights.safetensors");
    model.save_weights(&path).unwrap();
    path
}

#[test]
fn another_model_predicts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (first, mut second) = (network(4), network(4));
    let x = Array::new([2, 3], vec![1.0f32, -2.0, 0.5, 0.0, 3.0, 1.0]).unwrap();
    let path = saved(&first, folder.path());
    // The layers of the second model have other numbers: the order finds them.
    let names = |model: &Model| -> Vec<String> {
        model.weights().unwrap().iter().map(|w| w.path().to_string()).collect()
    };
    assert_ne!(names(&first), names(&second));
    assert_ne!(first.get_weights().unwrap(), second.get_weights().unwrap());
    second.load_weights(&path).unwrap();
    assert_eq!(first.get_weights().unwrap(), second.get_weights().unwrap());
    let predict = |model: &mut Model| model.predict(&x).run().unwrap();
    let mut first = first;
    assert_eq!(predict(&mut first), predict(&mut second));
    // And the first finds them by name.
    first.load_weights(&path).unwrap();
    assert_eq!(first.get_weights().unwrap(), second.get_weights().unwrap());
}

#[test]
fn weights_that_do_not_fit_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(&network(4), folder.path());
    let mut other = network(5);
    let before = other.get_weights().unwrap();
    let error = other.load_weights(&path).unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    assert_eq!(other.get_weights().unwrap(), before);

    let bytes = std::fs::read(&path).unwrap();
    for content in [&bytes[..bytes.len() - 1], b"not weights at all", &[]] {
        std::fs::write(&path, content).unwrap();
        assert!(other.load_weights(&path).is_err());
    }
    let error = other.load_weights(folder.path().join("missing")).unwrap_err().to_string();
    assert!(error.ends_with("missing: there is no such file"), "{error}");
    assert_eq!(other.get_weights().unwrap(), before);
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(&network(4), folder.path());
    let before = std::fs::read(&path).unwrap();
    let error =
        network(4).save_weights(path.join("below a file.safetensors")).unwrap_err().to_string();
    assert!(error.contains("below a file.safetensors: cannot be written"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

//! Weights that Keras and Cornu split over several files.

use super::*;
use crate::saving::tests::{fixture, fixtures};
use cornu_graph::Array;

#[test]
fn weights_that_keras_split_are_read_as_one_tree() {
    let tree = load(&fixtures().join("sharded.weights.json")).unwrap();
    let whole = Group::read(fixture("plain.weights.h5")).unwrap();
    assert_eq!(tree, whole);
}

#[test]
fn a_tree_is_split_and_joined() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.weights.json");
    let mut tree = Group::read(fixture("plain.weights.h5")).unwrap();
    for i in 0..12 {
        tree.insert(&format!("layers/many/vars/{i}"), Array::new([5], vec![i; 5]).unwrap());
    }
    save(&path, &tree, 40).unwrap();
    assert_eq!(load(&path).unwrap(), tree);

    let json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["metadata"]["total_size"], 96 + 12 * 20);
    let many = &json["weight_map"]["/layers/many/vars"];
    assert_eq!(many[0], "x_00001.weights.h5", "{json}");
    for name in files(json.to_string().as_bytes()).unwrap() {
        let shard = Group::read(fs::read(folder.path().join(name)).unwrap()).unwrap();
        assert!(bytes(&shard) <= 40);
    }
    // Numbers are ordered as such: 2 and 3 lie together, not 10 and 11 behind 1.
    let second = Group::read(fs::read(folder.path().join("x_00002.weights.h5")).unwrap()).unwrap();
    let names: Vec<&String> = second.at("layers/many/vars").unwrap().arrays.keys().collect();
    assert!(names.iter().all(|name| name.len() == 1), "{names:?}");

    let error = save(&folder.path().join("x.json"), &tree, 40).unwrap_err().to_string();
    assert!(error.contains("ends with .weights.json"), "{error}");
}

fn bytes(group: &Group) -> usize {
    let own = group.arrays.values().map(|stored| 4 * stored.array.len());
    own.chain(group.groups.values().map(bytes)).sum()
}

#[test]
fn names_that_lead_elsewhere_and_wrong_files_are_errors() {
    for name in ["../x.h5", "/etc/passwd", "a/b.h5", "a\\b.h5", "C:x.h5", "..", ""] {
        let json = json!({ "weight_map": { "/vars": ["good.h5", name] } }).to_string();
        let error = files(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("is no file beside it"), "{error}");
    }
    let wrong = [b"[1]".as_slice(), b"{", b"{\"weight_map\": {\"/vars\": 3}}", b"\xff"];
    for json in wrong {
        assert!(files(json).is_err(), "{json:?}");
    }
    let one = files(br#"{"weight_map": {"/vars": "a.h5"}}"#).unwrap();
    assert_eq!(one.into_iter().collect::<Vec<_>>(), ["a.h5"]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.weights.json");
    fs::write(&path, r#"{"weight_map": {"/a": ["a.h5", "b.h5"]}}"#).unwrap();
    fs::write(folder.path().join("a.h5"), fixture("plain.weights.h5")).unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("b.h5: there is no such file"), "{error}");
    fs::write(folder.path().join("b.h5"), fixture("plain.weights.h5")).unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("layers: dense: vars: the array '0' is there twice"), "{error}");
}

//! Files of Keras and h5py, read; trees, written; hostile and damaged files, refused.

use super::*;
use crate::saving::tests::{damage, fixture};

fn tree(name: &str) -> Group {
    Group::read(fixture(name)).unwrap()
}

fn f32s(shape: &[usize], values: &[f32]) -> Array {
    Array::new(shape, values.to_vec()).unwrap()
}

#[test]
fn weights_of_keras_are_read() {
    let tree = tree("plain.weights.h5");
    let first = tree.at("layers/dense/vars").unwrap();
    assert_eq!(first.text("name"), Some("first"));
    let [kernel, bias] = first.numbered()[..] else { panic!("{first:?}") };
    assert_eq!(kernel.array, f32s(&[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    assert_eq!(bias.array, f32s(&[2], &[100.0, 101.0]));
    let kernel = tree.array("/layers/dense_1/vars/0").unwrap();
    assert_eq!(
        (&kernel.array, kernel.dtype.as_str()),
        (&f32s(&[2, 1], &[200.0, 201.0]), "float32")
    );
    // The iteration and the learning rate are single numbers, the momentums zeros.
    let optimizer = tree.at("optimizer/vars").unwrap().numbered();
    assert_eq!(optimizer[0].array, Array::scalar(0));
    assert_eq!(optimizer[1].array, Array::scalar(0.5f32));
    assert_eq!(optimizer[2].array, f32s(&[3, 2], &[0.0; 6]));
    assert!(tree.at("layers/dense_2").is_none() && tree.array("layers/dense").is_none());
}

#[test]
fn older_models_of_keras_are_read() {
    let tree = tree("legacy.h5");
    assert_eq!(tree.text("backend"), Some("jax"));
    assert!(tree.text("model_config").unwrap().starts_with("{\"class_name\": \"Sequential\""));
    let weights = tree.at("model_weights").unwrap();
    assert_eq!(weights.texts("layer_names").unwrap(), ["first", "dense"]);
    let top = weights.at("top_level_model_weights").unwrap();
    assert_eq!(top.texts("weight_names").unwrap(), Vec::<String>::new());
    let first = weights.at("first").unwrap();
    let names = first.texts("weight_names").unwrap();
    assert_eq!(names, ["sequential/first/kernel", "sequential/first/bias"]);
    assert_eq!(first.array(&names[1]).unwrap().array, f32s(&[2], &[100.0, 101.0]));
}

#[test]
fn all_types_and_layouts_are_read() {
    for version in ["types_earliest.h5", "types_latest.h5"] {
        let tree = tree(version);
        let floats = [
            ("f2", "float16"),
            (">f2", "float16"),
            ("f4", "float32"),
            (">f4", "float32"),
            ("f8", "float64"),
        ];
        for (name, dtype) in floats {
            assert_eq!(tree.arrays[name].array, f32s(&[3], &[0.0, 1.0, 1.0]), "{name}");
            assert_eq!(tree.arrays[name].dtype, dtype);
        }
        let integers = [("i1", "int8"), ("i2", "int16"), ("i4", "int32"), ("i8", "int64")];
        let unsigned = [(">i8", "int64"), ("u2", "uint16"), ("u4", "uint32"), ("u8", "uint64")];
        for (name, dtype) in integers.into_iter().chain(unsigned) {
            assert_eq!(tree.arrays[name].array, Array::new([3], vec![0, 1, 1]).unwrap(), "{name}");
            assert_eq!(tree.arrays[name].dtype, dtype);
        }
        assert_eq!(tree.arrays["u1"].array, Array::new([3], vec![0u8, 1, 1]).unwrap());
        assert_eq!(tree.arrays["?"].array, Array::new([3], vec![false, true, true]).unwrap());
        assert_eq!(tree.arrays["scalar"].array, Array::scalar(2.5f32));
        assert_eq!(tree.arrays["empty"].array.shape(), [0, 3]);
        let counted: Vec<f32> = (0..60u8).map(f32::from).collect();
        assert_eq!(tree.arrays["deflated"].array, f32s(&[10, 6], &counted));
        assert_eq!(tree.arrays["pieces"].array, f32s(&[10, 6], &counted));

        let many = tree.at("many").unwrap();
        let numbers: Vec<f64> = many.numbered().iter().map(|s| s.array.item().unwrap()).collect();
        assert!(numbers.into_iter().eq((0..12).map(f64::from)));
        assert_eq!((many.text("text"), many.text("bytes")), (Some("é"), Some("abc")));
        assert_eq!(many.texts("fixed").unwrap(), ["a", "bcd"]);
        assert_eq!(many.texts("variable").unwrap(), ["x", "yy"]);
        assert_eq!(many.attributes["none"], Attribute::Numbers(vec![]));
        assert_eq!(many.attributes["number"], Attribute::Number(7.0));
    }
    let half = tree("bfloat16.weights.h5");
    let kernel = half.array("layers/dense/vars/0").unwrap();
    assert_eq!(kernel.array, f32s(&[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    assert_eq!(kernel.dtype, "bfloat16");
}

#[test]
fn what_is_written_is_read_and_always_the_same_bytes() {
    let mut tree = Group::default();
    tree.insert("layers/dense/vars/0", f32s(&[2, 1], &[1.5, -0.0]));
    tree.insert("layers/dense/vars/1", Array::new([0, 4], Vec::<f32>::new()).unwrap());
    tree.insert("optimizer/vars/0", Array::scalar(7));
    tree.insert("optimizer/vars/1", Array::new([2], vec![false, true]).unwrap());
    tree.insert("optimizer/vars/10", Array::new([1], vec![255u8]).unwrap());
    tree.make("vars").attributes.insert("name".into(), Attribute::Text("ä".into()));
    tree.attributes.insert("config".into(), Attribute::Text("{}".repeat(100_000)));
    tree.attributes.insert("rate".into(), Attribute::Number(0.5));
    // Nine bytes each, in pieces of 7168.
    let names: Vec<String> = (0..20_000).map(|i| format!("name{i:05}")).collect();
    tree.set_texts("names", names.clone());
    tree.set_texts("short", vec!["a".into()]);
    assert_eq!(tree.attributes.keys().filter(|key| key.starts_with("names")).count(), 3);

    let bytes = tree.to_bytes().unwrap();
    let read = Group::read(bytes.clone()).unwrap();
    assert_eq!(read, tree);
    assert_eq!(read.texts("names").unwrap(), names);
    assert_eq!(read.to_bytes().unwrap(), bytes);
    assert_eq!(read.array("optimizer/vars/0").unwrap().array.shape(), [0; 0]);

    // An empty list is written as Keras writes it.
    tree.set_texts("none", vec![]);
    let read = Group::read(tree.to_bytes().unwrap()).unwrap();
    assert_eq!(read.attributes["none"], Attribute::Numbers(vec![]));
    assert_eq!(read.texts("none"), Some(vec![]));
}

#[test]
fn what_the_format_cannot_hold_is_an_error() {
    let mut tree = Group::default();
    tree.make("layers").arrays.insert("a/b".into(), Array::scalar(1).into());
    let error = tree.to_bytes().unwrap_err().to_string();
    assert!(error.contains("layers: 'a/b' cannot be a name"), "{error}");
    let long = Attribute::Texts(vec!["x".repeat(70_000)]);
    let tree = Group { attributes: [("names".into(), long)].into(), ..Group::default() };
    let error = tree.to_bytes().unwrap_err().to_string();
    assert!(error.contains("'names' take more than the 64512 bytes"), "{error}");
}

#[test]
fn nothing_is_read_of_hostile_files() {
    let refused = |bytes: Vec<u8>, what: &str| {
        let error = Group::read(bytes).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    refused(b"PK\x03\x04 and so on".to_vec(), "not an HDF5 file: found 50 4b 03 04");
    refused(fixture("soft_earliest.h5"), "a: there is a link in this group to another place");
    refused(fixture("circle_earliest.h5"), "more than 64 deep, or in a circle");
    refused(fixture("circle_latest.h5"), "more than 64 deep, or in a circle");
    refused(fixture("external.h5"), "n: its values are not in this file");
    refused(fixture("virtual.h5"), "n: it is a virtual dataset");
    refused(fixture("bomb.h5"), "would inflate to 4000000");
    refused(fixture("texts.h5"), "n: it holds texts");
    // The newer form does not tell of a link.
    let soft = tree("soft_latest.h5");
    assert!(soft.array("a/0").is_some() && soft.array("a/link").is_none());

    // More values than the file has bytes: the shape of the first array, twice in its dataspace.
    let mut bytes = fixture("plain.weights.h5");
    let shape = [3u64, 2].map(u64::to_le_bytes).concat();
    let at = bytes.windows(16).position(|window| window == shape).unwrap();
    bytes[at..at + 8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    refused(bytes, "are longer than the 18304 bytes of the file");
}

#[test]
fn an_index_that_points_to_itself_comes_to_an_end() {
    // A node of a tree of names whose two children are itself: 2^64 paths lead down.
    let mut bytes = fixture("plain.weights.h5");
    let node = bytes.windows(4).position(|window| window == b"TREE").unwrap();
    let own = (node as u64).to_le_bytes();
    bytes[node + 5..node + 8].copy_from_slice(&[1, 2, 0]);
    bytes[node + 32..node + 40].copy_from_slice(&own);
    bytes[node + 48..node + 56].copy_from_slice(&own);
    let error = Group::read(bytes).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
}

#[test]
fn damaged_files_are_errors_or_trees() {
    let names = ["plain.weights.h5", "legacy.h5", "types_earliest.h5", "types_latest.h5"];
    for name in names {
        let bytes = fixture(name);
        for seed in 0..400 {
            if let Err(error) = Group::read(damage(&bytes, seed)) {
                let error = error.to_string();
                assert!(!error.contains("its structure is broken"), "{name} {seed}: a panic");
            }
        }
    }
}

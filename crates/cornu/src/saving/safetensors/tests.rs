//! Round trips, every error, and hostile files.

use super::*;
use std::io::Cursor;

fn variable<T: cornu_graph::Element>(path: &str, shape: &[usize], values: Vec<T>) -> Variable {
    Variable::new(path, Array::new(shape, values).unwrap(), true)
}

/// One variable of each type, the narrow ones first.
fn variables() -> Vec<Variable> {
    vec![
        variable("mask", &[3], vec![true, false, true]),
        variable("dense/kernel", &[2, 2], vec![1.0f32, -2.5, f32::MIN_POSITIVE, f32::INFINITY]),
        variable("dense/bias", &[2], vec![0.5f32, 0.25]),
        variable("dense/kernel", &[2], vec![9.0f32, 8.0]),
        variable("image", &[1, 2], vec![7u8, 255]),
        variable("steps", &[], vec![-5i32]),
        variable("none", &[0, 4], Vec::<f32>::new()),
    ]
}

fn dense(paths: &[&str]) -> Vec<Variable> {
    let variable = |path: &&str| variable(path, &[2], vec![path.len() as f32, 1.0]);
    paths.iter().map(variable).collect()
}

fn saved(variables: &[Variable]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    save_safetensors(&path, variables, &Notes::new()).unwrap();
    std::fs::read(path).unwrap()
}

fn loaded(bytes: &[u8], variables: &[Variable]) -> Result<Vec<Array>> {
    load(&mut WeightsFile::new(Cursor::new(bytes), bytes.len() as u64)?, variables)
}

fn failure(bytes: &[u8], variables: &[Variable]) -> String {
    loaded(bytes, variables).unwrap_err().to_string()
}

/// A file of a header and values.
fn file(header: &str, values: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), &vec![0; values]].concat()
}

#[test]
fn what_is_saved_is_loaded() {
    let variables = variables();
    let bytes = saved(&variables);
    let values: Vec<Array> = variables.iter().map(Variable::value).collect();
    assert_eq!(loaded(&bytes, &variables).unwrap(), values);
    assert_eq!(bytes, saved(&variables), "the same weights are the same bytes");
    assert_eq!(loaded(&saved(&[]), &[]).unwrap(), []);
}

#[test]
fn the_file_is_what_the_format_says() {
    let bytes = saved(&variables());
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut names = file.names();
    names.sort_unstable();
    let expected =
        ["dense/bias", "dense/kernel", "dense/kernel#2", "image", "mask", "none", "steps"];
    assert_eq!(names, expected);
    let kernel = file.tensor("dense/kernel").unwrap();
    assert_eq!((kernel.dtype(), kernel.shape()), (Dtype::F32, [2, 2].as_slice()));
    assert_eq!(kernel.data()[..4], 1.0f32.to_le_bytes());
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header % 8, 0);
    for info in metadata.tensors().values() {
        assert_eq!(info.data_offsets.0 % (info.dtype.bitsize() / 8), 0);
    }
    let notes = metadata.metadata().as_ref().unwrap();
    assert_eq!((notes["format"].as_str(), notes["version"].as_str()), ("cornu", "1"));
    assert!(notes["order"].starts_with(r#"["mask","dense/kernel","dense/bias","dense/kernel#2","#));
}

#[test]
fn files_of_others_are_read_by_name() {
    let bytes = include_bytes!("../../../tests/fixtures/numpy/python.safetensors");
    let variables = [
        variable("dense/kernel", &[2, 3], vec![0.0f32; 6]),
        variable("dense/bias", &[3], vec![0.0f32; 3]),
    ];
    let values = loaded(bytes, &variables).unwrap();
    assert_eq!(values[0].as_slice::<f32>().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(values[1].as_slice::<f32>().unwrap(), [1.5, -1.0, 0.0]);
    // They tell no order.
    let renamed = [
        variable("dense_1/kernel", &[2, 3], vec![0.0f32; 6]),
        variable("dense_1/bias", &[3], vec![0.0f32; 3]),
    ];
    assert!(failure(bytes, &renamed).contains("lacks the weight 'dense_1/kernel'"));
}

#[test]
fn equal_paths_get_numbers_that_nothing_else_has() {
    let variables = dense(&["a", "a", "a#2", "a", "__metadata__"]);
    assert_eq!(keys(&variables), ["a", "a#2", "a#2#2", "a#3", "__metadata__#2"]);
    assert_eq!(loaded(&saved(&variables), &variables).unwrap().len(), 5);
}

#[test]
fn layers_numbered_differently_are_found_by_order() {
    let bytes = saved(&dense(&["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]));
    let shifted = dense(&["dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias"]);
    let values = loaded(&bytes, &shifted).unwrap();
    let first: Vec<f32> = values.iter().map(|v| v.as_slice::<f32>().unwrap()[0]).collect();
    assert_eq!(first, [12.0, 10.0, 14.0, 12.0]);
    // Another order within the layer is another model.
    let swapped = dense(&["x/bias", "x/kernel", "y/kernel", "y/bias"]);
    assert!(failure(&bytes, &swapped).contains("lacks the weight 'x/bias'"));
}

#[test]
fn a_weight_too_few_or_too_many() {
    let bytes = saved(&dense(&["dense/kernel", "dense/bias"]));
    let error = failure(&bytes, &dense(&["dense/kernel", "dense/bias", "output/kernel"]));
    assert_eq!(
        error,
        "the file lacks the weight 'output/kernel'\n  help: the nearest name in the file is \
         'dense/kernel'; the file has 2 weights, the model 3"
    );
    let error = failure(&bytes, &dense(&["dense/kernel"]));
    assert_eq!(
        error,
        "the file has the weight 'dense/bias', which the model lacks (2 in the file, 1 in the \
         model)"
    );
    assert!(failure(&saved(&[]), &dense(&["a"])).contains("no weights at all"));
    let long = "ä".repeat(1000);
    assert!(failure(&saved(&dense(&[&long])), &dense(&["b/c"])).len() < 400);
}

#[test]
fn a_wrong_shape_or_type() {
    let bytes = saved(&[variable("k", &[2, 3], vec![0.0f32; 6])]);
    let error = loaded(&bytes, &[variable("k", &[3, 2], vec![0.0f32; 6])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
    assert!(error.message().starts_with("weight 'k' is float32(3, 2), but in the file it is"));
    let error = loaded(&bytes, &[variable("k", &[2, 3], vec![0i32; 6])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DType);
    assert!(error.message().ends_with("is int32(2, 3), but in the file it is float32(2, 3)"));
    let double = file(r#"{"k":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#, 8);
    let error = failure(&double, &[variable("k", &[1], vec![0.0f32])]);
    assert!(error.ends_with("in the file it is F64(1,)"), "{error}");
}

#[test]
fn files_that_are_something_else() {
    let model = dense(&["a"]);
    for (bytes, expected) in [
        (vec![], "not a safetensors file: expected 8 bytes and a header, found an empty file"),
        (b"hello".to_vec(), "not a safetensors file: expected 8 bytes"),
        (b"\x89HDF\r\n\x1a\n....".to_vec(), "an HDF5 file"),
        (file("", 0), "cut short: expected 0 bytes of header"),
        (file("", 8), "expected a header in JSON"),
        (file("[1]", 0), "expected a header in JSON"),
        (file("{", 0), "the header of the weights is damaged"),
        (file(r#"{"a":{"dtype":"F32"}}"#, 0), "the header of the weights is damaged"),
        (file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9), "1 bytes follow"),
        (file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12), "damaged"),
        (file(r#"{"__metadata__":{"format":"cornu","version":"9"}}"#, 0), "has version 9"),
    ] {
        let error = failure(&bytes, &model);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let huge = [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat();
    assert!(failure(&huge, &model).contains("the length of its header, at most 4194304"));
    let sized = [(4u64 << 20).to_le_bytes().as_slice(), b"{}"].concat();
    assert!(failure(&sized, &model).contains("expected 4194304 bytes of header, found 2"));
    let shape = u64::MAX / 2;
    let header = format!(r#"{{"a":{{"dtype":"F32","shape":[{shape},9],"data_offsets":[0,8]}}}}"#);
    assert!(failure(&file(&header, 8), &model).contains("damaged"));
    // What can be written can be read: too many names are refused at once.
    let names: Vec<String> = (0..60).map(|i| format!("{i}{}", "x".repeat(100_000))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let error =
        save_safetensors(Path::new("never-written"), &dense(&names), &Notes::new()).unwrap_err();
    assert!(error.to_string().contains("the names of 60 weights"));
}

#[test]
fn notes_are_kept_and_cannot_change_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut notes = Notes::from([("a \"b\"\n".into(), "ä {}".into()), ("empty".into(), "".into())]);
    let weights = dense(&["a/b"]);
    save_safetensors(&path, &weights, &notes).unwrap();
    let (values, found) = load_safetensors(&path, &weights).unwrap();
    assert_eq!((values.len(), &found), (1, &notes));
    assert_eq!(load_notes(&path).unwrap(), notes);

    // What the format needs stays what it is, whatever is said.
    notes.insert("version".into(), "9".into());
    save_safetensors(&path, &weights, &notes).unwrap();
    assert!(!load_notes(&path).unwrap().contains_key("version"));
    assert!(check_note("order").is_err() && check_note("").is_err() && check_note("x").is_ok());

    let long = Notes::from([("long".into(), "x".repeat(5 << 20))]);
    let error = save_safetensors(&path, &weights, &long).unwrap_err().to_string();
    assert!(error.contains("1 weights and the metadata take"), "{error}");
    assert!(load_notes(&path).is_ok(), "the file that was there is gone");
}

#[test]
fn metadata_that_is_no_text_is_refused() {
    for header in [r#"{"__metadata__":{"a":1}}"#, r#"{"__metadata__":{"a":{"b":"c"}}}"#] {
        let bytes = file(header, 0);
        let error = WeightsFile::new(Cursor::new(&bytes), bytes.len() as u64).err().unwrap();
        assert!(error.message().contains("damaged"), "{error}");
    }
}

#[test]
fn a_cut_file_never_loads() {
    let variables = variables();
    let bytes = saved(&variables);
    for end in 0..bytes.len() {
        let error = failure(&bytes[..end], &variables);
        assert!(error.contains("cut short") || end < 9, "{end}: {error}");
    }
    let error = failure(&bytes[..bytes.len() - 1], &variables);
    assert_eq!(error, "cut short: expected 41 bytes of values, found 40");
}

#[test]
fn a_damaged_file_never_panics() {
    let variables = variables();
    let bytes = saved(&variables);
    let mut random = cornu_graph::philox::Philox::new(3);
    for _ in 0..20_000 {
        let mut damaged = bytes.clone();
        for _ in 0..=random.below(3) {
            damaged[random.below(bytes.len())] ^= 1 << random.below(8);
        }
        // Values carry no checksum: they may differ, but never in type.
        if let Ok(values) = loaded(&damaged, &variables) {
            assert!(values.iter().zip(&variables).all(|(value, var)| value.ty() == *var.ty()));
        }
    }
}

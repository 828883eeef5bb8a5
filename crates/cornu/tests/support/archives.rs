//! The archives of files that Keras wrote.

use crate::support::{number, numbers};
use cornu::Array;
use serde_json::Value;
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;
use tempfile::TempDir;

/// The files of an archive, in a folder of their own.
pub fn unpack(writer: &str) -> TempDir {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/files/{writer}.zip"));
    let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("it is an archive");
    let folder = tempfile::tempdir().expect("a folder");
    for i in 0..archive.len() {
        let mut member = archive.by_index(i).expect("a member");
        let target = folder.path().join(member.enclosed_name().expect("a plain name"));
        let mut content = vec![];
        member.read_to_end(&mut content).expect("it can be read");
        fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        fs::write(target, content).expect("it can be written");
    }
    folder
}

/// What the index of an unpacked archive lists.
pub fn cases(folder: &Path) -> Vec<Value> {
    let index = fs::read(folder.join("index.json")).expect("the archive has an index");
    let mut index: Value = serde_json::from_slice(&index).expect("the index is JSON");
    match index["cases"].take() {
        Value::Array(cases) => cases,
        _ => panic!("the index lists no cases"),
    }
}

/// A text of a case.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{value} has no {key}"))
}

/// The arrays of a list.
pub fn arrays(value: &Value) -> Vec<Array> {
    value.as_array().expect("a list of arrays").iter().map(array).collect()
}

/// An array of an archive; types that are none here as their nearest.
pub fn array(value: &Value) -> Array {
    let shape: Vec<usize> = numbers(&value["shape"]).iter().map(|&n| n as usize).collect();
    let values = value["values"].as_array().expect("an array has values").iter();
    let array = match text(value, "dtype") {
        "float32" | "float64" | "float16" | "bfloat16" => {
            Array::new(shape, values.map(|v| number(v) as f32).collect::<Vec<f32>>())
        }
        "int32" | "int64" => {
            Array::new(shape, values.map(|v| number(v) as i32).collect::<Vec<i32>>())
        }
        "uint8" => Array::new(shape, values.map(|v| number(v) as u8).collect::<Vec<u8>>()),
        "bool" => Array::new(shape, values.map(|v| v == &Value::Bool(true)).collect::<Vec<bool>>()),
        other => panic!("dtype {other}"),
    };
    array.expect("the values fill the shape")
}

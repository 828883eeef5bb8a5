//! Archives that Keras and Cornu wrote, and hostile ones.

use super::*;
use crate::saving::h5::Group;
use crate::saving::tests::{damage, fixture, fixtures};
use std::io::Write;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn zipped(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn contents(archive: &mut Archive) -> Members {
    let names: Vec<String> = archive.names().into_iter().map(String::from).collect();
    names.into_iter().map(|name| (name.clone(), archive.read(&name).unwrap())).collect()
}

fn sample() -> Members {
    let asset = "assets/layers/lookup/vocabulary.txt";
    let members = [(asset, "a\nb"), (WEIGHTS, "h5"), (METADATA, "{}"), (CONFIG, "{\"a\": 1}")];
    members.map(|(name, content)| (name.to_string(), content.as_bytes().to_vec())).into()
}

#[test]
fn a_file_of_keras_is_read() {
    let mut archive = Archive::open(&fixtures().join("model.keras")).unwrap();
    assert_eq!(archive.names(), [CONFIG, METADATA, WEIGHTS]);
    let config = String::from_utf8(archive.read(CONFIG).unwrap()).unwrap();
    assert!(config.starts_with("{\"module\": \"keras\", \"class_name\": \"Sequential\""));
    let weights = Group::read(archive.read(WEIGHTS).unwrap()).unwrap();
    assert_eq!(weights, Group::read(fixture("plain.weights.h5")).unwrap());
    let error = archive.read("assets/x").unwrap_err().to_string();
    assert!(error.contains("assets/x: there is no such file in the archive"), "{error}");
    assert!(error.contains("it has: config.json, metadata.json"), "{error}");
}

#[test]
fn files_and_folders_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (file, unzipped) = (folder.path().join("m.keras"), folder.path().join("m"));
    write_file(&file, &sample()).unwrap();
    write_folder(&unzipped, &sample()).unwrap();
    assert_eq!(contents(&mut Archive::open(&file).unwrap()), sample());
    assert_eq!(contents(&mut Archive::open(&unzipped).unwrap()), sample());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "{left:?}");

    let error = write_folder(&unzipped, &sample()).unwrap_err().to_string();
    assert!(error.contains("there is something of this name"), "{error}");
}

#[test]
fn members_are_stored_in_order_and_without_a_date() {
    let bytes = to_bytes(&sample()).unwrap();
    assert_eq!(bytes, to_bytes(&sample()).unwrap());
    assert_eq!(bytes[6] & 8, 0, "the sizes stand before the content, not behind it");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names: Vec<String> = (0..archive.len())
        .map(|i| {
            let member = archive.by_index(i).unwrap();
            assert_eq!(member.compression(), CompressionMethod::Stored);
            assert_eq!(member.last_modified().unwrap().year(), 1980);
            member.name().unwrap().into_owned()
        })
        .collect();
    assert_eq!(names, [METADATA, CONFIG, WEIGHTS, "assets/layers/lookup/vocabulary.txt"]);
}

#[test]
fn compressed_members_and_backslashes_are_read() {
    let text = "word\n".repeat(1000);
    let members = [("assets\\a\\v.txt", text.as_bytes()), ("assets/", b"")];
    let bytes = zipped(&members, CompressionMethod::Deflated);
    let mut archive = Archive::from_bytes(bytes).unwrap();
    assert_eq!(archive.names(), ["assets/a/v.txt"]);
    assert_eq!(String::from_utf8(archive.read("assets/a/v.txt").unwrap()).unwrap(), text);
}

#[test]
fn hostile_archives_are_errors() {
    let stored = |name: &str| zipped(&[(name, b"x")], CompressionMethod::Stored);
    let refused = |bytes: Vec<u8>, what: &str| {
        let opened = Archive::from_bytes(bytes);
        let read = opened.and_then(|mut archive| {
            let names: Vec<String> = archive.names().into_iter().map(String::from).collect();
            names.iter().try_for_each(|name| archive.read(name).map(|_| ()))
        });
        let error = read.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    for name in ["../x", "a/../../x", "/x", "..\\x", "a//x", "C:x", "./x"] {
        refused(stored(name), "has a member of the name");
    }
    let twice = zipped(&[("a/b", b"1"), ("a\\b", b"2")], CompressionMethod::Stored);
    refused(twice, "two members 'a/b'");
    // The same name in both headers of both members.
    let mut twice = zipped(&[("one", b"1"), ("two", b"2")], CompressionMethod::Stored);
    while let Some(at) = twice.windows(3).position(|window| window == b"two") {
        twice[at..at + 3].copy_from_slice(b"one");
    }
    refused(twice, "two members of one name");

    let bomb = vec![0; 17 << 20];
    refused(zipped(&[(WEIGHTS, &bomb)], CompressionMethod::Deflated), "more than the limit");
    // The flags stand two bytes before the method.
    refused(patched(stored("x"), -2, 1), "assword");
    refused(patched(stored("x"), 0, 99), "method not supported: 99");
    refused(fixture("plain.weights.h5"), "expected a zip archive, found 89 48 44 46");
    refused(vec![], "an empty file");
}

/// Puts a byte near the compression method of both headers of an archive's only member.
fn patched(mut bytes: Vec<u8>, offset: isize, byte: u8) -> Vec<u8> {
    let central = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    for method in [8, central + 10] {
        bytes[method.saturating_add_signed(offset)] = byte;
    }
    bytes
}

#[test]
fn damaged_archives_are_errors_or_members() {
    let bytes = fixture("model.keras");
    for seed in 0..1000 {
        let Ok(mut archive) = Archive::from_bytes(damage(&bytes, seed)) else { continue };
        let names: Vec<String> = archive.names().into_iter().map(String::from).collect();
        for name in names {
            let _ = archive.read(&name);
        }
    }
}

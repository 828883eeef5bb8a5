//! IDX, .npy, .npz and MNIST files: what they hold, what is said of wrong ones, and what hostile
//! ones can do, which is nothing: no panic, and no more memory than the limit below.

use cornu::data::{parse_idx, read_idx, read_npy, read_npz, write_npy};
use cornu::{Array, DType};
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// More than this, in bytes, and the allocator ends the tests. MNIST alone takes 55 million.
#[global_allocator]
static MEMORY: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, 300 << 20);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/numpy").join(name)
}

/// A file of the content, in a folder that is removed with the first value.
fn file(name: &str, content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

/// Writes a file after removing the old one: some file systems flush a file that is overwritten.
fn write_anew(path: &Path, content: &[u8]) {
    let _ = std::fs::remove_file(path);
    std::fs::write(path, content).unwrap();
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn idx(kind: u8, sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    [bytes, values.to_vec()].concat()
}

fn npy(header: &str, values: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), values].concat()
}

fn npz(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn f32s(values: &[f32]) -> Array {
    Array::new([values.len()], values.to_vec()).unwrap()
}

fn i32s(values: &[i32]) -> Array {
    Array::new([values.len()], values.to_vec()).unwrap()
}

/// Random numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        for _ in 0..=self.below(3) {
            damaged[self.below(bytes.len())] ^= 1 << self.below(8);
        }
        damaged
    }
}

#[test]
fn idx_of_every_type() {
    let shape = |bytes: Vec<u8>| parse_idx(&bytes).unwrap();
    assert_eq!(
        shape(idx(8, &[2, 1, 2], &[1, 2, 3, 255])),
        Array::new([2, 1, 2], vec![1u8, 2, 3, 255]).unwrap()
    );
    assert_eq!(shape(idx(9, &[2], &[0x80, 5])), i32s(&[-128, 5]));
    assert_eq!(shape(idx(0xb, &[2], &[0xff, 0xfe, 1, 0])), i32s(&[-2, 256]));
    assert_eq!(shape(idx(0xc, &[1], &[0x80, 0, 0, 1])), i32s(&[i32::MIN + 1]));
    assert_eq!(shape(idx(0xd, &[1], &1.5f32.to_be_bytes())), f32s(&[1.5]));
    assert_eq!(shape(idx(0xe, &[1], &(-0.1f64).to_be_bytes())), f32s(&[-0.1]));
    assert_eq!(shape(idx(8, &[], &[7])), Array::scalar(7u8));
    assert_eq!(shape(idx(8, &[0, 28], &[])).shape(), [0, 28]);
}

#[test]
fn idx_is_read_plain_or_compressed_whatever_its_name() {
    let values: Vec<u8> = (0..100_000u32).flat_map(|i| i.to_be_bytes()).collect();
    let plain = idx(0xc, &[1000, 100], &values);
    for (name, content) in [("a.gz", plain.clone()), ("a-idx2", gzip(&plain))] {
        let (_folder, path) = file(name, &content);
        let array = read_idx(path).unwrap();
        assert_eq!(array.shape(), [1000, 100]);
        assert!(array.as_slice::<i32>().unwrap().iter().copied().eq(0..100_000));
    }
    assert!(parse_idx(&gzip(&plain)).is_ok());
}

#[test]
fn idx_errors_say_what_is_wrong() {
    let good = idx(8, &[2, 3], &[1, 2, 3, 4, 5, 6]);
    let longer = [good.clone(), vec![0; 3]].concat();
    let web = b"<!DOCTYPE html>".to_vec();
    let mut broken_gzip = gzip(&good);
    let middle = broken_gzip.len() - 6;
    broken_gzip[middle] ^= 1;
    for (content, expected) in [
        (vec![], "cut short: expected 4 bytes of IDX header, found 0"),
        (good[..3].to_vec(), "cut short: expected 4 bytes of IDX header, found 3"),
        (good[..10].to_vec(), "cut short: expected 4 bytes of header, found 2"),
        (good[..15].to_vec(), "cut short: expected 6 bytes of values, found 3"),
        (longer.clone(), "3 bytes follow the values, expected none"),
        (gzip(&longer), "3 bytes follow the values, expected none"),
        (gzip(&good[..15]), "cut short: expected 6 bytes of values, found 3"),
        (gzip(&good)[..20].to_vec(), "cut short"),
        (broken_gzip, "cannot be read: corrupt gzip stream"),
        (web, "found 3c 21 44 4f (text, perhaps a web page)"),
        (b"PK\x03\x04....".to_vec(), "not an IDX file: expected it to begin with 00 00"),
        (idx(0x0a, &[1], &[1]), "not an IDX file"),
        (idx(8, &[u32::MAX], &[1]), "expected 4294967295 bytes of values, found 1"),
        (idx(8, &[u32::MAX; 2], &[1]), "(4294967295, 4294967295), which no memory can hold"),
        (idx(8, &[0, u32::MAX, u32::MAX, u32::MAX], &[]), "which no memory can hold"),
        (idx(8, &[1; 33], &[1]), "claims 33 dimensions"),
    ] {
        let (_folder, path) = file("images", &content);
        let error = read_idx(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
    let error = read_idx("no/such/file").unwrap_err().to_string();
    assert_eq!(error, "no/such/file: there is no such file");
    let error = read_idx(std::env::temp_dir()).unwrap_err().to_string();
    assert!(error.ends_with("this is a folder, not a file"), "{error}");
}

#[test]
fn compressed_bombs_are_refused() {
    // A header that no compressed data of this size can fill.
    let bomb = gzip(&idx(8, &[3 << 29], &vec![0; 1 << 22]));
    assert!(parse_idx(&bomb).unwrap_err().to_string().contains("cut short: expected 1610612736"));
    // One that it could fill, over the limit.
    let mut random = Random(1);
    let noise: Vec<u8> = (0..2 << 20).map(|_| random.below(256) as u8).collect();
    let bomb = gzip(&idx(8, &[3 << 29], &noise));
    let error = parse_idx(&bomb).unwrap_err().to_string();
    assert!(error.contains("would inflate to 1610612736 bytes"), "{error}");
    // One within the limit: memory is taken as values come.
    let liar = gzip(&idx(8, &[1 << 30], &noise));
    assert!(parse_idx(&liar).unwrap_err().to_string().contains("found 2097152"));
    // More values than the header says are not kept.
    let bomb = gzip(&idx(8, &[1], &vec![0; 500 << 12]));
    assert!(parse_idx(&bomb).unwrap_err().to_string().contains("1048576 or more bytes follow"));

    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1610612736,), }";
    let (_folder, path) =
        file("bomb.npz", &npz(&[("a.npy", &npy(header, &noise))], CompressionMethod::Deflated));
    let error = read_npz(&path).unwrap_err().to_string();
    assert!(error.contains("bomb.npz: a.npy: the values would inflate to"), "{error}");
}

#[test]
fn numpys_files_are_read() {
    for name in ["stored.npz", "deflated.npz"] {
        let arrays = read_npz(fixture(name)).unwrap();
        let steps = |n: usize, by: f32| (0..n).map(|i| i as f32 / by).collect::<Vec<_>>();
        assert_eq!(arrays["f4"], Array::new([2, 3], steps(6, 4.0)).unwrap());
        assert_eq!(arrays["f8_fortran"], Array::new([2, 3, 4], steps(24, 8.0)).unwrap());
        assert_eq!(arrays["f8_big"], f32s(&[1.5, -2.25]));
        assert_eq!(arrays["i1"], Array::new([1, 2], vec![-128, 127]).unwrap());
        assert_eq!(arrays["i2_big"], i32s(&[-300, 300]));
        assert_eq!(arrays["i4"], Array::scalar(-70000));
        assert_eq!(arrays["i8"], i32s(&[i32::MAX, i32::MIN]));
        assert_eq!(arrays["u1_fortran"], Array::new([3, 2], vec![0u8, 1, 2, 3, 4, 5]).unwrap());
        assert_eq!(arrays["u2"], i32s(&[65535]));
        assert_eq!(arrays["u4"], i32s(&[7]));
        assert_eq!(arrays["u8"], i32s(&[8]));
        assert_eq!(arrays["bool"], Array::new([2], vec![true, false]).unwrap());
        assert_eq!(arrays["empty"], Array::zeros([0, 5], DType::F32));
        assert_eq!(arrays.len(), 13);
        assert_eq!(arrays.names().next(), Some("f4"));
        let error = arrays.get("f4_fortran").unwrap_err().to_string();
        assert!(error.contains("did you mean 'f8_fortran'?"), "{error}");
        assert_eq!(arrays.into_iter().map(|(_, array)| array.len()).sum::<usize>(), 50);
    }
    for name in ["version2.npy", "version3.npy"] {
        assert_eq!(read_npy(fixture(name)).unwrap().shape(), [2, 3]);
    }
}

#[test]
fn arrays_that_cornu_lacks_are_refused() {
    for (name, expected) in [
        ("objects.npy", "an array of Python objects (a pickle), which only Python reads"),
        ("records.npy", "an array of records"),
        ("complex.npy", "of the type '<c8', which Cornu does not read"),
        (
            "stored.npz",
            "not a NumPy array: expected it to begin with 93 4e 55 4d 50 59, found 50 4b",
        ),
    ] {
        let error = read_npy(fixture(name)).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
    let error = read_npz(fixture("version2.npy")).unwrap_err().to_string();
    assert!(error.contains("expected a zip archive, found 93 4e 55 4d 50 59"), "{error}");
}

#[test]
fn npy_errors_say_what_is_wrong() {
    let header = |descr: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n")
    };
    let good = npy(&header("<f4", "(2,)"), &[0; 8]);
    let mut version = good.clone();
    version[6] = 9;
    let long = [b"\x93NUMPY\x02\x00".as_slice(), &u32::MAX.to_le_bytes(), b"{"].concat();
    for (content, expected) in [
        (vec![], "found an empty file"),
        (good[..4].to_vec(), "cut short: expected 8 bytes of header, found 4"),
        (good[..9].to_vec(), "cut short: expected 2 bytes of header, found 1"),
        (good[..30].to_vec(), "cut short: expected 58 bytes of header, found 20"),
        (good[..good.len() - 1].to_vec(), "cut short: expected 8 bytes of values, found 7"),
        ([good, vec![1]].concat(), "1 bytes follow the values"),
        (version, "version 9 of the NumPy format"),
        (long, "claims 4294967295 bytes, more than the limit of 65536"),
        (npy("rubbish", &[]), "expected '{', found \"rubbish\""),
        (npy(&header("<i8", "(2,)"), &[0xff; 16]), ""),
        (npy(&header(">u4", "(2,)"), &[0, 0, 0, 9, 0xff, 0, 0, 0]), "value 1: 4278190080 does not"),
        (npy(&header("<f4", "(99999999999,)"), &[0; 8]), "399999999996 bytes of values, found 8"),
        (npy(&header("<f4", "(4294967296, 4294967296)"), &[]), "which no memory can hold"),
        (npy(&header("<f4", "(0, 4294967296, 4294967296)"), &[]), "which no memory can hold"),
    ] {
        let (_folder, path) = file("a.npy", &content);
        match read_npy(&path) {
            Ok(array) => assert_eq!((expected, array), ("", i32s(&[-1, -1]))),
            Err(error) => assert!(error.to_string().contains(expected), "{expected}: {error}"),
        }
    }
}

#[test]
fn npz_errors_say_what_is_wrong() {
    let one = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", &[3, 4]);
    let cut = &one[..one.len() - 1];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let fails = |members: &[(&str, &[u8])]| {
            let (_folder, path) = file("a.npz", &npz(members, method));
            read_npz(path).unwrap_err().to_string()
        };
        let error = fails(&[("x.npy", &one), ("y.npy", cut)]);
        assert!(error.ends_with("a.npz: y.npy: cut short: expected 2 bytes of values, found 1"));
        assert!(fails(&[("readme.txt", b"hello")]).contains("expected .npy files in it"));
        assert!(fails(&[]).contains("expected .npy files in it"));

        let (_folder, path) = file("a.npz", &npz(&[("r.txt", b"?"), ("x.npy", &one)], method));
        let arrays = read_npz(path).unwrap();
        assert_eq!(arrays["x"].as_slice::<u8>().unwrap(), [3, 4]);
    }
    // The checksum is checked.
    let mut damaged = npz(&[("x.npy", &one)], CompressionMethod::Stored);
    let at = damaged.windows(2).position(|two| two == [3, 4]).unwrap();
    let at = damaged[at + 1..].windows(2).position(|two| two == [3, 4]).map_or(at, |n| at + 1 + n);
    damaged[at] = 5;
    let (_folder, path) = file("a.npz", &damaged);
    let error = read_npz(path).unwrap_err().to_string();
    assert!(error.contains("Invalid checksum"), "{error}");
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/a.npy");
    let arrays = [
        Array::new([2, 3], (0..6).map(|x| x as f32).collect()).unwrap(),
        Array::new([3, 1], vec![-1, i32::MAX, i32::MIN]).unwrap(),
        Array::new([2], vec![0u8, 255]).unwrap(),
        Array::new([2, 1, 1], vec![true, false]).unwrap(),
        Array::scalar(f32::NEG_INFINITY),
        Array::zeros([0, 3], DType::F32),
    ];
    for array in arrays {
        write_npy(&path, &array).unwrap();
        assert_eq!(read_npy(&path).unwrap(), array);
    }
    let error = write_npy(folder.path(), &Array::scalar(1u8)).unwrap_err().to_string();
    assert!(error.contains("cannot be written"), "{error}");
}

#[test]
fn no_prefix_of_a_file_is_read() {
    let one = idx(0xd, &[2, 2], &[7; 16]);
    for bytes in [&one, &gzip(&one)] {
        for end in 0..bytes.len() {
            assert!(parse_idx(&bytes[..end]).is_err(), "{end}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prefix");
    for name in ["version2.npy", "stored.npz", "deflated.npz"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for end in 0..bytes.len() {
            write_anew(&path, &bytes[..end]);
            let read =
                if name.ends_with("npy") { read_npy(&path).err() } else { read_npz(&path).err() };
            assert!(read.is_some(), "{name}: {end}");
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let mut random = Random(2);
    let one = idx(0xb, &[2, 3, 2], &[7; 24]);
    let packed = gzip(&one);
    for _ in 0..20_000 {
        let _ = parse_idx(&random.damage(&one));
        let _ = parse_idx(&random.damage(&packed));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    for name in ["version2.npy", "stored.npz", "deflated.npz"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for _ in 0..5_000 {
            write_anew(&path, &random.damage(&bytes));
            let _ = (read_npy(&path), read_npz(&path), read_idx(&path));
        }
    }
}

#[cfg(feature = "mnist")]
#[test]
fn mnist_is_decoded_once_and_written_as_it_came() {
    let first = cornu::datasets::mnist().unwrap();
    let second = cornu::datasets::mnist().unwrap();
    let address = |array: &Array| array.as_slice::<u8>().unwrap().as_ptr();
    assert_eq!(address(&first.train.images), address(&second.train.images));
    assert_eq!(first.test.images.shape(), [10_000, 28, 28]);
    assert_eq!(first.train.classes()[..4], [5, 0, 4, 1]);
    assert_eq!((first.test.len(), first.test.is_empty()), (10_000, false));

    let flat = first.test.flat();
    assert_eq!(
        (flat.len(), flat.sample_shape(), flat.dtype()),
        (10_000, [784].as_slice(), DType::F32)
    );
    assert_eq!(address(flat.array()), address(&first.test.images));
    let scaled = first.test.scaled().select([1, 0]).unwrap();
    assert_eq!(scaled.sample_shape(), [28, 28]);
    let pixels = scaled.to_array().unwrap();
    let pixels = pixels.as_slice::<f32>().unwrap();
    assert!(pixels.iter().all(|p| (0.0..=1.0).contains(p)));
    assert!(pixels.contains(&(253.0 * (1.0 / 255.0))));
}

#[cfg(feature = "mnist")]
#[test]
fn a_folder_in_mnists_format_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    let fails = || cornu::datasets::mnist_from(folder.path()).unwrap_err().to_string();
    write("train-images-idx3-ubyte", &idx(8, &[2, 1, 2], &[0, 255, 51, 0]));
    write("train-labels-idx1-ubyte.gz", &gzip(&idx(8, &[2], &[4, 9])));
    assert!(
        fails().contains("there is no file t10k-images-idx3-ubyte or t10k-images"),
        "{}",
        fails()
    );
    write("t10k-images.idx3-ubyte", &idx(8, &[1, 1, 2], &[1, 2]));
    write("t10k-labels-idx1-ubyte", &idx(8, &[2], &[4, 9]));
    assert!(fails().ends_with("t10k has 1 images but 2 labels"), "{}", fails());
    write("t10k-labels-idx1-ubyte", &idx(8, &[1, 1], &[4]));
    assert!(
        fails().contains("expected uint8 values in 1 dimensions, found uint8(1, 1)"),
        "{}",
        fails()
    );
    write("t10k-labels-idx1-ubyte", &idx(8, &[1], &[4]));

    let data = cornu::datasets::mnist_from(folder.path()).unwrap();
    assert_eq!((data.train.classes(), data.test.classes()), ([4, 9].as_slice(), [4].as_slice()));
    let flat = data.train.flat().to_array().unwrap();
    assert_eq!(flat.shape(), [2, 2]);
    let flat = flat.as_slice::<f32>().unwrap();
    assert!(flat.iter().zip([0.0, 1.0, 0.2, 0.0]).all(|(a, b)| (a - b).abs() < 1e-6), "{flat:?}");
}

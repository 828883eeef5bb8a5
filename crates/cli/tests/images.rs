//! `cornu embed`, `compare` and `search` from the outside, with a network trained in seconds.
#![cfg(feature = "mnist")]

mod support;

use cornu::data::{read_npy, save_image, write_npy};
use cornu::model::Model;
use cornu::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use support::{cornu, succeed};

/// What a command says that fails, without a result.
fn fail(folder: &Path, words: &[&str]) -> String {
    let output = cornu(folder, words);
    let [text, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(output.status.code(), Some(1), "{words:?}: {text}{errors}");
    assert!(errors.starts_with("error: ") && text.is_empty(), "{words:?}: {text}{errors}");
    errors
}

/// The file of a siamese network that all tests share.
fn model() -> &'static str {
    static MODEL: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
    let (_, path) = MODEL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        succeed(folder.path(), &["train", "siamese", "--epochs", "2", "--limit", "2000"]);
        let path = folder.path().join("runs/siamese/model.keras");
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    });
    path
}

/// Test image `place` of MNIST: light on dark.
fn digit(place: usize) -> Array {
    let images = datasets::mnist().unwrap().test.images;
    images.slice_rows(place, place + 1).unwrap().reshape([28, 28]).unwrap()
}

/// As ink on paper.
fn inverted(image: &Array) -> Array {
    let pixels = image.as_slice::<u8>().unwrap().iter().map(|pixel| 255 - pixel).collect();
    Array::new(image.shape(), pixels).unwrap()
}

/// A folder of test images: `7/0.png` and so on, the folders named by what they show.
fn digits(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let test = datasets::mnist().unwrap().test;
    for place in 0..count {
        let path = folder.path().join(format!("{}/{place}.png", test.classes()[place]));
        save_image(path, &digit(place)).unwrap();
    }
    folder
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}

#[test]
fn a_model_says_what_it_is() {
    let metadata = Model::read_metadata(model()).unwrap();
    assert_eq!(metadata["recipe"], "siamese");
    let input: serde_json::Value = serde_json::from_str(&metadata["input"]).unwrap();
    assert_eq!((&input["height"], &input["width"]), (&28.into(), &28.into()));
    let threshold: serde_json::Value = serde_json::from_str(&metadata["threshold"]).unwrap();
    assert_eq!(threshold["score"], "distance");
    assert!((0.01..1.5).contains(&threshold["threshold"].as_f64().unwrap()), "{threshold}");
}

#[test]
fn mnist_is_embedded_beside_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let copy = path(folder.path(), "model.keras");
    fs::copy(model(), &copy).unwrap();
    let (text, _) = succeed(folder.path(), &["embed", "model.keras"]);
    assert_eq!(text, "10,000 embeddings of 128 numbers in embeddings.npy\n");
    let embeddings = read_npy(path(folder.path(), "embeddings.npy")).unwrap();
    assert_eq!((embeddings.shape(), embeddings.dtype()), (&[10_000, 128][..], DType::F32));

    // Rows of an array of the same images, flat or not, are the same rows.
    let images = datasets::mnist().unwrap().test.images.slice_rows(0, 5).unwrap();
    write_npy(path(folder.path(), "images.npy"), &images).unwrap();
    let scaled = Array::new(
        [5, 784],
        images.as_slice::<u8>().unwrap().iter().map(|&p| f32::from(p) * (1.0 / 255.0)).collect(),
    );
    write_npy(path(folder.path(), "floats.npy"), &scaled.unwrap()).unwrap();
    for input in ["images.npy", "floats.npy"] {
        let words = ["embed", "model.keras", "--input", input, "--output", "few.npy"];
        succeed(folder.path(), &words);
        let few = read_npy(path(folder.path(), "few.npy")).unwrap();
        let (few, all) = (few.as_slice::<f32>().unwrap(), embeddings.as_slice::<f32>().unwrap());
        assert_eq!(few.len(), 5 * 128);
        assert!(few.iter().zip(all).all(|(a, b)| (a - b).abs() < 1e-4), "{input}");
    }
}

#[test]
fn a_folder_becomes_a_table() {
    let folder = digits(4);
    let words = ["embed", model(), "--input", ".", "--output", "digits.csv"];
    let (text, notes) = succeed(folder.path(), &words);
    assert_eq!(
        (text.as_str(), notes.as_str()),
        ("4 embeddings of 128 numbers in digits.csv\n", "")
    );
    let table = fs::read_to_string(path(folder.path(), "digits.csv")).unwrap();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0][..3], ["image", "label", "e0"]);
    assert_eq!((lines[0].len(), lines.len()), (130, 5));
    let images: Vec<[&str; 2]> = lines[1..].iter().map(|line| [line[0], line[1]]).collect();
    assert_eq!(images, [["0/3.png", "0"], ["1/2.png", "1"], ["2/1.png", "2"], ["7/0.png", "7"]]);
    assert!(lines[1][2..].iter().all(|number| number.parse::<f32>().is_ok()));
}

#[test]
fn a_folder_becomes_points_for_tensorboard() {
    let folder = digits(4);
    let words = ["embed", model(), "--input", ".", "--output", "points"];
    let (text, _) = succeed(folder.path(), &words);
    let lines = ["4 embeddings of 128 numbers in points", "tensorboard --logdir points"];
    assert!(lines.iter().all(|line| text.contains(line)), "{text}");
    let read = |name: &str| fs::read_to_string(path(folder.path(), name)).unwrap();
    let config = read("points/projector_config.pbtxt");
    assert!(config.contains("single_image_dim: 28"), "{config}");
    let labels = read("points/projector/embeddings/metadata.tsv");
    assert_eq!(labels, "label\timage\n0\t0/3.png\n1\t1/2.png\n2\t2/1.png\n7\t7/0.png\n");
    // The points are the embeddings, and the thumbnails the images: two rows of two.
    succeed(folder.path(), &["embed", model(), "--input", "2/1.png", "--output", "one.npy"]);
    let one: Vec<f32> = read_npy(path(folder.path(), "one.npy")).unwrap().into_vec().unwrap();
    let points = read("points/projector/embeddings/tensors.tsv");
    let third = points.lines().nth(2).unwrap().split('\t').map(|n| n.parse::<f32>().unwrap());
    assert!(third.zip(&one).all(|(a, b)| (a - b).abs() < 1e-5));
    assert_eq!(points.lines().count(), 4);
    let sheet = path(folder.path(), "points/projector/embeddings/sprite.png");
    let sheet = cornu::data::load_image(sheet).unwrap();
    assert_eq!(sheet.shape(), [56, 56, 3]);
    let corner = |i: usize| sheet.as_slice::<u8>().unwrap()[(i / 28 * 56 + i % 28) * 3];
    let expected: Vec<u8> = digit(3).into_vec().unwrap();
    assert!((0..784).all(|i| corner(i) == expected[i]));

    // The format says so too, for a folder of any name and where none is given.
    let words = ["embed", model(), "--input", ".", "--output", "a.b", "--format", "projector"];
    succeed(folder.path(), &words);
    assert!(path(folder.path(), "a.b/projector_config.pbtxt").exists());
    let copy = path(folder.path(), "model.keras");
    fs::copy(model(), copy).unwrap();
    let words = ["embed", "model.keras", "--input", "7", "--format", "projector"];
    succeed(folder.path(), &words);
    assert!(path(folder.path(), "projector/projector_config.pbtxt").exists());
}

/// Digits of four kinds, three of each.
const SOME: [&str; 12] = ["0", "17", "34", "1", "35", "38", "3", "10", "13", "2", "5", "14"];

/// The score and the verdict of each pair that was printed, and whether both show the same.
fn verdicts(text: &str, score: &str) -> Vec<(bool, f64, bool)> {
    let label = |part: &str| part.split("(a ").nth(1).unwrap().as_bytes()[0];
    let verdict = |line: &str| {
        let (pair, rest) = line.split_once(&format!("{score} "))?;
        let (number, verdict) = rest.split_once("  ")?;
        let (left, right) = pair.split_once(")  ").or_else(|| pair.split_once(") "))?;
        assert!(["same", "different"].contains(&verdict), "{line}");
        Some((label(left) == label(right), number.parse().ok()?, verdict == "same"))
    };
    text.lines().filter_map(verdict).collect()
}

#[test]
fn every_recipe_of_pairs_compares_searches_and_embeds() {
    let folder = tempfile::tempdir().unwrap();
    for (recipe, score) in
        [("siamese", "distance"), ("siamese-classic", "distance"), ("siamese-l1", "similarity")]
    {
        let run = |words: &[&str]| succeed(folder.path(), words).0;
        run(&["train", recipe, "--epochs", "2", "--limit", "500", "--out", recipe]);
        let model = &format!("{recipe}/model.keras");

        // Verdicts the right way round: turned round, most would be wrong.
        let text = run(&[&["compare", model, "--mnist"][..], &SOME].concat());
        let all = verdicts(&text, score);
        assert_eq!(all.len(), 66, "{text}");
        let right = all.iter().filter(|(same, _, verdict)| same == verdict).count();
        assert!(right >= 40, "{recipe}: {right} of 66 are right\n{text}");
        let mean = |same: bool| {
            let of: Vec<f64> = all.iter().filter(|pair| pair.0 == same).map(|p| p.1).collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        assert_eq!(mean(true) < mean(false), score == "distance", "{text}");
        let side = if score == "distance" { "below a distance" } else { "above a similarity" };
        assert!(text.contains(&format!("Judged the same {side} of ")), "{text}");

        // An image and itself show the same; if a distance is measured, they are at none.
        let own = verdicts(&run(&["compare", model, "--mnist", "7", "7"]), score);
        assert!(own[0].2 && (score == "similarity" || own[0].1 < 1e-3), "{recipe}: {own:?}");

        let words = ["search", model, "--mnist", "3", "-k", "10"];
        let found = run(&words);
        let zeros = found.lines().skip(2).filter(|line| line.contains("(a 0)")).count();
        assert!(zeros >= 6, "{found}");
        // What is told of the network's own output does not go for the measure of embeddings.
        assert_eq!(found.contains("judged the same"), score == "distance", "{found}");

        let words = ["embed", model, "--output", "all.npy"];
        let told = run(&words);
        let shape = read_npy(path(folder.path(), "all.npy")).unwrap().shape().to_vec();
        assert_eq!(shape[0], 10_000);
        assert_eq!(told, format!("10,000 embeddings of {} numbers in all.npy\n", shape[1]));
    }
}

#[test]
fn the_same_image_is_at_no_distance() {
    let folder = tempfile::tempdir().unwrap();
    // The third is the first, as ink on paper and twice as large.
    let large = |image: &Array| {
        let pixels = image.as_slice::<u8>().unwrap();
        let pixel = |i: usize| pixels[i / 56 / 2 * 28 + i % 56 / 2];
        Array::new([56, 56], (0..56 * 56).map(pixel).collect()).unwrap()
    };
    for (name, image) in
        [("seven.png", digit(0)), ("two.png", digit(1)), ("paper.png", inverted(&large(&digit(0))))]
    {
        save_image(path(folder.path(), name), &image).unwrap();
    }
    let words = ["compare", model(), "seven.png", "two.png", "paper.png", "--output", "out.svg"];
    let (text, notes) = succeed(folder.path(), &words);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("seven.png  two.png    distance "), "{text}");
    assert!(
        lines[1].starts_with("seven.png  paper.png  distance ") && lines[1].ends_with("  same")
    );
    assert!(lines[3].starts_with("Judged the same below a distance of 0."), "{text}");
    assert!(notes.contains("1 of 3 images are dark on light"), "{notes}");
    let distance = |line: &str| -> f64 {
        line.split("distance ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
    };
    assert!(distance(lines[1]) < 0.1 && distance(lines[1]) < distance(lines[0]), "{text}");
    // A pair has its verdict and both names above it.
    let svg = fs::read_to_string(path(folder.path(), "out.svg")).unwrap();
    assert_eq!(svg.matches("<image").count(), 6);
    let title = format!(">same {:.2}: seven, paper<", distance(lines[1]));
    assert!(svg.contains(&title), "{title}: {svg}");
    succeed(folder.path(), &["compare", model(), "seven.png", "two.png", "--output", "out.PNG"]);
    assert!(fs::read(path(folder.path(), "out.PNG")).unwrap().starts_with(b"\x89PNG"));

    // Left as it is, a paper is something else; and any threshold may be asked for.
    let words = ["compare", model(), "seven.png", "paper.png", "--invert", "no"];
    let (text, notes) = succeed(folder.path(), &words);
    assert!(distance(&text) > 0.2 && notes.is_empty(), "{text}{notes}");
    let words = ["compare", model(), "seven.png", "seven.png", "--threshold", "-1"];
    assert!(succeed(folder.path(), &words).0.contains("distance 0.0000  different\n"));
}

#[test]
fn test_images_and_folders_are_compared() {
    let folder = digits(3);
    let (text, _) = succeed(folder.path(), &["compare", model(), "--mnist", "0", "17", "1"]);
    assert!(text.starts_with("test image 0 (a 7)   test image 17 (a 7)  distance "), "{text}");
    assert_eq!(text.lines().count(), 4);

    // Files of the same name, from two folders.
    let other = path(folder.path(), "other");
    for (name, place) in [("0.png", 0), ("9.png", 9)] {
        save_image(other.join(name), &digit(place)).unwrap();
    }
    let (text, notes) = succeed(folder.path(), &["compare", model(), "7", "other"]);
    assert!(text.starts_with("7/0.png  other/0.png  distance 0.0000  same\n"), "{text}");
    assert_eq!(text.lines().count(), 2);
    assert!(notes.contains("1 images have no other of their name"), "{notes}");
    let errors = fail(folder.path(), &["compare", model(), "2", "other"]);
    assert!(errors.contains("no image in 2 has the name of one in other"), "{errors}");
    // A file, and each of a folder.
    let (text, _) = succeed(folder.path(), &["compare", model(), "7/0.png", "other"]);
    assert!(text.contains("7/0.png  other/9.png  distance "), "{text}");
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn the_nearest_are_found() {
    let folder = digits(60);
    let words = ["search", model(), "7/0.png", "--among", ".", "-k", "5"];
    let (text, _) = succeed(folder.path(), &words);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Most like 7/0.png:");
    assert_eq!(lines[1], "distance  label  image");
    assert_eq!(lines[2], "  0.0000  7      7/0.png");
    assert_eq!(lines.len(), 8);
    // After two epochs most of the nearest show the same.
    let sevens = lines[2..7].iter().filter(|line| line[10..].starts_with('7')).count();
    assert!(sevens >= 3, "{text}");

    // The graph finds them too, and a table holds what was printed.
    let words = [&words[..], &["--approximate", "--output", "hits.csv"]].concat();
    let (again, _) = succeed(folder.path(), &words);
    assert_eq!(again, format!("{text}Written to hits.csv.\n"));
    let table = fs::read_to_string(path(folder.path(), "hits.csv")).unwrap();
    assert_eq!(table.lines().next(), Some("rank,row,image,label,distance"));
    let first = table.lines().nth(1).unwrap();
    assert!(first.starts_with("1,") && first.ends_with(",7/0.png,7,0"), "{table}");

    let words = ["search", model(), "7/0.png", "--among", ".", "-k", "5", "--output", "hits.svg"];
    succeed(folder.path(), &words);
    let svg = fs::read_to_string(path(folder.path(), "hits.svg")).unwrap();
    assert_eq!(svg.matches("<image").count(), 6);
    assert!(svg.contains(">wanted: 7/0<") && svg.contains(">same 0.00: 7/0<"), "{svg}");
}

#[test]
fn test_images_are_found_among_embeddings_made_before() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["embed", model(), "--output", "all.npy"]);
    let words = ["search", model(), "--mnist", "3", "--among", "all.npy", "-k", "3"];
    let (text, _) = succeed(folder.path(), &words);
    assert!(text.starts_with("Most like test image 3 (a 0):\ndistance  image\n  0.0000  row 3\n"));
    // Among the test images themselves it is no find.
    let (own, _) = succeed(folder.path(), &["search", model(), "--mnist", "3", "-k", "2"]);
    assert!(!own.contains("image 3\n") && own.contains("distance  label  image"), "{own}");
    let found = |text: &str, line: usize| text.lines().nth(line).unwrap()[..8].to_owned();
    assert_eq!((found(&own, 2), found(&own, 3)), (found(&text, 3), found(&text, 4)));

    let words = ["search", model(), "--mnist", "3", "--among", "all.npy", "--output", "hits.png"];
    let errors = fail(folder.path(), &words);
    assert!(errors.contains("all.npy: embeddings alone cannot be drawn"), "{errors}");
    assert!(!path(folder.path(), "hits.png").exists());
}

#[test]
fn mistakes_are_told_and_nothing_is_written() {
    let folder = digits(2);
    let here = folder.path();
    fs::write(path(here, "text.png"), "no image").unwrap();
    fs::create_dir(path(here, "empty")).unwrap();
    fs::create_dir(path(here, "bad")).unwrap();
    fs::write(path(here, "bad/a.png"), "").unwrap();
    write_npy(path(here, "wrong.npy"), &Array::zeros([3, 5], DType::F32)).unwrap();
    write_npy(path(here, "bytes.npy"), &Array::zeros([2, 784], DType::I32)).unwrap();
    let loud = Array::new([1, 784], vec![255.0f32; 784]).unwrap();
    write_npy(path(here, "loud.npy"), &loud).unwrap();
    fs::write(path(here, "notes"), "mine").unwrap();
    let before = fs::read_dir(here).unwrap().count();
    for (words, expected) in [
        (&["embed", "none.keras"][..], "none.keras: there is no such file"),
        (&["embed", "text.png"], "text.png: it is no .keras"),
        (&["embed", model(), "--input", "nowhere"], "nowhere: there is no such file"),
        (&["embed", model(), "--input", "text.png"], "text.png: not an image"),
        (&["embed", model(), "--input", "bad"], "a.png: not an image"),
        (&["embed", model(), "--input", "empty"], "empty: there are no images in this folder"),
        (&["embed", model(), "--input", "wrong.npy"], "wrong.npy: expected images, (n, 28, 28)"),
        (&["embed", model(), "--input", "bytes.npy"], "expected uint8 or float32 images"),
        (&["embed", model(), "--input", "loud.npy"], "go from 0 to 1, but one has 255"),
        (&["embed", model(), "--output", "x.txt"], "written to .npy, .csv, or a folder"),
        (
            &["embed", model(), "--output", "x.npy", "--format", "csv"],
            "ends in another form than the one that is asked for",
        ),
        (&["embed", model(), "--output", "7", "--format", "csv"], "this is a folder, not a file"),
        (
            &["embed", model(), "--output", "text.png", "--format", "projector"],
            "and this is a file",
        ),
        (&["embed", model(), "--output", "notes"], "and this is a file"),
        (&["compare", model(), "7/0.png", "nothing.png"], "nothing.png: there is no such file"),
        (&["compare", model(), "7/0.png", "text.png"], "text.png: not an image"),
        (&["compare", model(), "7/0.png", "empty"], "empty: there are no images"),
        (&["compare", model(), "--mnist", "1", "10000"], "no test image 10000; MNIST has 10,000"),
        (&["compare", model(), "7/0.png", "2/1.png", "--output", "x.txt"], "in .svg or .png"),
        (&["search", model(), "7"], "7: this is a folder, not an image"),
        (&["search", model(), "7/0.png", "--among", "empty"], "there are no images"),
        (
            &["search", model(), "7/0.png", "--among", "wrong.npy"],
            "or embeddings, float32 (n, 128)",
        ),
        (&["search", model(), "7/0.png", "--output", "hits"], "ends in .csv, .svg or .png"),
    ] {
        let errors = fail(here, words);
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
    assert_eq!(fs::read_dir(here).unwrap().count(), before, "something was written");
    // The images that can be read are left, if asked for.
    fs::copy(path(here, "7/0.png"), path(here, "bad/b.png")).unwrap();
    let words = ["embed", model(), "--input", "bad", "--skip-unreadable", "--output", "b.npy"];
    let (text, notes) = succeed(here, &words);
    assert!(text.starts_with("1 embeddings") && notes.contains("left out bad/a.png"), "{notes}");
}

#[test]
fn other_models_are_recognized() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["train", "mlp", "--epochs", "1", "--limit", "200", "--out", "mlp"]);
    let errors = fail(folder.path(), &["embed", "mlp/model.keras"]);
    assert!(errors.contains("the network of the recipe 'mlp' does not compare images"), "{errors}");
    assert!(errors.contains("cornu train siamese"), "{errors}");

    // Files of strangers: that say nothing, or what is none, and of other networks.
    let network = |side: usize| -> Model {
        let tower = Sequential::new().add(Input::new([side * side])).add(Dense::new(2).name("d"));
        let (a, b) = (Input::tensor([side * side]), Input::tensor([side * side]));
        let distance = ops::norm(tower.call(&a) - tower.call(&b), Axis::new(1).keepdims());
        Model::new([&a, &b], &distance).unwrap()
    };
    let mut stranger = network(28);
    let tower = stranger.layers()[2].name().to_owned();
    let refused = |model: &Model, expected: &str| {
        model.save(path(folder.path(), "x.keras")).unwrap();
        let errors = fail(folder.path(), &["search", "x.keras", "--mnist", "0"]);
        assert!(errors.starts_with("error: x.keras: ") && errors.contains(expected), "{errors}");
    };
    refused(&stranger, "does not say how its network compares images");
    stranger.set_metadata("recipe", "gan\u{1b}[2J").unwrap();
    refused(&stranger, "the recipe 'gan\u{fffd}[2J' does not compare images");
    stranger.set_metadata("embedding", "{}").unwrap();
    refused(&stranger, "what the file says of the network's embeddings is not understood");
    let embedding = |tower: &str| {
        format!(
            r#"{{"tower":"{tower}","measure":"euclidean","score":"distance","output_is_measure":true}}"#
        )
    };
    stranger.set_metadata("embedding", embedding("none")).unwrap();
    refused(&stranger, "there is no layer named 'none'");
    stranger.set_metadata("embedding", embedding(&tower)).unwrap();
    refused(&stranger, "does not say how large the images are");
    stranger.set_metadata("input", r#"{"height":28,"width":28000000000000}"#).unwrap();
    refused(&stranger, "does not say how large the images are");
    stranger.set_metadata("input", r#"{"height":32,"width":32}"#).unwrap();
    refused(&stranger, "takes grey images of 32 x 32 pixels, but its network takes");
    stranger.set_metadata("input", r#"{"height":28,"width":28}"#).unwrap();
    stranger.set_metadata("threshold", r#"{"measure":"cosine","value":0.5}"#).unwrap();
    refused(&stranger, "the threshold in the file is none for its network");
    // With all of it in order, a stranger's network is as good.
    stranger.set_metadata("threshold", r#"{"score":"distance","threshold":0.5}"#).unwrap();
    stranger.save(path(folder.path(), "x.keras")).unwrap();
    let (text, _) = succeed(folder.path(), &["compare", "x.keras", "--mnist", "7", "7"]);
    assert!(text.contains("distance 0.0000  same"), "{text}");
}

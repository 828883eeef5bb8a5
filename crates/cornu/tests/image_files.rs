//! Folders of images: classes, order, links, sizes, batches, and what is said of wrong ones.

mod support;

use base64::Engine as _;
use cornu::data::{
    ColorMode, Generator, ImageFiles, ImageReader, IntoBatch, Invert, image_dataset_from_directory,
    load_image, save_image,
};
use cornu::prelude::*;
use std::fs;
use std::path::Path;

/// A grey image of one value.
fn image(value: u8, height: usize, width: usize) -> Array {
    Array::new([height, width], vec![value; height * width]).unwrap()
}

/// Images of 2 x 3 pixels under these names; the values count up.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (i, name) in names.iter().enumerate() {
        save_image(folder.path().join(name), &image(i as u8, 2, 3)).unwrap();
    }
    folder
}

fn grey() -> ImageReader {
    ImageReader::new().color_mode(ColorMode::Grayscale)
}

fn names(files: &ImageFiles, folder: &Path) -> Vec<String> {
    let name = |path: &std::path::PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
    files.paths().iter().map(name).collect()
}

#[test]
fn classes_and_files_are_in_keras_order() {
    let folder = folder(&[
        "b/2.PNG",
        "b/10.png",
        "b/.hidden.png",
        "Z/1.jpg",
        "a/x/1.png",
        "a/2.png",
        ".git/1.png",
        "b/ä.jpeg",
        "loose.png",
    ]);
    fs::write(folder.path().join("b/notes.txt"), "no image").unwrap();
    let files = ImageFiles::with_classes(folder.path()).unwrap();
    assert_eq!(files.class_names(), ["Z", "a", "b"]);
    let order = ["Z/1.jpg", "a/2.png", "a/x/1.png", "b/10.png", "b/2.PNG", "b/ä.jpeg"];
    assert_eq!(names(&files, folder.path()), order);

    let set = image_dataset_from_directory(folder.path(), &grey()).unwrap();
    assert_eq!(set.images.shape(), [6, 2, 3, 1]);
    assert_eq!(set.classes().unwrap(), [0, 1, 1, 2, 2, 2]);
    assert_eq!(set.labels.unwrap().dtype(), DType::I32);
    let values: Vec<u8> = set.images.as_slice::<u8>().unwrap().chunks(6).map(|x| x[0]).collect();
    assert_eq!(values, [3, 5, 4, 1, 0, 7], "an image stands in another's place");

    let flat = ImageFiles::in_folder(folder.path()).unwrap();
    assert_eq!(names(&flat, folder.path())[0], "loose.png");
    assert_eq!((flat.len(), flat.class_names().len()), (7, 0));
    assert!(flat.load(&grey()).unwrap().classes().unwrap_err().to_string().contains("no classes"));
}

#[test]
fn folders_without_classes_or_images_are_told() {
    let empty = tempfile::tempdir().unwrap();
    let error = |result: Result<ImageFiles>| result.unwrap_err().to_string();
    let text = error(ImageFiles::with_classes(empty.path()));
    assert!(text.contains("no subfolders, expected one for each class"), "{text}");
    let text = error(ImageFiles::in_folder(empty.path()));
    assert!(text.contains("no images in this folder (.png, .jpg, .jpeg)"), "{text}");
    fs::write(empty.path().join("a.bmp"), "").unwrap();
    assert!(error(ImageFiles::in_folder(empty.path())).contains("1 other files"));

    let one = folder(&["cat/1.png"]);
    let text = error(ImageFiles::with_classes(one.path()));
    assert!(text.contains("one subfolder only, 'cat'"), "{text}");
    let flat = folder(&["1.png", "2.png"]);
    let text = error(ImageFiles::with_classes(flat.path()));
    assert!(text.contains("ImageFiles::in_folder reads the 2 images in it"), "{text}");

    let lacking = folder(&["cat/1.png", "dog/1.png"]);
    fs::create_dir(lacking.path().join("emu")).unwrap();
    let text = error(ImageFiles::with_classes(lacking.path()));
    assert!(text.contains("emu: there are no images"), "{text}");

    let missing = flat.path().join("missing");
    for result in [ImageFiles::with_classes(&missing), ImageFiles::in_folder(&missing)] {
        assert!(error(result).ends_with("missing: there is no such file"));
    }
    assert!(error(ImageFiles::in_folder(flat.path().join("1.png"))).contains("a file, not a fold"));
}

#[test]
fn an_unreadable_image_is_named_or_skipped() {
    let folder = folder(&["1.png", "2.png", "3.png"]);
    fs::write(folder.path().join("2.png"), "no image").unwrap();
    let files = ImageFiles::in_folder(folder.path()).unwrap();
    let error = files.load(&grey()).unwrap_err().to_string();
    assert!(error.contains("2.png: not an image: expected PNG or JPEG"), "{error}");

    let set = files.load(&grey().skip_unreadable(true)).unwrap();
    assert_eq!((set.images.shape(), set.skipped.len()), (&[2, 2, 3, 1][..], 1));
    assert!(set.skipped[0].0.ends_with("2.png") && set.paths[1].ends_with("3.png"));

    // Batches are full all the same.
    let reader = grey().skip_unreadable(true);
    let sizes: Vec<usize> = files.batches(&reader, 2).map(|b| b.unwrap().images.rows()).collect();
    assert_eq!(sizes, [2]);

    fs::write(folder.path().join("1.png"), "").unwrap();
    fs::write(folder.path().join("3.png"), "").unwrap();
    let error = files.load(&grey().skip_unreadable(true)).unwrap_err().to_string();
    assert!(error.contains("none of 3 files is an image"), "{error}");
}

#[test]
fn images_of_different_sizes_need_a_size() {
    let folder = folder(&["1.png"]);
    save_image(folder.path().join("2.png"), &image(200, 4, 4)).unwrap();
    let files = ImageFiles::in_folder(folder.path()).unwrap();
    let error = files.load(&ImageReader::new()).unwrap_err().to_string();
    assert!(error.contains("2.png: the image is (4, 4, 3), but "), "{error}");
    assert!(error.contains("target_size(height, width)"), "{error}");
    // In whatever batch it comes.
    let batches: Vec<bool> = files.batches(&grey(), 1).map(|batch| batch.is_ok()).collect();
    assert_eq!(batches, [true, false]);
    assert_eq!(files.load(&grey().target_size(5, 6)).unwrap().images.shape(), [2, 5, 6, 1]);
    for (height, width) in [(0, 5), (usize::MAX, 5)] {
        let error = files.load(&grey().target_size(height, width)).unwrap_err().to_string();
        assert!(error.contains("the target size is"), "{error}");
    }
}

#[test]
fn batches_are_the_whole() {
    let names: Vec<String> = (0..14).map(|i| format!("{}/{i:02}.png", i % 2)).collect();
    let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let files = ImageFiles::with_classes(folder.path()).unwrap();
    let all = files.load(&grey()).unwrap();
    let (mut pixels, mut classes, mut sizes) = (vec![], vec![], vec![]);
    for batch in files.batches(&grey(), 4) {
        let batch = batch.unwrap();
        sizes.push(batch.images.rows());
        pixels.extend_from_slice(batch.images.as_slice::<u8>().unwrap());
        classes.extend(batch.classes().unwrap());
    }
    assert_eq!(sizes, [4, 4, 4, 2]);
    assert_eq!(
        (pixels.as_slice(), classes),
        (all.images.as_slice().unwrap(), all.classes().unwrap())
    );
    let error = files.batches(&grey(), 0).next().unwrap().unwrap_err().to_string();
    assert!(error.contains("batch_size must be at least 1"), "{error}");
}

#[test]
fn a_shuffled_folder_is_the_same_files_with_their_classes() {
    let names = ["cat/0.png", "cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png", "dog/5.png"];
    let folder = folder(&names);
    let files = ImageFiles::with_classes(folder.path()).unwrap();
    let values = |files: &ImageFiles| -> Vec<(u8, u8)> {
        let set = files.load(&grey()).unwrap();
        let pixels = set.images.as_slice::<u8>().unwrap().chunks(6).map(|image| image[0]);
        pixels.zip(set.classes().unwrap()).collect()
    };
    let orders: Vec<_> = (0..8).map(|seed| values(&files.clone().shuffle(seed))).collect();
    assert_eq!(orders[3], values(&files.clone().shuffle(3)));
    assert!(orders.iter().any(|order| *order != orders[0]));
    for mut order in orders {
        order.sort_unstable();
        assert_eq!(order, [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]);
    }
    assert_eq!(ImageFiles::in_folder(folder.path()).unwrap().shuffle(1).len(), 6);
}

#[test]
fn a_folder_trains_a_model_batch_by_batch() {
    // Dark cats and light dogs, and at the end a file that is no image.
    let folder = tempfile::tempdir().unwrap();
    for i in 0..10u8 {
        let path = |class: &str| folder.path().join(format!("{class}/{i}.png"));
        save_image(path("cat"), &image(i, 4, 4)).unwrap();
        save_image(path("dog"), &image(255 - i, 4, 4)).unwrap();
    }
    for name in ["dog/98.png", "dog/99.png"] {
        fs::write(folder.path().join(name), "no image").unwrap();
    }
    let files = ImageFiles::with_classes(folder.path()).unwrap();
    let reader = grey().skip_unreadable(true);

    // Two batches of ten, from 0 to 1, and no third of nothing; what was left out is told.
    let sets: Vec<_> = files.batches(&reader, 10).map(Result::unwrap).collect();
    assert_eq!(sets.iter().map(|set| set.skipped.len()).collect::<Vec<_>>(), [0, 2]);
    let batch = sets[1].clone().into_batch().unwrap();
    let x: Vec<f32> = batch.x[0].to_array().unwrap().into_vec().unwrap();
    assert_eq!((x.len(), x[0], x[16]), (160, 1.0, 254.0 * (1.0 / 255.0)));
    assert_eq!(batch.y[0].to_array().unwrap().into_vec::<i32>().unwrap(), [1; 10]);

    let mut model = Sequential::new()
        .add(Input::new([4, 4, 1]))
        .add(Flatten::new())
        .add(Dense::new(2).activation("softmax"));
    let compiled = model.compile(Adam::new(0.05), "sparse_categorical_crossentropy");
    compiled.metrics(["accuracy"]).build().unwrap();
    let batches =
        Generator::each_epoch(|epoch| files.clone().shuffle(epoch as u64).into_batches(&reader, 3));
    let history = model.fit_generator(batches).epochs(10).verbose(0).run().unwrap();
    assert_eq!(history.last("accuracy"), Some(1.0), "{history:?}");

    // An error of a file is the error of the training.
    let strict = grey();
    let batches = Generator::each_epoch(|_| files.batches(&strict, 3));
    let error = model.fit_generator(batches).epochs(1).verbose(0).run().unwrap_err().to_string();
    assert!(error.contains("98.png: not an image"), "{error}");
    // A batch in which nothing could be read is none to train on.
    let bad = ImageFiles::from_paths([folder.path().join("dog/99.png")]);
    let set = bad.batches(&reader, 3).next().unwrap().unwrap();
    let error = set.into_batch().unwrap_err().to_string();
    assert!(error.contains("none of 1 files is an image"), "{error}");
}

#[test]
fn dark_on_light_is_inverted() {
    let folder = folder(&[]);
    save_image(folder.path().join("light.png"), &image(250, 3, 3)).unwrap();
    save_image(folder.path().join("not.png"), &image(10, 3, 3)).unwrap();
    let files = ImageFiles::in_folder(folder.path()).unwrap();
    for (invert, values, inverted) in [
        (Invert::No, [250, 10], [false, false]),
        (Invert::Yes, [5, 245], [true, true]),
        (Invert::IfLight, [5, 10], [true, false]),
    ] {
        let set = files.load(&grey().invert(invert)).unwrap();
        let pixels = set.images.as_slice::<u8>().unwrap();
        assert_eq!(([pixels[0], pixels[9]], set.inverted.as_slice()), (values, &inverted[..]));
    }
}

#[test]
fn what_is_saved_is_loaded() {
    let folder = folder(&[]);
    let path = folder.path().join("new/folder/colours.png");
    let colours = Array::new([2, 2, 3], (0..12).map(|i| i * 20).collect::<Vec<u8>>()).unwrap();
    save_image(&path, &colours).unwrap();
    assert_eq!(load_image(&path).unwrap(), colours);
    for (array, expected) in [
        (Array::zeros([2, 2, 2], DType::U8), "no image"),
        (Array::zeros([0, 2], DType::U8), "0 x 2 pixels"),
        (Array::zeros([2, 2], DType::F32), "float32, not uint8"),
    ] {
        let error = save_image(&path, &array).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(load_image(&path).unwrap(), colours);
    let error = load_image(folder.path().join("none.png")).unwrap_err().to_string();
    assert!(error.ends_with("none.png: there is no such file"), "{error}");
    assert!(load_image(folder.path()).unwrap_err().to_string().contains("this is a folder"));
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let outside = folder(&["secret.png", "more/secret.png"]);
    let folder = folder(&["a/1.png", "b/1.png"]);
    symlink(outside.path().join("secret.png"), folder.path().join("a/2.png")).unwrap();
    symlink(outside.path(), folder.path().join("c")).unwrap();
    symlink(folder.path(), folder.path().join("a/loop")).unwrap();
    symlink(folder.path().join("gone.png"), folder.path().join("a/3.png")).unwrap();
    // A link within the folder is an image like any other.
    symlink("../b/1.png", folder.path().join("a/4.png")).unwrap();
    let files = ImageFiles::with_classes(folder.path()).unwrap();
    assert_eq!(files.class_names(), ["a", "b"]);
    assert_eq!(names(&files, folder.path()), ["a/1.png", "a/4.png", "b/1.png"]);
    // The folder itself may be a link.
    let link = outside.path().join("link");
    symlink(folder.path(), &link).unwrap();
    assert_eq!(ImageFiles::in_folder(&link).unwrap().len(), 3);
}

/// Damage of a file ends in an image of the right size or in an error, never in a panic.
#[test]
fn damaged_images_never_panic() {
    let folder = folder(&[]);
    let path = folder.path().join("image.png");
    let values = (0..300).map(|i| (i * 7 % 251) as u8).collect::<Vec<u8>>();
    save_image(&path, &Array::new([10, 10, 3], values).unwrap()).unwrap();
    let png = fs::read(&path).unwrap();
    let mut state = 1u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    let cases = support::cases("images");
    let mut files = vec![png];
    for name in ["jpeg", "jpeg_subsampled", "jpeg_progressive", "jpeg_grey", "palette", "bits"] {
        let case = cases.iter().find(|case| case["name"] == name).unwrap();
        let text = support::text(&case["file"]);
        files.push(base64::prelude::BASE64_STANDARD.decode(text).unwrap());
    }
    for file in files {
        for round in 0..300 {
            let mut bytes = file.clone();
            for _ in 0..=below(4) {
                let at = below(bytes.len());
                bytes[at] ^= 1 << below(8);
            }
            if round % 3 == 0 {
                bytes.truncate(below(bytes.len()));
            }
            let _ = fs::remove_file(&path);
            fs::write(&path, &bytes).unwrap();
            if let Ok(image) = load_image(&path) {
                assert_eq!(image.shape()[2], 3);
            }
        }
        // A file that was cut short is no image, however much of it is there.
        for end in [file.len() / 4, file.len() / 2, file.len() * 3 / 4] {
            fs::write(&path, &file[..end]).unwrap();
            assert!(load_image(&path).is_err(), "{end} of {} bytes", file.len());
        }
    }
}

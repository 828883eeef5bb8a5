//! Where the images come from: files, folders, arrays, and MNIST's test images.

use super::Reading;
use crate::trained::Trained;
use crate::{digits, say};
use cornu::data::{
    ArrayExt, ColorMode, Column, ImageFiles, ImageReader, ImageSet, Interpolation, read_npy,
};
use cornu::{Array, DType, Error, Result, Shape};
use std::path::Path;

/// What stands for MNIST's test images where a file or folder may be named.
pub const MNIST: &str = "mnist";

/// Images, as a network takes them, and what is known of each.
pub struct Images {
    /// `(images, height, width)`: `uint8`, 0 for the background, or `float32`, from 0 to 1.
    pub pixels: Array,
    /// What to call each.
    pub names: Vec<String>,
    /// What each shows, if it is known.
    pub labels: Option<Vec<String>>,
}

impl Images {
    /// All images of a file, a folder, an array, or of MNIST.
    pub fn read(from: &Path, trained: &Trained, reading: &Reading) -> Result<Images> {
        if from == Path::new(MNIST) {
            Images::mnist(None)
        } else if from.is_dir() {
            Images::of_folder(from, trained, reading)
        } else if is_npy(from) {
            let array = read_npy(from)?;
            Images::of_array(array, trained).map_err(|e| e.within(from.display().to_string()))
        } else {
            Images::of_files(&[from], trained, reading)
        }
    }

    /// Test images of MNIST, these or all.
    pub fn mnist(places: Option<&[usize]>) -> Result<Images> {
        let test = digits::inside()?.test;
        let all: Vec<usize> = (0..test.len()).collect();
        let places = places.unwrap_or(&all);
        if let Some(place) = places.iter().find(|&&place| place >= test.len()) {
            return Err(Error::value(format!(
                "there is no test image {place}; MNIST has {}, counted from 0",
                say::grouped(test.len())
            )));
        }
        let classes = test.classes();
        Ok(Images {
            pixels: test.images.take(places)?,
            names: places.iter().map(|place| format!("{TEST_IMAGE}{place}")).collect(),
            labels: Some(places.iter().map(|&place| classes[place].to_string()).collect()),
        })
    }

    /// These files.
    pub fn of_files(files: &[&Path], trained: &Trained, reading: &Reading) -> Result<Images> {
        let mut images = load(&ImageFiles::from_paths(files), false, trained, reading)?;
        images.names = files.iter().map(|file| name(file)).collect();
        Ok(images)
    }

    /// All images of a folder. What is in a folder inside it, that folder's name tells.
    pub fn of_folder(folder: &Path, trained: &Trained, reading: &Reading) -> Result<Images> {
        let files = ImageFiles::in_folder(folder)?;
        let mut images = load(&files, reading.skip_unreadable, trained, reading)?;
        let below =
            |path: &str| Path::new(path).strip_prefix(folder).unwrap_or(Path::new(path)).to_owned();
        let paths: Vec<_> = images.names.iter().map(|path| below(path)).collect();
        let label = |path: &std::path::PathBuf| path.parent().map(name).filter(|l| !l.is_empty());
        images.labels = paths.iter().map(label).collect();
        images.names = paths.iter().map(|path| name(path)).collect();
        Ok(images)
    }

    /// The rows of an array: images, flat or not.
    pub fn of_array(array: Array, trained: &Trained) -> Result<Images> {
        let [height, width] = trained.size;
        let (count, pixels) = (array.rows(), height * width);
        let is_images = match *array.shape() {
            [_, n] => n == pixels,
            [_, h, w] | [_, h, w, 1] => [h, w] == trained.size,
            _ => false,
        };
        if !is_images || count == 0 {
            let shape = Shape::from(array.shape());
            return Err(Error::shape(format!(
                "expected images, (n, {height}, {width}) or (n, {pixels}), found {shape}"
            )));
        }
        let pixels = match array.dtype() {
            DType::U8 => array,
            DType::F32 => fractions(array)?,
            other => {
                let error =
                    Error::dtype(format!("expected uint8 or float32 images, found {other}"));
                return Err(error);
            }
        };
        let pixels = pixels.reshape([count, height, width])?;
        let names = (0..count).map(|row| format!("row {row}")).collect();
        Ok(Images { pixels, names, labels: None })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// These images, in this order.
    pub fn select(&self, places: &[usize]) -> Result<Images> {
        let chosen = |texts: &Vec<String>| places.iter().map(|&i| texts[i].clone()).collect();
        Ok(Images {
            pixels: self.pixels.take(places)?,
            names: chosen(&self.names),
            labels: self.labels.as_ref().map(chosen),
        })
    }

    /// These images and then others, whose labels count only if all have some.
    pub fn and(&self, others: &Images) -> Result<Images> {
        let mut shape = self.pixels.shape().to_vec();
        shape[0] += others.len();
        let pixels = match (self.pixels.dtype(), others.pixels.dtype()) {
            (DType::U8, DType::U8) => {
                let (a, b) = (self.pixels.as_slice::<u8>()?, others.pixels.as_slice::<u8>()?);
                Array::new(shape, [a, b].concat())?
            }
            _ => {
                let [a, b] = [fractions_of(&self.pixels)?, fractions_of(&others.pixels)?];
                Array::new(shape, [a, b].concat())?
            }
        };
        let labels = self.labels.clone().zip(others.labels.clone()).map(|(a, b)| [a, b].concat());
        let names = [self.names.as_slice(), &others.names].concat();
        Ok(Images { pixels, names, labels })
    }

    /// The images as a network's input takes them: in its shape, from 0 to 1.
    pub fn column(&self, sample: &Shape) -> Result<Column> {
        let mut shape = vec![self.len()];
        shape.extend(sample.dims().iter().skip(1).filter_map(|dim| dim.known()));
        let pixels = self.pixels.reshape(shape)?;
        Ok(match pixels.dtype() {
            DType::U8 => pixels.rescale(1.0 / 255.0),
            _ => Column::new(pixels),
        })
    }

    /// What the network's tower makes of the images, a row for each.
    pub fn embed(&self, trained: &Trained) -> Result<Array> {
        let inputs = trained.tower.inputs()?;
        trained.tower.predict(self.column(inputs[0].shape())?).batch_size(256).run()
    }

    /// What an image is, in a few words: its name, and its label if that is known and not in it.
    pub fn title(&self, place: usize) -> String {
        let name = &self.names[place];
        match &self.labels {
            Some(labels) if name.starts_with(TEST_IMAGE) => {
                format!("{name} (a {})", labels[place])
            }
            _ => name.clone(),
        }
    }

    /// What an image is, in few letters for a picture: a name without its ending, `7 (0)` for the
    /// seven that is test image 0.
    pub fn short_title(&self, place: usize) -> String {
        let name = &self.names[place];
        match (&self.labels, name.strip_prefix(TEST_IMAGE)) {
            (Some(labels), Some(number)) => format!("{} ({number})", labels[place]),
            (_, Some(number)) => number.to_owned(),
            _ => Path::new(name).with_extension("").to_string_lossy().into_owned(),
        }
    }
}

/// What stands before the place of a test image.
const TEST_IMAGE: &str = "test image ";

/// Whether a file is an array, by its name.
pub fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"))
}

/// A path for the screen and for tables.
pub fn name(path: &Path) -> String {
    say::printable(&path.to_string_lossy())
}

/// Pixels from 0 to 1.
fn fractions_of(pixels: &Array) -> Result<Vec<f32>> {
    match pixels.dtype() {
        DType::U8 => Ok(pixels.as_slice::<u8>()?.iter().map(|&p| f32::from(p) / 255.0).collect()),
        _ => pixels.clone().into_vec(),
    }
}

/// Floats are what the network computes with: from 0 to 1.
fn fractions(array: Array) -> Result<Array> {
    match array.as_slice::<f32>()?.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        None => Ok(array),
        Some(value) => {
            Err(Error::data(format!("float32 images go from 0 to 1, but one has {value}"))
                .help("save bytes, 0 to 255: array.astype('uint8')"))
        }
    }
}

/// Reads image files as the network takes them, under the names of the files.
fn load(files: &ImageFiles, skip: bool, trained: &Trained, reading: &Reading) -> Result<Images> {
    let [height, width] = trained.size;
    let set = read_images(files, skip, trained.size, ColorMode::Grayscale, reading)?;
    let names = set.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let pixels = set.images.reshape([set.paths.len(), height, width])?;
    Ok(Images { pixels, names, labels: None })
}

/// Reads image files in one size, and tells what was left out or inverted.
pub fn read_images(
    files: &ImageFiles,
    skip: bool,
    [height, width]: [usize; 2],
    color_mode: ColorMode,
    reading: &Reading,
) -> Result<ImageSet> {
    let reader = ImageReader::new()
        .color_mode(color_mode)
        .target_size(height, width)
        .interpolation(Interpolation::Bilinear)
        .invert(reading.invert.into())
        .skip_unreadable(skip);
    let set = files.load(&reader)?;
    for (_, error) in set.skipped.iter().take(3) {
        say::aside(format_args!("note: left out {}", say::printable(&error.to_string())));
    }
    if set.skipped.len() > 3 {
        say::aside(format_args!("note: left out {} more files", set.skipped.len() - 3));
    }
    let inverted = set.inverted.iter().filter(|&&inverted| inverted).count();
    if inverted > 0 && reading.invert == super::Inverting::Auto {
        let which = match set.paths.as_slice() {
            [one] => format!("{} is", name(one)),
            all => format!("{inverted} of {} images are", all.len()),
        };
        say::aside(format_args!(
            "note: {which} dark on light: turned to light on dark (--invert no leaves it so)"
        ));
    }
    Ok(set)
}

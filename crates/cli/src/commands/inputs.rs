//! Data for the inputs of any model: arrays, and images in the size that the input takes.

use super::images::{is_npy, name, read_images};
use super::{Inverting, Reading};
use crate::about::{self, ImageInput};
use crate::say;
use cornu::data::{ColorMode, Column, ImageFiles, read_npy, read_npz};
use cornu::model::Model;
use cornu::{Array, DType, Error, Result, Shape, Tensor};
use std::path::{Path, PathBuf};

/// What pixels are multiplied by, unless something else is known.
const TO_FRACTIONS: f32 = 1.0 / 255.0;

/// The data of all inputs.
pub struct Inputs {
    pub columns: Vec<Column>,
    /// What to call each sample.
    pub names: Vec<String>,
}

/// How data are brought to a model.
pub struct Preparation<'a> {
    pub model: &'a Model,
    pub reading: &'a Reading,
    /// What pixels are multiplied by, if somebody says it.
    pub scale: Option<f32>,
}

impl Preparation<'_> {
    /// Reads a file or folder for each input of the model, or one .npz file for all.
    pub fn read(&self, paths: &[PathBuf]) -> Result<Inputs> {
        let inputs = self.model.inputs()?;
        if let [path] = paths
            && has_ending(path, "npz")
        {
            return self.archive(path, &inputs);
        }
        if paths.len() != inputs.len() {
            let [wanted, given] = [inputs.len(), paths.len()].map(several);
            return Err(Error::value(format!("the model has {wanted}, but data for {given}"))
                .help("give each input its own --input (or --x), in the order of the model"));
        }
        let mut names = vec![];
        let mut columns = vec![];
        for (path, input) in paths.iter().zip(&inputs) {
            let (column, own) = self.file(path, input)?;
            columns.push(column);
            names.push(own);
        }
        same_counts(&columns, paths)?;
        // A sample of several inputs is called by all of them.
        let joined =
            |i: usize| names.iter().map(|own| own[i].as_str()).collect::<Vec<_>>().join(", ");
        let names = match names.iter().all(|own| own[..] == names[0][..]) {
            true => names.swap_remove(0),
            false => (0..names[0].len()).map(joined).collect(),
        };
        Ok(Inputs { columns, names })
    }

    /// The arrays of a file: by the names of the inputs, or as many in the same order.
    fn archive(&self, path: &Path, inputs: &[Tensor]) -> Result<Inputs> {
        let arrays = read_npz(path)?;
        let place = |e: Error| e.within(path.display().to_string());
        let layers = self.model.layers();
        let names = layers.iter().filter(|l| l.kind() == "InputLayer").map(|l| l.name().to_owned());
        let names: Vec<String> = names.collect();
        let by_name: Option<Vec<&Array>> =
            names.iter().map(|name| arrays.get(name).ok()).collect::<Option<_>>();
        let arrays: Vec<&Array> = match by_name.filter(|found| found.len() == inputs.len()) {
            Some(found) => found,
            None if arrays.len() == inputs.len() => {
                arrays.names().map(|name| &arrays[name]).collect()
            }
            None => {
                let [wanted, given] = [inputs.len(), arrays.len()].map(several);
                return Err(place(Error::data(format!(
                    "the model has {wanted}, the file {given}"
                ))));
            }
        };
        let columns = arrays.iter().zip(inputs);
        let columns = columns.map(|(array, input)| self.column((*array).clone(), input));
        let columns: Vec<Column> = columns.collect::<Result<_>>().map_err(place)?;
        let names = rows(columns.first().map_or(0, Column::len));
        Ok(Inputs { columns, names })
    }

    fn file(&self, path: &Path, input: &Tensor) -> Result<(Column, Vec<String>)> {
        if is_npy(path) {
            let column = self.column(read_npy(path)?, input);
            let column = column.map_err(|e| e.within(path.display().to_string()))?;
            let names = rows(column.len());
            return Ok((column, names));
        }
        self.images(path, input)
    }

    /// The rows of an array, in the shape and type of an input.
    fn column(&self, array: Array, input: &Tensor) -> Result<Column> {
        let sample = sample_of(input);
        let wrong = || {
            let found = format!("{}{}", array.dtype(), Shape::from(array.shape()));
            let wanted = format!("{}{}", input.dtype(), input.shape());
            Error::shape(format!("the model's input is {wanted}, but the array is {found}"))
        };
        let Some((_, own)) = array.shape().split_first() else { return Err(wrong()) };
        if !self.fits(own, &sample) {
            return Err(wrong().help("the first dimension counts the samples"));
        }
        let array = match own.len() == sample.len() {
            true => array,
            false => {
                let count = array.rows();
                let known = own.iter().product::<usize>();
                let shape = sample.iter().map(|size| size.unwrap_or(known));
                array.reshape([count].into_iter().chain(shape).collect::<Vec<_>>())?
            }
        };
        let scale = self.scale.or_else(|| about::image_input(self.model)?.rescale);
        match (array.dtype(), input.dtype()) {
            (DType::U8, DType::F32) => Ok(match scale {
                Some(scale) => Column::new(array).rescale(scale),
                None => Column::new(array.cast(DType::F32)),
            }),
            (from, to) if from == to => Ok(Column::new(array)),
            (DType::F32, _) => Err(Error::dtype(format!(
                "the model's input is {}, but the array is float32",
                input.dtype()
            ))),
            (_, to) => Ok(Column::new(array.cast(to))),
        }
    }

    /// Whether samples of one shape are those of an input: the same but for sizes of 1, or the
    /// pixels of an image in rows or not.
    fn fits(&self, own: &[usize], sample: &[Option<usize>]) -> bool {
        let same = |(own, size): (&usize, &Option<usize>)| size.is_none_or(|size| size == *own);
        if own.len() == sample.len() {
            return own.iter().zip(sample).all(same);
        }
        let without_ones =
            |own: &[usize]| own.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
        let Some(known) = sample.iter().copied().collect::<Option<Vec<usize>>>() else {
            return false;
        };
        let image = about::image_input(self.model).map(|input| input.size.to_vec());
        let is_image = image.is_some_and(|size| {
            let pixels: usize = size.iter().product();
            let of_image = |shape: &[usize]| shape == size || *shape == [pixels];
            of_image(&without_ones(own)) && of_image(&without_ones(&known))
        });
        is_image || without_ones(own) == without_ones(&known)
    }

    /// An image, or all images of a folder.
    fn images(&self, path: &Path, input: &Tensor) -> Result<(Column, Vec<String>)> {
        let place = |e: Error| e.within(path.display().to_string());
        let image = self.image_input(input).map_err(place)?;
        let (files, skip) = match path.is_dir() {
            true => (ImageFiles::in_folder(path)?, self.reading.skip_unreadable),
            false => (ImageFiles::from_paths([path]), false),
        };
        let mut reading = self.reading.clone();
        if !image.on_dark && reading.invert == Inverting::Auto {
            reading.invert = Inverting::No;
        }
        let set = read_images(&files, skip, image.size, image.color_mode, &reading)?;
        let shape = sample_of(input).into_iter().flatten();
        let pixels = set
            .images
            .reshape([set.paths.len()].into_iter().chain(shape).collect::<Vec<usize>>())?;
        let scale = self.scale.or(image.rescale).unwrap_or(1.0);
        let column = match input.dtype() {
            DType::F32 => Column::new(pixels).rescale(scale),
            other => Column::new(pixels.cast(other)),
        };
        let below = |file: &PathBuf| {
            name(
                file.strip_prefix(path)
                    .ok()
                    .filter(|rest| !rest.as_os_str().is_empty())
                    .unwrap_or(file),
            )
        };
        Ok((column, set.paths.iter().map(below).collect()))
    }

    /// How images are brought to an input: as the file says, or as the shape has it.
    fn image_input(&self, input: &Tensor) -> Result<ImageInput> {
        let sample: Vec<usize> = sample_of(input).into_iter().flatten().collect();
        let said = about::image_input(self.model);
        let matches = |image: &ImageInput| {
            let [height, width] = image.size;
            sample.iter().product::<usize>() == height * width * image.color_mode.channels()
        };
        if let Some(image) = said.filter(matches) {
            return Ok(image);
        }
        let (size, color_mode) = match *sample.as_slice() {
            [height, width] | [height, width, 1] => ([height, width], ColorMode::Grayscale),
            [height, width, 3] => ([height, width], ColorMode::Rgb),
            _ => {
                let shape = input.shape();
                return Err(Error::data(format!("the model's input, {shape}, takes no images"))
                    .help(
                        "images are (height, width), or with 1 or 3 channels; name a .npy file",
                    ));
            }
        };
        let rescale = match self.scales_itself() {
            true => None,
            false => Some(TO_FRACTIONS),
        };
        if rescale.is_some() && self.scale.is_none() {
            say::aside(
                "note: the file does not say how pixels are scaled: from 0 to 1 (--scale X)",
            );
        }
        Ok(ImageInput { size, color_mode, on_dark: false, rescale })
    }

    /// Whether the model begins with a layer that scales pixels.
    fn scales_itself(&self) -> bool {
        let layers = self.model.layers();
        let mut kinds =
            layers.iter().map(|layer| layer.kind()).filter(|kind| *kind != "InputLayer");
        matches!(kinds.next(), Some("Rescaling" | "Normalization"))
    }
}

/// The sizes of a sample, where they are known.
fn sample_of(input: &Tensor) -> Vec<Option<usize>> {
    input.shape().dims().iter().skip(1).map(|dim| dim.known()).collect()
}

fn same_counts(columns: &[Column], paths: &[PathBuf]) -> Result<()> {
    let first = columns.first().map_or(0, Column::len);
    for (column, path) in columns.iter().zip(paths) {
        if column.len() != first || first == 0 {
            let (own, place) = (column.len(), path.display().to_string());
            let message = match first {
                0 => "it has no samples".to_owned(),
                _ => format!("it has {own} samples, those of the first input are {first}"),
            };
            return Err(Error::data(message).within(place));
        }
    }
    Ok(())
}

fn rows(count: usize) -> Vec<String> {
    (0..count).map(|row| format!("row {row}")).collect()
}

fn several(count: usize) -> String {
    if count == 1 { "1 input".to_owned() } else { format!("{count} inputs") }
}

/// Whether a file's name ends so.
pub fn has_ending(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted))
}

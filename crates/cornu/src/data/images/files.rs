//! The images of a folder, with or without classes, at once or batch by batch.

use super::ImageReader;
use crate::data::{ArrayExt, Batch, IntoBatch};
use cornu_graph::philox::Philox;
use cornu_graph::{Array, Error, Result, Shape};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The ends of names that images have, in small letters.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// The image files of a folder, in a fixed order, before they are read.
///
/// Files count by their names: `.png`, `.jpg`, `.jpeg`, in small or large letters; what begins with a
/// dot does not. Subfolders are searched too. A link to a folder is not followed, nor is one to a
/// file outside the folder.
///
/// ```
/// use cornu::data::{ImageFiles, ImageReader, save_image};
/// use cornu::prelude::*;
///
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
/// let image = Array::new([2, 2], vec![0u8, 50, 100, 150])?;
/// for path in ["pets/cat/1.png", "pets/dog/1.png", "pets/dog/2.png"] {
///     save_image(path, &image)?;
/// }
/// let pets = ImageFiles::with_classes("pets")?;
/// assert_eq!(pets.class_names(), ["cat", "dog"]);
///
/// let all = pets.load(&ImageReader::new())?;
/// assert_eq!(all.images.shape(), [3, 2, 2, 3]);
/// assert_eq!(all.classes()?, [0, 1, 1]);
///
/// // Folders larger than memory, some images at a time.
/// for batch in pets.batches(&ImageReader::new().target_size(64, 64), 2) {
///     assert!(batch?.images.rows() <= 2);
/// }
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// A model trains on them without having all in memory: each batch is read while the one before it
/// is trained on. The files are in the order of their classes, so they are shuffled, in another order
/// in each epoch.
///
/// ```
/// use cornu::data::{Generator, ImageFiles, ImageReader, save_image};
/// use cornu::prelude::*;
///
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
/// # for (pet, pixel) in [("cat", 0u8), ("dog", 200)] {
/// #     for i in 0..3 {
/// #         let image = Array::new([8, 8], vec![pixel + i; 64])?;
/// #         save_image(format!("pets/{pet}/{i}.png"), &image)?;
/// #     }
/// # }
/// let pets = ImageFiles::with_classes("pets")?;
/// let reader = ImageReader::new().target_size(8, 8);
///
/// let mut model = Sequential::new()
///     .add(Input::new([8, 8, 3]))
///     .add(Flatten::new())
///     .add(Dense::new(2).activation("softmax"));
/// model.compile("adam", "sparse_categorical_crossentropy").build()?;
///
/// let batches =
///     Generator::each_epoch(|epoch| pets.clone().shuffle(epoch as u64).into_batches(&reader, 2));
/// model.fit_generator(batches).epochs(2).verbose(0).run()?;
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFiles {
    paths: Vec<PathBuf>,
    /// For each file, or none for all.
    labels: Vec<i32>,
    class_names: Vec<String>,
}

impl ImageFiles {
    /// The images of a folder that has a subfolder for each class. The classes are the names of the
    /// subfolders in their order, by code points as Python sorts them; within a class the files are
    /// in the order of their folders and names. That is Keras's `image_dataset_from_directory`.
    ///
    /// # Errors
    /// If the folder cannot be read, or has not at least two subfolders with images in each.
    pub fn with_classes(folder: impl AsRef<Path>) -> Result<ImageFiles> {
        let folder = folder.as_ref();
        classes(folder).map_err(|error| error.within(folder.display().to_string()))
    }

    /// The images of a folder and of the folders in it, without classes.
    ///
    /// # Errors
    /// If the folder cannot be read, or there are no images in it.
    pub fn in_folder(folder: impl AsRef<Path>) -> Result<ImageFiles> {
        let folder = folder.as_ref();
        let flat = || {
            let root = fs::canonicalize(folder).map_err(crate::data::raw::broken)?;
            let (paths, others) = images_below(folder, &root)?;
            match paths.is_empty() {
                true => Err(no_images(others)),
                false => Ok(ImageFiles::from_paths(paths)),
            }
        };
        flat().map_err(|error: Error| error.within(folder.display().to_string()))
    }

    /// These files, in this order, whatever their names end in.
    pub fn from_paths(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> ImageFiles {
        let paths = paths.into_iter().map(Into::into).collect();
        ImageFiles { paths, labels: vec![], class_names: vec![] }
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The files.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The names of the classes; none if the files have no classes.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Reads all files.
    ///
    /// # Errors
    /// If a file cannot be read ([`ImageReader::skip_unreadable`] leaves it out), or none is left,
    /// or they differ in size and the reader has no target size.
    pub fn load(&self, reader: &ImageReader) -> Result<ImageSet> {
        reader.check()?;
        let mut batches = self.batches(reader, self.len().max(1));
        let set =
            batches.next().unwrap_or_else(|| Err(Error::data("there are no files to read")))?;
        set.with_images()
    }

    /// The files in another order, each with its class. The seed decides the order.
    pub fn shuffle(mut self, seed: u64) -> ImageFiles {
        let mut order: Vec<usize> = (0..self.len()).collect();
        Philox::new(seed).shuffle(&mut order);
        self.paths = order.iter().map(|&file| std::mem::take(&mut self.paths[file])).collect();
        if !self.labels.is_empty() {
            self.labels = order.iter().map(|&file| self.labels[file]).collect();
        }
        self
    }

    /// Reads the files batch by batch. Only one batch is in memory.
    pub fn batches(&self, reader: &ImageReader, batch_size: usize) -> ImageBatches<'_> {
        ImageBatches::new(Cow::Borrowed(self), reader, batch_size)
    }

    /// As [`ImageFiles::batches`], for who has no further use of the files.
    pub fn into_batches(self, reader: &ImageReader, batch_size: usize) -> ImageBatches<'static> {
        ImageBatches::new(Cow::Owned(self), reader, batch_size)
    }
}

/// Images that were read.
#[derive(Clone, Debug)]
pub struct ImageSet {
    /// `uint8 (images, height, width, channels)`.
    pub images: Array,
    /// The class of each image, `int32 (images,)`, if there are classes.
    pub labels: Option<Array>,
    /// The names of the classes; none if there are no classes.
    pub class_names: Vec<String>,
    /// The file of each image.
    pub paths: Vec<PathBuf>,
    /// Whether each image was inverted.
    pub inverted: Vec<bool>,
    /// The files that could not be read, and why, if the reader skips them.
    pub skipped: Vec<(PathBuf, Error)>,
}

impl ImageSet {
    /// The set, if it has an image at all.
    fn with_images(self) -> Result<ImageSet> {
        match self.skipped.first() {
            Some((_, error)) if self.paths.is_empty() => {
                let count = self.skipped.len();
                Err(Error::data(format!("none of {count} files is an image; the first: {error}")))
            }
            _ => Ok(self),
        }
    }

    /// The class of each image as bytes, as [`Pairs`](crate::data::Pairs) takes them.
    ///
    /// # Errors
    /// If the images have no classes, or more than 256.
    pub fn classes(&self) -> Result<Vec<u8>> {
        let labels = self.labels.as_ref().ok_or_else(|| {
            Error::data("the images have no classes")
                .help("read them with ImageFiles::with_classes")
        })?;
        let byte = |&label: &i32| {
            u8::try_from(label).map_err(|_| Error::data("there are more than 256 classes"))
        };
        labels.as_slice::<i32>()?.iter().map(byte).collect()
    }
}

/// What a model is trained on: the images from 0 to 1, and their classes as the targets. Without
/// classes there are no targets.
///
/// ```
/// use cornu::data::{ImageFiles, ImageReader, IntoBatch, save_image};
/// use cornu::prelude::*;
///
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
/// save_image("black.png", &Array::new([1, 2], vec![0u8, 0])?)?;
/// save_image("white.png", &Array::new([1, 2], vec![255u8, 255])?)?;
///
/// let set = ImageFiles::from_paths(["black.png", "white.png"]).load(&ImageReader::new())?;
/// let batch = set.into_batch()?;
/// assert_eq!(batch.x[0].select(1..2)?.to_array()?.into_vec::<f32>()?, [1.0; 6]);
/// assert!(batch.y.is_empty());
/// # Ok::<(), cornu::Error>(())
/// ```
impl IntoBatch for ImageSet {
    fn into_batch(self) -> Result<Batch> {
        let set = self.with_images()?;
        let x = set.images.rescale(1.0 / 255.0);
        Ok(match set.labels {
            Some(labels) => Batch::new(x, labels),
            None => Batch::inputs(x),
        })
    }
}

/// The batches of [`ImageFiles::batches`]. The last may be smaller. After an error there are no more.
#[derive(Debug)]
pub struct ImageBatches<'a> {
    files: Cow<'a, ImageFiles>,
    reader: ImageReader,
    batch_size: usize,
    next: usize,
    /// The image that the next batch begins with, if it was read already.
    ahead: Option<FromFile>,
    /// The shape of the first image, and its file: all others must have it.
    size: Option<(Vec<usize>, PathBuf)>,
}

/// An image, its file's place among the files, and whether it was inverted.
#[derive(Debug)]
struct FromFile {
    image: Array,
    place: usize,
    inverted: bool,
}

impl Iterator for ImageBatches<'_> {
    type Item = Result<ImageSet>;

    fn next(&mut self) -> Option<Result<ImageSet>> {
        if self.next >= self.files.len() && self.ahead.is_none() {
            return None;
        }
        let batch = self.read();
        if batch.is_err() {
            (self.next, self.ahead) = (self.files.len(), None);
        }
        Some(batch)
    }
}

impl<'a> ImageBatches<'a> {
    fn new(files: Cow<'a, ImageFiles>, reader: &ImageReader, batch_size: usize) -> Self {
        ImageBatches { files, reader: reader.clone(), batch_size, next: 0, ahead: None, size: None }
    }

    fn read(&mut self) -> Result<ImageSet> {
        self.reader.check()?;
        if self.batch_size == 0 {
            return Err(Error::value("batch_size must be at least 1, not 0"));
        }
        let (mut pixels, mut labels, mut inverted) = (vec![], Vec::<i32>::new(), vec![]);
        let (mut paths, mut skipped) = (vec![], vec![]);
        while paths.len() < self.batch_size {
            let Some(read) = self.next_image(&mut skipped)? else { break };
            let path = self.files.paths[read.place].clone();
            self.check_size(&read.image, &path)?;
            pixels.extend_from_slice(read.image.as_slice::<u8>()?);
            labels.extend(self.files.labels.get(read.place));
            inverted.push(read.inverted);
            paths.push(path);
        }
        if self.reader.skip_unreadable {
            // If only files follow that are left out, they are told of here: there is no batch of
            // nothing.
            self.ahead = self.next_image(&mut skipped)?;
        }
        let channels = self.reader.color_mode.channels();
        let none = || vec![0, 0, channels];
        let size = self.size.as_ref().map_or_else(none, |(shape, _)| shape.clone());
        let images = Array::new([vec![paths.len()], size].concat(), pixels)?;
        let class_names = self.files.class_names.clone();
        let has_classes = !class_names.is_empty();
        let labels = has_classes.then(|| Array::new([labels.len()], labels)).transpose()?;
        Ok(ImageSet { images, labels, class_names, paths, inverted, skipped })
    }

    /// The next image that can be read; those that cannot be are told.
    fn next_image(&mut self, skipped: &mut Vec<(PathBuf, Error)>) -> Result<Option<FromFile>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        while let Some(path) = self.files.paths.get(self.next) {
            let place = self.next;
            self.next += 1;
            match self.reader.read(path) {
                Ok((image, inverted)) => return Ok(Some(FromFile { image, place, inverted })),
                Err(error) if self.reader.skip_unreadable => skipped.push((path.clone(), error)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Checks that an image has the size of the first.
    fn check_size(&mut self, image: &Array, path: &Path) -> Result<()> {
        let (size, first) =
            self.size.get_or_insert_with(|| (image.shape().to_vec(), path.to_owned()));
        if *size == image.shape() {
            return Ok(());
        }
        let (found, expected) = (Shape::from(image.shape()), Shape::from(size.as_slice()));
        Err(Error::data(format!("the image is {found}, but {} is {expected}", first.display()))
            .within(path.display().to_string())
            .help("bring all to one size: .target_size(height, width)"))
    }
}

fn classes(folder: &Path) -> Result<ImageFiles> {
    let root = fs::canonicalize(folder).map_err(crate::data::raw::broken)?;
    let folders = subfolders(folder)?;
    if folders.len() < 2 {
        let here = images_in(folder, &root)?.0.len();
        let error = match folders.first() {
            None => Error::data("there are no subfolders, expected one for each class"),
            Some(one) => Error::data(format!(
                "there is one subfolder only, '{}', expected one for each class",
                name(one)
            )),
        };
        return Err(match here {
            0 => error.help("put the images of each class into a folder of the class's name"),
            n => error.help(format!("ImageFiles::in_folder reads the {n} images in it unclassed")),
        });
    }
    let (mut paths, mut labels, mut class_names) = (vec![], vec![], vec![]);
    for (class, folder) in folders.iter().enumerate() {
        let (images, others) = images_below(folder, &root)?;
        if images.is_empty() {
            return Err(no_images(others).within(name(folder)));
        }
        let class = i32::try_from(class).map_err(|_| Error::data("there are too many classes"))?;
        labels.extend(images.iter().map(|_| class));
        paths.extend(images);
        class_names.push(name(folder));
    }
    Ok(ImageFiles { paths, labels, class_names })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn no_images(others: usize) -> Error {
    let endings = ENDINGS.map(|ending| format!(".{ending}")).join(", ");
    let error = Error::data(format!("there are no images in this folder ({endings})"));
    match others {
        0 => error,
        n => error.help(format!("it has {n} other files; save them as PNG or JPEG")),
    }
}

/// The entries of a folder that do not begin with a dot, sorted by their names.
fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    let broken = crate::data::raw::broken;
    if !fs::metadata(folder).map_err(broken)?.is_dir() {
        return Err(Error::file("this is a file, not a folder"));
    }
    let entries: std::io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
    let mut entries = entries.map_err(broken)?;
    entries.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// The folders in a folder; links to folders are none.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = entries(folder)?.into_iter();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    Ok(folders.map(|entry| entry.path()).collect())
}

/// The images of a folder and all folders below, and how many other files there are. The folders
/// are in the order of their paths.
fn images_below(folder: &Path, root: &Path) -> Result<(Vec<PathBuf>, usize)> {
    let mut folders = vec![folder.to_owned()];
    let mut place = 0;
    while place < folders.len() {
        folders.extend(subfolders(&folders[place])?);
        place += 1;
    }
    folders.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    let (mut images, mut others) = (vec![], 0);
    for folder in folders {
        let (found, rest) = images_in(&folder, root)?;
        images.extend(found);
        others += rest;
    }
    Ok((images, others))
}

/// The images that lie in a folder itself, and how many other files there are.
fn images_in(folder: &Path, root: &Path) -> Result<(Vec<PathBuf>, usize)> {
    let files = entries(folder)?.into_iter().filter(|entry| is_file_within(entry, root));
    let is_image = |path: &PathBuf| {
        let ending = path.extension().and_then(OsStr::to_str).map(str::to_lowercase);
        ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    };
    let (images, others): (Vec<_>, Vec<_>) =
        files.map(|entry| entry.path()).partition(|path| is_image(path));
    Ok((images, others.len()))
}

/// Whether this is a file, or a link to one inside the folder that was asked for.
fn is_file_within(entry: &fs::DirEntry, root: &Path) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => fs::canonicalize(entry.path())
            .is_ok_and(|target| target.starts_with(root) && target.is_file()),
        Ok(kind) => kind.is_file(),
        Err(_) => false,
    }
}

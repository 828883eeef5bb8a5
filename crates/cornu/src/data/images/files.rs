//! The images of a folder, with or without classes, at once or batch by batch.

use super::ImageReader;
use cornu_graph::{Array, Error, Result, Shape};
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
        match set.skipped.first() {
            Some((_, error)) if set.paths.is_empty() => {
                let count = set.skipped.len();
                Err(Error::data(format!("none of {count} files is an image; the first: {error}")))
            }
            _ => Ok(set),
        }
    }

    /// Reads the files batch by batch. Only one batch is in memory.
    pub fn batches(&self, reader: &ImageReader, batch_size: usize) -> ImageBatches<'_> {
        ImageBatches { files: self, reader: reader.clone(), batch_size, next: 0, size: None }
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

/// The batches of [`ImageFiles::batches`]. The last may be smaller. After an error there are no more.
#[derive(Debug)]
pub struct ImageBatches<'a> {
    files: &'a ImageFiles,
    reader: ImageReader,
    batch_size: usize,
    next: usize,
    /// The shape of the first image, and its file: all others must have it.
    size: Option<(Vec<usize>, PathBuf)>,
}

impl Iterator for ImageBatches<'_> {
    type Item = Result<ImageSet>;

    fn next(&mut self) -> Option<Result<ImageSet>> {
        if self.next >= self.files.len() {
            return None;
        }
        let batch = self.read();
        if batch.is_err() {
            self.next = self.files.len();
        }
        Some(batch)
    }
}

impl ImageBatches<'_> {
    fn read(&mut self) -> Result<ImageSet> {
        self.reader.check()?;
        if self.batch_size == 0 {
            return Err(Error::value("batch_size must be at least 1, not 0"));
        }
        let files = self.files;
        let (mut pixels, mut labels, mut inverted) = (vec![], Vec::<i32>::new(), vec![]);
        let (mut paths, mut skipped) = (vec![], vec![]);
        while paths.len() < self.batch_size && self.next < files.len() {
            let path = &files.paths[self.next];
            let read = self.reader.read(path);
            self.next += 1;
            let (image, was_inverted) = match read {
                Ok(read) => read,
                Err(error) if self.reader.skip_unreadable => {
                    skipped.push((path.clone(), error));
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.check_size(&image, path)?;
            pixels.extend_from_slice(image.as_slice::<u8>()?);
            labels.extend(files.labels.get(self.next - 1));
            inverted.push(was_inverted);
            paths.push(path.clone());
        }
        let channels = self.reader.color_mode.channels();
        let none = || vec![0, 0, channels];
        let size = self.size.as_ref().map_or_else(none, |(shape, _)| shape.clone());
        let images = Array::new([vec![paths.len()], size].concat(), pixels)?;
        let has_classes = !files.class_names.is_empty();
        let labels = has_classes.then(|| Array::new([labels.len()], labels)).transpose()?;
        let class_names = files.class_names.clone();
        Ok(ImageSet { images, labels, class_names, paths, inverted, skipped })
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

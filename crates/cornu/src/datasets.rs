//! Data sets that come with Cornu, or that lie in a folder.

use crate::data::{Column, read_idx};
use cornu_graph::{Array, DType, Error, Result, Shape};
use std::path::{Path, PathBuf};

/// MNIST, or a data set in its format: images to learn from, and images to test on.
#[derive(Clone, Debug)]
pub struct Mnist {
    /// The images to learn from: 60,000 of MNIST's.
    pub train: LabelledImages,
    /// The images to test on: 10,000 of MNIST's.
    pub test: LabelledImages,
}

/// Grey images and the class of each.
#[derive(Clone, Debug)]
pub struct LabelledImages {
    /// `uint8 (images, rows, columns)`, 0 to 255. In MNIST 0 is paper and 255 is ink.
    pub images: Array,
    /// The class of each image, `uint8 (images,)`.
    pub labels: Array,
}

impl LabelledImages {
    /// How many images there are.
    pub fn len(&self) -> usize {
        self.images.rows()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The images as rows of numbers in 0..1, `(images, rows * columns)`, for dense layers. They
    /// stay bytes, and are scaled when they are used.
    pub fn flat(&self) -> Column {
        let pixels = self.images.shape().iter().skip(1).product();
        let flat = self.images.reshape([self.len(), pixels]).expect("as many pixels as before");
        Column::new(flat).rescale(1.0 / 255.0)
    }

    /// The images in their shape with numbers in 0..1, `(images, rows, columns)`. They stay bytes,
    /// and are scaled when they are used.
    pub fn scaled(&self) -> Column {
        Column::from(&self.images).rescale(1.0 / 255.0)
    }

    /// Only these images, in this order.
    ///
    /// # Errors
    /// If there are not so many.
    pub fn take(&self, rows: &[usize]) -> Result<LabelledImages> {
        Ok(LabelledImages { images: self.images.take(rows)?, labels: self.labels.take(rows)? })
    }

    /// The class of each image. Empty if [`LabelledImages::labels`] was given another type.
    pub fn classes(&self) -> &[u8] {
        self.labels.as_slice().unwrap_or_default()
    }
}

/// The 70,000 handwritten digits of MNIST. They are inside the program: nothing is downloaded.
///
/// The first call decodes them, which takes a fraction of a second; all later ones share them.
///
/// # Errors
/// If the data inside the program is damaged.
///
/// ```
/// use cornu::prelude::*;
///
/// let mnist = datasets::mnist()?;
/// assert_eq!(mnist.train.images.shape(), [60_000, 28, 28]);
/// assert_eq!(mnist.test.classes()[..3], [7, 2, 1]);
///
/// // For a dense layer: rows of 784 numbers in 0..1.
/// assert_eq!(mnist.train.flat().sample_shape(), [784]);
/// assert_eq!(mnist.train.flat().dtype(), DType::F32);
/// # Ok::<(), cornu::Error>(())
/// ```
#[cfg(feature = "mnist")]
pub fn mnist() -> Result<Mnist> {
    use std::sync::OnceLock;
    static MNIST: OnceLock<Result<Mnist>> = OnceLock::new();

    fn images(
        split: Result<cornu_mnist::Split, cornu_mnist::DecodeError>,
    ) -> Result<LabelledImages> {
        let split = split.map_err(|e| Error::data(e.to_string()))?;
        let shape = [split.len(), cornu_mnist::ROWS, cornu_mnist::COLUMNS];
        let labels = Array::new([split.len()], split.labels)?;
        Ok(LabelledImages { images: Array::new(shape, split.images)?, labels })
    }
    let decode =
        || Ok(Mnist { train: images(cornu_mnist::train())?, test: images(cornu_mnist::test())? });
    MNIST.get_or_init(decode).clone()
}

/// MNIST from its four files in a folder, or a data set in the same format, such as Fashion-MNIST.
///
/// The files have the names their authors gave them, `train-images-idx3-ubyte`,
/// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, and may end in
/// `.gz`. A dot in the place of the last-but-one hyphen, as some programs write it, is the same.
///
/// # Errors
/// If a file is missing or damaged, or images and labels are not equally many.
///
/// ```no_run
/// let fashion = cornu::datasets::mnist_from("data/fashion-mnist")?;
/// assert_eq!(fashion.train.images.shape(), [60_000, 28, 28]);
/// # Ok::<(), cornu::Error>(())
/// ```
pub fn mnist_from(folder: impl AsRef<Path>) -> Result<Mnist> {
    let folder = folder.as_ref();
    Ok(Mnist { train: labelled(folder, "train")?, test: labelled(folder, "t10k")? })
}

fn labelled(folder: &Path, part: &str) -> Result<LabelledImages> {
    let images = bytes(&find(folder, &format!("{part}-images"), "idx3-ubyte")?, 3)?;
    let labels = bytes(&find(folder, &format!("{part}-labels"), "idx1-ubyte")?, 1)?;
    if images.rows() == labels.rows() {
        return Ok(LabelledImages { images, labels });
    }
    let (images, labels) = (images.rows(), labels.rows());
    Err(Error::data(format!("{part} has {images} images but {labels} labels"))
        .within(folder.display().to_string()))
}

/// The file of this name, in one of its spellings.
fn find(folder: &Path, name: &str, format: &str) -> Result<PathBuf> {
    let spellings = ["-", "."].iter().flat_map(|dot| ["", ".gz"].map(|gz| (dot, gz)));
    let mut paths = spellings.map(|(dot, gz)| folder.join(format!("{name}{dot}{format}{gz}")));
    paths.find(|path| path.is_file()).ok_or_else(|| {
        Error::file(format!("there is no file {name}-{format} or {name}-{format}.gz"))
            .within(folder.display().to_string())
    })
}

/// Reads an array of bytes of this rank.
fn bytes(path: &Path, rank: usize) -> Result<Array> {
    let array = read_idx(path)?;
    if array.dtype() == DType::U8 && array.shape().len() == rank {
        return Ok(array);
    }
    let (dtype, shape) = (array.dtype(), Shape::from(array.shape()));
    Err(Error::file(format!("expected uint8 values in {rank} dimensions, found {dtype}{shape}"))
        .within(path.display().to_string()))
}

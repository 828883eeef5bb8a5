//! Points in space with labels and thumbnails, for TensorBoard's Projector.

use super::image::Images;
use super::{Writer, plain};
use crate::data::Column;
use crate::saving;
use cornu_graph::{Array, Error, Result, Shape, Values};
use std::ffi::OsStr;
use std::fmt::{Display, Write as _};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The file in which TensorBoard looks for what to show.
const CONFIG: &str = "projector_config.pbtxt";

/// Embeddings to look at in TensorBoard's Projector, which turns them, projects them (PCA, t-SNE,
/// UMAP) and finds neighbours.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::tensorboard::{Embeddings, Projector};
/// # let folder = tempfile::tempdir()?;
/// # let logs = folder.path().join("logs");
/// # let tower: Model = Sequential::new().add(Input::new([784])).add(Dense::new(16)).into();
/// # let (x_test, y_test) = (Array::zeros([10, 784], DType::F32), vec![1u8; 10]);
///
/// let embeddings = tower.predict(&x_test).run()?;
/// Projector::new(&logs)
///     .add(Embeddings::new("digits", &embeddings).labels(&y_test).images(&x_test))
///     .write()?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// The folder is the one that TensorBoard is started with, or that of a run in it.
#[must_use = "nothing is written until .write() is called"]
#[derive(Debug)]
pub struct Projector {
    folder: PathBuf,
    embeddings: Vec<Embeddings>,
}

/// Points of one space and what belongs to each.
#[derive(Clone, Debug)]
pub struct Embeddings {
    name: String,
    points: Array,
    columns: Vec<(String, Vec<String>)>,
    metadata_path: Option<PathBuf>,
    images: Option<Column>,
}

impl Embeddings {
    /// Points, one in each row of an array of shape `(points, dimensions)`: outputs of a model, or
    /// the kernel of an `Embedding`.
    pub fn new(name: impl Into<String>, points: &Array) -> Embeddings {
        Embeddings {
            name: name.into(),
            points: points.clone(),
            columns: vec![],
            metadata_path: None,
            images: None,
        }
    }

    /// A label for each point. The points can be coloured and searched by them.
    pub fn labels<T: ToString>(self, labels: impl IntoIterator<Item = T>) -> Embeddings {
        self.column("label", labels)
    }

    /// One more thing to tell of each point, under a name.
    pub fn column<T: ToString>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Embeddings {
        let values = values.into_iter().map(|value| value.to_string()).collect();
        self.columns.push((name.into(), values));
        self
    }

    /// A file of labels that is there already, or will be, in the projector's folder: one line for
    /// each point, or columns between tabs below a line of their names.
    pub fn metadata_path(mut self, path: impl Into<PathBuf>) -> Embeddings {
        self.metadata_path = Some(path.into());
        self
    }

    /// An image for each point, which is shown in its place. Shapes and ranges are those of
    /// [`Writer::image`](super::Writer::image).
    pub fn images(mut self, images: impl Into<Column>) -> Embeddings {
        self.images = Some(images.into());
        self
    }

    fn check(&self) -> Result<()> {
        let &[rows, dimensions] = self.points.shape() else {
            let shape = Shape::from(self.points.shape());
            return Err(Error::shape(format!("the points are of shape {shape}"))
                .help("an embedding is (points, dimensions); Flatten what has more"));
        };
        if rows == 0 || dimensions == 0 {
            return Err(Error::data("there are no points"));
        }
        let values = self.points.values().to_f64();
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::data(format!("point {} has a {}", at / dimensions, values[at])));
        }
        if self.metadata_path.is_some() && !self.columns.is_empty() {
            return Err(Error::value("there are both labels and a file of labels"));
        }
        for (i, (name, values)) in self.columns.iter().enumerate() {
            if values.len() != rows {
                return Err(Error::data(format!(
                    "'{name}' has {} values for {rows} points",
                    values.len()
                )));
            }
            if self.columns[..i].iter().any(|(other, _)| other == name) {
                return Err(Error::value(format!("two columns are named '{name}'")));
            }
        }
        match &self.images {
            Some(images) if images.len() != rows => {
                Err(Error::data(format!("there are {} images for {rows} points", images.len())))
            }
            _ => Ok(()),
        }
    }
}

impl Projector {
    /// A projector in a log folder.
    pub fn new(folder: impl Into<PathBuf>) -> Projector {
        Projector { folder: folder.into(), embeddings: vec![] }
    }

    /// Adds embeddings.
    #[allow(clippy::should_implement_trait)] // As of a Sequential.
    pub fn add(mut self, embeddings: Embeddings) -> Projector {
        self.embeddings.push(embeddings);
        self
    }

    /// Writes all files, in the place of those of an earlier projector in this folder. Each is written
    /// whole: TensorBoard, if it runs, never reads half of one.
    ///
    /// # Errors
    /// If the points are no matrix of finite numbers, labels or images are not as many as the points,
    /// two embeddings have one name, or a file cannot be written.
    pub fn write(&self) -> Result<()> {
        if self.embeddings.is_empty() {
            return Err(Error::value("the projector has no embeddings"));
        }
        let mut config = String::new();
        for (i, embeddings) in self.embeddings.iter().enumerate() {
            let name = plain(&embeddings.name);
            if self.embeddings[..i].iter().any(|other| plain(&other.name) == name) {
                return Err(Error::value(format!("two embeddings are named '{name}'")));
            }
            let within = |e: Error| e.within(format!("embeddings '{}'", embeddings.name));
            embeddings.check().map_err(within)?;
            config += &self.write_one(embeddings, &name).map_err(within)?;
        }
        // After what it names.
        saving::write_whole(&self.folder.join(CONFIG), config.as_bytes())?;
        self.make_run()
    }

    /// TensorBoard looks for the configuration in folders with events only.
    fn make_run(&self) -> Result<()> {
        let is_events = |name: &OsStr| name.to_string_lossy().contains("tfevents");
        let mut entries = fs::read_dir(&self.folder)?.flatten();
        match entries.any(|entry| is_events(&entry.file_name())) {
            true => Ok(()),
            false => Writer::new(&self.folder).map(drop),
        }
    }

    /// Writes the files of one; returns its part of the configuration, an `EmbeddingInfo` of
    /// TensorBoard's `projector_config.proto` as text.
    fn write_one(&self, embeddings: &Embeddings, name: &str) -> Result<String> {
        let part = PathBuf::from("projector").join(name);
        let write = |file: &str, bytes: &[u8]| -> Result<String> {
            saving::write_whole(&self.folder.join(&part).join(file), bytes)?;
            Ok(format!("projector/{name}/{file}"))
        };
        let mut fields = format!("  tensor_name: {}\n", quoted(name));
        let points = write("tensors.tsv", points_tsv(&embeddings.points).as_bytes())?;
        let _ = writeln!(fields, "  tensor_path: {}", quoted(&points));
        let metadata = match &embeddings.metadata_path {
            Some(path) => Some(inside(path)?),
            None if embeddings.columns.is_empty() => None,
            None => Some(write("metadata.tsv", columns_tsv(&embeddings.columns).as_bytes())?),
        };
        if let Some(metadata) = metadata {
            let _ = writeln!(fields, "  metadata_path: {}", quoted(&metadata));
        }
        if let Some(images) = &embeddings.images {
            let images = Images::new(images)?;
            let sheet = write("sprite.png", &images.to_sheet()?)?;
            let [width, height] = images.dimensions();
            let _ = write!(
                fields,
                "  sprite {{\n    image_path: {}\n    single_image_dim: {width}\n    \
                 single_image_dim: {height}\n  }}\n",
                quoted(&sheet)
            );
        }
        Ok(format!("embeddings {{\n{fields}}}\n"))
    }
}

/// The path of a file in the folder, with slashes.
///
/// # Errors
/// If it leads out of the folder: TensorBoard does not read such files.
pub(crate) fn inside(path: &Path) -> Result<String> {
    let parts = path.components().map(|part| match part {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    let parts: Option<Vec<&str>> = parts.collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/")).ok_or_else(|| {
        Error::value(format!("the file of labels '{}' is not in the log folder", path.display()))
            .help("give its path from the log folder, as in \"metadata.tsv\"")
    })
}

/// A line for each point, its coordinates between tabs: the shortest decimals that give the same
/// number again.
fn points_tsv(points: &Array) -> String {
    let columns = points.shape()[1];
    match points.values() {
        Values::F32(values) => tsv(values, columns),
        other => tsv(&other.to_f64(), columns),
    }
}

fn tsv<T: Display>(values: &[T], columns: usize) -> String {
    let mut text = String::with_capacity(values.len() * 12);
    for row in values.chunks(columns) {
        for (i, value) in row.iter().enumerate() {
            let _ = if i == 0 { write!(text, "{value}") } else { write!(text, "\t{value}") };
        }
        // The Projector does not list points of one dimension.
        text += if columns == 1 { "\t0\n" } else { "\n" };
    }
    text
}

/// A line for each point, its values between tabs; above them the names, if there are several.
fn columns_tsv(columns: &[(String, Vec<String>)]) -> String {
    let mut text = String::new();
    let mut line = |values: &mut dyn Iterator<Item = &String>| {
        let values: Vec<String> = values.map(|value| cell(value)).collect();
        text += &values.join("\t");
        text.push('\n');
    };
    if columns.len() > 1 {
        line(&mut columns.iter().map(|(name, _)| name));
    }
    for row in 0..columns[0].1.len() {
        line(&mut columns.iter().map(|(_, values)| &values[row]));
    }
    text
}

/// A value as the cell of a table: without what would end the cell or the line. TensorBoard skips
/// empty lines, so that all labels below would belong to other points.
fn cell(value: &str) -> String {
    let separates = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let text: String = value.chars().map(|c| if separates(c) { ' ' } else { c }).collect();
    if text.trim().is_empty() { "(empty)".to_owned() } else { text }
}

/// A string as Protocol Buffers write it in text.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(quoted, "\\{byte:03o}");
                }
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> Array {
        Array::new([3, 2], vec![0.1f32, -2.0, 1e-9, 4.0, 5.5, 6.0]).unwrap()
    }

    #[test]
    fn files_are_written_and_named_in_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let images = Array::zeros([3, 4, 5], cornu_graph::DType::U8);
        Projector::new(folder.path())
            .add(Embeddings::new("tower 1", &points()).labels([7, 8, 9]).images(images))
            .add(Embeddings::new("plain", &points()).metadata_path("own/words.tsv"))
            .write()
            .unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(
            read(CONFIG),
            "embeddings {\n  tensor_name: \"tower_1\"\n  \
             tensor_path: \"projector/tower_1/tensors.tsv\"\n  \
             metadata_path: \"projector/tower_1/metadata.tsv\"\n  sprite {\n    \
             image_path: \"projector/tower_1/sprite.png\"\n    single_image_dim: 5\n    \
             single_image_dim: 4\n  }\n}\nembeddings {\n  tensor_name: \"plain\"\n  \
             tensor_path: \"projector/plain/tensors.tsv\"\n  metadata_path: \"own/words.tsv\"\n}\n"
        );
        assert_eq!(read("projector/tower_1/tensors.tsv"), "0.1\t-2\n0.000000001\t4\n5.5\t6\n");
        assert_eq!(read("projector/tower_1/metadata.tsv"), "7\n8\n9\n");
        assert_eq!(points_tsv(&Array::new([1, 2], vec![true, false]).unwrap()), "1\t0\n");
        assert_eq!(points_tsv(&Array::new([2, 1], vec![3, 4]).unwrap()), "3\t0\n4\t0\n");
        assert!(folder.path().join("projector/tower_1/sprite.png").is_file());
    }

    #[test]
    fn the_folder_becomes_a_run_once() {
        let folder = tempfile::tempdir().unwrap();
        let events = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name.contains("tfevents")).count()
        };
        for _ in 0..2 {
            Projector::new(folder.path()).add(Embeddings::new("e", &points())).write().unwrap();
            assert_eq!(events(), 1);
        }
    }

    #[test]
    fn hostile_labels_stay_in_their_cells() {
        let columns = [
            ("a\tb".to_owned(), vec!["x\ty\nz\r\u{0}".to_owned(), String::new()]),
            ("ü".to_owned(), vec!["\"1\"".to_owned(), "  ".to_owned()]),
        ];
        assert_eq!(columns_tsv(&columns), "a b\tü\nx y z  \t\"1\"\n(empty)\t(empty)\n");
        assert_eq!(quoted("a\"\\\nü"), "\"a\\\"\\\\\\012ü\"");
    }

    #[test]
    fn mistakes_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = |embeddings: Embeddings| {
            Projector::new(folder.path()).add(embeddings).write().unwrap_err().to_string()
        };
        let new = |points: &Array| Embeddings::new("e", points);
        assert!(error(new(&points()).labels([1])).contains("'label' has 1 values for 3 points"));
        assert!(error(new(&points()).labels([1, 2, 3]).labels([1, 2, 3])).contains("two columns"));
        assert!(error(new(&Array::scalar(1.0f32))).contains("shape ()"));
        assert!(error(new(&Array::new([1, 1], vec![f32::NAN]).unwrap())).contains("point 0"));
        let image = Array::zeros([1, 4, 5], cornu_graph::DType::U8);
        assert!(error(new(&points()).images(image)).contains("1 images for 3 points"));
        for path in ["/etc/passwd", "../words.tsv", ""] {
            assert!(error(new(&points()).metadata_path(path)).contains("not in the log folder"));
        }
        let twice = Projector::new(folder.path()).add(new(&points())).add(new(&points()));
        assert!(twice.write().unwrap_err().to_string().contains("two embeddings"));
        assert!(!folder.path().join(CONFIG).exists());
    }
}

//! The file of events that a run writes.

use super::event::{self, Plugin};
use super::file_name::{event_file_name, now};
use super::image::Images;
use super::record::write_record;
use super::{HParam, graph, histogram, hparams, keras_model};
use crate::data::Column;
use crate::model::Model;
use crate::protobuf::Message;
use cornu_graph::{Array, Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long events may wait in memory.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes what TensorBoard shows into a folder: a run.
///
/// A tag names a value, and a slash in it groups values: `"layer_1/kernel"`. Writing the same tag at
/// several steps makes a curve of numbers, a stack of histograms, a slider of images.
///
/// Events are gathered in memory. They are in the file after [`Writer::flush`], when the writer is
/// dropped, and at the first event ten seconds after the last flush. A run that is killed can be
/// read up to there.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    flushed: Instant,
}

impl Writer {
    /// A writer of a new file in a folder, which is made if it is missing.
    ///
    /// # Errors
    /// If the folder cannot be made or written to.
    pub fn new(folder: impl AsRef<Path>) -> Result<Writer> {
        let folder = folder.as_ref();
        Writer::open(folder).map_err(|e| {
            Error::file(format!("the log folder cannot be written: {e}"))
                .within(folder.display().to_string())
        })
    }

    fn open(folder: &Path) -> io::Result<Writer> {
        fs::create_dir_all(folder)?;
        let path = folder.join(event_file_name());
        let file = BufWriter::with_capacity(1 << 16, File::create_new(&path)?);
        let mut writer = Writer { path, file, flushed: Instant::now() };
        write_record(&mut writer.file, event::file_version(now().as_secs_f64()).as_bytes())?;
        // TensorBoard lists the run from now on.
        io::Write::flush(&mut writer.file)?;
        Ok(writer)
    }

    /// The file that is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number. TensorBoard keeps it as a `float32`.
    ///
    /// # Errors
    /// If the tag is empty or the file cannot be written, as for all values.
    pub fn scalar(&mut self, tag: &str, value: f64, step: u64) -> Result<()> {
        self.value(tag, step, &event::number(value as f32), Plugin::new("scalars"))
    }

    /// How the elements of an array are distributed, in 30 intervals of equal width. Elements that
    /// are not finite are left out.
    ///
    /// # Errors
    /// If the tag is empty or the file cannot be written.
    pub fn histogram(&mut self, tag: &str, values: &Array, step: u64) -> Result<()> {
        let buckets = histogram::buckets(&values.values().to_f64());
        self.value(tag, step, &event::doubles(&buckets, 3), Plugin::new("histograms"))
    }

    /// Images, one for each row: `(n, height, width, channels)` with 1 to 4 channels (grey, grey and
    /// alpha, RGB, RGBA), `(n, height, width)`, or `(n, pixels)` of squares. Bytes go from 0 to 255,
    /// floats from 0 to 1; what lies outside is cut off. All are written: give the few to be seen.
    ///
    /// ```
    /// # use cornu::prelude::*;
    /// # use cornu::tensorboard::Writer;
    /// # let folder = tempfile::tempdir()?;
    /// # let mut writer = Writer::new(folder.path())?;
    /// # let x_test = Array::zeros([5, 784], DType::U8);
    /// writer.image("digits", x_test.slice_rows(0, 3)?, 0)?;
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the rows are no images, the tag is empty or the file cannot be written.
    pub fn image(&mut self, tag: &str, images: impl Into<Column>, step: u64) -> Result<()> {
        self.images(tag, &Images::new(&images.into()).map_err(|e| e.within(tag))?, step)
    }

    /// A weight as images, if it can be seen as such.
    pub(crate) fn weight_image(&mut self, tag: &str, weight: &Array, step: u64) -> Result<()> {
        match Images::of_weight(weight) {
            Some(images) => self.images(tag, &images, step),
            None => Ok(()),
        }
    }

    fn images(&mut self, tag: &str, images: &Images, step: u64) -> Result<()> {
        let mut strings = images.dimensions().map(|side| side.to_string().into_bytes()).to_vec();
        strings.extend(images.to_pngs()?);
        self.value(tag, step, &event::strings(&strings), Plugin::new("images"))
    }

    /// A text, which may be written in Markdown.
    ///
    /// # Errors
    /// If the tag is empty or the file cannot be written.
    pub fn text(&mut self, tag: &str, text: &str, step: u64) -> Result<()> {
        self.value(tag, step, &event::string(text), Plugin::new("text"))
    }

    /// The graph of a model, twice: as Keras writes it, which TensorBoard calls the conceptual graph
    /// (tag `keras`); and as a graph of operations, where each use of a shared model is seen by
    /// itself, with the shapes on the edges.
    ///
    /// # Errors
    /// If the model is not built, or the file cannot be written.
    pub fn graph(&mut self, model: &Model) -> Result<()> {
        let built = model.network().built().map_err(|e| model.in_model(e))?;
        let plugin = Plugin { name: "graph_keras_model", content: b"1" };
        let json = keras_model::json(model)?.to_string();
        self.value("keras", 0, &event::string(&json), plugin)?;
        let graph = graph::graph_def(&built)?;
        self.write(&event::graph(now().as_secs_f64(), &graph))
    }

    /// The hyperparameters of a run, for TensorBoard's page HParams. The figures of the folder and of
    /// those in it (`train`, `validation`) are compared by them.
    ///
    /// ```
    /// # use cornu::tensorboard::Writer;
    /// # let folder = tempfile::tempdir()?;
    /// # let logs = folder.path();
    /// let mut writer = Writer::new(logs.join("run_1"))?;
    /// writer.hparams([("units", 64.into()), ("optimizer", "adam".into())])?;
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn hparams<N: Into<String>>(
        &mut self,
        values: impl IntoIterator<Item = (N, HParam)>,
    ) -> Result<()> {
        let values: Vec<(String, HParam)> =
            values.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let content = hparams::session_start(now().as_secs_f64(), &values);
        let plugin = Plugin { name: "hparams", content: content.as_bytes() };
        self.value("_hparams_/session_start_info", 0, &event::nothing(), plugin)
    }

    /// Hands everything written so far to the system, so that TensorBoard can read it and a program
    /// that is killed does not lose it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.flushed = Instant::now();
        io::Write::flush(&mut self.file).map_err(|e| self.failed(&e))
    }

    fn value(&mut self, tag: &str, step: u64, tensor: &Message, plugin: Plugin<'_>) -> Result<()> {
        if tag.is_empty() {
            return Err(Error::value("the tag of a value for TensorBoard is empty"));
        }
        self.write(&event::summary(now().as_secs_f64(), step, tag, tensor, plugin))
    }

    fn write(&mut self, event: &Message) -> Result<()> {
        write_record(&mut self.file, event.as_bytes()).map_err(|e| self.failed(&e))?;
        if self.flushed.elapsed() > PATIENCE { self.flush() } else { Ok(()) }
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::file(format!("cannot be written: {error}")).within(self.path.display().to_string())
    }
}

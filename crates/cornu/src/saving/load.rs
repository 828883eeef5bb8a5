//! Models from files and into files.

use super::Format;
use super::h5::Group;
use super::keras::{Branch, Contents, Fitting, Matching, legacy, weights};
use crate::model::Model;
use cornu_graph::{Error, Result};
use std::panic::Location;
use std::path::Path;

/// Reads a model that [`Model::save`] or Keras wrote: `.keras` (also as an unpacked folder), or the
/// older `.h5` with a whole model. Keras's `keras.models.load_model`.
///
/// If the file says how the model was compiled, it is compiled, and training goes on where it
/// stopped. If it was compiled with something that is not known here, such as a loss of somebody's
/// own, the model is there but not compiled, and says why when it is trained.
///
/// Nothing in the file is executed: a Python function in a `Lambda` layer is an error.
///
/// ```
/// use cornu::load_model;
/// use cornu::prelude::*;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("model.keras");
/// let mut model = Sequential::new().add(Input::new([4])).add(Dense::new(3).activation("softmax"));
/// model.compile("adam", "categorical_crossentropy").metric("accuracy").build()?;
/// model.save(&path)?;
///
/// let same = load_model(&path)?;
/// assert_eq!(same.get_weights()?, model.get_weights()?);
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// # Errors
/// If it is no such file or is damaged, or something in the model is not known; the message says
/// what to register.
#[track_caller]
pub fn load_model(path: impl AsRef<Path>) -> Result<Model> {
    ModelLoader::default().load(path)
}

/// Options of reading a model.
///
/// ```no_run
/// use cornu::saving::ModelLoader;
///
/// let model = ModelLoader::default().compile(false).load("model.keras")?;
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ModelLoader {
    compile: bool,
}

impl Default for ModelLoader {
    fn default() -> ModelLoader {
        ModelLoader { compile: true }
    }
}

impl ModelLoader {
    /// Whether the model is compiled as it was when it was saved.
    pub fn compile(mut self, compile: bool) -> ModelLoader {
        self.compile = compile;
        self
    }

    /// Reads the file.
    ///
    /// # Errors
    /// As [`load_model`].
    #[track_caller]
    pub fn load(self, path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        let line = Location::caller();
        read_model(path, self.compile, line).map_err(|e| e.within(path.display().to_string()))
    }
}

pub(super) fn read_model(
    path: &Path,
    compile: bool,
    line: &'static Location<'static>,
) -> Result<Model> {
    type Weights = fn(&Branch, &Group) -> Result<Fitting>;
    let (contents, weights): (Contents, Weights) = match Format::of_file(path)? {
        Format::Keras => {
            let contents = Contents::read(path)?;
            if contents.config.is_null() {
                return Err(weights_only());
            }
            (contents, |model, root| weights::read(model, root, Matching::default()))
        }
        Format::Hdf5 => {
            let root = Group::read(super::read_file(path)?)?;
            if !legacy::is_legacy(&root) {
                return Err(weights_only());
            }
            let contents = legacy::read_contents(root)?;
            (contents, |model, root| legacy::read_weights(model, root, Matching::default()))
        }
        Format::Safetensors | Format::Shards => return Err(weights_only()),
        other => return Err(other.unsupported("read models from")),
    };
    contents.into_model(compile, weights, line)
}

fn weights_only() -> Error {
    Error::file("it holds weights but no model")
        .help("build the model in code, then read them with model.load_weights(…)")
}

impl Model {
    /// Writes the model to a file: what it is made of, its weights, what it was compiled with, the
    /// optimizer's state, what was said about it. `.keras` is Keras's own format, which Keras opens
    /// (3.2 or later); `.h5` is its older one.
    ///
    /// Losses, metrics and layers that Keras does not have are in the file too: Cornu knows them
    /// again, and Keras opens the model unless a layer is among them. A closure has no words: give it
    /// a name with [`Loss::custom`](crate::losses::Loss::custom) and register it where the file is
    /// read.
    ///
    /// # Errors
    /// If the format is not known, something in the model cannot be written, or the file cannot. A
    /// file that was there stays whole.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let save = || match Format::of_name(path)? {
            Format::Keras => Contents::of(self)?.write(path),
            Format::Hdf5 => {
                let root =
                    legacy::write_contents(&Contents::of(self)?, &Branch::of(&self.as_layer()));
                super::write_whole(path, &root.to_bytes()?)
            }
            other => Err(other.unsupported("save models in")),
        };
        save().map_err(|e| self.in_model(e))
    }

    /// As [`Model::save`], as a folder with the files that a `.keras` has inside: Keras's
    /// `zipped=False`, for places that keep versions of files.
    ///
    /// # Errors
    /// If there is something of this name already, something in the model cannot be written, or the
    /// folder cannot.
    pub fn save_unzipped(&self, folder: impl AsRef<Path>) -> Result<()> {
        let save = || Contents::of(self)?.write_folder(folder.as_ref());
        save().map_err(|e| self.in_model(e))
    }
}

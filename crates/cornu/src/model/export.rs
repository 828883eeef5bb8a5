//! A model for other programs.

use super::Model;
use crate::saving::{Export, export_onnx};
use cornu_graph::{Error, ErrorKind, Result};
use std::path::Path;

impl Model {
    /// Writes the model, with its weights, for other programs: what it computes when it predicts, in
    /// the format that the ending of the file's name says. That is `.onnx`, which ONNX Runtime
    /// (from 1.14) and many others run; <https://netron.app> draws it.
    ///
    /// The inputs have the model's names, types and shapes, with a batch of any size; the outputs the
    /// names of the layers they come from; the weights their paths (`dense/kernel`). Data are given
    /// as the model's input has them: what a [`Column`](crate::data::Column) or a generator does to
    /// images before is no part of the model, a [`Rescaling`](crate::layers::Rescaling) layer is.
    /// What [`Model::set_metadata`] said is in the file too. Products of a layer whose dtype policy is
    /// `mixed_bfloat16` are written as those of `float32`.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("model.onnx");
    /// let model = Sequential::new()
    ///     .add(Input::new([784]).name("pixels"))
    ///     .add(Dense::new(128).activation("relu"))
    ///     .add(Dense::new(10).activation("softmax").name("digit"));
    /// model.export(&path)?;
    /// # Ok::<(), cornu::Error>(())
    /// ```
    ///
    /// In Python:
    ///
    /// ```python
    /// session = onnxruntime.InferenceSession("model.onnx")
    /// (probabilities,) = session.run(["digit"], {"pixels": images})
    /// ```
    ///
    /// # Errors
    /// If the model is not built, the ending is another, the model has random numbers or gradients
    /// in it when it predicts, it takes more than 2 GB, or the file cannot be written. A file that
    /// was there stays whole.
    pub fn export(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if ending != "onnx" {
            let message = format!("a model is exported as .onnx, not as '.{ending}'");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .within(path.display().to_string())
                .help("end the name of the file in .onnx"));
        }
        let built = self.network().built().map_err(|e| self.in_model(e))?;
        let output_names = self.output_names();
        let export = Export {
            built: &built,
            name: self.name(),
            output_names: &output_names,
            notes: &self.metadata,
        };
        export_onnx(path, &export).map_err(|e| self.in_model(e))
    }
}

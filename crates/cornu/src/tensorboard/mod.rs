//! Log folders for TensorBoard, without TensorFlow.
//!
//! A [`Writer`] puts numbers, histograms, images, texts and the graph of a model into a folder that
//! `tensorboard --logdir logs` shows; a [`Projector`] does so with points in space, such as the
//! outputs of a siamese tower. In a training, the callback
//! [`TensorBoard`](crate::callbacks::TensorBoard) does all of this by itself.
//!
//! ```
//! use cornu::prelude::*;
//! use cornu::tensorboard::Writer;
//! # let folder = tempfile::tempdir()?;
//! # let logs = folder.path().join("logs");
//!
//! let mut writer = Writer::new(logs.join("my_run"))?;
//! for step in 0..100 {
//!     writer.scalar("loss", 1.0 / (step + 1) as f64, step)?;
//! }
//! writer.text("notes", "Learning rate **halved** each epoch.", 0)?;
//! writer.flush()?;
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! Each folder below `logs` is a run, with a name and a colour of its own. Several writers may share
//! a folder, in one program or in several: each writes a file of its own.
//!
//! What is written is what `tf.summary` of TensorFlow 2 writes: records framed as TFRecord
//! (<https://www.tensorflow.org/tutorials/load_data/tfrecord>), with messages of
//! `tensorflow/core/util/event.proto` in them. These are few and small, so they are encoded by hand:
//! a protobuf crate would weigh more than the room.

mod event;
mod file_name;
mod graph;
mod histogram;
mod hparams;
mod image;
mod keras_model;
mod projector;
mod record;
mod writer;

pub use hparams::HParam;
pub(crate) use projector::inside;
pub use projector::{Embeddings, Projector};
pub use writer::Writer;

/// Text with the characters that the pages of TensorBoard read as their own replaced: for the names
/// of nodes and files.
fn plain(name: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name: String = name.chars().map(|c| if keep(c) { c } else { '_' }).collect();
    // A name of dots alone is a folder of the system.
    if name.trim_matches('.').is_empty() { format!("_{}", name.replace('.', "_")) } else { name }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_become_plain() {
        assert_eq!(plain("dense_1"), "dense_1");
        assert_eq!(plain("a/b:0 \"ü\"\n"), "a_b_0_____");
        assert_eq!(plain(".."), "___");
        assert_eq!(plain(""), "_");
    }
}

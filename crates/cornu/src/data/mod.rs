//! Data: columns of samples, generators of batches, readers of files, pairs and batches for siamese
//! networks and embeddings.

mod batch;
mod class_balanced;
mod column;
mod generator;
mod idx;
mod images;
mod interop;
mod labels;
mod npy;
mod npz;
mod pair_sampler;
mod pairs;
pub(crate) mod raw;

pub use batch::{Batch, IntoBatch};
pub use class_balanced::ClassBalanced;
pub use column::{ArrayExt, Column, IntoColumns};
pub use generator::{Generator, IntoGenerator, Sequence, ways};
pub(crate) use generator::{Part, Step};
pub use idx::{parse_idx, read_idx};
pub use images::{
    ColorMode, ImageBatches, ImageFiles, ImageReader, ImageSet, Interpolation, Invert,
    image_dataset_from_directory, load_image, save_image,
};
pub use interop::{AsNdarray, NdarrayExt};
pub use labels::Labels;
pub use npz::{Npz, read_npy, read_npz, write_npy};
pub use pair_sampler::{PairBatch, PairSampler};
pub use pairs::{PairLabel, Pairs};

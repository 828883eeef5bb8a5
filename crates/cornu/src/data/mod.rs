//! Data: columns of samples, readers of files, pairs for siamese networks.

mod column;
mod idx;
mod images;
mod interop;
mod npy;
mod npz;
mod pairs;
pub(crate) mod raw;

pub use column::{ArrayExt, Column, IntoColumns};
pub use idx::{parse_idx, read_idx};
pub use images::{
    ColorMode, ImageBatches, ImageFiles, ImageReader, ImageSet, Interpolation, Invert,
    image_dataset_from_directory, load_image, save_image,
};
pub use interop::{AsNdarray, NdarrayExt};
pub use npz::{Npz, read_npy, read_npz, write_npy};
pub use pairs::{PairLabel, Pairs};

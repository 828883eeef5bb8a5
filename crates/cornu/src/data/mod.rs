//! Data: columns of samples, generators of batches, readers of files, pairs for siamese networks.

mod batch;
mod column;
mod generator;
mod idx;
mod interop;
mod npy;
mod npz;
mod pairs;
pub(crate) mod raw;

pub use batch::{Batch, IntoBatch};
pub use column::{ArrayExt, Column, IntoColumns};
pub use generator::{Generator, IntoGenerator, Sequence, ways};
pub(crate) use generator::{Part, Step};
pub use idx::{parse_idx, read_idx};
pub use interop::{AsNdarray, NdarrayExt};
pub use npz::{Npz, read_npy, read_npz, write_npy};
pub use pairs::{PairLabel, Pairs};

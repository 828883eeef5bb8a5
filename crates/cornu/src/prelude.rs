//! What most programs need: `use cornu::prelude::*;`

pub use crate::activations::Activation;
pub use crate::data::{ArrayExt, AsNdarray, Column, NdarrayExt, PairLabel, Pairs};
pub use crate::datasets;
pub use crate::initializers::Initializer;
pub use crate::layers::{
    Dense, Dropout, Flatten, Input, Lambda, Layer, LayerExt, LayerRef, Scope, one_input,
};
pub use crate::losses::Loss;
pub use crate::metrics::Metric;
pub use crate::model::{Model, Sequential};
pub use crate::ops::{self, Axis};
pub use crate::optimizers::{Adam, RMSprop, SGD};
pub use crate::preprocessing::image::ImageDataGenerator;
pub use crate::train::{History, Verbose};
pub use crate::{Array, DType, Error, Result, Shape, Tensor, layers, utils};

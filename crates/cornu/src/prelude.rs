//! What most programs need: `use cornu::prelude::*;`

pub use crate::activations::Activation;
pub use crate::callbacks::{Callback, Training};
pub use crate::constraints::Constraint;
pub use crate::data::{
    ArrayExt, AsNdarray, Batch, Column, Generator, NdarrayExt, PairLabel, Pairs,
};
pub use crate::datasets;
pub use crate::initializers::Initializer;
pub use crate::layers::{
    Concatenate, Conv2D, Dense, Dot, Dropout, Flatten, Input, Lambda, Layer, LayerExt, LayerRef,
    MaxPooling2D, Scope, one_input,
};
pub use crate::losses::Loss;
pub use crate::metrics::Metric;
pub use crate::model::{Model, Sequential};
pub use crate::ops::{self, Axis};
pub use crate::optimizers::{Adam, RMSprop, SGD};
pub use crate::regularizers::Regularizer;
pub use crate::train::{History, Logs, Verbose};
pub use crate::{Array, DType, Error, Result, Shape, Tensor, layers, utils};

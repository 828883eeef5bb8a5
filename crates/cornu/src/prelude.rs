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
    AveragePooling2D, BatchNormalization, Concatenate, Conv1D, Conv2D, Dense, Dot, Dropout,
    Embedding, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D, Input, Lambda, Layer, LayerExt,
    LayerNormalization, LayerRef, LeakyReLU, MaxPooling2D, ReLU, Reshape, Scope, Softmax,
    one_input,
};
pub use crate::losses::Loss;
pub use crate::metrics::Metric;
pub use crate::model::{Model, Sequential};
pub use crate::ops::{self, Axis};
pub use crate::optimizers::{Adam, RMSprop, SGD};
pub use crate::preprocessing::image::ImageDataGenerator;
pub use crate::regularizers::Regularizer;
pub use crate::saving::load_model;
pub use crate::train::{History, Logs, Verbose};
pub use crate::{Array, DType, Error, Result, Shape, Tensor, layers, mixed_precision, utils};

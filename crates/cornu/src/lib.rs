//! Cornu: the Keras way of building neural networks, in Rust.
//!
//! Models are made of layers, compiled, fitted, evaluated and used for prediction, with Keras's
//! names and defaults. Beneath that, Cornu has its own compiler: forward pass, loss, metrics,
//! gradients and update become one planned program that runs without allocating.
//!
//! ```
//! use cornu::prelude::*;
//!
//! // y = 2x + 1, from examples.
//! utils::set_random_seed(1);
//! let x = Array::new([64, 1], (0..64).map(|i| i as f32 / 64.0).collect())?;
//! let y = (Tensor::from(&x) * 2.0 + 1.0).eval()?;
//!
//! let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
//! model.compile(SGD::default().learning_rate(0.5), "mse").build()?;
//! model.fit(&x, &y).epochs(50).verbose(0).run()?;
//!
//! let score = model.evaluate(&x, &y).verbose(0).run()?;
//! assert!(score["loss"] < 1e-3);
//! # Ok::<(), cornu::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod activations;
mod backend;
pub mod callbacks;
mod config;
pub mod constraints;
pub mod data;
pub mod datasets;
pub mod initializers;
pub mod layers;
mod lines;
pub mod losses;
pub mod metrics;
pub mod mixed_precision;
pub mod model;
mod names;
pub mod ops;
pub mod optimizers;
pub mod prelude;
pub mod preprocessing;
mod protobuf;
pub mod random;
pub mod regularizers;
pub mod saving;
pub mod search;
mod session;
pub mod similarity;
mod tensor;
pub mod tensorboard;
pub mod train;
mod variable;
pub mod viz;

pub use cornu_graph::{
    Array, DType, Dim, Element, Elements, Error, ErrorKind, Result, Shape, TensorType,
};
pub use ndarray;
pub use saving::load_model;
pub use tensor::{Tensor, gradients};
pub use variable::Variable;

/// Seeds, names, threads, ways to compute, classes as vectors.
pub mod utils {
    pub use crate::backend::{set_threads, set_winograd};
    pub use crate::preprocessing::labels::to_categorical;
    pub use crate::session::{clear_session, set_random_seed};
}

//! Layers, and how to write one.
//!
//! A layer is a configuration and a [`Layer::forward`] that says what it computes, with the weights
//! it asks for on the way. Shapes, gradients and kernels follow from that.
//!
//! ```
//! use cornu::prelude::*;
//!
//! /// Multiplies each feature by a learned number.
//! #[derive(Debug)]
//! struct Scale;
//!
//! impl Layer for Scale {
//!     fn kind(&self) -> &str {
//!         "Scale"
//!     }
//!
//!     fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
//!         let x = one_input(inputs)?;
//!         let scale = scope.weight("scale", [x.last_dim()?], "ones")?;
//!         Ok(x * scale)
//!     }
//! }
//!
//! let model = Sequential::new().add(Input::new([4])).add(Scale).add(Dense::new(1));
//! assert_eq!(model.count_params()?, 4 + 5);
//! # Ok::<(), cornu::Error>(())
//! ```
//!
//! With a [`Layer::config`] of its settings and [`register_layer`](crate::saving::register_layer) it
//! comes back from files.

mod activations;
mod convolution;
mod cosine_dense;
mod dense;
mod einsum_dense;
mod embedding;
mod identity;
mod input;
mod lambda;
mod layer_ref;
mod merging;
mod noise;
mod normalization;
mod options;
mod pooling;
mod registry;
mod rescaling;
mod reshaping;
mod scope;
mod weight;
mod window;

pub use activations::{ELU, LeakyReLU, PReLU, ReLU, Softmax};
pub use convolution::{Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D};
pub use cosine_dense::CosineDense;
pub use dense::Dense;
pub use einsum_dense::EinsumDense;
pub use embedding::Embedding;
pub use identity::Identity;
pub use input::{Input, InputLayer};
pub use lambda::Lambda;
pub(crate) use layer_ref::Call;
pub use layer_ref::{LayerExt, LayerRef};
pub use merging::{Add, Average, Concatenate, Dot, DotAxes, Maximum, Minimum, Multiply, Subtract};
pub use noise::{
    ActivityRegularization, AlphaDropout, Dropout, GaussianDropout, GaussianNoise,
    SpatialDropout1D, SpatialDropout2D,
};
pub use normalization::{
    BatchNormalization, GroupNormalization, LayerNormalization, Normalization, RMSNormalization,
    UnitNormalization,
};
pub use pooling::{
    AveragePooling1D, AveragePooling2D, GlobalAveragePooling1D, GlobalAveragePooling2D,
    GlobalMaxPooling1D, GlobalMaxPooling2D, MaxPooling1D, MaxPooling2D,
};
pub use rescaling::Rescaling;
pub use reshaping::{
    Cropping2D, Flatten, Permute, RepeatVector, Reshape, Sides, UpSampling2D, ZeroPadding2D,
};
pub use scope::Scope;
pub use weight::WeightSpec;
pub(crate) use weight::{activity_setting, weight_settings};
pub use window::{DataFormat, PaddingMode, Sizes};

use crate::regularizers::Regularizer;
use crate::tensor::Tensor;
use cornu_graph::{Error, Result};
use std::any::Any;
use std::fmt;

/// A layer's configuration and what it computes.
pub trait Layer: Any + Send + Sync + fmt::Debug {
    /// Keras's class name: `"Dense"`. Names of instances are made from it: `dense_1`.
    fn kind(&self) -> &str;

    /// What the layer computes. Called once for every use of the layer, on symbolic tensors; the
    /// scope hands out weights, random numbers, and says whether the program trains.
    ///
    /// # Errors
    /// If the inputs do not fit the layer.
    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor>;

    /// All results, for a layer that has several.
    ///
    /// # Errors
    /// As [`Layer::forward`].
    fn forward_all(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.forward(scope, inputs).map(|result| vec![result])
    }

    /// The configuration with Keras's field names.
    fn config(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    /// The package that the class is registered under in files, if it is not one of Keras's: Keras's
    /// `register_keras_serializable(package="Custom")`.
    fn package(&self) -> &str {
        "Custom"
    }

    /// A penalty on what the layer gives out, added to the loss at every call.
    fn activity_regularizer(&self) -> Option<&Regularizer> {
        None
    }

    /// The layers inside, for a layer that calls others: their weights are part of it.
    fn layers(&self) -> Vec<LayerRef> {
        vec![]
    }
}

/// The single input of a layer that takes one.
///
/// # Errors
/// If there are several, or none.
pub fn one_input(inputs: &[Tensor]) -> Result<&Tensor> {
    match inputs {
        [one] => Ok(one),
        _ => Err(Error::value(format!("the layer takes one input, not {}", inputs.len()))),
    }
}

/// What a layer or model can be called on: a tensor, or several.
pub trait IntoTensors {
    /// The tensors.
    fn into_tensors(self) -> Vec<Tensor>;
}

impl IntoTensors for &Tensor {
    fn into_tensors(self) -> Vec<Tensor> {
        vec![self.clone()]
    }
}

impl IntoTensors for Tensor {
    fn into_tensors(self) -> Vec<Tensor> {
        vec![self]
    }
}

impl<T: Into<Tensor>, const N: usize> IntoTensors for [T; N] {
    fn into_tensors(self) -> Vec<Tensor> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<Tensor>> IntoTensors for Vec<T> {
    fn into_tensors(self) -> Vec<Tensor> {
        self.into_iter().map(Into::into).collect()
    }
}

impl IntoTensors for &[Tensor] {
    fn into_tensors(self) -> Vec<Tensor> {
        self.to_vec()
    }
}

impl IntoTensors for &Vec<Tensor> {
    fn into_tensors(self) -> Vec<Tensor> {
        self.clone()
    }
}

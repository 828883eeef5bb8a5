//! The input of a model.

use super::{Layer, Scope};
use crate::session;
use crate::tensor::Tensor;
use cornu_graph::{DType, Error, Result, Shape, TensorType};
use serde_json::{Value, json};

/// A model's input: the shape of one sample, without the batch.
///
/// ```
/// use cornu::prelude::*;
///
/// let image = Input::tensor([28, 28, 1]);
/// assert_eq!(image.shape().to_string(), "(None, 28, 28, 1)");
/// ```
#[derive(Clone, Debug)]
pub struct Input {
    shape: Shape,
    dtype: DType,
    name: Option<String>,
}

impl Input {
    /// An input of `float32` samples of a shape.
    pub fn new(shape: impl Into<Shape>) -> Input {
        Input { shape: shape.into(), dtype: DType::F32, name: None }
    }

    /// The tensor of an input of `float32` samples of a shape: short for `Input::new(shape).into()`.
    #[track_caller]
    pub fn tensor(shape: impl Into<Shape>) -> Tensor {
        Input::new(shape).into()
    }

    /// The type of the elements, `float32` unless said otherwise. Other data is converted.
    pub fn dtype(mut self, dtype: DType) -> Input {
        self.dtype = dtype;
        self
    }

    /// A name of its own instead of `input_layer`, `input_layer_1`, …
    pub fn name(mut self, name: impl Into<String>) -> Input {
        self.name = Some(name.into());
        self
    }
}

impl From<Input> for Tensor {
    #[track_caller]
    fn from(input: Input) -> Tensor {
        let name = input.name.unwrap_or_else(|| session::unique_name("input_layer"));
        Tensor::placeholder(TensorType::new(input.dtype, input.shape.batched()), Some(name))
    }
}

/// What stands for an input among the layers of a functional model, as in Keras.
#[derive(Clone, Debug)]
pub struct InputLayer {
    ty: TensorType,
}

impl InputLayer {
    pub(crate) fn new(ty: TensorType) -> InputLayer {
        InputLayer { ty }
    }
}

impl Layer for InputLayer {
    fn kind(&self) -> &str {
        "InputLayer"
    }

    fn forward(&self, _scope: &mut Scope, _inputs: &[Tensor]) -> Result<Tensor> {
        Err(Error::value("an input layer computes nothing: call the model, or a layer after it"))
    }

    fn config(&self) -> Value {
        let sizes: Vec<Option<usize>> =
            self.ty.shape.dims().iter().map(|dim| dim.known()).collect();
        json!({
            "batch_shape": sizes,
            "dtype": self.ty.dtype.name(),
            "sparse": false,
            "ragged": false,
            "optional": false,
        })
    }
}

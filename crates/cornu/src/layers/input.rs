//! The input of a model.

use super::options::only;
use super::{Layer, Scope};
use crate::config::{Config, expected};
use crate::session;
use crate::tensor::Tensor;
use cornu_graph::{DType, Dim, Error, ErrorKind, Result, Shape, TensorType};
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

    /// What goes through it, the batch unknown.
    pub fn ty(&self) -> &TensorType {
        &self.ty
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<InputLayer> {
        for key in ["sparse", "ragged", "optional"] {
            only(config, key, false)?;
        }
        let missing = || Error::file("InputLayer: 'batch_shape' is missing");
        input_type(config)?.ok_or_else(missing).map(InputLayer::new)
    }
}

/// The type of an input as a configuration has it: that of an `InputLayer`, or in Keras 2 that of the
/// first layer of a `Sequential`. A batch size that the file fixes is left open.
fn input_type(config: &Config<'_>) -> Result<Option<TensorType>> {
    let shape = |key: &str| config.get_or::<Option<Vec<Option<usize>>>>(key, None);
    let sample = match shape("batch_shape")?.or(shape("batch_input_shape")?) {
        Some(sizes) if sizes.is_empty() => {
            return Err(Error::file(format!("{}: the input has no batch", config.class())));
        }
        Some(sizes) => sizes[1..].to_vec(),
        None => match shape("shape")?.or(shape("input_shape")?) {
            Some(sizes) => sizes,
            None => return Ok(None),
        },
    };
    let known: Option<Vec<Dim>> = sample.iter().map(|size| size.map(Dim::Known)).collect();
    let known = known.ok_or_else(|| {
        let message = format!("{}: samples of unknown size {}", config.class(), json!(sample));
        Error::new(ErrorKind::Unsupported, message).help(
            "Cornu needs all sizes but the batch's: save the model with an Input of fixed size",
        )
    })?;
    let dtype = config.value("dtype").map_or(Ok(DType::F32), input_dtype)?;
    Ok(Some(TensorType::new(dtype, Shape::from(known).batched())))
}

/// The type that stands for one of Keras's: all floating-point numbers are `float32`, whole numbers
/// but bytes `int32`.
fn input_dtype(value: &Value) -> Result<DType> {
    // A policy has its name inside: {"class_name": "DTypePolicy", "config": {"name": "float32"}}.
    let name = value.pointer("/config/name").unwrap_or(value).as_str();
    match name.map(|name| name.strip_prefix("mixed_").unwrap_or(name)) {
        None if value.is_null() => Ok(DType::F32),
        Some("float16" | "bfloat16" | "float32" | "float64") => Ok(DType::F32),
        Some("int8" | "int16" | "int32" | "int64" | "uint16" | "uint32" | "uint64") => {
            Ok(DType::I32)
        }
        Some("uint8") => Ok(DType::U8),
        Some("bool") => Ok(DType::Bool),
        _ => Err(expected("the dtype of an input: a float, a whole number or bool", value)),
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

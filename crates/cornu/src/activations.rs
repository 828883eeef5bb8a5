//! Activations, by name or by value.

use crate::config::{self, FromConfig, Object, registered};
use crate::layers::LayerRef;
use crate::names;
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::Result;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// A function that a layer applies to its outputs: `"relu"` or [`Activation::Relu`].
///
/// Formulas are those of the functions in [`ops`] with Keras's default arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)] // Each is the function of its name in `ops`.
pub enum Activation {
    Celu,
    Elu,
    Exponential,
    Gelu,
    Glu,
    HardShrink,
    HardSigmoid,
    HardSilu,
    HardTanh,
    LeakyRelu,
    Linear,
    LogSigmoid,
    LogSoftmax,
    Mish,
    Relu,
    Relu6,
    Selu,
    Sigmoid,
    Silu,
    SoftShrink,
    Softmax,
    Softplus,
    Softsign,
    SparsePlus,
    Squareplus,
    Tanh,
    TanhShrink,
    /// One of your own: [`Activation::custom`].
    Custom(CustomActivation),
    /// A layer without weights, such as `LeakyReLU`: made from a [`LayerRef`].
    Layer(LayerActivation),
    /// A name that is not known: the error comes out where the layer is used.
    Unknown(String),
}

/// An activation of a user's own. Two are equal if one is a copy of the other.
#[derive(Clone)]
pub struct CustomActivation {
    name: String,
    function: Arc<Function>,
}

/// A layer as an activation. Two are equal if they are the same layer.
#[derive(Clone, Debug)]
pub struct LayerActivation(LayerRef);

impl PartialEq for LayerActivation {
    fn eq(&self, other: &LayerActivation) -> bool {
        self.0.is(&other.0)
    }
}

impl Eq for LayerActivation {}

type Function = dyn Fn(&Tensor) -> Tensor + Send + Sync;

impl PartialEq for CustomActivation {
    fn eq(&self, other: &CustomActivation) -> bool {
        Arc::ptr_eq(&self.function, &other.function)
    }
}

impl Eq for CustomActivation {}

impl fmt::Debug for CustomActivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

const NAMES: &[(&str, Activation)] = &[
    ("celu", Activation::Celu),
    ("elu", Activation::Elu),
    ("exponential", Activation::Exponential),
    ("gelu", Activation::Gelu),
    ("glu", Activation::Glu),
    ("hard_shrink", Activation::HardShrink),
    ("hard_sigmoid", Activation::HardSigmoid),
    ("hard_silu", Activation::HardSilu),
    ("hard_swish", Activation::HardSilu),
    ("hard_tanh", Activation::HardTanh),
    ("leaky_relu", Activation::LeakyRelu),
    ("linear", Activation::Linear),
    ("log_sigmoid", Activation::LogSigmoid),
    ("log_softmax", Activation::LogSoftmax),
    ("mish", Activation::Mish),
    ("relu", Activation::Relu),
    ("relu6", Activation::Relu6),
    ("selu", Activation::Selu),
    ("sigmoid", Activation::Sigmoid),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("soft_shrink", Activation::SoftShrink),
    ("softmax", Activation::Softmax),
    ("softplus", Activation::Softplus),
    ("softsign", Activation::Softsign),
    ("sparse_plus", Activation::SparsePlus),
    ("squareplus", Activation::Squareplus),
    ("tanh", Activation::Tanh),
    ("tanh_shrink", Activation::TanhShrink),
];

impl Activation {
    /// The activation of a name. A name that is not known becomes an error where it is used.
    pub fn new(name: &str) -> Activation {
        let known = NAMES.iter().find(|(n, _)| *n == name);
        known.map_or_else(|| Activation::Unknown(name.to_owned()), |(_, a)| a.clone())
    }

    /// An activation of your own: a function of a tensor. The name stands in the configuration;
    /// [`register_activation`](crate::saving::register_activation) makes it known to files.
    ///
    /// ```
    /// use cornu::prelude::*;
    /// use cornu::saving::register_activation;
    ///
    /// fn squared_relu() -> Activation {
    ///     Activation::custom("squared_relu", |x| ops::relu(x).square())
    /// }
    ///
    /// register_activation("squared_relu", |_| Ok(squared_relu()));
    /// let y = squared_relu().apply(&[-1.0f32, 3.0].into())?;
    /// assert_eq!(y.eval()?.as_slice::<f32>()?, [0.0, 9.0]);
    /// # Ok::<(), cornu::Error>(())
    /// ```
    pub fn custom(
        name: impl Into<String>,
        function: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Activation {
        Activation::Custom(CustomActivation { name: name.into(), function: Arc::new(function) })
    }

    /// Keras's name: `"relu"`.
    pub fn name(&self) -> &str {
        match self {
            Activation::Custom(own) => &own.name,
            Activation::Layer(layer) => layer.0.name(),
            Activation::Unknown(name) => name,
            known => NAMES.iter().find(|(_, a)| a == known).map_or("linear", |(name, _)| name),
        }
    }

    /// The activation of a tensor.
    ///
    /// # Errors
    /// If the activation was given by a name that is not known.
    #[track_caller]
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Activation::Celu => ops::celu(x, 1.0),
            Activation::Elu => ops::elu(x, 1.0),
            Activation::Exponential => ops::exponential(x),
            Activation::Gelu => ops::gelu(x, false),
            Activation::Glu => ops::glu(x, -1),
            Activation::HardShrink => ops::hard_shrink(x, 0.5),
            Activation::HardSigmoid => ops::hard_sigmoid(x),
            Activation::HardSilu => ops::hard_silu(x),
            Activation::HardTanh => ops::hard_tanh(x),
            Activation::LeakyRelu => ops::leaky_relu(x, 0.2),
            Activation::Linear => x.clone(),
            Activation::LogSigmoid => ops::log_sigmoid(x),
            Activation::LogSoftmax => ops::log_softmax(x, -1),
            Activation::Mish => ops::mish(x),
            Activation::Relu => ops::relu(x),
            Activation::Relu6 => ops::relu6(x),
            Activation::Selu => ops::selu(x),
            Activation::Sigmoid => ops::sigmoid(x),
            Activation::Silu => ops::silu(x),
            Activation::SoftShrink => ops::soft_shrink(x, 0.5),
            Activation::Softmax => ops::softmax(x, -1),
            Activation::Softplus => ops::softplus(x),
            Activation::Softsign => ops::softsign(x),
            Activation::SparsePlus => ops::sparse_plus(x),
            Activation::Squareplus => ops::squareplus(x, 4.0),
            Activation::Tanh => ops::tanh(x),
            Activation::TanhShrink => ops::tanh_shrink(x),
            Activation::Custom(own) => (own.function)(x),
            Activation::Layer(layer) => layer.0.call(x),
            Activation::Unknown(name) => {
                return Err(names::unknown("activation", name, NAMES.iter().map(|(n, _)| *n)));
            }
        })
    }
}

impl From<&str> for Activation {
    fn from(name: &str) -> Activation {
        Activation::new(name)
    }
}

/// Keras's `Dense(4, activation=LeakyReLU(0.3))`: `.activation(LeakyReLU::new(0.3).shared())`.
impl From<LayerRef> for Activation {
    fn from(layer: LayerRef) -> Activation {
        Activation::Layer(LayerActivation(layer))
    }
}

/// As Keras writes it: its name, a function that is registered, or a layer.
impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let own = match self {
            Activation::Custom(own) => own,
            Activation::Layer(layer) => return layer.0.serialized().serialize(serializer),
            known => return serializer.serialize_str(known.name()),
        };
        let function = json!({
            "module": "builtins",
            "class_name": "function",
            "config": config::registered_name(&own.name),
            "registered_name": "function",
        });
        function.serialize(serializer)
    }
}

impl FromConfig for Activation {
    fn from_config(value: &Value) -> Result<Activation> {
        let object = Object::read(value)?;
        if let Some(make) = registered::<Activation>(&object) {
            return make(&object.config()?);
        }
        match object.built_in().map(Activation::new) {
            Some(Activation::Unknown(_)) if object.config.is_object() => {
                Ok(LayerRef::from_config(value)?.into())
            }
            None | Some(Activation::Unknown(_)) => {
                Err(object.unknown("activation", "register_activation"))
            }
            Some(known) => Ok(known),
        }
    }
}

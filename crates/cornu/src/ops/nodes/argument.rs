//! What an operation is called with.

use super::constant;
use crate::tensor::{Kind, Tensor};
use cornu_graph::Result;
use serde_json::Value;

/// An argument of a call in a file.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    /// A tensor of the model.
    Tensor(Tensor),
    /// Several arguments, some of them tensors.
    List(Vec<Argument>),
    /// Anything else, as the file says it: a number, an array, a key.
    Value(Value),
}

impl Argument {
    /// An input of an operation. Constants are values.
    pub(super) fn of(tensor: &Tensor) -> Argument {
        match tensor.kind() {
            Kind::Constant(array) => Argument::Value(constant::write(array)),
            _ => Argument::Tensor(tensor.clone()),
        }
    }

    /// Reads an argument. `tensor` finds the tensor that a `__keras_tensor__` means.
    ///
    /// # Errors
    /// What `tensor` says.
    #[cfg(test)]
    pub(super) fn read(
        value: &Value,
        tensor: &mut dyn FnMut(&Value) -> Result<Tensor>,
    ) -> Result<Argument> {
        if value.get("class_name").and_then(Value::as_str) == Some("__keras_tensor__") {
            return tensor(value).map(Argument::Tensor);
        }
        let Some(items) = value.as_array() else { return Ok(Argument::Value(value.clone())) };
        let items: Vec<Argument> =
            items.iter().map(|item| Argument::read(item, tensor)).collect::<Result<_>>()?;
        let plain = items.iter().all(|item| matches!(item, Argument::Value(_)));
        Ok(if plain { Argument::Value(value.clone()) } else { Argument::List(items) })
    }

    /// What stands in the file. `place` says how a tensor of the model is written; what is none is
    /// computed and written as an array.
    ///
    /// # Errors
    /// If a tensor that is not in the model cannot be computed.
    pub(crate) fn write(&self, place: &dyn Fn(&Tensor) -> Option<Value>) -> Result<Value> {
        match self {
            Argument::Tensor(tensor) => match place(tensor) {
                Some(value) => Ok(value),
                None => tensor.eval().map(|array| constant::write(&array)),
            },
            Argument::List(items) => items.iter().map(|item| item.write(place)).collect(),
            Argument::Value(value) => Ok(value.clone()),
        }
    }

    /// The argument as a tensor: one of the model, or a constant.
    pub(super) fn tensor(&self) -> Result<Tensor> {
        match self {
            Argument::Tensor(tensor) => Ok(tensor.clone()),
            Argument::Value(value) => constant::read(value).map(Tensor::from),
            Argument::List(items) => {
                let tensors = items.iter().map(Argument::tensor).collect::<Result<Vec<_>>>()?;
                Ok(crate::ops::stack(tensors, 0))
            }
        }
    }

    /// The argument as a list of tensors.
    pub(super) fn tensors(&self) -> Result<Vec<Tensor>> {
        match self {
            Argument::List(items) => items.iter().map(Argument::tensor).collect(),
            one => Ok(vec![one.tensor()?]),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Argument::Value(Value::Null))
    }
}

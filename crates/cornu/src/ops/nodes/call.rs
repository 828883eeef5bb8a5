//! The arguments of an operation, wherever a version of Keras wrote them.

use super::{Argument, constant};
use crate::config::{Config, FromConfig, Object};
use crate::ops::Axis;
use crate::tensor::Tensor;
use cornu_graph::{DType, Error, Result};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::BTreeMap;

/// One call of an operation. What some versions of Keras give to the object others give to the
/// call by name; an argument is looked for in both.
pub(super) struct Call<'a> {
    class: &'a str,
    /// What the object was made with, and what it was called with by name.
    fields: Value,
    args: &'a [Argument],
    kwargs: &'a BTreeMap<String, Argument>,
    /// The next argument by place.
    next: Cell<usize>,
}

impl<'a> Call<'a> {
    pub fn new(
        object: &Object<'a>,
        args: &'a [Argument],
        kwargs: &'a BTreeMap<String, Argument>,
    ) -> Result<Call<'a>> {
        object.config()?;
        let mut fields = object.config.as_object().cloned().unwrap_or_default();
        add_values(&mut fields, kwargs);
        let fields = Value::Object(fields);
        Ok(Call { class: object.class, fields, args, kwargs, next: Cell::new(0) })
    }

    /// An error in the operation's name, without a line: the mistake is in a file.
    pub fn fail(&self, error: &Error) -> Error {
        Error::new(error.kind(), error.message()).within(self.class)
    }

    /// An error about an argument.
    pub fn wrong(&self, message: impl Into<String>) -> Error {
        Error::file(message).within(self.class)
    }

    fn argument(&self, name: &str) -> Option<&'a Argument> {
        if let Some(named) = self.kwargs.get(name) {
            return Some(named);
        }
        let next = self.args.get(self.next.get())?;
        self.next.set(self.next.get() + 1);
        Some(next)
    }

    /// The tensor of this name, or the next.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        self.optional(name)?.ok_or_else(|| self.wrong(format!("the argument '{name}' is missing")))
    }

    /// A tensor that need not be there.
    pub fn optional(&self, name: &str) -> Result<Option<Tensor>> {
        let argument = self.argument(name).filter(|argument| !argument.is_null());
        argument.map(|a| a.tensor().map_err(|e| e.within(self.class))).transpose()
    }

    /// The tensors of a list.
    pub fn tensors(&self, name: &str) -> Result<Vec<Tensor>> {
        let list = self.argument(name).filter(|argument| !argument.is_null());
        let list = list.ok_or_else(|| self.wrong(format!("the argument '{name}' is missing")))?;
        list.tensors().map_err(|e| e.within(self.class))
    }

    /// What an argument is in the file, unless it is null.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// What an argument is that some versions of Keras give by place.
    pub fn next_value(&self, name: &str) -> Result<&Value> {
        if let Some(value) = self.fields.get(name) {
            return Ok(value);
        }
        match self.argument(name) {
            Some(Argument::Value(value)) => Ok(value),
            Some(_) => Err(self.wrong(format!("the argument '{name}' must not be a tensor"))),
            None => Err(self.wrong(format!("the argument '{name}' is missing"))),
        }
    }

    /// An argument that must be there.
    pub fn get<T: FromConfig>(&self, name: &str) -> Result<T> {
        let value = self.value(name);
        let value = value.ok_or_else(|| self.wrong(format!("the argument '{name}' is missing")))?;
        self.read(name, value)
    }

    /// An argument, or Keras's default.
    pub fn get_or<T: FromConfig>(&self, name: &str, default: T) -> Result<T> {
        self.value(name).map_or(Ok(default), |value| self.read(name, value))
    }

    pub fn read<T: FromConfig>(&self, name: &str, value: &Value) -> Result<T> {
        let mut field = Map::new();
        field.insert(name.to_owned(), value.clone());
        Config::new(self.class, &Value::Object(field))?.get(name)
    }

    /// Whole numbers of which one alone may stand without a list; `None` if there are none.
    pub fn numbers(&self, name: &str) -> Result<Option<Vec<i32>>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        if value.is_array() {
            return self.read(name, value).map(Some);
        }
        self.read(name, value).map(|number| Some(vec![number]))
    }

    /// The axes of a reduction.
    pub fn axis(&self) -> Result<Axis> {
        let axes = self.numbers("axis")?;
        let axis = axes.map_or(Axis::ALL, |axes| Axis::from(&axes[..]));
        Ok(if self.get_or("keepdims", false)? { axis.keepdims() } else { axis })
    }

    /// The result in the dtype that is asked for.
    pub fn in_dtype(&self, y: Tensor) -> Result<Tensor> {
        let Some(name) = self.value("dtype") else { return Ok(y) };
        let dtype: DType = constant::dtype(&self.read::<String>("dtype", name)?)?;
        Ok(if dtype == y.dtype() { y } else { crate::ops::cast(y, dtype) })
    }
}

fn add_values(fields: &mut Map<String, Value>, kwargs: &BTreeMap<String, Argument>) {
    for (key, argument) in kwargs {
        if let Argument::Value(value) = argument
            && fields.get(key).is_none_or(Value::is_null)
        {
            fields.insert(key.clone(), value.clone());
        }
    }
}

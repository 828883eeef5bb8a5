//! Public ops, with their name and attributes beside their expansions.

use super::{Kind, Tensor};
use crate::config::decimal;
use crate::ops::Axis;
use cornu_graph::Op;
use serde_json::Value;

/// A public op that keeps its name and attributes beside its expansion, so that a model can be
/// shown and saved in terms of what the user wrote.
pub(crate) struct Composite {
    /// What Keras calls it.
    pub operation: Operation,
    /// What it was applied to.
    pub inputs: Vec<Tensor>,
    /// What it means.
    pub body: Tensor,
}

/// An operation of Keras and the arguments it is made with, by Keras's names. What has Keras's
/// default is left out where some versions of Keras do not know the argument.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    /// The class: `"Norm"`.
    pub name: &'static str,
    /// The arguments: `axis`, `keepdims`.
    pub attributes: Vec<(&'static str, Value)>,
}

impl Operation {
    pub fn new(name: &'static str) -> Operation {
        Operation { name, attributes: vec![] }
    }

    pub fn with(mut self, attribute: &'static str, value: impl Into<Value>) -> Operation {
        self.attributes.push((attribute, value.into()));
        self
    }

    /// With a number that is written as the decimal the user wrote.
    pub fn with_number(self, attribute: &'static str, value: f32) -> Operation {
        self.with(attribute, decimal(value))
    }

    /// With the arguments of a reduction.
    pub fn along(self, axis: &Axis) -> Operation {
        self.with("axis", axis).with("keepdims", axis.keeps_dims())
    }
}

impl From<&'static str> for Operation {
    fn from(name: &'static str) -> Operation {
        Operation::new(name)
    }
}

impl Tensor {
    /// Gives the expansion of a public op its name.
    #[track_caller]
    pub(crate) fn named(
        operation: impl Into<Operation>,
        inputs: &[&Tensor],
        body: Tensor,
    ) -> Tensor {
        if body.is_error() {
            return body.here();
        }
        let ty = body.ty().clone();
        let inputs = inputs.iter().map(|&t| t.unconverted().clone()).collect();
        let operation = operation.into();
        Tensor::from_kind(Kind::Composite(Composite { operation, inputs, body }), ty)
    }

    /// The tensor before an operation converted it to the dtype it works in, which in Keras is a
    /// part of the operation. (A conversion that the user asked for is a composite.)
    pub(crate) fn unconverted(&self) -> &Tensor {
        match self.kind() {
            Kind::Op(Op::Cast(_), inputs) => inputs[0].unconverted(),
            _ => self,
        }
    }
}

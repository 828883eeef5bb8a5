//! The tensor: a cheap handle to an expression.
//!
//! An expression that starts at an [`Input`](crate::layers::Input) is symbolic and becomes part of a
//! model; one that is made of arrays alone can be computed with [`Tensor::eval`]. Layers, losses,
//! metrics, optimizers and plain calculations are all written with it.
//!
//! A mistake does not panic: the first error travels with the tensor, with the line that made it,
//! and comes out at the next call that returns a `Result`.

mod composite;
mod eval;
mod gradient;
pub(crate) mod lower;
mod operators;
pub(crate) mod replay;

pub(crate) use composite::{Composite, Operation};
pub use gradient::gradients;

use crate::layers::Call;
use crate::lines;
use crate::variable::Variable;
use cornu_graph::{Array, DType, Dim, Error, Op, Result, Shape, TensorType, Values};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A symbolic or constant tensor. Cloning copies a pointer.
#[derive(Clone)]
pub struct Tensor(Arc<Expression>);

pub(crate) struct Expression {
    pub id: u64,
    pub kind: Kind,
    pub ty: TensorType,
    pub line: &'static Location<'static>,
}

/// How a tensor comes about.
pub(crate) enum Kind {
    /// A placeholder: a model's input, or a value the training step binds.
    Input { name: Option<String> },
    /// A known array.
    Constant(Array),
    /// The value of a weight or another variable.
    Variable(Variable),
    /// The random state of the program this is lowered into.
    RandomState,
    /// A primitive op.
    Op(Op, Vec<Tensor>),
    /// A named public function with its expansion.
    Composite(Composite),
    /// One of the results of a layer.
    Call(Arc<Call>, usize),
    /// The first mistake on the way here.
    Error(Error),
}

/// Frees a long chain of expressions one by one: the usual way would need a stack as deep.
impl Drop for Expression {
    fn drop(&mut self) {
        let mut open = self.take_sources();
        while let Some(Tensor(expression)) = open.pop() {
            if let Some(mut last) = Arc::into_inner(expression) {
                open.append(&mut last.take_sources());
            }
        }
    }
}

impl Expression {
    fn take_sources(&mut self) -> Vec<Tensor> {
        match std::mem::replace(&mut self.kind, Kind::RandomState) {
            Kind::Op(_, inputs) => inputs,
            Kind::Composite(Composite { mut inputs, body, .. }) => {
                inputs.push(body);
                inputs
            }
            Kind::Call(call, _) => Arc::into_inner(call).map_or(vec![], |call| call.inputs),
            _ => vec![],
        }
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Tensor {
    #[track_caller]
    pub(crate) fn from_kind(kind: Kind, ty: TensorType) -> Tensor {
        Tensor::at(kind, ty, Location::caller())
    }

    pub(crate) fn at(kind: Kind, ty: TensorType, line: &'static Location<'static>) -> Tensor {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Tensor(Arc::new(Expression { id, kind, ty, line }))
    }

    /// A placeholder of a type.
    #[track_caller]
    pub(crate) fn placeholder(ty: TensorType, name: Option<String>) -> Tensor {
        Tensor::from_kind(Kind::Input { name }, ty)
    }

    /// A tensor that carries an error.
    #[track_caller]
    pub(crate) fn error(error: Error) -> Tensor {
        let line = Location::caller();
        let ty = TensorType::new(DType::F32, Shape::scalar());
        Tensor::at(Kind::Error(error.at(line)), ty, line)
    }

    /// A primitive op. The first error among the inputs travels on.
    #[track_caller]
    pub(crate) fn op(op: Op, inputs: &[&Tensor]) -> Tensor {
        if let Some(poisoned) = inputs.iter().find(|t| t.is_error()) {
            return (*poisoned).clone();
        }
        let types: Vec<&TensorType> = inputs.iter().map(|t| t.ty()).collect();
        match cornu_graph::infer::infer(&op, &types) {
            Ok(ty) => {
                let inputs = inputs.iter().map(|&t| t.clone()).collect();
                Tensor::from_kind(Kind::Op(op, inputs), ty)
            }
            Err(error) => Tensor::error(error),
        }
    }

    /// Moves the line of a mistake inside this crate to the caller, who made it.
    #[track_caller]
    pub(crate) fn here(self) -> Tensor {
        match self.kind() {
            Kind::Error(error) => {
                let line = Location::caller();
                let error = lines::locate(error.clone(), line);
                Tensor::at(Kind::Error(error), self.ty().clone(), line)
            }
            _ => self,
        }
    }

    /// A number repeated to a shape.
    #[track_caller]
    pub(crate) fn fill(dtype: DType, shape: &Shape, value: f64) -> Tensor {
        let value = Values::from_f64(dtype, &[value]);
        let scalar = Tensor::from(Array::from_values([], value).expect("one number"));
        scalar.broadcast_to(shape)
    }

    #[track_caller]
    pub(crate) fn broadcast_to(&self, shape: &Shape) -> Tensor {
        if self.shape() == shape {
            self.clone()
        } else {
            Tensor::op(Op::Broadcast(shape.clone()), &[self])
        }
    }

    #[track_caller]
    pub(crate) fn reshape_to(&self, shape: &Shape) -> Tensor {
        if self.shape() == shape {
            self.clone()
        } else {
            Tensor::op(Op::Reshape(shape.clone()), &[self])
        }
    }

    /// What the tensor is computed from.
    pub(crate) fn sources(&self) -> Vec<&Tensor> {
        match self.kind() {
            Kind::Op(_, inputs) => inputs.iter().collect(),
            Kind::Composite(composite) => vec![&composite.body],
            Kind::Call(call, _) => call.inputs.iter().collect(),
            Kind::Input { .. }
            | Kind::Constant(_)
            | Kind::Variable(_)
            | Kind::RandomState
            | Kind::Error(_) => vec![],
        }
    }

    pub(crate) fn expression(&self) -> &Expression {
        &self.0
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self.0.kind, Kind::Error(_))
    }

    /// The dtype and the shape.
    pub fn ty(&self) -> &TensorType {
        &self.0.ty
    }

    /// The shape. The batch dimension of a symbolic tensor prints as `None`.
    pub fn shape(&self) -> &Shape {
        &self.0.ty.shape
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.0.ty.dtype
    }

    /// How many dimensions there are.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// The size of the last dimension, as layers need it to make their weights.
    ///
    /// # Errors
    /// If the tensor is a scalar or the size is not known.
    pub fn last_dim(&self) -> Result<usize> {
        match self.shape().dims().last() {
            Some(Dim::Known(n)) => Ok(*n),
            Some(Dim::Batch(_)) => Err(Error::shape(format!(
                "the last dimension of the input must be known, but its shape is {}",
                self.shape()
            ))
            .help("the weights are as large as this dimension; give Input a full shape")),
            None => Err(Error::shape("the input is a single number, it has no last dimension")),
        }
    }

    /// The tensor itself, or the first error on the way to it.
    ///
    /// # Errors
    /// The mistake, with the line of the call that made it.
    pub fn check(&self) -> Result<&Tensor> {
        match self.kind() {
            Kind::Error(error) => Err(error.clone()),
            _ => Ok(self),
        }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Error(error) => write!(f, "Tensor with an error: {error}"),
            Kind::Constant(array) => write!(f, "Tensor {array:?}"),
            _ => write!(f, "Tensor {}", self.ty()),
        }
    }
}

impl From<Array> for Tensor {
    #[track_caller]
    fn from(array: Array) -> Tensor {
        let ty = array.ty();
        Tensor::from_kind(Kind::Constant(array), ty)
    }
}

impl From<&Array> for Tensor {
    #[track_caller]
    fn from(array: &Array) -> Tensor {
        Tensor::from(array.clone())
    }
}

impl From<&Tensor> for Tensor {
    fn from(tensor: &Tensor) -> Tensor {
        tensor.clone()
    }
}

impl From<f32> for Tensor {
    #[track_caller]
    fn from(value: f32) -> Tensor {
        Tensor::from(Array::scalar(value))
    }
}

impl From<i32> for Tensor {
    #[track_caller]
    fn from(value: i32) -> Tensor {
        Tensor::from(Array::scalar(value))
    }
}

macro_rules! from_literals {
    ($($element:ty),*) => {$(
        impl From<Vec<$element>> for Tensor {
            #[track_caller]
            fn from(values: Vec<$element>) -> Tensor {
                let shape = [values.len()];
                Tensor::from(Array::new(shape, values).expect("the shape is the length"))
            }
        }

        impl<const N: usize> From<[$element; N]> for Tensor {
            #[track_caller]
            fn from(values: [$element; N]) -> Tensor {
                Tensor::from(Array::new([N], values.to_vec()).expect("the shape is the length"))
            }
        }

        impl<const N: usize, const M: usize> From<[[$element; M]; N]> for Tensor {
            #[track_caller]
            fn from(rows: [[$element; M]; N]) -> Tensor {
                let values = rows.into_iter().flatten().collect();
                Tensor::from(Array::new([N, M], values).expect("the shape is the length"))
            }
        }
    )*};
}
from_literals!(f32, i32, u8, bool);

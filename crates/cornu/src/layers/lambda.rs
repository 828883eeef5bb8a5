//! A closure as a layer.

use super::{Layer, Scope};
use crate::tensor::Tensor;
use cornu_graph::Result;
use std::fmt;

/// Applies a closure over tensors.
///
/// ```
/// use cornu::prelude::*;
///
/// let (a, b) = (Input::tensor([2]), Input::tensor([2]));
/// let distance = Lambda::new(|twins| ops::norm(&twins[0] - &twins[1], Axis::new(1).keepdims()));
/// assert_eq!(distance.call([&a, &b]).shape().to_string(), "(None, 1)");
/// ```
pub struct Lambda {
    function: Box<Function>,
}

type Function = dyn Fn(&[Tensor]) -> Tensor + Send + Sync;

impl Lambda {
    /// A layer from a closure. It receives all inputs of the call.
    pub fn new(function: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static) -> Lambda {
        Lambda { function: Box::new(function) }
    }
}

impl Layer for Lambda {
    fn kind(&self) -> &str {
        "Lambda"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        Ok((self.function)(inputs))
    }
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lambda")
    }
}

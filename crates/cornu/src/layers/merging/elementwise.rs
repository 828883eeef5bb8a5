//! Element by element: sum, difference, product, mean, largest, smallest.

use super::shapes;
use crate::config::Config;
use crate::layers::{Layer, Scope};
use crate::ops;
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result, Shape};

/// Merges tensors one after another.
fn merge(inputs: &[Tensor], pair: impl Fn(&Tensor, &Tensor) -> Tensor) -> Result<Tensor> {
    let aligned = align(inputs)?;
    let (first, rest) =
        aligned.split_first().ok_or_else(|| Error::value("there is nothing to merge"))?;
    Ok(rest.iter().fold(first.clone(), |merged, next| pair(&merged, next)))
}

/// Tensors of one rank: new axes of size 1 stand behind the batch, as in Keras.
fn align(inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let rank = inputs.iter().map(Tensor::rank).max().unwrap_or_default();
    let aligned: Vec<Tensor> = inputs.iter().map(|x| with_rank(x, rank)).collect();
    let mut common = aligned.first().map_or(Shape::scalar(), |x| x.shape().clone());
    for x in &aligned {
        common = common.broadcast(x.shape()).ok_or_else(|| {
            Error::shape(format!("inputs of shapes {} do not broadcast", shapes(inputs)))
                .help("sizes must be equal, or one of them 1")
        })?;
    }
    Ok(aligned)
}

fn with_rank(x: &Tensor, rank: usize) -> Tensor {
    let mut dims = x.shape().dims().to_vec();
    let missing = rank - dims.len();
    if missing == 0 || dims.is_empty() {
        return x.clone();
    }
    dims.splice(1..1, std::iter::repeat_n(Dim::Known(1), missing));
    x.reshape_to(&Shape::from(dims))
}

macro_rules! merging_layer {
    ($(#[$doc:meta])* $name:ident, $merge:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        impl $name {
            /// The layer.
            pub fn new() -> $name {
                $name
            }

            /// From its configuration.
            pub(crate) fn from_config(_: &Config<'_>) -> Result<$name> {
                Ok($name)
            }
        }

        impl Layer for $name {
            fn kind(&self) -> &str {
                stringify!($name)
            }

            fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
                $merge(inputs)
            }
        }
    };
}

merging_layer!(
    /// The sum of its inputs, element by element.
    ///
    /// ```
    /// use cornu::prelude::*;
    ///
    /// let x = Input::tensor([8]);
    /// let residual = layers::Add::new().call([&x, &Dense::new(8).call(&x)]);
    /// assert_eq!(residual.shape().to_string(), "(None, 8)");
    /// ```
    Add, |inputs| merge(inputs, |a, b| a + b)
);
merging_layer!(
    /// The first input minus the second.
    Subtract, |inputs: &[Tensor]| match inputs {
        [_, _] => merge(inputs, |a, b| a - b),
        _ => Err(Error::value(format!("the layer takes two inputs, not {}", inputs.len()))),
    }
);
merging_layer!(
    /// The product of its inputs, element by element.
    Multiply, |inputs| merge(inputs, |a, b| a * b)
);
merging_layer!(
    /// The mean of its inputs, element by element.
    Average, |inputs: &[Tensor]| Ok(merge(inputs, |a, b| a + b)? / inputs.len() as f32)
);
merging_layer!(
    /// The largest of its inputs, element by element.
    Maximum, |inputs| merge(inputs, |a, b| ops::maximum(a, b))
);
merging_layer!(
    /// The smallest of its inputs, element by element.
    Minimum, |inputs| merge(inputs, |a, b| ops::minimum(a, b))
);

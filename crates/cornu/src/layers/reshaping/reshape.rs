//! Samples in another shape.

use crate::config::Config;
use crate::layers::{Layer, Scope, one_input};
use crate::tensor::Tensor;
use cornu_graph::{Dim, Error, Result, Shape};
use serde_json::{Value, json};

/// Gives samples another shape with as many elements.
///
/// ```
/// use cornu::prelude::*;
///
/// let image = layers::Reshape::new([28, 28, 1]).call(&Input::tensor([784]));
/// assert_eq!(image.shape().to_string(), "(None, 28, 28, 1)");
/// ```
#[derive(Clone, Debug)]
pub struct Reshape {
    target_shape: Vec<i64>,
}

impl Reshape {
    /// The shape of a sample, without the batch. One size may be -1 and follows from the others.
    pub fn new(target_shape: impl Into<Vec<i64>>) -> Reshape {
        Reshape { target_shape: target_shape.into() }
    }

    /// The sizes of a sample with this many elements.
    fn sizes(&self, count: usize) -> Option<Vec<usize>> {
        let given = self.target_shape.iter().filter(|&&size| size != -1);
        let product = given
            .clone()
            .try_fold(1usize, |product, &size| product.checked_mul(usize::try_from(size).ok()?))?;
        let rest = count.checked_div(product).unwrap_or(0);
        let size = |&size: &i64| if size == -1 { rest } else { size as usize };
        let sizes: Vec<usize> = self.target_shape.iter().map(size).collect();
        let one_is_free = given.count() + 1 >= sizes.len();
        (one_is_free && sizes.iter().product::<usize>() == count).then_some(sizes)
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Reshape> {
        let sizes: Vec<Option<i64>> = config.get("target_shape")?;
        Ok(Reshape { target_shape: sizes.into_iter().map(|size| size.unwrap_or(-1)).collect() })
    }
}

impl Layer for Reshape {
    fn kind(&self) -> &str {
        "Reshape"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let Some((&batch, sample)) = x.shape().dims().split_first() else {
            return Err(Error::shape("a single number has no batch"));
        };
        let count = Shape::from(sample.to_vec()).count().and_then(|count| count.known());
        let sizes = count.and_then(|count| self.sizes(count)).ok_or_else(|| {
            let sample = Shape::from(sample.to_vec());
            Error::shape(format!("samples of shape {sample} cannot become {:?}", self.target_shape))
                .help("the number of elements must stay the same; one size may be -1")
        })?;
        let mut dims = vec![batch];
        dims.extend(sizes.into_iter().map(Dim::Known));
        Ok(x.reshape_to(&Shape::from(dims)))
    }

    fn config(&self) -> Value {
        json!({ "target_shape": self.target_shape })
    }
}

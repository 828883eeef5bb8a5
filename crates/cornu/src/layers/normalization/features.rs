//! Normalization with the moments of given data.

use super::affine::{others, sizes, spread};
use crate::config::{Config, FromConfig, decimal};
use crate::initializers::Initializer;
use crate::layers::{Layer, Scope, one_input};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use cornu_graph::{Array, DType, Error, Result};
use serde_json::{Value, json};

/// Brings features to mean 0 and variance 1 with moments that are known before training: those of
/// data ([`adapt`](Normalization::adapt)), or given ones ([`moments`](Normalization::moments)). Until
/// then they are 0 and 1.
///
/// Weights, which no optimizer changes: `mean` and `variance` of the sizes along the axes, and
/// `count`, which Keras keeps for old files. None if the moments were given.
///
/// ```
/// use cornu::prelude::*;
///
/// let data = Array::new([4, 1], vec![1.0f32, 2.0, 3.0, 4.0])?;
/// let mut model = Sequential::new()
///     .add(Input::new([1]))
///     .add(layers::Normalization::new().adapt(&data)?);
/// let normalized = model.predict(&data).run()?;
/// assert!((normalized.as_slice::<f32>()?[0] + 1.3416408).abs() < 1e-6);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Normalization {
    axis: Option<Axis>,
    invert: bool,
    moments: Source,
}

/// Where the moments come from.
#[derive(Clone, Debug)]
enum Source {
    /// What a variable starts with: the moments of data, or 0 and 1.
    Weights {
        mean: Initializer,
        variance: Initializer,
    },
    Given {
        mean: Vec<f32>,
        variance: Vec<f32>,
    },
}

/// The least deviation that is divided by: Keras's `epsilon()`.
const EPSILON: f32 = 1e-7;

impl Normalization {
    /// A mean and a variance for each feature: each element of the last axis.
    pub fn new() -> Normalization {
        let moments = Source::Weights { mean: Initializer::zeros(), variance: Initializer::ones() };
        Normalization { axis: Some(Axis::new(-1)), invert: false, moments }
    }

    /// A mean and a variance for each element of other axes, as in `[1, 2]`. Before `adapt`.
    pub fn axis(mut self, axis: impl Into<Axis>) -> Normalization {
        self.axis = Some(axis.into());
        self
    }

    /// One mean and one variance of all elements: Keras's `axis=None`. Before `adapt`.
    pub fn of_all(mut self) -> Normalization {
        self.axis = None;
        self
    }

    /// Whether normalized features are brought back instead: `mean + x · √variance`.
    pub fn invert(mut self, invert: bool) -> Normalization {
        self.invert = invert;
        self
    }

    /// Given moments, one for each feature, or one of each for all.
    pub fn moments(
        mut self,
        mean: impl Into<Vec<f32>>,
        variance: impl Into<Vec<f32>>,
    ) -> Normalization {
        self.moments = Source::Given { mean: mean.into(), variance: variance.into() };
        self
    }

    /// The moments of data of the shape that the layer will be called on, with samples as rows.
    ///
    /// # Errors
    /// If the axes do not fit, there are no data, or their moments are not finite: all that the layer
    /// gave would be NaN.
    pub fn adapt(mut self, data: impl Into<Tensor>) -> Result<Normalization> {
        let x = ops::cast(data, DType::F32);
        let axes = self.axes(x.check()?)?;
        if sizes(&x, &others(x.rank(), &axes))?.contains(&0) {
            return Err(Error::data(format!("there is nothing to adapt to in {}", x.shape())));
        }
        let reduced: Vec<i32> = others(x.rank(), &axes).iter().map(|&a| a as i32).collect();
        let mean = ops::mean(&x, &reduced[..]).eval()?;
        let variance = ops::var(&x, &reduced[..]).eval()?;
        let finite = |moment: &Array| moment.values().to_f64().iter().all(|m| m.is_finite());
        if !(finite(&mean) && finite(&variance)) {
            return Err(Error::data("the moments of the data are not finite")
                .help("the data hold NaN, infinities, or numbers too large to square"));
        }
        self.moments = Source::Weights {
            mean: Initializer::values(mean),
            variance: Initializer::values(variance),
        };
        Ok(self)
    }

    /// The axes that keep their moments apart.
    fn axes(&self, x: &Tensor) -> Result<Vec<usize>> {
        self.axis.as_ref().map_or(Ok(vec![]), |axis| axis.resolve(x.rank()))
    }

    /// Mean and variance in a shape that broadcasts to the input.
    fn find(&self, scope: &mut Scope, x: &Tensor, axes: &[usize]) -> Result<(Tensor, Tensor)> {
        let sizes = sizes(x, axes)?;
        match &self.moments {
            Source::Weights { mean, variance } => {
                let mean = scope.state("mean", &sizes[..], mean)?.tensor();
                let variance = scope.state("variance", &sizes[..], variance)?.tensor();
                scope.state("count", [], &Initializer::values(Array::scalar(0i32)))?;
                Ok((spread(&mean, x, axes), spread(&variance, x, axes)))
            }
            Source::Given { mean, variance } => {
                Ok((given("mean", mean, x, axes)?, given("variance", variance, x, axes)?))
            }
        }
    }

    /// From its configuration.
    pub(crate) fn from_config(config: &Config<'_>) -> Result<Normalization> {
        let mut layer = Normalization::new();
        config.set("axis", &mut layer.axis)?;
        // Keras has no axis as an empty list.
        layer.axis = layer.axis.filter(|axis| axis.list() != Some(&[]));
        config.set("invert", &mut layer.invert)?;
        match (numbers(config, "mean")?, numbers(config, "variance")?) {
            (Some(mean), Some(variance)) => Ok(layer.moments(mean, variance)),
            (None, None) => Ok(layer),
            _ => {
                Err(Error::file("Normalization: mean and variance must be given both, or neither"))
            }
        }
    }
}

/// Given numbers in a shape that broadcasts to the input.
fn given(name: &str, numbers: &[f32], x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let sizes = sizes(x, axes)?;
    let count: usize = sizes.iter().product();
    let lowest = if name == "variance" { 0.0 } else { f32::MIN };
    if let Some(bad) = numbers.iter().find(|&&n| !n.is_finite() || n < lowest) {
        return Err(Error::value(format!("{bad} is no {name}")));
    }
    match numbers {
        [all] => Ok(Tensor::from(*all)),
        numbers if numbers.len() == count => {
            let moment = Tensor::from(Array::new(sizes, numbers.to_vec())?);
            Ok(spread(&moment, x, axes))
        }
        numbers => Err(Error::shape(format!(
            "{} numbers were given as {name}, but the input of shape {} has {count} features",
            numbers.len(),
            x.shape()
        ))),
    }
}

/// The moments of a configuration: one number, or lists of them in any depth.
fn numbers(config: &Config<'_>, key: &str) -> Result<Option<Vec<f32>>> {
    fn collect(value: &Value, numbers: &mut Vec<f32>) -> Result<()> {
        match value {
            Value::Array(list) => list.iter().try_for_each(|value| collect(value, numbers)),
            number => f32::from_config(number).map(|number| numbers.push(number)),
        }
    }
    let Some(value) = config.value(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let mut numbers = vec![];
    collect(value, &mut numbers).map_err(|e| e.within(format!("{}: '{key}'", config.class())))?;
    Ok(Some(numbers))
}

impl Default for Normalization {
    fn default() -> Normalization {
        Normalization::new()
    }
}

impl Layer for Normalization {
    fn kind(&self) -> &str {
        "Normalization"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = ops::cast(one_input(inputs)?, DType::F32);
        let axes = self.axes(&x)?;
        let (mean, variance) = self.find(scope, &x, &axes)?;
        let deviation = ops::maximum(ops::sqrt(variance), EPSILON);
        Ok(if self.invert { mean + x * deviation } else { (x - mean) / deviation })
    }

    fn config(&self) -> Value {
        let numbers = |numbers: &[f32]| match numbers {
            [one] => json!(decimal(*one)),
            several => several.iter().copied().map(decimal).collect(),
        };
        let (mean, variance) = match &self.moments {
            Source::Weights { .. } => (Value::Null, Value::Null),
            Source::Given { mean, variance } => (numbers(mean), numbers(variance)),
        };
        let axis = self.axis.as_ref().and_then(Axis::list).unwrap_or_default();
        json!({ "axis": axis, "invert": self.invert, "mean": mean, "variance": variance })
    }
}

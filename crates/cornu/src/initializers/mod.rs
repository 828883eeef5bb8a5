//! The first values of weights. Names, defaults and distributions are Keras's.
//!
//! All of Keras's initializers but `STFT`, which belongs to its spectrogram layers.

mod orthogonal;
mod read;
mod variance_scaling;

pub use variance_scaling::{Fan, Spread, VarianceScaling};

use crate::config::{self, decimal};
use crate::{names, session};
use cornu_graph::philox::Philox;
use cornu_graph::{Array, Error, Result, Shape};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// How a weight gets its first value: by name (`"he_normal"`) or by one of the constructors here.
#[derive(Clone, Debug, PartialEq)]
pub struct Initializer {
    kind: Kind,
    seed: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Constant { class: &'static str, value: f32 },
    Identity { gain: f32 },
    Normal { mean: f32, stddev: f32 },
    TruncatedNormal { mean: f32, stddev: f32 },
    Uniform { minval: f32, maxval: f32 },
    Scaling { class: &'static str, scaling: VarianceScaling },
    Orthogonal { gain: f32 },
    Values(Array),
    Unknown(String),
}

impl Initializer {
    fn new(kind: Kind) -> Initializer {
        Initializer { kind, seed: None }
    }

    /// All elements 0.
    pub fn zeros() -> Initializer {
        Initializer::new(Kind::Constant { class: "Zeros", value: 0.0 })
    }

    /// All elements 1.
    pub fn ones() -> Initializer {
        Initializer::new(Kind::Constant { class: "Ones", value: 1.0 })
    }

    /// All elements a number.
    pub fn constant(value: f32) -> Initializer {
        Initializer::new(Kind::Constant { class: "Constant", value })
    }

    /// `gain` on the diagonal of a matrix, 0 elsewhere.
    pub fn identity(gain: f32) -> Initializer {
        Initializer::new(Kind::Identity { gain })
    }

    /// Normally distributed. Keras's defaults are 0 and 0.05.
    pub fn random_normal(mean: f32, stddev: f32) -> Initializer {
        Initializer::new(Kind::Normal { mean, stddev })
    }

    /// Normally distributed, drawn again where further than two `stddev` from the mean. Keras's
    /// defaults are 0 and 0.05. (What is left has the standard deviation `0.88 · stddev`.)
    pub fn truncated_normal(mean: f32, stddev: f32) -> Initializer {
        Initializer::new(Kind::TruncatedNormal { mean, stddev })
    }

    /// Evenly distributed. Keras's defaults are -0.05 and 0.05.
    pub fn random_uniform(minval: f32, maxval: f32) -> Initializer {
        Initializer::new(Kind::Uniform { minval, maxval })
    }

    /// With a variance that depends on how many inputs or outputs the weight connects.
    pub fn variance_scaling(scaling: VarianceScaling) -> Initializer {
        Initializer::new(Kind::Scaling { class: "VarianceScaling", scaling })
    }

    /// A random orthogonal matrix times `gain` (Saxe et al., "Exact solutions to the nonlinear
    /// dynamics of learning in deep linear neural networks", 2014).
    pub fn orthogonal(gain: f32) -> Initializer {
        Initializer::new(Kind::Orthogonal { gain })
    }

    /// These values, for a weight of their shape: Keras's `Constant` of an array, as for embeddings
    /// that were learned elsewhere.
    pub fn values(values: impl Into<Array>) -> Initializer {
        Initializer::new(Kind::Values(values.into()))
    }

    /// A seed of its own: the same values every time. Without one, the seed comes from
    /// [`set_random_seed`](crate::utils::set_random_seed).
    pub fn seed(mut self, seed: u64) -> Initializer {
        self.seed = Some(seed);
        self
    }

    /// First values of a shape.
    ///
    /// # Errors
    /// If the initializer was given by a name that is not known, or does not fit the shape, or no
    /// memory can hold the values.
    pub fn array(&self, shape: &[usize]) -> Result<Array> {
        let count = count(shape)?;
        let mut random = Philox::new(self.seed.unwrap_or_else(session::next_seed));
        let values: Vec<f32> = match &self.kind {
            Kind::Constant { value, .. } => vec![*value; count],
            Kind::Identity { gain } => identity(shape, *gain)?,
            Kind::Normal { mean, stddev } => {
                (0..count).map(|_| mean + stddev * random.normal() as f32).collect()
            }
            Kind::TruncatedNormal { mean, stddev } => {
                truncated_normal(&mut random, count, *mean, *stddev)
            }
            Kind::Uniform { minval, maxval } => uniform(&mut random, count, *minval, *maxval),
            Kind::Scaling { scaling, .. } => scaling.values(&mut random, shape),
            Kind::Orthogonal { gain } => orthogonal::values(&mut random, shape, *gain)?,
            Kind::Values(values) if values.shape() == shape => return Ok(values.clone()),
            Kind::Values(values) => {
                let (given, wanted) = (Shape::from(values.shape()), Shape::from(shape));
                return Err(Error::shape(format!(
                    "the weight has shape {wanted}, but its first values have {given}"
                )));
            }
            Kind::Unknown(name) => return Err(unknown(name)),
        };
        Array::new(shape, values)
    }

    /// Keras's class name and configuration.
    fn class(&self) -> (&str, Value) {
        let seed = self.seed;
        match &self.kind {
            Kind::Constant { class: "Constant", value } => {
                ("Constant", json!({ "value": decimal(*value) }))
            }
            Kind::Constant { class, .. } => (class, json!({})),
            Kind::Identity { gain } => ("Identity", json!({ "gain": decimal(*gain) })),
            Kind::Normal { mean, stddev } => (
                "RandomNormal",
                json!({ "mean": decimal(*mean), "stddev": decimal(*stddev), "seed": seed }),
            ),
            Kind::TruncatedNormal { mean, stddev } => (
                "TruncatedNormal",
                json!({ "mean": decimal(*mean), "stddev": decimal(*stddev), "seed": seed }),
            ),
            Kind::Uniform { minval, maxval } => (
                "RandomUniform",
                json!({ "minval": decimal(*minval), "maxval": decimal(*maxval), "seed": seed }),
            ),
            Kind::Scaling { class: "VarianceScaling", scaling } => {
                ("VarianceScaling", scaling.config(seed))
            }
            Kind::Scaling { class, .. } => (class, json!({ "seed": seed })),
            Kind::Orthogonal { gain } => {
                ("Orthogonal", json!({ "gain": decimal(*gain), "seed": seed }))
            }
            Kind::Values(values) => {
                let value = nested(values.shape(), &decimals(values));
                let config = json!({ "value": value, "dtype": values.dtype().name() });
                ("Constant", json!({ "value": { "class_name": "__numpy__", "config": config } }))
            }
            Kind::Unknown(name) => (name, json!({})),
        }
    }
}

/// Keras's names, snake case and class names, with default arguments.
fn named(name: &str) -> Option<Initializer> {
    let scaled = |class, scale, fan, spread| {
        let scaling = VarianceScaling { scale, fan, spread };
        Initializer::new(Kind::Scaling { class, scaling })
    };
    Some(match session::snake_case(name).as_str() {
        "zeros" => Initializer::zeros(),
        "ones" => Initializer::ones(),
        "constant" => Initializer::constant(0.0),
        "identity" | "identity_initializer" => Initializer::identity(1.0),
        "random_normal" | "normal" => Initializer::random_normal(0.0, 0.05),
        "truncated_normal" => Initializer::truncated_normal(0.0, 0.05),
        "random_uniform" | "uniform" => Initializer::random_uniform(-0.05, 0.05),
        "variance_scaling" => Initializer::variance_scaling(VarianceScaling::default()),
        "glorot_normal" => scaled("GlorotNormal", 1.0, Fan::Average, Spread::TruncatedNormal),
        "glorot_uniform" => scaled("GlorotUniform", 1.0, Fan::Average, Spread::Uniform),
        "he_normal" => scaled("HeNormal", 2.0, Fan::In, Spread::TruncatedNormal),
        "he_uniform" => scaled("HeUniform", 2.0, Fan::In, Spread::Uniform),
        "lecun_normal" => scaled("LecunNormal", 1.0, Fan::In, Spread::TruncatedNormal),
        "lecun_uniform" => scaled("LecunUniform", 1.0, Fan::In, Spread::Uniform),
        "orthogonal" | "orthogonal_initializer" => Initializer::orthogonal(1.0),
        _ => return None,
    })
}

fn unknown(name: &str) -> Error {
    let known = [
        "zeros",
        "ones",
        "constant",
        "identity",
        "random_normal",
        "truncated_normal",
        "random_uniform",
        "variance_scaling",
        "glorot_normal",
        "glorot_uniform",
        "he_normal",
        "he_uniform",
        "lecun_normal",
        "lecun_uniform",
        "orthogonal",
    ];
    names::unknown("initializer", name, known)
}

impl From<&str> for Initializer {
    fn from(name: &str) -> Initializer {
        named(name).unwrap_or_else(|| Initializer::new(Kind::Unknown(name.to_owned())))
    }
}

impl From<VarianceScaling> for Initializer {
    fn from(scaling: VarianceScaling) -> Initializer {
        Initializer::variance_scaling(scaling)
    }
}

/// As Keras writes objects into a model's configuration.
impl Serialize for Initializer {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let (class, config) = self.class();
        config::object("keras.initializers", class, config).serialize(serializer)
    }
}

/// The numbers as they would be written.
fn decimals(values: &Array) -> Vec<f64> {
    values.values().to_f64().into_iter().map(|x| decimal(x as f32)).collect()
}

/// Numbers as a list of lists.
fn nested(shape: &[usize], numbers: &[f64]) -> Value {
    match shape {
        [] => json!(numbers.first()),
        [_] => json!(numbers),
        [_, inner @ ..] => {
            let size = inner.iter().product::<usize>().max(1);
            numbers.chunks(size).map(|part| nested(inner, part)).collect()
        }
    }
}

/// How many values there are.
fn count(shape: &[usize]) -> Result<usize> {
    // With a 0 among them, the product of the others must fit too.
    let size = shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n.max(1)));
    // A size from a file must be an error too, not the end of the program.
    let fits = |&size: &usize| Vec::<f32>::new().try_reserve_exact(size).is_ok();
    match size.filter(fits) {
        Some(_) => Ok(shape.iter().product()),
        None => Err(Error::shape(format!(
            "no memory can hold a weight of shape {}",
            Shape::from(shape)
        ))),
    }
}

fn identity(shape: &[usize], gain: f32) -> Result<Vec<f32>> {
    let &[rows, columns] = shape else {
        let shape = Shape::from(shape);
        return Err(Error::shape(format!("the identity is a matrix, not a tensor of {shape}")));
    };
    let mut values = vec![0.0; rows * columns];
    values.iter_mut().step_by(columns + 1).take(rows.min(columns)).for_each(|v| *v = gain);
    Ok(values)
}

fn uniform(random: &mut Philox, count: usize, low: f32, high: f32) -> Vec<f32> {
    (0..count).map(|_| low + (high - low) * random.uniform() as f32).collect()
}

fn truncated_normal(random: &mut Philox, count: usize, mean: f32, stddev: f32) -> Vec<f32> {
    let mut draw = || loop {
        let z = random.normal();
        if z.abs() <= 2.0 {
            return mean + stddev * z as f32;
        }
    };
    (0..count).map(|_| draw()).collect()
}

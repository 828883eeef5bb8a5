//! Conditions that weights are brought back to after every step. Names, defaults and formulas are
//! Keras's.

use crate::config::{self, Config, FromConfig, Object, decimal, registered};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use crate::{names, session};
use cornu_graph::{Error, Result};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// What is added to norms before dividing by them: Keras's `epsilon()`.
const EPSILON: f32 = 1e-7;

/// What a weight is changed to after each update: by name (`"non_neg"`) or by one of the
/// constructors here.
///
/// Axes are those along which norms are taken: 0 for the kernel of a `Dense` layer (a norm for each
/// unit), `[0, 1, 2]` for that of a `Conv2D` (one for each filter).
///
/// ```
/// use cornu::prelude::*;
///
/// let layer = Dense::new(4).kernel_constraint(Constraint::max_norm(2.0, 0));
/// # let _ = layer;
/// let constrained = Constraint::from("non_neg").apply(&[1.0f32, -3.0].into())?;
/// assert_eq!(constrained.eval()?.as_slice::<f32>()?, [1.0, 0.0]);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone)]
pub struct Constraint(Kind);

#[derive(Clone)]
enum Kind {
    MaxNorm { max_value: f32, axis: Axis },
    MinMaxNorm { min_value: f32, max_value: f32, rate: f32, axis: Axis },
    NonNeg,
    UnitNorm { axis: Axis },
    Custom { name: String, config: Value, function: Arc<Function> },
    Unknown(String),
}

type Function = dyn Fn(&Tensor) -> Tensor + Send + Sync;

impl Constraint {
    /// Norms are at most `max_value`. Keras's defaults are 2 and the axis 0.
    pub fn max_norm(max_value: f32, axis: impl Into<Axis>) -> Constraint {
        Constraint(Kind::MaxNorm { max_value, axis: axis.into() })
    }

    /// No element is negative.
    pub fn non_neg() -> Constraint {
        Constraint(Kind::NonNeg)
    }

    /// Norms are 1. Keras's default is the axis 0.
    pub fn unit_norm(axis: impl Into<Axis>) -> Constraint {
        Constraint(Kind::UnitNorm { axis: axis.into() })
    }

    /// Norms go from `min_value` to `max_value`; a `rate` below 1 moves them only this part of the
    /// way at each step. Keras's defaults are 0, 1, 1 and the axis 0.
    pub fn min_max_norm(
        min_value: f32,
        max_value: f32,
        rate: f32,
        axis: impl Into<Axis>,
    ) -> Constraint {
        Constraint(Kind::MinMaxNorm { min_value, max_value, rate, axis: axis.into() })
    }

    /// A constraint of your own: a function from the weight to what it becomes. The name stands in
    /// the configuration; [`register_constraint`](crate::saving::register_constraint) makes it known
    /// to files.
    pub fn custom(
        name: impl Into<String>,
        constrain: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Constraint {
        let function = Arc::new(constrain);
        Constraint(Kind::Custom { name: name.into(), config: json!({}), function })
    }

    /// The configuration of one of your own, from which files make it again: see
    /// [`Regularizer::with_config`](crate::regularizers::Regularizer::with_config).
    pub fn with_config(mut self, own: Value) -> Constraint {
        if let Kind::Custom { config, .. } = &mut self.0 {
            *config = own;
        }
        self
    }

    /// What the weight becomes.
    ///
    /// # Errors
    /// If the constraint was given by a name that is not known, has bounds that make no sense, does
    /// not fit the weight's shape, or changes it.
    pub fn apply(&self, w: &Tensor) -> Result<Tensor> {
        self.check()?;
        let constrained = match &self.0 {
            Kind::MaxNorm { max_value, axis } => {
                let norms = norms(w, axis);
                w * (ops::clip(&norms, 0.0, *max_value) / (EPSILON + &norms))
            }
            Kind::MinMaxNorm { min_value, max_value, rate, axis } => {
                let norms = norms(w, axis);
                let clipped = ops::clip(&norms, *min_value, *max_value);
                let desired = clipped * *rate + &norms * (1.0 - rate);
                w * (desired / (EPSILON + &norms))
            }
            Kind::NonNeg => ops::maximum(w, 0.0),
            Kind::UnitNorm { axis } => w / (EPSILON + norms(w, axis)),
            Kind::Custom { function, .. } => function(w),
            Kind::Unknown(name) => return Err(unknown(name)),
        };
        if constrained.check()?.ty() == w.ty() {
            return Ok(constrained);
        }
        Err(Error::shape(format!(
            "a constraint must keep the type {} of a weight, not make it {}",
            w.ty(),
            constrained.ty()
        )))
    }

    /// Checks the bounds: with others, norms would be negative or NaN from the first update on.
    fn check(&self) -> Result<()> {
        let (min, max, rate) = match self.0 {
            Kind::MaxNorm { max_value, .. } => (0.0, max_value, 1.0),
            Kind::MinMaxNorm { min_value, max_value, rate, .. } => (min_value, max_value, rate),
            _ => return Ok(()),
        };
        let fits = min >= 0.0 && max >= min;
        if !fits {
            return Err(Error::value(format!("norms cannot go from {min} to {max}"))
                .help("min_value must be at least 0, and max_value at least min_value"));
        }
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::value(format!("rate must be from 0 to 1, not {rate}")));
        }
        Ok(())
    }

    /// Keras's class name and configuration.
    fn class(&self) -> (&str, Value) {
        match &self.0 {
            Kind::MaxNorm { max_value, axis } => {
                ("MaxNorm", json!({ "max_value": decimal(*max_value), "axis": axis }))
            }
            Kind::MinMaxNorm { min_value, max_value, rate, axis } => (
                "MinMaxNorm",
                json!({
                    "min_value": decimal(*min_value),
                    "max_value": decimal(*max_value),
                    "rate": decimal(*rate),
                    "axis": axis,
                }),
            ),
            Kind::NonNeg => ("NonNeg", json!({})),
            Kind::UnitNorm { axis } => ("UnitNorm", json!({ "axis": axis })),
            Kind::Custom { name, config, .. } => (name, config.clone()),
            Kind::Unknown(name) => (name, json!({})),
        }
    }

    /// One of Keras's from its configuration.
    fn of_class(class: &str, config: &Config<'_>) -> Result<Option<Constraint>> {
        let mut constraint = Constraint::from(class);
        match &mut constraint.0 {
            Kind::MaxNorm { max_value, axis } => {
                config.set("max_value", max_value)?;
                config.set("axis", axis)?;
            }
            Kind::MinMaxNorm { min_value, max_value, rate, axis } => {
                config.set("min_value", min_value)?;
                config.set("max_value", max_value)?;
                config.set("rate", rate)?;
                config.set("axis", axis)?;
            }
            Kind::UnitNorm { axis } => config.set("axis", axis)?,
            Kind::NonNeg => {}
            Kind::Custom { .. } | Kind::Unknown(_) => return Ok(None),
        }
        Ok(Some(constraint))
    }
}

/// As Keras writes it, or its name.
impl FromConfig for Constraint {
    fn from_config(value: &Value) -> Result<Constraint> {
        let object = Object::read(value)?;
        if let Some(make) = registered::<Constraint>(&object) {
            return make(&object.config()?);
        }
        let known = match object.built_in() {
            Some(class) => Constraint::of_class(class, &object.config()?)?,
            None => None,
        };
        known.ok_or_else(|| object.unknown("constraint", "register_constraint"))
    }
}

/// One number or a list of them.
impl FromConfig for Axis {
    fn from_config(value: &Value) -> Result<Axis> {
        match value.is_number() {
            true => i32::from_config(value).map(Axis::new),
            false => Ok(Axis::from(&Vec::<i32>::from_config(value)?[..])),
        }
    }
}

fn norms(w: &Tensor, axis: &Axis) -> Tensor {
    ops::sqrt(ops::sum(w.square(), axis.clone().keepdims()))
}

fn unknown(name: &str) -> Error {
    names::unknown("constraint", name, ["max_norm", "min_max_norm", "non_neg", "unit_norm"])
}

impl From<&str> for Constraint {
    fn from(name: &str) -> Constraint {
        match session::snake_case(name).as_str() {
            "max_norm" => Constraint::max_norm(2.0, 0),
            "min_max_norm" => Constraint::min_max_norm(0.0, 1.0, 1.0, 0),
            "non_neg" => Constraint::non_neg(),
            "unit_norm" => Constraint::unit_norm(0),
            _ => Constraint(Kind::Unknown(name.to_owned())),
        }
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, config) = self.class();
        write!(f, "{class} {config}")
    }
}

/// As Keras writes objects into a model's configuration.
impl Serialize for Constraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let (class, config) = self.class();
        let object = match &self.0 {
            Kind::Custom { .. } => config::custom_object(class, &config),
            _ => config::object("keras.constraints", class, config),
        };
        object.serialize(serializer)
    }
}

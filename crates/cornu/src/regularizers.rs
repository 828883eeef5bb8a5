//! Penalties on weights and outputs, which training adds to the loss. Names, defaults and formulas
//! are Keras's.

use crate::config::{self, Config, FromConfig, Object, decimal, registered};
use crate::ops::{self, Axis};
use crate::tensor::Tensor;
use crate::{names, session};
use cornu_graph::{Array, Error, Result};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// A penalty on a weight or on what a layer gives out: by name (`"l2"`) or by one of the
/// constructors here.
///
/// ```
/// use cornu::prelude::*;
///
/// let layer = Dense::new(4).kernel_regularizer(Regularizer::l2(0.01)).bias_regularizer("l1");
/// # let _ = layer;
/// assert_eq!(Regularizer::l1(0.5).penalty(&[1.0f32, -3.0].into())?.item()?, 2.0);
/// # Ok::<(), cornu::Error>(())
/// ```
#[derive(Clone)]
pub struct Regularizer(Kind);

#[derive(Clone)]
enum Kind {
    /// The class is kept, for the configuration.
    Powers {
        class: &'static str,
        l1: f32,
        l2: f32,
    },
    Orthogonal {
        factor: f32,
        mode: OrthogonalMode,
    },
    Custom {
        name: String,
        config: Value,
        function: Arc<Function>,
    },
    Unknown(String),
}

type Function = dyn Fn(&Tensor) -> Tensor + Send + Sync;

/// Which vectors of a matrix [`Regularizer::orthogonal`] wants orthogonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrthogonalMode {
    /// Its rows.
    Rows,
    /// Its columns.
    Columns,
}

impl Regularizer {
    /// `l1 · Σ|w|`. Keras's default is 0.01.
    pub fn l1(l1: f32) -> Regularizer {
        Regularizer(Kind::Powers { class: "L1", l1, l2: 0.0 })
    }

    /// `l2 · Σw²`. Keras's default is 0.01.
    pub fn l2(l2: f32) -> Regularizer {
        Regularizer(Kind::Powers { class: "L2", l1: 0.0, l2 })
    }

    /// `l1 · Σ|w| + l2 · Σw²`. By name both are 0.01.
    pub fn l1_l2(l1: f32, l2: f32) -> Regularizer {
        Regularizer(Kind::Powers { class: "L1L2", l1, l2 })
    }

    /// `factor` times the mean magnitude of the cosines between each two rows (or columns) of a
    /// matrix: 0 where they are orthogonal. Keras's defaults are 0.01 and the rows.
    pub fn orthogonal(factor: f32, mode: OrthogonalMode) -> Regularizer {
        Regularizer(Kind::Orthogonal { factor, mode })
    }

    /// A penalty of your own: a function from the weight to one number. The name stands in the
    /// configuration; [`register_regularizer`](crate::saving::register_regularizer) makes it known
    /// to files.
    pub fn custom(
        name: impl Into<String>,
        penalty: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Regularizer {
        let function = Arc::new(penalty);
        Regularizer(Kind::Custom { name: name.into(), config: json!({}), function })
    }

    /// The configuration of one of your own, from which files make it again. Keras's have theirs.
    ///
    /// ```
    /// use cornu::prelude::*;
    /// use cornu::saving::register_regularizer;
    ///
    /// fn quartic(factor: f32) -> Regularizer {
    ///     let penalty = move |w: &Tensor| ops::sum(w.square().square(), Axis::ALL) * factor;
    ///     Regularizer::custom("Quartic", penalty).with_config(serde_json::json!({ "factor": factor }))
    /// }
    ///
    /// register_regularizer("Quartic", |config| Ok(quartic(config.get("factor")?)));
    /// ```
    pub fn with_config(mut self, own: Value) -> Regularizer {
        if let Kind::Custom { config, .. } = &mut self.0 {
            *config = own;
        }
        self
    }

    /// The penalty of a weight: one number.
    ///
    /// # Errors
    /// If the regularizer was given by a name that is not known, has a factor that is negative or
    /// not finite, or does not fit the weight's shape.
    pub fn penalty(&self, w: &Tensor) -> Result<Tensor> {
        let penalty = match &self.0 {
            Kind::Powers { l1, l2, .. } => {
                check_factor("l1", *l1)?;
                check_factor("l2", *l2)?;
                powers(w, *l1, *l2)
            }
            Kind::Orthogonal { factor, mode } => {
                check_factor("factor", *factor)?;
                orthogonal(w, *factor, *mode)?
            }
            Kind::Custom { function, .. } => function(w),
            Kind::Unknown(name) => return Err(unknown(name)),
        };
        match penalty.check()?.rank() {
            0 => Ok(penalty),
            _ => Err(Error::shape(format!(
                "a penalty must come down to one number, not to {}",
                penalty.ty()
            ))),
        }
    }

    /// Keras's class name and configuration.
    fn class(&self) -> (&str, Value) {
        match &self.0 {
            Kind::Powers { class, l1, l2 } => {
                let (l1, l2) = (decimal(*l1), decimal(*l2));
                let config = match *class {
                    "L1" => json!({ "l1": l1 }),
                    "L2" => json!({ "l2": l2 }),
                    _ => json!({ "l1": l1, "l2": l2 }),
                };
                (class, config)
            }
            Kind::Orthogonal { factor, mode } => {
                let mode = if *mode == OrthogonalMode::Rows { "rows" } else { "columns" };
                ("OrthogonalRegularizer", json!({ "factor": decimal(*factor), "mode": mode }))
            }
            Kind::Custom { name, config, .. } => (name, config.clone()),
            Kind::Unknown(name) => (name, json!({})),
        }
    }

    /// One of Keras's from its configuration.
    fn of_class(class: &str, config: &Config<'_>) -> Result<Option<Regularizer>> {
        // Factors that are not written are Keras's defaults for the class, not those for its name.
        let mut regularizer = match session::snake_case(class).as_str() {
            "l1_l2" | "l1l2" if config.value("l1").or(config.value("l2")).is_some() => {
                Regularizer::l1_l2(0.0, 0.0)
            }
            _ => Regularizer::from(class),
        };
        match &mut regularizer.0 {
            Kind::Powers { class, l1, l2 } => {
                if *class != "L2" {
                    config.set("l1", l1)?;
                }
                if *class != "L1" {
                    config.set("l2", l2)?;
                }
            }
            Kind::Orthogonal { factor, mode } => {
                config.set("factor", factor)?;
                config.set("mode", mode)?;
            }
            Kind::Custom { .. } | Kind::Unknown(_) => return Ok(None),
        }
        Ok(Some(regularizer))
    }
}

/// As Keras writes it, or its name.
impl FromConfig for Regularizer {
    fn from_config(value: &Value) -> Result<Regularizer> {
        let object = Object::read(value)?;
        if let Some(make) = registered::<Regularizer>(&object) {
            return make(&object.config()?);
        }
        let known = match object.built_in() {
            Some(class) => Regularizer::of_class(class, &object.config()?)?,
            None => None,
        };
        known.ok_or_else(|| object.unknown("regularizer", "register_regularizer"))
    }
}

impl FromConfig for OrthogonalMode {
    fn from_config(value: &Value) -> Result<OrthogonalMode> {
        match value.as_str() {
            Some("rows") => Ok(OrthogonalMode::Rows),
            Some("columns") => Ok(OrthogonalMode::Columns),
            _ => Err(config::expected("\"rows\" or \"columns\"", value)),
        }
    }
}

fn check_factor(name: &str, factor: f32) -> Result<()> {
    if factor.is_finite() && factor >= 0.0 {
        return Ok(());
    }
    Err(Error::value(format!("{name} of a regularizer must be 0 or more, not {factor}")))
}

fn powers(w: &Tensor, l1: f32, l2: f32) -> Tensor {
    let absolute = (l1 != 0.0).then(|| ops::sum(ops::abs(w), Axis::ALL) * l1);
    let squares = (l2 != 0.0).then(|| ops::sum(w.square(), Axis::ALL) * l2);
    match (absolute, squares) {
        (Some(a), Some(b)) => a + b,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => Tensor::from(0.0),
    }
}

fn orthogonal(w: &Tensor, factor: f32, mode: OrthogonalMode) -> Result<Tensor> {
    let Some(&[rows, columns]) = w.shape().known().as_deref() else {
        let shape = w.shape();
        return Err(Error::shape(format!(
            "the orthogonal regularizer takes a matrix, not a tensor of shape {shape}"
        )));
    };
    // A vector alone has no other to be orthogonal to; the mean over no pairs would be NaN.
    let number = if mode == OrthogonalMode::Rows { rows } else { columns };
    if number < 2 {
        return Ok(Tensor::from(0.0));
    }
    let (vectors, count) = match mode {
        OrthogonalMode::Rows => (ops::normalize(w, 1, 1e-7), rows),
        OrthogonalMode::Columns => (ops::transpose(ops::normalize(w, 0, 1e-7), None), columns),
    };
    let cosines = ops::matmul(&vectors, ops::transpose(&vectors, None));
    let others = (0..count * count).map(|i| f32::from(u8::from(i / count != i % count)));
    let others = Tensor::from(Array::new([count, count], others.collect::<Vec<f32>>())?);
    let pairs = count as f32 * (count as f32 - 1.0) / 2.0;
    Ok(ops::sum(ops::abs(cosines * others), Axis::ALL) * (factor * 0.5 / pairs))
}

fn unknown(name: &str) -> Error {
    names::unknown("regularizer", name, ["l1", "l2", "l1_l2", "orthogonal_regularizer"])
}

impl From<&str> for Regularizer {
    fn from(name: &str) -> Regularizer {
        match session::snake_case(name).as_str() {
            "l1" => Regularizer::l1(0.01),
            "l2" => Regularizer::l2(0.01),
            // As Keras documents it; its code has 0 for both, a penalty that does nothing.
            "l1_l2" | "l1l2" => Regularizer::l1_l2(0.01, 0.01),
            "orthogonal_regularizer" => Regularizer::orthogonal(0.01, OrthogonalMode::Rows),
            _ => Regularizer(Kind::Unknown(name.to_owned())),
        }
    }
}

impl fmt::Debug for Regularizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, config) = self.class();
        write!(f, "{class} {config}")
    }
}

/// As Keras writes objects into a model's configuration.
impl Serialize for Regularizer {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let (class, config) = self.class();
        let object = match &self.0 {
            Kind::Custom { .. } => config::custom_object(class, &config),
            _ => config::object("keras.regularizers", class, config),
        };
        object.serialize(serializer)
    }
}

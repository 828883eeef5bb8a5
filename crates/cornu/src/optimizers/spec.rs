//! An optimizer as it is given to `compile`.

use super::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, Muon, Nadam, Optimizer,
    RMSprop, SGD, ScheduleFreeAdamW,
};
use crate::config::{self, Config, FromConfig, Object, registered};
use crate::names;
use cornu_graph::{Error, Result};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

type Read = fn(&Config<'_>) -> Result<Arc<dyn Optimizer>>;

/// Keras's classes, and how each comes back from its configuration.
const CLASSES: &[(&str, Read)] = &[
    ("SGD", |config| Ok(Arc::new(SGD::read(config)?))),
    ("RMSprop", |config| Ok(Arc::new(RMSprop::read(config)?))),
    ("Adam", |config| Ok(Arc::new(Adam::read(config)?))),
    ("AdamW", |config| Ok(Arc::new(AdamW::read(config)?))),
    ("Adadelta", |config| Ok(Arc::new(Adadelta::read(config)?))),
    ("Adagrad", |config| Ok(Arc::new(Adagrad::read(config)?))),
    ("Adamax", |config| Ok(Arc::new(Adamax::read(config)?))),
    ("Nadam", |config| Ok(Arc::new(Nadam::read(config)?))),
    ("Ftrl", |config| Ok(Arc::new(Ftrl::read(config)?))),
    ("Lion", |config| Ok(Arc::new(Lion::read(config)?))),
    ("Lamb", |config| Ok(Arc::new(Lamb::read(config)?))),
    ("Adafactor", |config| Ok(Arc::new(Adafactor::read(config)?))),
    ("Muon", |config| Ok(Arc::new(Muon::read(config)?))),
    ("ScheduleFreeAdamW", |config| Ok(Arc::new(ScheduleFreeAdamW::read(config)?))),
];

/// Keras takes class names in any case.
fn class(name: &str) -> Option<Read> {
    CLASSES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, read)| *read)
}

/// An optimizer by name (`"adam"`, `"Adam"`) or by value (`Adam::new(0.01)`). A name that is not
/// known becomes an error where the optimizer is used.
#[derive(Clone)]
pub struct OptimizerSpec(std::result::Result<Arc<dyn Optimizer>, Error>);

impl OptimizerSpec {
    /// The optimizer.
    ///
    /// # Errors
    /// If the name is not known, or a setting is outside what is allowed.
    pub fn get(&self) -> Result<Arc<dyn Optimizer>> {
        let optimizer = self.0.clone()?;
        optimizer
            .common()
            .check()
            .and_then(|()| optimizer.check())
            .map_err(|error| error.within(optimizer.kind()))?;
        Ok(optimizer)
    }
}

impl From<&str> for OptimizerSpec {
    fn from(name: &str) -> OptimizerSpec {
        OptimizerSpec(match class(name) {
            Some(read) => Config::new(name, &Value::Null).and_then(|defaults| read(&defaults)),
            None => Err(names::unknown("optimizer", name, CLASSES.iter().map(|(known, _)| *known))),
        })
    }
}

impl FromConfig for OptimizerSpec {
    /// A name, or an optimizer as Keras serializes it.
    fn from_config(value: &Value) -> Result<OptimizerSpec> {
        let object = Object::read(value)?;
        if let Some(make) = registered::<OptimizerSpec>(&object) {
            return make(&object.config()?);
        }
        // Keras 2.11 to 2.15 called its own by the names that users give to theirs: "Custom>Adam".
        let name = object.registered.unwrap_or(object.class);
        let name = name.strip_prefix("Custom>").unwrap_or(name);
        let config = object.config()?;
        if name.starts_with("LossScaleOptimizer") {
            return unscaled(&config);
        }
        let read = class(name).ok_or_else(|| object.unknown("optimizer", "register_optimizer"))?;
        Ok(OptimizerSpec(Ok(read(&config)?)))
    }
}

/// The optimizer inside one that scales the loss of `float16` models: all is computed in `float32`
/// here, where a scale changes nothing.
fn unscaled(config: &Config<'_>) -> Result<OptimizerSpec> {
    let [now, before] = ["inner_optimizer", "optimizer"].map(|key| config.value(key));
    OptimizerSpec::from_config(now.or(before).unwrap_or(&Value::Null))
}

/// An optimizer as it stands in a file, [`OptimizerSpec`]'s reading the other way.
pub(crate) fn object_of_optimizer(optimizer: &dyn Optimizer) -> Value {
    let (kind, mut config) = (optimizer.kind(), optimizer.config());
    let excluded = &optimizer.common().exclude_from_weight_decay;
    if let (Value::Object(config), false) = (&mut config, excluded.is_empty()) {
        config.insert("exclude_from_weight_decay".into(), json!(excluded));
    }
    match class(kind) {
        Some(_) => config::object("keras.optimizers", kind, config),
        None => config::own_object(kind, &format!("Custom>{kind}"), config),
    }
}

/// As [`object_of_optimizer`], as far as Keras can read it; none if it cannot.
pub(crate) fn keras_object_of_optimizer(optimizer: &dyn Optimizer) -> Option<Value> {
    class(optimizer.kind())?;
    let known = optimizer.common().learning_rate.is_of_keras();
    let config = || config::object("keras.optimizers", optimizer.kind(), optimizer.config());
    known.then(config)
}

impl<O: Optimizer> From<O> for OptimizerSpec {
    fn from(optimizer: O) -> OptimizerSpec {
        OptimizerSpec(Ok(Arc::new(optimizer)))
    }
}

impl From<Arc<dyn Optimizer>> for OptimizerSpec {
    fn from(optimizer: Arc<dyn Optimizer>) -> OptimizerSpec {
        OptimizerSpec(Ok(optimizer))
    }
}

impl fmt::Debug for OptimizerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(optimizer) => write!(f, "{} {}", optimizer.kind(), optimizer.config()),
            Err(error) => write!(f, "{error}"),
        }
    }
}

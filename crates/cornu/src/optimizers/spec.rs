//! An optimizer as it is given to `compile`.

use super::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, Muon, Nadam, Optimizer,
    RMSprop, SGD, ScheduleFreeAdamW,
};
use crate::names;
use cornu_graph::{Error, Result};
use std::fmt;
use std::sync::Arc;

type Make = fn() -> Arc<dyn Optimizer>;

/// Keras takes class names in any case.
const NAMES: &[(&str, Make)] = &[
    ("sgd", || Arc::new(SGD::default())),
    ("rmsprop", || Arc::new(RMSprop::default())),
    ("adam", || Arc::new(Adam::default())),
    ("adamw", || Arc::new(AdamW::default())),
    ("adadelta", || Arc::new(Adadelta::default())),
    ("adagrad", || Arc::new(Adagrad::default())),
    ("adamax", || Arc::new(Adamax::default())),
    ("nadam", || Arc::new(Nadam::default())),
    ("ftrl", || Arc::new(Ftrl::default())),
    ("lion", || Arc::new(Lion::default())),
    ("lamb", || Arc::new(Lamb::default())),
    ("adafactor", || Arc::new(Adafactor::default())),
    ("muon", || Arc::new(Muon::default())),
    ("schedulefreeadamw", || Arc::new(ScheduleFreeAdamW::default())),
];

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
        let lower = name.to_lowercase();
        let found = NAMES.iter().find(|(known, _)| *known == lower);
        OptimizerSpec(match found {
            Some((_, make)) => Ok(make()),
            None => Err(names::unknown("optimizer", name, NAMES.iter().map(|(known, _)| *known))),
        })
    }
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

//! Losses as they stand in files.

use super::named::{Crossentropy, names_of};
use super::*;
use crate::config::{Config, FromConfig, Object, object, own_object, registered};
use cornu_graph::Error;
use serde_json::Value;
use std::sync::Arc;

type Read = fn(&Config<'_>) -> Result<Arc<dyn LossFunction>>;

macro_rules! classes {
    ($($class:ident),* $(,)?) => {
        &[$((stringify!($class), |config| Ok(Arc::new($class::read(config)?)))),*]
    };
}

/// The classes of `keras.losses`, and how each comes back from its configuration.
const KERAS: &[(&str, Read)] = classes![
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
];

/// Those that Keras does not have.
const OWN: &[(&str, Read)] = classes![
    ArcFace,
    ContrastiveLoss,
    CosFace,
    Crossentropy,
    MultiSimilarity,
    MultipleNegativesRanking,
    NTXent,
    ProxyAnchor,
    SupCon,
    TripletLoss,
];

impl Crossentropy {
    fn read(_config: &Config<'_>) -> Result<Crossentropy> {
        Ok(Crossentropy)
    }
}

/// The package that our own classes are registered in.
const PACKAGE: &str = "Cornu>";

fn find(classes: &[(&str, Read)], class: &str) -> Option<Read> {
    classes.iter().find(|(known, _)| *known == class).map(|(_, read)| *read)
}

fn is_of_keras(class: &str) -> bool {
    class == "Circle" || find(KERAS, class).is_some()
}

fn is_own(class: &str) -> bool {
    class == "CircleLoss" || find(OWN, class).is_some()
}

fn read(class: &str, config: &Config<'_>) -> Option<Result<Arc<dyn LossFunction>>> {
    if matches!(class, "Circle" | "CircleLoss") {
        return Some(CircleLoss::read_all(config).map(|loss| Arc::new(loss) as _));
    }
    find(KERAS, class).or_else(|| find(OWN, class)).map(|read| read(config))
}

/// The loss whose function has a name, `"huber"`, with the settings in a configuration.
pub(crate) fn of_function(
    name: &str,
    config: &Config<'_>,
) -> Option<Result<Arc<dyn LossFunction>>> {
    names_of(name)?.iter().find_map(|class| read(class, config))
}

/// The name of Keras's function of a class: `"huber"` of `"Huber"`.
pub(crate) fn function_name(class: &str) -> Option<&'static str> {
    if is_of_keras(class) { names_of(class).map(|names| names[0]) } else { None }
}

impl Loss {
    /// The loss as it stands in a file: a class with its configuration.
    ///
    /// # Errors
    /// If it is a closure without a name, or was given by a name that is not known.
    pub fn to_config(&self) -> Result<Value> {
        let class = self.function()?.kind().ok_or_else(|| {
            Error::state("the loss is a closure without a name, which no file can hold")
                .help("give it a name before saving: Loss::custom(\"name\", closure)")
        })?;
        Ok(match class {
            _ if is_of_keras(class) => object("keras.losses", class, self.config()),
            _ if is_own(class) => own_object(class, &format!("{PACKAGE}{class}"), self.config()),
            _ => own_object(class, &format!("Custom>{class}"), self.config()),
        })
    }

    /// The loss as far as Keras can read it: of one that it does not have the name, which it asks
    /// for no sooner than it trains. `None` if it is such a one.
    pub(crate) fn to_keras(&self) -> Option<Value> {
        let known = self.function().ok()?.kind().is_some_and(is_of_keras);
        if known { self.to_config().ok() } else { None }
    }
}

impl FromConfig for Loss {
    /// A name, a function, or a class with its configuration.
    fn from_config(value: &Value) -> Result<Loss> {
        let loss = Object::read(value)?;
        let config = loss.config()?;
        let function = match registered::<Loss>(&loss) {
            Some(make) => make(&config)?,
            None => built_in(&loss, &config)?,
        };
        function.with_settings(&config)
    }
}

fn built_in(loss: &Object<'_>, config: &Config<'_>) -> Result<Loss> {
    let unknown = || loss.unknown("loss", "register_loss");
    if loss.registered.is_some_and(|name| !name.starts_with(PACKAGE)) {
        return Err(unknown());
    }
    if loss.class == "LossFunctionWrapper" {
        return Loss::from_config(config.value("fn").unwrap_or(&Value::Null));
    }
    match read(loss.class, config) {
        Some(function) => Ok(Loss::new(Ok(function?))),
        // The name of a function, or what stands for several losses.
        None => Loss::from(loss.class).check().cloned().map_err(|_| unknown()),
    }
}

impl Loss {
    /// With the reduction and the name that a configuration gives.
    fn with_settings(mut self, config: &Config<'_>) -> Result<Loss> {
        match config.value("reduction") {
            None => {}
            Some(Value::Null) => self.reduction = Reduction::None,
            Some(name) => {
                let known = name.as_str().and_then(Reduction::named);
                self.reduction = known.ok_or_else(|| {
                    crate::config::expected("a reduction", name).within(config.class())
                })?;
            }
        }
        let name: Option<String> = config.get_or("name", None)?;
        self.name = name.filter(|name| *name != self.name());
        Ok(self)
    }
}

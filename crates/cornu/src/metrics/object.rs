//! Metrics as they stand in files.

use super::spec::Kind;
use super::*;
use crate::config::{Config, FromConfig, Object, object, own_object, registered};
use crate::losses;
use cornu_graph::Error;
use serde_json::{Value, json};
use std::sync::Arc;

type Read = fn(&Config<'_>) -> Result<Arc<dyn Metric>>;

macro_rules! classes {
    ($($class:ident),* $(,)?) => {
        &[$((stringify!($class), |config| Ok(Arc::new($class::read(config)?)))),*]
    };
}

/// The classes of `keras.metrics` that are more than the mean of a loss, and how each comes back from
/// its configuration.
const KERAS: &[(&str, Read)] = classes![
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    CosineSimilarity,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    LogCoshError,
    Precision,
    R2Score,
    Recall,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
];

/// The package that our own classes are registered in.
const PACKAGE: &str = "Cornu>";
/// The class of a metric that was given by name and has another.
const RENAMED: &str = "Renamed";

fn is_of_keras(class: &str) -> bool {
    matches!(class, "AUC" | "MeanMetricWrapper") || KERAS.iter().any(|(known, _)| *known == class)
}

fn read(class: &str, config: &Config<'_>) -> Option<Result<Arc<dyn Metric>>> {
    match class {
        "AUC" => Some(AUC::read_all(config).map(|auc| Arc::new(auc) as _)),
        "EmbeddingSpread" => Some(Ok(Arc::new(EmbeddingSpread))),
        _ => KERAS.iter().find(|(known, _)| *known == class).map(|(_, read)| read(config)),
    }
}

impl MetricSpec {
    /// The metric as it stands in a file: a name as it was given, or a class with its configuration.
    ///
    /// # Errors
    /// If it is a closure without a name, or was given by a name that is not known.
    pub fn to_config(&self) -> Result<Value> {
        self.check()?;
        match (&self.given, &self.name) {
            (Some(given), Some(name)) if given == name => Ok(json!(given)),
            (Some(given), name) => {
                let config = json!({ "name": name, "metric": given });
                Ok(own_object(RENAMED, &format!("{PACKAGE}{RENAMED}"), config))
            }
            (None, _) => self.object(),
        }
    }

    /// The metric as far as Keras can read it: of one that it does not have the name, which it asks
    /// for no sooner than it trains. `None` if it is such a one.
    pub(crate) fn to_keras(&self) -> Option<Value> {
        match (&self.given, &self.kind) {
            (Some(given), _) => Some(json!(given)),
            (None, Kind::Known(metric)) if metric.kind().is_some_and(is_of_keras) => {
                self.object().ok()
            }
            _ => None,
        }
    }

    fn object(&self) -> Result<Value> {
        let Kind::Known(metric) = &self.kind else {
            return Err(Error::state("a metric that follows from the shapes has only a name"));
        };
        let class = metric.kind().ok_or_else(|| {
            Error::state("a metric is a closure without a name, which no file can hold")
                .help("give it a name before saving: metrics::Mean::new(\"name\", closure)")
        })?;
        let name = self.name.clone().unwrap_or_else(|| metric.name());
        let mut config = json!({ "name": name, "dtype": "float32" });
        if let (Some(config), Value::Object(own)) = (config.as_object_mut(), metric.config()) {
            config.extend(own);
        }
        Ok(match class {
            _ if is_of_keras(class) => object("keras.metrics", class, config),
            "EmbeddingSpread" => own_object(class, &format!("{PACKAGE}{class}"), config),
            _ => own_object(class, &format!("Custom>{class}"), config),
        })
    }

    /// With the name that a configuration gives.
    fn named_by(mut self, config: &Config<'_>) -> Result<MetricSpec> {
        let own = match &self.kind {
            Kind::Known(metric) => Some(metric.name()),
            _ => None,
        };
        let name: Option<String> = config.get_or("name", None)?;
        if name.is_some() && name != own {
            self.name = name;
        }
        Ok(self)
    }
}

impl FromConfig for MetricSpec {
    /// A name, a function, or a class with its configuration.
    fn from_config(value: &Value) -> Result<MetricSpec> {
        let metric = Object::read(value)?;
        let config = metric.config()?;
        match registered::<MetricSpec>(&metric) {
            Some(make) => make(&config)?.named_by(&config),
            None if config.value("name").is_none() => by_name(&metric, &config),
            None => built_in(&metric, &config)?.named_by(&config),
        }
    }
}

/// A name or function; or a class with its defaults.
fn by_name(metric: &Object<'_>, config: &Config<'_>) -> Result<MetricSpec> {
    match metric.registered {
        Some(_) => Err(unknown(metric)),
        None if metric.config.is_null() => {
            MetricSpec::from(metric.class).check().cloned().map_err(|_| unknown(metric))
        }
        None => built_in(metric, config),
    }
}

fn built_in(metric: &Object<'_>, config: &Config<'_>) -> Result<MetricSpec> {
    if metric.registered.is_some_and(|name| !name.starts_with(PACKAGE)) {
        return Err(unknown(metric));
    }
    let found = match metric.class {
        "MeanMetricWrapper" => {
            let function = Object::read(config.value("fn").unwrap_or(&Value::Null))?;
            return of_function(&function, config);
        }
        RENAMED => return config.get("metric"),
        class => read(class, config).or_else(|| of_loss(class, config)),
    };
    Ok(MetricSpec::known(found.ok_or_else(|| unknown(metric))??))
}

/// The mean of a function with the settings in a configuration.
fn of_function(function: &Object<'_>, config: &Config<'_>) -> Result<MetricSpec> {
    if let Some(make) = registered::<MetricSpec>(function) {
        return make(config);
    }
    let classes = spec::names_of(function.class).unwrap_or_default();
    let metric = classes.iter().find_map(|class| read(class, config));
    let found = metric.or_else(|| of_loss(function.class, config));
    Ok(MetricSpec::known(found.ok_or_else(|| unknown(function))??))
}

fn of_loss(name: &str, config: &Config<'_>) -> Option<Result<Arc<dyn Metric>>> {
    let loss = losses::of_function(name, config)?;
    Some(loss.map(|loss| Arc::new(Mean::shared(loss.name().to_owned(), loss)) as _))
}

fn unknown(metric: &Object<'_>) -> Error {
    metric.unknown("metric", "register_metric")
}

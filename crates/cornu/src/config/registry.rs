//! Classes of the user's own, by the names under which files know them.

use super::{Config, Object};
use crate::activations::Activation;
use crate::constraints::Constraint;
use crate::initializers::Initializer;
use crate::layers::Layer;
use crate::losses::Loss;
use crate::metrics::MetricSpec;
use crate::optimizers::{LearningRate, OptimizerSpec};
use crate::regularizers::Regularizer;
use cornu_graph::Result;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Makes an object of a class from its configuration.
type Make<T> = dyn Fn(&Config<'_>) -> Result<T> + Send + Sync;

/// What was registered: by the kind of thing and its name. Each is an `Arc<Make<T>>`.
type Registry = HashMap<(TypeId, String), Box<dyn Any + Send + Sync>>;

static REGISTRY: RwLock<Option<Registry>> = RwLock::new(None);

fn register<T: 'static>(
    name: &str,
    make: impl Fn(&Config<'_>) -> Result<T> + Send + Sync + 'static,
) {
    let make: Arc<Make<T>> = Arc::new(make);
    let mut registry = REGISTRY.write().unwrap_or_else(PoisonError::into_inner);
    let registry = registry.get_or_insert_default();
    registry.insert((TypeId::of::<T>(), name.to_owned()), Box::new(make));
}

/// How an object of a user's class is made, if the class was registered: under the name in the file
/// (`"package>Scale"`), or under the class's alone (`"Scale"`).
pub(crate) fn registered<T: 'static>(object: &Object<'_>) -> Option<Arc<Make<T>>> {
    let registry = REGISTRY.read().unwrap_or_else(PoisonError::into_inner);
    let find = |name: &str| registry.as_ref()?.get(&(TypeId::of::<T>(), name.to_owned()));
    let found = object.registered.and_then(find).or_else(|| find(object.class))?;
    found.downcast_ref::<Arc<Make<T>>>().cloned()
}

/// Makes a layer of one's own known, so that models with it can be loaded from files: Keras's
/// `register_keras_serializable`. The name is what [`Layer::kind`] says, or what the file says
/// (`"package>Scale"`).
///
/// ```
/// use cornu::prelude::*;
/// use cornu::saving::register_layer;
/// use serde_json::{Value, json};
///
/// #[derive(Debug)]
/// struct Scale {
///     by: f32,
/// }
///
/// impl Layer for Scale {
///     fn kind(&self) -> &str {
///         "Scale"
///     }
///
///     fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
///         Ok(one_input(inputs)? * self.by)
///     }
///
///     fn config(&self) -> Value {
///         json!({ "by": self.by })
///     }
/// }
///
/// register_layer("Scale", |config| Ok(Scale { by: config.get("by")? }));
/// ```
pub fn register_layer<L: Layer>(
    name: &str,
    make: impl Fn(&Config<'_>) -> Result<L> + Send + Sync + 'static,
) {
    register::<Box<dyn Layer>>(name, move |config| Ok(Box::new(make(config)?)));
}

/// A function that makes a kind of thing known.
macro_rules! register_as {
    ($(#[$doc:meta])* $function:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $function<T: Into<$type>>(
            name: &str,
            make: impl Fn(&Config<'_>) -> Result<T> + Send + Sync + 'static,
        ) {
            register::<$type>(name, move |config| Ok(make(config)?.into()));
        }
    };
}

register_as! {
    /// Makes a loss of one's own known under the name that files have for it.
    ///
    /// ```
    /// use cornu::prelude::*;
    /// use cornu::saving::register_loss;
    ///
    /// fn contrastive(y: &Tensor, d: &Tensor) -> Tensor {
    ///     (1.0 - y) / 2.0 * d.square() + y / 2.0 * (1.0 - d).maximum(0.0).square()
    /// }
    ///
    /// register_loss("siamese>contrastive", |_| Ok(contrastive));
    /// ```
    register_loss, Loss
}
register_as! {
    /// Makes a metric of one's own known: see [`register_loss`].
    register_metric, MetricSpec
}
register_as! {
    /// Makes an optimizer of one's own known: see [`register_layer`].
    register_optimizer, OptimizerSpec
}
register_as! {
    /// Makes a learning-rate schedule of one's own known: see [`register_layer`].
    register_schedule, LearningRate
}
register_as! {
    /// Makes an initializer known under the name that files have for it.
    register_initializer, Initializer
}
register_as! {
    /// Makes a regularizer of one's own known: see [`register_layer`].
    register_regularizer, Regularizer
}
register_as! {
    /// Makes a constraint of one's own known: see [`register_layer`].
    register_constraint, Constraint
}
register_as! {
    /// Makes an activation known under the name that files have for it.
    register_activation, Activation
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_registered_is_found_by_both_names() {
        register_regularizer("registry-test>Twice", |_| Ok(Regularizer::l2(2.0)));
        register_regularizer("RegistryTestBare", |_| Ok("l1"));
        let find = |value: serde_json::Value| {
            registered::<Regularizer>(&Object::read(&value).unwrap()).is_some()
        };
        assert!(find(json!({"class_name": "Twice", "registered_name": "registry-test>Twice"})));
        assert!(!find(json!({"class_name": "Twice", "registered_name": "other>Twice"})));
        assert!(find(json!({"class_name": "RegistryTestBare", "registered_name": "a>b"})));
        assert!(!find(json!("Once")));
        let object = json!("RegistryTestBare");
        let object = Object::read(&object).unwrap();
        assert!(registered::<Constraint>(&object).is_none(), "kinds are apart");
    }
}

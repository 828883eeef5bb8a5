//! Configurations: what objects say about themselves in JSON, as Keras writes it, and how they come
//! back from it.

mod fields;
mod object;
mod read;
mod registry;

pub(crate) use fields::{Field, fields, named, object_of};
pub use object::Object;
pub(crate) use read::expected;
pub use read::{Config, FromConfig};
pub(crate) use registry::registered;
pub use registry::{
    register_activation, register_constraint, register_initializer, register_layer, register_loss,
    register_metric, register_optimizer, register_regularizer, register_schedule,
};

use serde_json::{Value, json};

/// The decimal number that was written for a `float32`: 0.1, not 0.10000000149011612.
pub(crate) fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}

/// An object inside a configuration, as Keras writes it.
pub(crate) fn object(module: &str, class: &str, config: Value) -> Value {
    json!({ "module": module, "class_name": class, "config": config, "registered_name": null })
}

/// As [`object`], of a class that is not Keras's, under the name that it is registered by.
pub(crate) fn own_object(class: &str, registered: &str, config: Value) -> Value {
    json!({ "module": null, "class_name": class, "config": config, "registered_name": registered })
}

/// A function, as Keras writes it.
pub(crate) fn function(name: &str) -> Value {
    json!({
        "module": "builtins", "class_name": "function", "config": name, "registered_name": "function"
    })
}

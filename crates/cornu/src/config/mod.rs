//! Configurations: what objects say about themselves in JSON, as Keras writes it, and how they come
//! back from it.

mod object;
mod read;
mod registry;

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

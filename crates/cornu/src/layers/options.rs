//! Settings of Keras's layers that Cornu does not have: each is an error that names it, so that no
//! model computes something else than its file says.

use crate::config::{Config, Object, excerpt};
use cornu_graph::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// Checks that a setting says what Cornu does, or nothing.
pub(super) fn only(config: &Config<'_>, key: &str, known: impl Into<Value>) -> Result<()> {
    let (value, known) = (config.value(key).unwrap_or(&Value::Null), known.into());
    if value.is_null() || *value == known {
        return Ok(());
    }
    let message = format!("{}: {key} = {} is not supported", config.class(), excerpt(value));
    let help = match known {
        Value::Null => "load a model that was made without it".to_owned(),
        known => format!("Cornu has it as {known} only"),
    };
    Err(Error::new(ErrorKind::Unsupported, message).help(help))
}

/// Checks that no weight was quantized or has low-rank additions: their values are not in `kernel`.
pub(super) fn plain_weights(config: &Config<'_>) -> Result<()> {
    let keys = ["quantization_config", "quantization_mode", "lora_rank"];
    keys.iter().try_for_each(|key| only(config, key, Value::Null))
}

/// Checks the `dtype` of a layer. What says `float16`, `bfloat16` or a mix of them computes in
/// `float32` too, with weights of the same values.
pub(super) fn check_policy(config: &Config<'_>) -> Result<()> {
    let Some(value) = config.value("dtype").filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let policy = Object::read(value)?;
    let name = match policy.config.get("name").and_then(Value::as_str) {
        Some(name) if matches!(policy.class, "DTypePolicy" | "Policy" | "FloatDTypePolicy") => name,
        _ => policy.class,
    };
    let floats = ["float16", "bfloat16", "float32", "float64"];
    let name = name.strip_prefix("mixed_").unwrap_or(name);
    match floats.contains(&name) {
        true => Ok(()),
        false => only(config, "dtype", json!("float32")),
    }
}

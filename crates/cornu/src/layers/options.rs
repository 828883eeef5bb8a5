//! Settings of Keras's layers that Cornu does not have: each is an error that names it, so that no
//! model computes something else than its file says.

use crate::config::{Config, Object, excerpt};
use crate::mixed_precision::DTypePolicy;
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

/// Checks the `dtype` of a layer. What says `float16`, `bfloat16`, `float64` or `mixed_float16`
/// computes in `float32`, with weights of the same values.
pub(super) fn check_policy(config: &Config<'_>) -> Result<()> {
    let Some(value) = config.value("dtype").filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let name = policy_name(value)?;
    let floats = ["float16", "bfloat16", "float32", "float64"];
    let name = name.strip_prefix("mixed_").unwrap_or(name);
    match floats.contains(&name) {
        true => Ok(()),
        false => only(config, "dtype", json!("float32")),
    }
}

/// The policy that a layer's configuration says, if it says one.
pub(super) fn policy_of(config: &Config<'_>) -> Option<DTypePolicy> {
    let value = config.value("dtype").filter(|value| !value.is_null())?;
    match policy_name(value) {
        Ok("mixed_bfloat16") => Some(DTypePolicy::MixedBFloat16),
        _ => Some(DTypePolicy::Float32),
    }
}

/// The name of a policy, or of the class of one that is more than a name.
fn policy_name(value: &Value) -> Result<&str> {
    let policy = Object::read(value)?;
    Ok(match policy.config.get("name").and_then(Value::as_str) {
        Some(name) if matches!(policy.class, "DTypePolicy" | "Policy" | "FloatDTypePolicy") => name,
        _ => policy.class,
    })
}

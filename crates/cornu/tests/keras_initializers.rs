//! The initializers against Keras: fixed values exactly, random ones by their distribution.

mod support;

use cornu::initializers::{Fan, Spread, VarianceScaling};
use cornu::prelude::*;
use serde_json::Value;
use support::*;

#[test]
fn initializers_are_those_of_keras() {
    let describe = |case: &Value| {
        let (kind, config) = (text(&case["initializer"]), &case["config"]);
        (kind.to_owned(), format!("{kind} {config} {}", case["shape"]))
    };
    check_all("initializers", &[], describe, check);
}

fn check(case: &Value) -> Check {
    let initializer = build(case)?;
    expect_config(&initializer, case)?;
    let value = initializer.seed(7).array(&sizes(&case["shape"]))?;
    if !case["value"].is_null() {
        return expect_close("the value", &value, &array(&case["value"]), 0.0);
    }
    expect_distribution(&value.values().to_f64(), case)?;
    match case["identity_error"].is_null() {
        true => Ok(()),
        false => expect_orthogonal(&value, case),
    }
}

fn build(case: &Value) -> Outcome<Initializer> {
    let s = &mut Settings::of(case, "config");
    let name = text(&case["initializer"]);
    if s.0.is_empty() {
        return Ok(Initializer::from(name));
    }
    let mut real = |name: &str, default: f32| s.set(default, name, |_, value| value);
    let initializer = match name {
        "RandomNormal" => Initializer::random_normal(real("mean", 0.0), real("stddev", 0.05)),
        "TruncatedNormal" => Initializer::truncated_normal(real("mean", 0.0), real("stddev", 0.05)),
        "RandomUniform" => Initializer::random_uniform(real("minval", -0.05), real("maxval", 0.05)),
        "Constant" => Initializer::constant(real("value", 0.0)),
        "Identity" => Initializer::identity(real("gain", 1.0)),
        "Orthogonal" => Initializer::orthogonal(real("gain", 1.0)),
        "VarianceScaling" => scaling(s)?.into(),
        other => return Err(format!("there is no initializer {other} with settings").into()),
    };
    s.all_used()?;
    Ok(initializer)
}

fn scaling(s: &mut Settings) -> Outcome<VarianceScaling> {
    let mut scaling = VarianceScaling::default();
    scaling.scale = s.set(scaling.scale, "scale", |_, scale| scale);
    scaling.fan = match s.take("mode").as_ref().map(text) {
        None => scaling.fan,
        Some("fan_out") => Fan::Out,
        Some("fan_avg") => Fan::Average,
        Some(other) => return Err(format!("mode {other}").into()),
    };
    scaling.spread = match s.take("distribution").as_ref().map(text) {
        None => scaling.spread,
        Some("uniform") => Spread::Uniform,
        Some("untruncated_normal") => Spread::UntruncatedNormal,
        Some(other) => return Err(format!("distribution {other}").into()),
    };
    Ok(scaling)
}

fn expect_config(initializer: &Initializer, case: &Value) -> Check {
    let ours = serde_json::to_value(initializer)?;
    if ours["class_name"] != case["initializer"] {
        return Err(format!("the class is {}", ours["class_name"]).into());
    }
    let mut own = Settings::of(&ours, "config").0;
    own.remove("seed");
    // Keras's own configuration forgets it, though the constructor takes it.
    if ours["class_name"] == "Identity" {
        own.remove("gain");
    }
    expect_fields(&Value::Object(own), &case["full_config"])
}

/// Two samples of one distribution: their means and deviations differ by a few standard errors,
/// their ends by little where the distribution has ends.
fn expect_distribution(values: &[f64], case: &Value) -> Check {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let std = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    let keras = number(&case["std"]);
    let expect =
        |what: &str, ours: f64, theirs: f64, bound: f64| match (ours - theirs).abs() <= bound {
            true => Ok(()),
            false => Err(format!("the {what} is {ours}, not within {bound} of {theirs}")),
        };
    expect("mean", mean, number(&case["mean"]), 6.0 * keras / n.sqrt())?;
    expect("deviation", std, keras, 6.0 * keras / (2.0 * n).sqrt())?;
    let without_ends = matches!(text(&case["initializer"]), "RandomNormal" | "Orthogonal")
        || case["full_config"]["distribution"] == "untruncated_normal";
    let slack = if without_ends { 1.5 } else { 0.05 } * keras;
    let end = |pick: fn(f64, f64) -> f64| values.iter().copied().fold(mean, pick);
    expect("minimum", end(f64::min), number(&case["min"]), slack)?;
    expect("maximum", end(f64::max), number(&case["max"]), slack)?;
    Ok(())
}

/// The columns (or the rows, if there are fewer) are orthogonal and as long as the gain.
fn expect_orthogonal(value: &Array, case: &Value) -> Check {
    let columns = *value.shape().last().ok_or("no dimensions")? as i64;
    let gain = case["full_config"]["gain"].as_f64().unwrap_or(1.0) as f32;
    let matrix = ops::reshape(Tensor::from(value), [-1, columns]) / gain;
    let [rows, columns] = matrix.eval()?.shape().to_vec()[..] else {
        return Err("no matrix".into());
    };
    let transposed = ops::transpose(&matrix, None);
    let square = match rows >= columns {
        true => ops::matmul(&transposed, &matrix),
        false => ops::matmul(&matrix, &transposed),
    };
    let identity = Initializer::identity(1.0).array(&[rows.min(columns); 2])?;
    let error = ops::max((square - Tensor::from(identity)).abs(), Axis::ALL).item()?;
    match error < 1e-5 {
        true => Ok(()),
        false => Err(format!("it is {error} away from orthogonal").into()),
    }
}

#[test]
fn unknown_names_are_errors() {
    let error = Initializer::from("glorot_unifrom").array(&[2]).unwrap_err().to_string();
    assert!(error.contains("did you mean 'glorot_uniform'?"), "{error}");
}

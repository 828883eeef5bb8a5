//! The activations against `keras.activations`: results and gradients.

mod support;

use cornu::prelude::*;
use serde_json::Value;
use support::*;

const SKIPPED: Skipped<'_> = &[
    ("sparse_sigmoid", "Cornu has no such activation yet"),
    ("sparsemax", "Cornu has no such activation yet"),
    ("relu negative_slope=0.1", RELU),
    ("relu max_value=1.5", RELU),
    ("relu threshold=0.5", RELU),
    ("relu negative_slope=0.2 max_value=2.0 threshold=0.3", RELU),
];
const RELU: &str = "ops::relu has no settings; leaky_relu, relu6 and threshold are for that";

#[test]
fn activations_are_those_of_keras() {
    let describe = |case: &Value| {
        let op = text(&case["op"]);
        let settings = case["attrs"].as_object().into_iter().flatten();
        let words = settings.map(|(name, value)| format!(" {name}={value}"));
        (op.to_owned(), format!("{op}{}", words.collect::<String>()))
    };
    check_all("activations", SKIPPED, describe, check);
}

fn check(case: &Value) -> Check {
    let x = tensor(&case["inputs"][0]);
    let attrs = &mut Settings::of(case, "attrs");
    let y = match with_settings(text(&case["op"]), &x, attrs) {
        Some(y) => y,
        None => Activation::new(text(&case["op"])).apply(&x)?,
    };
    attrs.all_used()?;
    expect_close("the result", &y.eval()?, &array(&case["output"]), TOLERANCE)?;
    expect_gradients(case, &y, &[x], TOLERANCE)
}

/// The functions with other than default settings.
fn with_settings(op: &str, x: &Tensor, attrs: &mut Settings) -> Option<Tensor> {
    if attrs.0.is_empty() {
        return None;
    }
    let mut real = |name| attrs.take(name).map(|value| number(&value) as f32);
    Some(match op {
        "celu" => ops::celu(x, real("alpha")?),
        "elu" => ops::elu(x, real("alpha")?),
        "gelu" => ops::gelu(x, attrs.take("approximate")?.as_bool()?),
        "glu" => ops::glu(x, real("axis")? as i32),
        "hard_shrink" => ops::hard_shrink(x, real("threshold")?),
        "leaky_relu" => ops::leaky_relu(x, real("negative_slope")?),
        "log_softmax" => ops::log_softmax(x, real("axis")? as i32),
        "soft_shrink" => ops::soft_shrink(x, real("threshold")?),
        "softmax" => ops::softmax(x, real("axis")? as i32),
        "squareplus" => ops::squareplus(x, real("b")?),
        "threshold" => ops::threshold(x, real("threshold")?, real("default_value")?),
        _ => return None,
    })
}

//! Regularizers and constraints against Keras: values, gradients, configurations.

mod support;

use cornu::Error;
use cornu::prelude::*;
use cornu::regularizers::OrthogonalMode;
use serde_json::{Value, json};
use support::*;

#[test]
fn regularizers_and_constraints_are_those_of_keras() {
    let describe = |case: &Value| (text(&case["class"]).to_owned(), text(&case["name"]).to_owned());
    check_all("regularizers", &[], describe, |case| match text(&case["kind"]) {
        "regularizer" => check_regularizer(case),
        _ => check_constraint(case),
    });
}

fn check_regularizer(case: &Value) -> Check {
    let s = &mut Settings::of(case, "arguments");
    let class = text(&case["class"]);
    let mut factor = |name, default| s.set(default, name, |_, factor| factor);
    let regularizer = match class {
        "L1" => Regularizer::l1(factor("l1", 0.01)),
        "L2" => Regularizer::l2(factor("l2", 0.01)),
        "L1L2" => Regularizer::l1_l2(factor("l1", 0.0), factor("l2", 0.0)),
        _ => {
            let factor = factor("factor", 0.01);
            let columns = s.take("mode").is_some_and(|mode| mode == "columns");
            let mode = if columns { OrthogonalMode::Columns } else { OrthogonalMode::Rows };
            Regularizer::orthogonal(factor, mode)
        }
    };
    s.all_used()?;
    // By name there are the defaults; for L1L2 those that Keras documents.
    if case["arguments"] == json!({}) && class != "L1L2" {
        expect_fields(&json!(Regularizer::from(class)), &case["config"])?;
    }
    expect_fields(&json!(regularizer), &case["config"])?;
    let w = tensor(&case["inputs"][0]);
    let penalty = regularizer.penalty(&w)?;
    expect_close("the penalty", &penalty.eval()?, &array(&case["output"]), TOLERANCE)?;
    expect_gradients(case, &penalty, &[w], TOLERANCE)
}

fn check_constraint(case: &Value) -> Check {
    let s = &mut Settings::of(case, "arguments");
    let class = text(&case["class"]);
    let axis: Vec<i32> = match s.take("axis") {
        Some(Value::Array(axes)) => axes.iter().map(|axis| number(axis) as i32).collect(),
        axis => vec![axis.map_or(0, |axis| number(&axis) as i32)],
    };
    let mut value = |name, default| s.set(default, name, |_, value| value);
    let constraint = match class {
        "NonNeg" => Constraint::non_neg(),
        "MaxNorm" => Constraint::max_norm(value("max_value", 2.0), &axis[..]),
        "UnitNorm" => Constraint::unit_norm(&axis[..]),
        _ => {
            let (low, high) = (value("min_value", 0.0), value("max_value", 1.0));
            Constraint::min_max_norm(low, high, value("rate", 1.0), &axis[..])
        }
    };
    s.all_used()?;
    if case["arguments"] == json!({}) {
        expect_fields(&json!(Constraint::from(class)), &case["config"])?;
    }
    expect_fields(&json!(constraint), &case["config"])?;
    let w = constraint.apply(&tensor(&case["inputs"][0]))?.eval()?;
    expect_close("the weight", &w, &array(&case["output"]), TOLERANCE)
}

#[test]
fn mistakes_say_what_is_wrong() {
    let message = |result: Result<Tensor>| result.map_err(|e: Error| e.to_string()).unwrap_err();
    let (matrix, vector) = (Tensor::from([[1.0f32, 2.0]]), Tensor::from([1.0f32, 2.0]));
    let text = message(Regularizer::from("l3").penalty(&matrix));
    assert!(text.contains("no regularizer named 'l3'"), "{text}");
    let text = message(Regularizer::l2(-1.0).penalty(&matrix));
    assert!(text.contains("l2 of a regularizer must be 0 or more, not -1"), "{text}");
    let text = message(Regularizer::from("orthogonal_regularizer").penalty(&vector));
    assert!(text.contains("takes a matrix, not a tensor of shape (2,)"), "{text}");
    let text = message(Regularizer::custom("squares", Tensor::square).penalty(&vector));
    assert!(text.contains("one number, not to float32(2,)"), "{text}");
    let text = message(Constraint::from("maxnorm").apply(&matrix));
    assert!(text.contains("did you mean 'max_norm'?"), "{text}");
    let text = message(Constraint::max_norm(1.0, 2).apply(&matrix));
    assert!(text.contains("axis 2 of a tensor with 2 dimensions"), "{text}");
    let sum = |w: &Tensor| ops::sum(w, Axis::ALL);
    let text = message(Constraint::custom("sum", sum).apply(&matrix));
    assert!(text.contains("must keep the type float32(1, 2)"), "{text}");
}

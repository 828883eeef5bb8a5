//! The optimizers against Keras: three steps of two weights each, and their configurations.

mod support;

use cornu::optimizers::{self, Optimizer, OptimizerSpec, Stepper};
use cornu::{Array, DType};
use serde_json::Value;
use std::sync::Arc;
use support::*;

const SKIPPED: Skipped<'_> = &[
    (
        "SGD learning_rate=0.1 use_ema=True ema_momentum=0.9 ema_overwrite_frequency=2",
        "moving averages of weights are not built",
    ),
    (
        "SGD learning_rate=0.1 gradient_accumulation_steps=2",
        "the accumulation of gradients is not built",
    ),
    ("ExponentialDecay", SCHEDULES),
    ("InverseTimeDecay", SCHEDULES),
    ("PiecewiseConstantDecay", SCHEDULES),
    ("PolynomialDecay", SCHEDULES),
    ("CosineDecay", SCHEDULES),
    ("CosineDecayRestarts", SCHEDULES),
];
const SCHEDULES: &str = "schedules of learning rates are not built";

/// Steps are small beside the weights, so the weights must agree to a few units in the last place.
const STEP_TOLERANCE: f64 = 1e-6;

#[test]
fn optimizers_are_those_of_keras() {
    let describe = |case: &Value| match case["schedule"].as_str() {
        Some(schedule) => (schedule.to_owned(), format!("{schedule} {}", case["config"])),
        None => (text(&case["optimizer"]).to_owned(), text(&case["name"]).to_owned()),
    };
    check_all("optimizers", SKIPPED, describe, check);
}

fn check(case: &Value) -> Check {
    let optimizer = build(case)?;
    expect_config(&optimizer.config(), &case["full_config"])?;
    let mut stepper = Stepper::new(optimizer)?;
    let mut weights = arrays(&case["weights"]);
    let gradients = case["gradients"].as_array().ok_or("no gradients")?;
    let after = case["after"].as_array().ok_or("no results")?;
    for (step, (gradients, after)) in gradients.iter().zip(after).enumerate() {
        stepper.apply(&mut weights, &arrays(gradients))?;
        for (i, (weight, after)) in weights.iter().zip(&arrays(after)).enumerate() {
            expect_close(&format!("weight {i} after step {step}"), weight, after, STEP_TOLERANCE)?;
        }
    }
    Ok(())
}

/// The same fields with the same values; Keras states the learning rate as the decimal of a
/// `float32`, as all numbers of the file.
fn expect_config(ours: &Value, keras: &Value) -> Check {
    let (ours, keras) =
        (ours.as_object().ok_or("no object")?, keras.as_object().ok_or("no object")?);
    for (field, value) in keras {
        let own = ours.get(field).ok_or(format!("the configuration has no {field}"))?;
        if own != value && own.as_f64().zip(value.as_f64()).is_none_or(|(a, b)| a != b) {
            return Err(format!("the configuration's {field} is {own}, not {value}").into());
        }
    }
    match ours.keys().find(|field| !keras.contains_key(*field)) {
        Some(field) => Err(format!("the configuration has a {field} that Keras has not").into()),
        None => Ok(()),
    }
}

/// The settings that all optimizers have, and the result as what `compile` takes.
macro_rules! common {
    ($settings:ident, $class:ident, $optimizer:expr) => {{
        let optimizer = $optimizer;
        type O = optimizers::$class;
        let optimizer = $settings.set(optimizer, "learning_rate", O::learning_rate);
        let optimizer = $settings.set(optimizer, "weight_decay", O::weight_decay);
        let optimizer = $settings.set(optimizer, "clipnorm", O::clipnorm);
        let optimizer = $settings.set(optimizer, "global_clipnorm", O::global_clipnorm);
        Arc::new($settings.set(optimizer, "clipvalue", O::clipvalue)) as Arc<dyn Optimizer>
    }};
}

fn build(case: &Value) -> Outcome<Arc<dyn Optimizer>> {
    let s = &mut Settings::of(case, "config");
    let optimizer = match text(&case["optimizer"]) {
        "SGD" => common!(s, SGD, sgd(s)),
        "RMSprop" => common!(s, RMSprop, rmsprop(s)),
        "Adam" => common!(s, Adam, adam(s)),
        "AdamW" => {
            let it = optimizers::AdamW::default();
            common!(s, AdamW, s.set_bool(it, "amsgrad", optimizers::AdamW::amsgrad))
        }
        "Adadelta" => {
            let it = s.set(optimizers::Adadelta::default(), "rho", optimizers::Adadelta::rho);
            common!(s, Adadelta, s.set(it, "epsilon", optimizers::Adadelta::epsilon))
        }
        "Adagrad" => {
            let builder = optimizers::Adagrad::initial_accumulator_value;
            let it = optimizers::Adagrad::default();
            common!(s, Adagrad, s.set(it, "initial_accumulator_value", builder))
        }
        "Adamax" => common!(s, Adamax, optimizers::Adamax::default()),
        "Nadam" => common!(s, Nadam, optimizers::Nadam::default()),
        "Ftrl" => common!(s, Ftrl, ftrl(s)),
        "Lion" => common!(s, Lion, optimizers::Lion::default()),
        other => return Err(format!("there is no optimizer {other}").into()),
    };
    s.all_used()?;
    Ok(optimizer)
}

fn sgd(s: &mut Settings) -> optimizers::SGD {
    let it = s.set(optimizers::SGD::default(), "momentum", optimizers::SGD::momentum);
    s.set_bool(it, "nesterov", optimizers::SGD::nesterov)
}

fn rmsprop(s: &mut Settings) -> optimizers::RMSprop {
    type O = optimizers::RMSprop;
    let it = s.set(O::default(), "rho", O::rho);
    let it = s.set(it, "momentum", O::momentum);
    let it = s.set(it, "epsilon", O::epsilon);
    s.set_bool(it, "centered", O::centered)
}

fn adam(s: &mut Settings) -> optimizers::Adam {
    type O = optimizers::Adam;
    let it = s.set(O::default(), "beta_1", O::beta_1);
    let it = s.set(it, "beta_2", O::beta_2);
    let it = s.set(it, "epsilon", O::epsilon);
    s.set_bool(it, "amsgrad", O::amsgrad)
}

fn ftrl(s: &mut Settings) -> optimizers::Ftrl {
    type O = optimizers::Ftrl;
    let it = s.set(O::default(), "learning_rate_power", O::learning_rate_power);
    let it = s.set(it, "l1_regularization_strength", O::l1_regularization_strength);
    let it = s.set(it, "l2_regularization_strength", O::l2_regularization_strength);
    let shrinkage = "l2_shrinkage_regularization_strength";
    let it = s.set(it, shrinkage, O::l2_shrinkage_regularization_strength);
    s.set(it, "beta", O::beta)
}

#[test]
fn names_in_any_case_and_unknown_names() {
    for (name, kind) in
        [("adam", "Adam"), ("RMSprop", "RMSprop"), ("SGD", "SGD"), ("adamW", "AdamW")]
    {
        assert_eq!(OptimizerSpec::from(name).get().unwrap().kind(), kind);
    }
    let error = OptimizerSpec::from("rmsprob").get().err().unwrap().to_string();
    assert!(error.contains("did you mean 'rmsprop'?"), "{error}");
}

#[test]
fn settings_that_make_no_sense_are_errors() {
    let message = |spec: OptimizerSpec| spec.get().err().unwrap().to_string();
    let both = optimizers::Adam::new(0.1).clipnorm(1.0).clipvalue(1.0);
    assert!(message(both.into()).contains("Adam: only one of clipnorm"));
    let momentum = optimizers::SGD::default().momentum(1.5);
    assert!(message(momentum.into()).contains("momentum must be from 0 to 1, not 1.5"));
    let power = optimizers::Ftrl::default().learning_rate_power(0.5);
    assert!(message(power.into()).contains("0 or less"));
    assert!(message(optimizers::Lion::default().beta_1(0.0).into()).contains("beta_1"));
}

#[test]
fn a_gradient_of_another_shape_is_an_error_and_changes_nothing() {
    let mut stepper = Stepper::new("sgd").unwrap();
    let mut weights = vec![Array::zeros([2], DType::F32)];
    let error = stepper.apply(&mut weights, &[Array::zeros([3], DType::F32)]).unwrap_err();
    assert!(error.to_string().contains("(2,) has a gradient of shape (3,)"), "{error}");
    assert_eq!(stepper.iterations(), 0);
}

//! The optimizers and schedules against Keras: a few steps of a few weights, whole trainings, and
//! configurations.

mod support;

use cornu::optimizers::schedules::*;
use cornu::optimizers::{self, LearningRate, Optimizer, OptimizerSpec, Stepper};
use cornu::prelude::{Dense, Input, LayerExt, Model, Sequential};
use cornu::saving::FromConfig;
use cornu::{Array, DType, Tensor, Variable};
use serde_json::{Value, json};
use std::sync::Arc;
use support::*;

/// Steps are small beside the weights, so the weights must agree to a few units in the last place.
const STEP_TOLERANCE: f64 = 1e-6;
/// The rates of the cases are at most 0.1.
const RATE_TOLERANCE: f64 = 1e-8;

#[test]
fn optimizers_are_those_of_keras() {
    let describe = |case: &Value| match case["schedule"].as_str() {
        Some(schedule) => (schedule.to_owned(), format!("{schedule} {}", case["config"])),
        None => (text(&case["optimizer"]).to_owned(), text(&case["name"]).to_owned()),
    };
    check_all("optimizers", &[], describe, |case| {
        if case["schedule"].is_null() { check_steps(case) } else { check_schedule(case) }
    });
}

fn check_steps(case: &Value) -> Check {
    let optimizer = optimizer(case)?;
    expect_config(&optimizer.config(), &case["full_config"])?;
    let file = json!({ "class_name": case["optimizer"], "config": case["full_config"] });
    let read = OptimizerSpec::from_config(&file)?.get()?;
    expect_config(&read.config(), &case["full_config"])?;
    let mut stepper = Stepper::new(optimizer)?;
    let mut weights = arrays(&case["weights"]);
    let gradients = case["gradients"].as_array().ok_or("no gradients")?;
    let after = case["after"].as_array().ok_or("no results")?;
    for (step, (gradients, after)) in gradients.iter().zip(after).enumerate() {
        stepper.apply(&mut weights, &arrays(gradients))?;
        expect_weights(&format!("after step {step}"), &weights, after)?;
    }
    if !case["finalized"].is_null() {
        stepper.finalize(&mut weights)?;
        expect_weights("at the end", &weights, &case["finalized"])?;
    }
    Ok(())
}

fn expect_weights(when: &str, weights: &[Array], keras: &Value) -> Check {
    for (i, (weight, keras)) in weights.iter().zip(&arrays(keras)).enumerate() {
        expect_close(&format!("weight {i} {when}"), weight, keras, STEP_TOLERANCE)?;
    }
    Ok(())
}

fn check_schedule(case: &Value) -> Check {
    let schedule = schedule(text(&case["schedule"]), &case["config"])?;
    let LearningRate::Schedule(of) = &schedule else { return Err("no schedule".into()) };
    expect_config(&of.config(), &case["full_config"])?;
    for (step, rate) in numbers(&case["steps"]).iter().zip(numbers(&case["rates"])) {
        let ours = schedule.at(*step as usize)?;
        expect_number(&format!("the rate of step {step}"), ours, rate, RATE_TOLERANCE)?;
    }
    Ok(())
}

/// The same fields with the same values: the file has the shortest decimals of `float32` numbers.
fn expect_config(ours: &Value, keras: &Value) -> Check {
    let (ours, keras) =
        (ours.as_object().ok_or("no object")?, keras.as_object().ok_or("no object")?);
    for (field, value) in keras {
        let own = ours.get(field).ok_or(format!("the configuration has no {field}"))?;
        if value.is_object() {
            expect_config(own, value).map_err(|error| format!("{field}: {error}"))?;
        } else if own != value && !same_f32(own.as_f64(), value.as_f64()) {
            return Err(format!("the configuration's {field} is {own}, not {value}").into());
        }
    }
    match ours.keys().find(|field| !keras.contains_key(*field)) {
        Some(field) => Err(format!("the configuration has a {field} that Keras has not").into()),
        None => Ok(()),
    }
}

/// A whole training: what an optimizer does between its steps and when they end.
#[test]
fn fits_are_those_of_keras() {
    let describe =
        |case: &Value| (text(&case["optimizer"]).to_owned(), text(&case["name"]).to_owned());
    check_all("optimizer_fits", &[], describe, check_fit);
}

fn check_fit(case: &Value) -> Check {
    let mut model: Model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(3).activation("tanh").name("hidden"))
        .add(Dense::new(1).name("output"))
        .into();
    model.set_weights(arrays(&case["initial_weights"]))?;
    model.compile(optimizer(case)?, "mse").build()?;
    let (x, y) = (array(&case["x"]), array(&case["y"]));
    if !case["averages"].is_null() {
        for _ in 0..3 {
            model.train_on_batch(&x, &y)?;
        }
        expect_weights("after batches", &values(&model)?, &case["after_batches"])?;
        model.swap_ema_weights()?;
        expect_weights("of the averages", &values(&model)?, &case["averages"])?;
        model.swap_ema_weights()?;
        expect_weights("swapped back", &values(&model)?, &case["after_batches"])?;
    }
    let (batch, epochs) = (number(&case["batch_size"]), number(&case["epochs"]));
    let fit = model.fit(&x, &y).batch_size(batch as usize).epochs(epochs as usize);
    let history = fit.shuffle(false).verbose(0).run()?;
    for (epoch, loss) in numbers(&case["history"]["loss"]).into_iter().enumerate() {
        let what = format!("loss of epoch {epoch}");
        expect_number(&what, history["loss"][epoch], loss, TOLERANCE)?;
    }
    expect_weights("at the end", &values(&model)?, &case["final_weights"])?;
    let (rate, expected) = (model.learning_rate()?, number(&case["learning_rate"]));
    expect_number("the learning rate", f64::from(rate), expected, RATE_TOLERANCE)?;
    let iterations = model.optimizer_variables()?[0].value().item()?;
    expect_number("steps", iterations, number(&case["steps"]), 0.0)
}

fn values(model: &Model) -> cornu::Result<Vec<Array>> {
    Ok(model.weights()?.iter().map(Variable::value).collect())
}

/// The settings of one kind that a case names, each given to the method of its name.
macro_rules! given {
    ($settings:ident, $class:ident, $it:expr, $set:ident, [$($name:ident),*]) => {{
        let it = $it;
        $(let it = $settings.$set(it, stringify!($name), optimizers::$class::$name);)*
        it
    }};
}

/// The optimizer of a case: its own settings, then those that all have.
macro_rules! build {
    ($settings:ident, $class:ident, [$($number:ident),*], [$($flag:ident),*]) => {
        build!($settings, $class, [$($number),*], [$($flag),*], [])
    };
    ($settings:ident, $class:ident, [$($number:ident),*], [$($flag:ident),*], [$($count:ident),*]) => {
        build!(@from $settings, $class, optimizers::$class::default(), [$($number),*],
            [$($flag),*], [$($count),*])
    };
    (@from $settings:ident, $class:ident, $from:expr, [$($number:ident),*], [$($flag:ident),*],
        [$($count:ident),*]) => {{
        let it = $from;
        let it = match $settings.take("learning_rate") {
            None => it,
            Some(Value::Array(pair)) => it.learning_rate(schedule(text(&pair[0]), &pair[1])?),
            Some(rate) => it.learning_rate(number(&rate) as f32),
        };
        let it = match $settings.take("name") {
            None => it,
            Some(name) => it.name(text(&name)),
        };
        let it = given!($settings, $class, it, set, [$($number,)* weight_decay, clipnorm,
            global_clipnorm, clipvalue, ema_momentum, loss_scale_factor]);
        let it = given!($settings, $class, it, set_bool, [$($flag,)* use_ema]);
        let it = given!($settings, $class, it, set_count, [$($count,)* ema_overwrite_frequency,
            gradient_accumulation_steps]);
        Arc::new(it) as Arc<dyn Optimizer>
    }};
}

fn optimizer(case: &Value) -> Outcome<Arc<dyn Optimizer>> {
    let s = &mut Settings::of(case, "config");
    let optimizer = match text(&case["optimizer"]) {
        "SGD" => build!(s, SGD, [momentum], [nesterov]),
        "RMSprop" => build!(s, RMSprop, [rho, momentum, epsilon], [centered]),
        "Adam" => build!(s, Adam, [beta_1, beta_2, epsilon], [amsgrad]),
        "AdamW" => build!(s, AdamW, [beta_1, beta_2, epsilon], [amsgrad]),
        "Adadelta" => build!(s, Adadelta, [rho, epsilon], []),
        "Adagrad" => build!(s, Adagrad, [initial_accumulator_value, epsilon], []),
        "Adamax" => build!(s, Adamax, [beta_1, beta_2, epsilon], []),
        "Nadam" => build!(s, Nadam, [beta_1, beta_2, epsilon], []),
        "Ftrl" => build!(
            s,
            Ftrl,
            [
                learning_rate_power,
                initial_accumulator_value,
                l1_regularization_strength,
                l2_regularization_strength,
                l2_shrinkage_regularization_strength,
                beta
            ],
            []
        ),
        "Lion" => build!(s, Lion, [beta_1, beta_2], []),
        "Lamb" => build!(s, Lamb, [beta_1, beta_2, epsilon], []),
        "Adafactor" => build!(
            s,
            Adafactor,
            [beta_2_decay, epsilon_1, epsilon_2, clip_threshold],
            [relative_step]
        ),
        "Muon" => muon(s)?,
        "ScheduleFreeAdamW" => {
            build!(s, ScheduleFreeAdamW, [beta_1, beta_2, epsilon], [], [warmup_steps])
        }
        other => return Err(format!("there is no optimizer {other}").into()),
    };
    s.all_used()?;
    Ok(optimizer)
}

fn muon(s: &mut Settings) -> Outcome<Arc<dyn Optimizer>> {
    let mut it = optimizers::Muon::default();
    // A null of these two is a value.
    let mut optional = |name: &str| s.0.remove(name).map(|v| v.as_f64().map(|v| v as f32));
    if let Some(decay) = optional("adam_weight_decay") {
        it = it.adam_weight_decay(decay);
    }
    if let Some(rate) = optional("rms_rate") {
        it = it.rms_rate(rate);
    }
    if let Some(names) = s.take("exclude_layers") {
        it = it.exclude_layers(names.as_array().ok_or("no list")?.iter().map(text));
    }
    Ok(build!(
        @from s,
        Muon,
        it,
        [adam_beta_1, adam_beta_2, epsilon, muon_a, muon_b, muon_c, adam_lr_ratio, momentum],
        [nesterov, exclude_embeddings],
        [ns_steps]
    ))
}

/// The schedule of a class with the settings of a case.
fn schedule(class: &str, config: &Value) -> Outcome<LearningRate> {
    let s = &mut Settings(config.as_object().cloned().unwrap_or_default());
    let mut need = |name: &str| s.take(name).ok_or(format!("{class} needs {name}"));
    if class == "PiecewiseConstantDecay" {
        let values = numbers(&need("values")?).into_iter().map(|value| value as f32);
        return Ok(PiecewiseConstantDecay::new(sizes(&need("boundaries")?), values).into());
    }
    let rate = number(&need("initial_learning_rate")?) as f32;
    let restarts = class == "CosineDecayRestarts";
    let steps = need(if restarts { "first_decay_steps" } else { "decay_steps" })?;
    let steps = number(&steps) as usize;
    let schedule = match class {
        "ExponentialDecay" => {
            let it = ExponentialDecay::new(rate, steps, number(&need("decay_rate")?) as f32);
            s.set_bool(it, "staircase", ExponentialDecay::staircase).into()
        }
        "InverseTimeDecay" => {
            let it = InverseTimeDecay::new(rate, steps, number(&need("decay_rate")?) as f32);
            s.set_bool(it, "staircase", InverseTimeDecay::staircase).into()
        }
        "PolynomialDecay" => {
            let it = PolynomialDecay::new(rate, steps);
            let it = s.set(it, "end_learning_rate", PolynomialDecay::end_learning_rate);
            let it = s.set(it, "power", PolynomialDecay::power);
            s.set_bool(it, "cycle", PolynomialDecay::cycle).into()
        }
        "CosineDecay" => {
            let it = s.set(CosineDecay::new(rate, steps), "alpha", CosineDecay::alpha);
            let it = s.set(it, "warmup_target", CosineDecay::warmup_target);
            s.set_count(it, "warmup_steps", CosineDecay::warmup_steps).into()
        }
        "CosineDecayRestarts" => {
            let it = CosineDecayRestarts::new(rate, steps);
            let it = s.set(it, "t_mul", CosineDecayRestarts::t_mul);
            let it = s.set(it, "m_mul", CosineDecayRestarts::m_mul);
            s.set(it, "alpha", CosineDecayRestarts::alpha).into()
        }
        other => return Err(format!("there is no schedule {other}").into()),
    };
    s.all_used()?;
    Ok(schedule)
}

#[test]
fn names_in_any_case_and_unknown_names() {
    for (name, kind) in
        [("adam", "Adam"), ("RMSprop", "RMSprop"), ("SGD", "SGD"), ("adamW", "AdamW")]
    {
        assert_eq!(OptimizerSpec::from(name).get().unwrap().kind(), kind);
    }
    let error = OptimizerSpec::from("rmsprob").get().err().unwrap().to_string();
    assert!(error.contains("did you mean 'RMSprop'?"), "{error}");
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

#[test]
fn settings_of_accumulation_and_averages_are_checked() {
    let message = |spec: OptimizerSpec| spec.get().err().unwrap().to_string();
    let once = optimizers::SGD::default().gradient_accumulation_steps(1);
    assert!(message(once.into()).contains("gradient_accumulation_steps must be at least 2, not 1"));
    let never = optimizers::SGD::default().ema_overwrite_frequency(0);
    assert!(message(never.into()).contains("ema_overwrite_frequency must be at least 1, not 0"));
    let momentum = optimizers::SGD::default().ema_momentum(1.5);
    assert!(message(momentum.into()).contains("ema_momentum must be from 0 to 1, not 1.5"));
    let factor = optimizers::SGD::default().loss_scale_factor(0.0);
    assert!(message(factor.into()).contains("loss_scale_factor must be more than 0"));
    let schedule = optimizers::SGD::new(ExponentialDecay::new(0.1, 0, 0.5));
    assert!(message(schedule.into()).contains("ExponentialDecay: decay_steps must be more than 0"));
}

#[test]
fn a_learning_rate_that_a_schedule_decides_cannot_be_set() {
    let halved = |step: &Tensor| 0.5 / (1.0 + step);
    let mut stepper = Stepper::new(optimizers::SGD::new(halved)).unwrap();
    let mut weights = vec![Array::scalar(1.0f32)];
    stepper.apply(&mut weights, &[Array::scalar(1.0f32)]).unwrap();
    assert_eq!(weights[0].item().unwrap(), 0.5);
    assert_eq!(stepper.learning_rate().unwrap(), 0.25);
    let error = stepper.set_learning_rate(0.1).unwrap_err().to_string();
    assert!(error.contains("made with a schedule"), "{error}");
    let mut constant = Stepper::new("sgd").unwrap();
    constant.set_learning_rate(0.1).unwrap();
    assert_eq!(constant.learning_rate().unwrap(), 0.1);
    assert!(constant.set_learning_rate(-0.1).is_err());
}

//! Whole trainings, step for step as Keras does them: weights, figures, predictions, histories.

mod support;

use cornu::layers::ActivityRegularization;
use cornu::optimizers::{Adadelta, Adagrad, Adam, RMSprop, SGD};
use cornu::prelude::*;
use cornu::regularizers::OrthogonalMode;
use cornu::train::Logs;
use serde_json::Value;
use std::collections::BTreeMap;
use support::{
    Check, Outcome, array, arrays, check_all, expect_close, expect_number, number, text,
};

/// A few steps of an optimizer pile up rounding: sums in another order, `float32` slots.
const TOLERANCE: f64 = 2e-5;

#[test]
fn trainings_agree_with_keras() {
    let describe = |case: &Value| {
        let kind = case["model"].as_str().or(case["fit"].as_str()).expect("a model");
        (
            kind.to_owned(),
            format!("{kind} ({})", if case["fit"].is_null() { "steps" } else { "fit" }),
        )
    };
    check_all("train", &[], describe, |case| {
        if case["fit"].is_null() { check_steps(case) } else { check_fit(case) }
    });
}

fn check_steps(case: &Value) -> Check {
    let mut model = compiled(case, text(&case["model"]))?;
    let (x, y) = (arrays(&case["x"]), arrays(&case["y"]));
    for (i, step) in case["steps"].as_array().expect("steps").iter().enumerate() {
        let fit = model.fit(x.clone(), y.clone()).shuffle(false).verbose(0);
        let history = weighted(case, fit.batch_size(x[0].rows())).run()?;
        let mut logs = Logs::default();
        history.iter().for_each(|(name, values)| logs.set(name, values[0]));
        expect_logs(&format!("step {i}"), &logs, &step["logs"])?;
        expect_weights(&format!("after step {i}"), &model, &step["weights"])?;
    }
    let predictions = model.predict(x.clone()).run_all()?;
    for (ours, keras) in predictions.iter().zip(arrays(&case["predict"])) {
        expect_close("prediction", ours, &keras, TOLERANCE)?;
    }
    let batch = number(&case["evaluate_batch_size"]) as usize;
    let logs = model.evaluate(x, y).batch_size(batch).verbose(0).run()?;
    expect_logs("evaluate", &logs, &case["evaluate"])
}

fn check_fit(case: &Value) -> Check {
    let mut model = compiled(case, text(&case["fit"]))?;
    let mut fit = model
        .fit(arrays(&case["x"]), arrays(&case["y"]))
        .shuffle(false)
        .verbose(0)
        .batch_size(number(&case["batch_size"]) as usize)
        .epochs(number(&case["epochs"]) as usize)
        .validation_split(number(&case["validation_split"]));
    let validation = &case["validation_data"];
    if !validation.is_null() {
        fit = fit.validation_data(arrays(&validation["x"]), arrays(&validation["y"]));
    }
    let history = weighted(case, fit).run()?;
    let keras = case["history"].as_object().expect("a history");
    let names: Vec<&str> = history.iter().map(|(name, _)| name).collect();
    if names.len() != keras.len() {
        return Err(format!("recorded {names:?}, not {:?}", keras.keys()).into());
    }
    for (name, values) in keras {
        let ours = history.get(name).ok_or(format!("no '{name}' among {names:?}"))?;
        for (epoch, (ours, value)) in ours.iter().zip(support::numbers(values)).enumerate() {
            expect_number(&format!("{name} of epoch {epoch}"), *ours, value, TOLERANCE)?;
        }
    }
    expect_weights("at the end", &model, &case["final_weights"])
}

/// Adds the weights of samples and classes.
fn weighted<'a>(case: &Value, mut fit: cornu::train::Fit<'a>) -> cornu::train::Fit<'a> {
    if !case["sample_weight"].is_null() {
        fit = fit.sample_weight(array(&case["sample_weight"]));
    }
    if let Some(classes) = case["class_weight"].as_object() {
        let of = |(class, weight): (&String, &Value)| {
            (class.parse::<usize>().expect("a class"), number(weight) as f32)
        };
        fit = fit.class_weight(classes.iter().map(of).collect::<BTreeMap<usize, f32>>());
    }
    fit
}

/// The model of a case with Keras's first weights, compiled.
fn compiled(case: &Value, name: &str) -> Outcome<Model> {
    let mut model = build(name)?;
    let weights = case["initial_weights"].as_array().expect("weights");
    model.set_weights(weights.iter().map(|w| array(&w["value"])).collect::<Vec<Array>>())?;
    let metrics = |of: &Value| -> Vec<String> {
        of.as_array().into_iter().flatten().map(|m| text(m).to_owned()).collect()
    };
    let optimizer = &case["optimizer"];
    let rate = number(&optimizer["config"]["learning_rate"]) as f32;
    let momentum = optimizer["config"]["momentum"].as_f64().unwrap_or(0.0) as f32;
    let nesterov = optimizer["config"]["nesterov"].as_bool().unwrap_or(false);
    let spec: cornu::optimizers::OptimizerSpec = match text(&optimizer["class"]) {
        "SGD" => SGD::default().learning_rate(rate).momentum(momentum).nesterov(nesterov).into(),
        "RMSprop" => RMSprop::default().learning_rate(rate).into(),
        "Adadelta" => Adadelta::default().learning_rate(rate).into(),
        "Adagrad" => Adagrad::default().learning_rate(rate).into(),
        "Adam" => Adam::default().learning_rate(rate).into(),
        other => return Err(format!("optimizer {other}").into()),
    };
    if name == "two_outputs" {
        let losses: Vec<&str> = case["loss"].as_array().expect("losses").iter().map(text).collect();
        let counts: Vec<f32> =
            support::numbers(&case["loss_weights"]).iter().map(|&w| w as f32).collect();
        let mut compile = model.compile(spec, losses[0]).loss(losses[1]).loss_weights(counts);
        for (output, of) in case["metrics"].as_array().expect("metrics").iter().enumerate() {
            for metric in metrics(of) {
                compile = compile.metric_of(output, metric.as_str());
            }
        }
        compile.build()?;
        return Ok(model);
    }
    let mut compile = match text(&case["loss"]) {
        "contrastive_siamese" => model.compile(spec, contrastive),
        known => model.compile(spec, known),
    };
    for metric in metrics(&case["metrics"]) {
        compile = compile.metric(metric.as_str());
    }
    for metric in metrics(&case["weighted_metrics"]) {
        compile = compile.weighted_metric(metric.as_str());
    }
    compile.build()?;
    Ok(model)
}

/// The loss of the document siamese-contrastive-python.
fn contrastive(y: &Tensor, d: &Tensor) -> Tensor {
    (1.0 - y) / 2.0 * d.square() + y / 2.0 * (1.0 - d).maximum(0.0).square()
}

fn build(name: &str) -> Outcome<Model> {
    Ok(match name {
        "mlp" | "sparse_mlp" => Sequential::new()
            .add(Input::new([12]))
            .add(Dense::new(8).activation("relu"))
            .add(Dense::new(5).activation("relu"))
            .add(Dense::new(3).activation("softmax"))
            .into(),
        "regression" => Sequential::new()
            .add(Input::new([4]))
            .add(Dense::new(6).activation("tanh"))
            .add(Dense::new(1))
            .into(),
        "siamese" => {
            let tower = Sequential::new()
                .add(Input::new([12]))
                .add(Dense::new(8).activation("relu"))
                .add(Dense::new(4));
            let (left, right) = (Input::tensor([12]), Input::tensor([12]));
            let distance =
                ops::norm(tower.call(&left) - tower.call(&right), Axis::new(1).keepdims());
            Model::new([&left, &right], &distance)?
        }
        "two_outputs" => {
            let (a, b) = (Input::tensor([4]), Input::tensor([3]));
            let of_a = Dense::new(4).activation("relu").name("of_a").call(&a);
            let of_b = Dense::new(3).activation("relu").name("of_b").call(&b);
            let both = ops::concatenate([&of_a, &of_b], -1);
            let kind = Dense::new(3).activation("softmax").name("kind").call(&both);
            let size = Dense::new(1).name("size").call(&both);
            Model::new([&a, &b], [&kind, &size])?
        }
        "nested" => {
            let inner_input = Input::tensor([5]);
            let shared = Dense::new(5).activation("tanh").name("shared");
            let inner = Model::new(&inner_input, shared.call(shared.call(&inner_input)))?;
            let input = Input::tensor([6]);
            let before = Dense::new(5).activation("relu").name("before").call(&input);
            let after = Dense::new(2).activation("softmax").name("after");
            Model::new(&input, after.call(inner.call(&before)))?
        }
        "convolutional" => Sequential::new()
            .add(Input::new([8, 8, 1]))
            .add(Conv2D::new(3, 3).activation("relu"))
            .add(MaxPooling2D::default())
            .add(Conv2D::new(4, 2).strides(2).padding("same"))
            .add(AveragePooling2D::new(2))
            .add(Flatten::new())
            .add(Dense::new(3).activation("softmax"))
            .into(),
        "regularized" => Sequential::new()
            .add(Input::new([5]))
            .add(
                Dense::new(4)
                    .kernel_regularizer(Regularizer::l2(0.01))
                    .bias_regularizer(Regularizer::l1(0.02))
                    .kernel_constraint(Constraint::max_norm(1.0, 0)),
            )
            .add(BatchNormalization::new())
            .add(Activation::new("relu"))
            .add(Dense::new(1).activation("sigmoid").activity_regularizer(Regularizer::l2(0.1)))
            .into(),
        "twice_normalized" => {
            let tower = Sequential::new()
                .add(Input::new([5]))
                .add(Dense::new(4))
                .add(BatchNormalization::new().momentum(0.8))
                .add(Dense::new(3));
            let (left, right) = (Input::tensor([5]), Input::tensor([5]));
            let twins = [tower.call(&left), tower.call(&right)];
            let both = Concatenate::new().call(&twins[..]);
            Model::new([&left, &right], Dense::new(1).call(&both))?
        }
        "penalized" => penalized()?,
        other => return Err(format!("unknown model {other}").into()),
    })
}

/// A model with every sort of penalty and constraint: on a layer that is used twice, on one that is
/// frozen, on outputs.
fn penalized() -> Result<Model> {
    let x = Input::tensor([4]);
    let shared = Dense::new(4)
        .kernel_regularizer(Regularizer::l1_l2(0.01, 0.02))
        .kernel_constraint(Constraint::unit_norm(0))
        .name("shared");
    let frozen = Dense::new(4).kernel_regularizer(Regularizer::l2(10.0)).name("frozen");
    let h = frozen.call(shared.call(shared.call(&x)));
    frozen.set_trainable(false);
    let h = BatchNormalization::new()
        .gamma_regularizer(Regularizer::l2(0.1))
        .gamma_constraint(Constraint::non_neg())
        .call(&h);
    let h = ActivityRegularization::new(0.01, 0.02).call(&h);
    let last = Dense::new(2)
        .kernel_regularizer(Regularizer::orthogonal(0.1, OrthogonalMode::Rows))
        .activity_regularizer(Regularizer::l1(0.03))
        .kernel_constraint(Constraint::min_max_norm(0.5, 0.8, 0.5, 0))
        .bias_constraint("non_neg");
    Model::new(&x, last.name("last").call(&h))
}

fn expect_logs(what: &str, ours: &Logs, keras: &Value) -> Check {
    let keras = keras.as_object().expect("logs");
    let names: Vec<&str> = ours.iter().map(|(name, _)| name).collect();
    if names.len() != keras.len() {
        return Err(format!("{what}: figures {names:?}, not {:?}", keras.keys()).into());
    }
    for (name, value) in keras {
        let own = ours.get(name).ok_or(format!("{what}: no '{name}' among {names:?}"))?;
        expect_number(&format!("{what}: {name}"), own, number(value), TOLERANCE)?;
    }
    Ok(())
}

fn expect_weights(what: &str, model: &Model, keras: &Value) -> Check {
    let keras = keras.as_array().expect("weights");
    for (variable, value) in model.weights()?.iter().zip(keras) {
        let value = array(value.get("value").unwrap_or(value));
        expect_close(&format!("{} {what}", variable.path()), &variable.value(), &value, TOLERANCE)?;
    }
    Ok(())
}

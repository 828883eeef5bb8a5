//! The losses against Keras: values, reductions, weights and gradients.

mod support;

use cornu::losses::{self, Loss, LossFunction, Reduction};
use cornu::prelude::*;
use cornu::saving::FromConfig;
use serde_json::{Value, json};
use support::*;

/// Where a prediction lies exactly on the bound it is clipped to, the gradient flows through, as in
/// TensorFlow and PyTorch; JAX lets half of it through.
const GRADIENT_AT_A_BOUND: &[&str] = &["KLDivergence of 0 and 1"];

#[test]
fn losses_are_those_of_keras() {
    let describe = |case: &Value| (text(&case["loss"]).to_owned(), text(&case["name"]).to_owned());
    check_all("losses", &[], describe, check);
}

fn check(case: &Value) -> Check {
    let loss = build(case)?;
    let (y_true, y_pred) = (tensor(&case["y_true"]), tensor(&case["y_pred"]));
    let weights = tensor(&case["sample_weight"]);
    let call = |reduction, weights: Option<&Tensor>| {
        loss.clone().reduction(reduction).call(&y_true, &y_pred, weights)
    };

    let values = array(&case["values"]);
    expect_close("values", &loss.values(&y_true, &y_pred)?.eval()?, &values, TOLERANCE)?;
    expect_close("unreduced", &call(Reduction::None, None)?.eval()?, &values, TOLERANCE)?;
    let mean = call(Reduction::SumOverBatchSize, None)?;
    expect_number("mean", mean.item()?, number(&case["mean"]), TOLERANCE)?;
    expect_number("sum", call(Reduction::Sum, None)?.item()?, number(&case["sum"]), TOLERANCE)?;

    let weighted = call(Reduction::SumOverBatchSize, Some(&weights))?;
    expect_number("weighted", weighted.item()?, number(&case["weighted"]), TOLERANCE)?;
    let weighted_mean = call(Reduction::MeanWithSampleWeight, Some(&weights))?;
    let expected = number(&case["weighted_mean"]);
    expect_number("weighted_mean", weighted_mean.item()?, expected, TOLERANCE)?;

    if !GRADIENT_AT_A_BOUND.contains(&text(&case["name"])) {
        let gradient = gradients(&mean, &[&y_pred])?.remove(0);
        expect_close("gradient", &gradient, &array(&case["gradient"]), TOLERANCE)?;
    }
    expect_read(case, &y_true, &y_pred)?;
    by_name(case, &y_true, &y_pred)
}

/// From Keras's configuration comes the same loss.
fn expect_read(case: &Value, y_true: &Tensor, y_pred: &Tensor) -> Check {
    if case["class"].is_null() {
        return Ok(());
    }
    let file = json!({ "class_name": case["class"], "config": case["config"] });
    let values = Loss::from_config(&file)?.values(y_true, y_pred)?.eval()?;
    expect_close("values of the read loss", &values, &array(&case["values"]), TOLERANCE)
}

/// Without settings, the names of the function and the class and the public function are the same.
fn by_name(case: &Value, y_true: &Tensor, y_pred: &Tensor) -> Check {
    let plain = case["config"].as_object().is_some_and(|config| config.is_empty());
    if case["class"].is_null() || !plain {
        return Ok(());
    }
    for name in [text(&case["loss"]), text(&case["class"])] {
        let values = Loss::from(name).values(y_true, y_pred)?.eval()?;
        expect_close(name, &values, &array(&case["values"]), TOLERANCE)?;
    }
    let values = function(text(&case["loss"]))?(y_true, y_pred).eval()?;
    expect_close("function", &values, &array(&case["values"]), TOLERANCE)
}

fn function(name: &str) -> Outcome<fn(&Tensor, &Tensor) -> Tensor> {
    Ok(match name {
        "binary_crossentropy" => losses::binary_crossentropy,
        "binary_focal_crossentropy" => losses::binary_focal_crossentropy,
        "categorical_crossentropy" => losses::categorical_crossentropy,
        "categorical_focal_crossentropy" => losses::categorical_focal_crossentropy,
        "categorical_generalized_cross_entropy" => losses::categorical_generalized_cross_entropy,
        "categorical_hinge" => losses::categorical_hinge,
        "cosine_similarity" => losses::cosine_similarity,
        "dice" => losses::dice,
        "hinge" => losses::hinge,
        "huber" => losses::huber,
        "kl_divergence" => losses::kl_divergence,
        "log_cosh" => losses::log_cosh,
        "mean_absolute_error" => losses::mean_absolute_error,
        "mean_absolute_percentage_error" => losses::mean_absolute_percentage_error,
        "mean_squared_error" => losses::mean_squared_error,
        "mean_squared_logarithmic_error" => losses::mean_squared_logarithmic_error,
        "poisson" => losses::poisson,
        "sparse_categorical_crossentropy" => losses::sparse_categorical_crossentropy,
        "squared_hinge" => losses::squared_hinge,
        "tversky" => losses::tversky,
        other => return Err(format!("there is no function {other}").into()),
    })
}

/// The loss of a case, with the settings that it gives.
fn build(case: &Value) -> Outcome<Loss> {
    let c = &mut Settings::of(case, "config");
    let Some(class) = case["class"].as_str() else { return closure(text(&case["loss"])) };
    let loss: Loss = match class {
        "Huber" => c.set(losses::Huber::new(), "delta", losses::Huber::delta).into(),
        "CosineSimilarity" => {
            let loss = losses::CosineSimilarity::new();
            c.set_int(loss, "axis", losses::CosineSimilarity::axis).into()
        }
        "BinaryCrossentropy" => binary(c).into(),
        "BinaryFocalCrossentropy" => binary_focal(c).into(),
        "CategoricalCrossentropy" => categorical(c).into(),
        "CategoricalFocalCrossentropy" => categorical_focal(c).into(),
        "SparseCategoricalCrossentropy" => sparse(c).into(),
        "Tversky" => {
            let loss = c.set(losses::Tversky::new(), "alpha", losses::Tversky::alpha);
            c.set(loss, "beta", losses::Tversky::beta).into()
        }
        plain => Loss::from(plain),
    };
    loss.check()?;
    c.all_used()?;
    Ok(loss)
}

fn binary(c: &mut Settings) -> impl LossFunction {
    type L = losses::BinaryCrossentropy;
    let loss = c.set_bool(L::new(), "from_logits", L::from_logits);
    c.set(loss, "label_smoothing", L::label_smoothing)
}

fn binary_focal(c: &mut Settings) -> impl LossFunction {
    type L = losses::BinaryFocalCrossentropy;
    let loss = c.set_bool(L::new(), "from_logits", L::from_logits);
    let loss = c.set_bool(loss, "apply_class_balancing", L::apply_class_balancing);
    let loss = c.set(loss, "alpha", L::alpha);
    let loss = c.set(loss, "gamma", L::gamma);
    c.set(loss, "label_smoothing", L::label_smoothing)
}

fn categorical(c: &mut Settings) -> impl LossFunction {
    type L = losses::CategoricalCrossentropy;
    let loss = c.set_bool(L::new(), "from_logits", L::from_logits);
    c.set(loss, "label_smoothing", L::label_smoothing)
}

fn categorical_focal(c: &mut Settings) -> impl LossFunction {
    type L = losses::CategoricalFocalCrossentropy;
    let loss = c.set_bool(L::new(), "from_logits", L::from_logits);
    let loss = c.set(loss, "alpha", L::alpha);
    let loss = c.set(loss, "gamma", L::gamma);
    c.set(loss, "label_smoothing", L::label_smoothing)
}

fn sparse(c: &mut Settings) -> impl LossFunction {
    type L = losses::SparseCategoricalCrossentropy;
    let loss = c.set_bool(L::new(), "from_logits", L::from_logits);
    c.set_int(loss, "ignore_class", L::ignore_class)
}

/// The documents' own losses.
fn closure(name: &str) -> Outcome<Loss> {
    match name {
        "contrastive_siamese" => Ok(Loss::from(|y: &Tensor, d: &Tensor| {
            (1.0 - y) / 2.0 * d.square() + y / 2.0 * (1.0 - d).maximum(0.0).square()
        })),
        "contrastive_merge" => Ok(Loss::from(|y: &Tensor, d: &Tensor| {
            let apart = (1.0 - d).maximum(0.0).square();
            ops::mean(y * d.square() + (1.0 - y) * apart, Axis::ALL)
        })),
        other => Err(format!("there is no closure {other}").into()),
    }
}

#[test]
fn configurations_have_the_fields_of_keras() {
    let config = Loss::from(losses::BinaryCrossentropy::new().label_smoothing(0.1)).config();
    let expected = serde_json::json!({
        "name": "binary_crossentropy",
        "reduction": "sum_over_batch_size",
        "from_logits": false,
        "label_smoothing": 0.1,
        "axis": -1,
    });
    assert_eq!(config, expected);
}

#[test]
fn short_names_and_unknown_names() {
    for (short, name) in [
        ("mse", "mean_squared_error"),
        ("MAE", "mean_absolute_error"),
        ("mape", "mean_absolute_percentage_error"),
        ("MSLE", "mean_squared_logarithmic_error"),
        ("kld", "kl_divergence"),
        ("bce", "binary_crossentropy"),
        ("logcosh", "log_cosh"),
        ("CategoricalHinge", "categorical_hinge"),
    ] {
        assert_eq!(Loss::from(short).name(), name);
    }
    let x = Tensor::from([1.0f32]);
    let error = Loss::from("mean_square_error").call(&x, &x, None).unwrap_err().to_string();
    assert!(error.contains("did you mean 'mean_squared_error'?"), "{error}");
}

#[test]
fn crossentropy_goes_by_the_shapes() {
    let probabilities = Tensor::from([[0.25f32, 0.75], [0.5, 0.5]]);
    let labels = Loss::from("crossentropy");
    let of_labels = labels.call(&Tensor::from([1i32, 0]), &probabilities, None).unwrap();
    let one_hot = Tensor::from([[0i32, 1], [1, 0]]);
    let of_one_hot = Loss::from("ce").call(&one_hot, &probabilities, None).unwrap();
    assert_eq!(of_labels.item().unwrap(), of_one_hot.item().unwrap());
    let chance = Tensor::from([[0.25f32], [0.5]]);
    let binary = labels.call(&Tensor::from([0i32, 1]), &chance, None).unwrap();
    let expected = -(0.75f64.ln() + 0.5f64.ln()) / 2.0;
    assert!((binary.item().unwrap() - expected).abs() < 1e-6);
}

#[test]
fn shape_mistakes_say_what_is_expected() {
    let message = |loss: Loss, y_true: &Tensor, y_pred: &Tensor| {
        loss.call(y_true, y_pred, None).unwrap_err().to_string()
    };
    let (label, hot) = (Input::tensor(Shape::scalar()), Input::tensor([10]));
    let m = message("categorical_crossentropy".into(), &label, &hot);
    assert!(m.contains("(None,)") && m.contains("(None, 10)"), "{m}");
    assert!(m.contains("use sparse_categorical_crossentropy"), "{m}");
    let m = message("sparse_categorical_crossentropy".into(), &hot, &hot);
    assert!(m.contains("use categorical_crossentropy"), "{m}");
    let m = message("binary_crossentropy".into(), &label, &hot);
    assert!(m.contains("sparse_categorical_crossentropy"), "{m}");
    let m = message("mse".into(), &Input::tensor([3]), &hot);
    assert!(
        m.contains("mean_squared_error: y_true has shape (None, 3) and y_pred (None, 10)"),
        "{m}"
    );
    let own = |y: &Tensor, p: &Tensor| y - p;
    let m = message(Loss::from(own), &Input::tensor([3]), &hot);
    assert!(m.contains("do not broadcast") && m.contains("keras_losses.rs"), "{m}");
}

#[test]
fn ignored_classes_do_not_count() {
    let labels = Tensor::from([1i32, -1, 0]);
    let y_pred = Tensor::from([[0.5f32, 0.5], [f32::NAN, 0.0], [0.25, 0.75]]);
    let loss = losses::SparseCategoricalCrossentropy::new().ignore_class(-1);
    let mean = Loss::from(loss).call(&labels, &y_pred, None).unwrap();
    let expected = -(0.5f64.ln() + 0.25f64.ln()) / 2.0;
    assert!((mean.item().unwrap() - expected).abs() < 1e-6);
    let gradient = gradients(&mean, &[&y_pred]).unwrap().remove(0);
    assert_eq!(gradient.as_slice::<f32>().unwrap()[2..4], [0.0, 0.0]);
    let weights = Tensor::from([1.0f32, 5.0, 3.0]);
    let weighted = Loss::from(loss)
        .reduction(Reduction::MeanWithSampleWeight)
        .call(&labels, &y_pred, Some(&weights))
        .unwrap();
    let expected = -(0.5f64.ln() + 3.0 * 0.25f64.ln()) / 4.0;
    assert!((weighted.item().unwrap() - expected).abs() < 1e-6);
}

#[test]
fn a_vector_of_zeros_has_a_finite_gradient() {
    let (y_true, y_pred) = (Tensor::from([[1.0f32, 0.0]]), Tensor::from([[0.0f32, 0.0]]));
    let mean = Loss::from("cosine_similarity").call(&y_true, &y_pred, None).unwrap();
    assert_eq!(mean.item().unwrap(), 0.0);
    let gradient = gradients(&mean, &[&y_pred]).unwrap().remove(0);
    assert!(gradient.as_slice::<f32>().unwrap().iter().all(|g| g.is_finite()));
}

#[test]
fn one_weight_a_sample_fits_values_of_any_rank() {
    let zeros = Tensor::from(Array::zeros([2, 3, 4], DType::F32));
    let ones = ops::ones_like(&zeros);
    let weights = Tensor::from([1.0f32, 3.0]);
    let mse = Loss::from("mse");
    assert_eq!(mse.call(&zeros, &ones, Some(&weights)).unwrap().item().unwrap(), 2.0);
    let mean = mse.clone().reduction(Reduction::MeanWithSampleWeight);
    assert_eq!(mean.call(&zeros, &ones, Some(&weights)).unwrap().item().unwrap(), 1.0);
    let wrong = mse.call(&zeros, &ones, Some(&Tensor::from([1.0f32, 1.0, 1.0, 1.0, 1.0])));
    assert!(wrong.unwrap_err().to_string().contains("sample_weight has shape (5,)"));
}

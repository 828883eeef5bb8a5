//! The metrics against Keras: batch after batch, with and without weights.

mod support;

use cornu::losses;
use cornu::metrics::{self, Accumulator, MetricSpec};
use cornu::prelude::*;
use cornu::saving::FromConfig;
use serde_json::{Value, json};
use support::*;

const SKIPPED: Skipped<'_> = &[
    ("F1Score", CLASSES),
    ("F1Score weighted", CLASSES),
    ("R2Score None", CLASSES),
    ("Precision thresholds=[0.2, 0.5, 0.8]", THRESHOLDS),
    ("Precision thresholds=[0.2, 0.5, 0.8] weighted", THRESHOLDS),
    ("Recall thresholds=[0.2, 0.5, 0.8]", THRESHOLDS),
    ("Recall thresholds=[0.2, 0.5, 0.8] weighted", THRESHOLDS),
];
const CLASSES: &str = "a result is one number, not one for each class";
const THRESHOLDS: &str = "a result is one number, not one for each threshold";

#[test]
fn metrics_are_those_of_keras() {
    let describe = |case: &Value| match case["resolve"].as_str() {
        Some(word) => {
            let shapes = format!("{} {}", case["y_true_shape"], case["y_pred_shape"]);
            ("resolve".to_owned(), format!("{word} {shapes}"))
        }
        // The plain case of a metric has the name of its class.
        None => ("metric".to_owned(), text(&case["name"]).to_owned()),
    };
    check_all("metrics", SKIPPED, describe, |case| match case["resolve"].is_null() {
        true => check_results(case),
        false => check_resolved(case),
    });
}

fn check_results(case: &Value) -> Check {
    results_of(build(case)?, case)?;
    // From Keras's configuration comes the same metric.
    let file = json!({ "class_name": case["metric"], "config": case["config"] });
    results_of(MetricSpec::from_config(&file)?, case)
}

fn results_of(metric: MetricSpec, case: &Value) -> Check {
    let mut metric = Accumulator::new(metric);
    let batches = case["batches"].as_array().ok_or("no batches")?;
    let results = case["results"].as_array().ok_or("no results")?;
    for (i, (batch, result)) in batches.iter().zip(results).enumerate() {
        let weights = (!batch["sample_weight"].is_null()).then(|| array(&batch["sample_weight"]));
        let (y_true, y_pred) = (array(&batch["y_true"]), array(&batch["y_pred"]));
        metric.update_state(&y_true, &y_pred, weights.as_ref())?;
        let what = format!("the result after batch {i}");
        expect_number(&what, metric.result(), number(result), TOLERANCE)?;
    }
    Ok(())
}

/// What the words mean is not to be seen from outside, but that they give the same as what Keras
/// makes of them.
fn check_resolved(case: &Value) -> Check {
    let (word, becomes) = (text(&case["resolve"]), text(&case["becomes"]));
    let count = |shape: &Value| numbers(shape).iter().product::<f64>() as usize;
    let sizes = |shape: &Value| numbers(shape).iter().map(|&n| n as usize).collect::<Vec<_>>();
    let (true_shape, pred_shape) = (&case["y_true_shape"], &case["y_pred_shape"]);
    let truth: Vec<i32> = (0..count(true_shape)).map(|i| (i % 2) as i32).collect();
    let guess: Vec<f32> =
        (0..count(pred_shape)).map(|i| ((i * 7 + 3) % 10) as f32 / 10.0 + 0.05).collect();
    let y_true = Array::new(sizes(true_shape), truth)?;
    let y_pred = Array::new(sizes(pred_shape), guess)?;
    let result = |metric: &str| {
        let mut metric = Accumulator::new(metric);
        metric.update_state(&y_true, &y_pred, None).map(|()| metric.result())
    };
    expect_number(word, result(word)?, result(becomes)?, 0.0)?;
    if word == "crossentropy" {
        let (y_true, y_pred) = (Tensor::from(&y_true), Tensor::from(&y_pred));
        let loss = |name: &str| Loss::from(name).call(&y_true, &y_pred, None)?.item();
        expect_number("the loss", loss(word)?, loss(becomes)?, 0.0)?;
    }
    Ok(())
}

/// The metric of a case, with the settings that it gives.
fn build(case: &Value) -> Outcome<MetricSpec> {
    let s = &mut Settings::of(case, "config");
    let metric = match text(&case["metric"]) {
        // Its name is the word that goes by the shapes, in any case of letters.
        "Accuracy" => metrics::Accuracy::new().into(),
        "BinaryAccuracy" => {
            type M = metrics::BinaryAccuracy;
            s.set(M::new(), "threshold", M::threshold).into()
        }
        "TopKCategoricalAccuracy" => {
            type M = metrics::TopKCategoricalAccuracy;
            s.set(M::new(), "k", |metric, k| metric.k(k as usize)).into()
        }
        "SparseTopKCategoricalAccuracy" => {
            type M = metrics::SparseTopKCategoricalAccuracy;
            s.set(M::new(), "k", |metric, k| metric.k(k as usize)).into()
        }
        "Precision" => {
            type M = metrics::Precision;
            s.set(M::new(), "thresholds", M::threshold).into()
        }
        "Recall" => {
            type M = metrics::Recall;
            s.set(M::new(), "thresholds", M::threshold).into()
        }
        "AUC" => auc(s)?.into(),
        "F1Score" => f1_score(s)?.into(),
        "FBetaScore" => fbeta_score(s)?.into(),
        "R2Score" => r2_score(s)?.into(),
        "BinaryCrossentropy" => {
            type M = metrics::BinaryCrossentropy;
            let metric = s.set_bool(M::new(), "from_logits", M::from_logits);
            s.set(metric, "label_smoothing", M::label_smoothing).into()
        }
        "CategoricalCrossentropy" => {
            type M = metrics::CategoricalCrossentropy;
            let metric = s.set_bool(M::new(), "from_logits", M::from_logits);
            s.set(metric, "label_smoothing", M::label_smoothing).into()
        }
        "SparseCategoricalCrossentropy" => {
            type M = metrics::SparseCategoricalCrossentropy;
            s.set_bool(M::new(), "from_logits", M::from_logits).into()
        }
        "MeanMetricWrapper" => function(s.take("fn").as_ref().map_or("", text))?,
        plain => MetricSpec::from(plain),
    };
    metric.check()?;
    s.all_used()?;
    Ok(metric)
}

/// The functions of Keras, given as functions.
fn function(name: &str) -> Outcome<MetricSpec> {
    Ok(match name {
        "huber" => losses::huber.into(),
        "binary_accuracy" => metrics::binary_accuracy.into(),
        "binary_focal_crossentropy" => losses::binary_focal_crossentropy.into(),
        other => return Err(format!("there is no function {other}").into()),
    })
}

fn auc(s: &mut Settings) -> Outcome<metrics::AUC> {
    let mut auc = metrics::AUC::new();
    if let Some(count) = s.take("num_thresholds") {
        auc = auc.num_thresholds(number(&count) as usize);
    }
    match s.take("curve").as_ref().map(text) {
        None => {}
        Some("PR") => auc = auc.curve(metrics::Curve::PR),
        Some(other) => return Err(format!("curve {other}").into()),
    }
    match s.take("summation_method").as_ref().map(text) {
        None => Ok(auc),
        Some("majoring") => Ok(auc.summation_method(metrics::Summation::Majoring)),
        Some(other) => Err(format!("summation method {other}").into()),
    }
}

fn average(s: &mut Settings) -> Outcome<metrics::Average> {
    match s.take("average").as_ref().map(text) {
        Some("macro") => Ok(metrics::Average::Macro),
        Some("micro") => Ok(metrics::Average::Micro),
        Some("weighted") => Ok(metrics::Average::Weighted),
        other => Err(format!("average {other:?}").into()),
    }
}

fn f1_score(s: &mut Settings) -> Outcome<metrics::F1Score> {
    type M = metrics::F1Score;
    let metric = M::new().average(average(s)?);
    Ok(s.set(metric, "threshold", M::threshold))
}

fn fbeta_score(s: &mut Settings) -> Outcome<metrics::FBetaScore> {
    type M = metrics::FBetaScore;
    let metric = M::new().average(average(s)?);
    Ok(s.set(metric, "beta", M::beta))
}

fn r2_score(s: &mut Settings) -> Outcome<metrics::R2Score> {
    use metrics::Aggregation::VarianceWeightedAverage;
    match s.take("class_aggregation").as_ref().map(text) {
        None => Ok(metrics::R2Score::new()),
        Some("variance_weighted_average") => {
            Ok(metrics::R2Score::new().class_aggregation(VarianceWeightedAverage))
        }
        Some(other) => Err(format!("aggregation {other}").into()),
    }
}

#[test]
fn metrics_are_shown_under_the_name_they_were_asked_for() {
    let types = (Array::zeros([4], DType::I32).ty(), Array::zeros([4, 3], DType::F32).ty());
    let shown = |spec: MetricSpec| spec.resolve(&types.0, &types.1).unwrap().name();
    for name in ["accuracy", "acc", "Accuracy", "mse", "MSE", "BinaryAccuracy", "huber", "auc"] {
        assert_eq!(shown(name.into()), name);
    }
    assert_eq!(shown(metrics::BinaryAccuracy::new().into()), "binary_accuracy");
    assert_eq!(shown(metrics::LogCoshError::new().into()), "logcosh");
    assert_eq!(shown(metrics::binary_accuracy.into()), "binary_accuracy");
    assert_eq!(shown(MetricSpec::from(metrics::Recall::new()).name("found")), "found");
    assert_eq!(shown((|y: &Tensor, p: &Tensor| y - p).into()), "metric");
}

#[test]
fn unknown_names_are_errors() {
    let types = (Array::zeros([4], DType::I32).ty(), Array::zeros([4], DType::F32).ty());
    let spec = MetricSpec::from("acuracy");
    let error = spec.resolve(&types.0, &types.1).err().unwrap().to_string();
    assert!(error.contains("did you mean 'accuracy'?"), "{error}");
    assert!(spec.check().is_err());
}

#[test]
fn an_accumulator_begins_anew() {
    let mut recall = Accumulator::new("recall");
    assert_eq!(recall.result(), 0.0);
    let y_true = Array::new([4], vec![1, 1, 0, 1]).unwrap();
    let y_pred = Array::new([4, 1], vec![0.9f32, 0.1, 0.9, 0.8]).unwrap();
    recall.update_state(&y_true, &y_pred, None).unwrap();
    recall.update_state(&y_true, &y_pred, None).unwrap();
    assert!((recall.result() - 2.0 / 3.0).abs() < 1e-6);
    recall.reset_state();
    assert_eq!(recall.result(), 0.0);
}

#[test]
fn one_class_can_be_looked_at() {
    let y_true = Array::new([3, 2], vec![1, 0, 1, 1, 0, 1]).unwrap();
    let y_pred = Array::new([3, 2], vec![0.9f32, 0.9, 0.1, 0.9, 0.9, 0.9]).unwrap();
    let result = |metric: metrics::Precision| {
        let mut metric = Accumulator::new(metric);
        metric.update_state(&y_true, &y_pred, None).unwrap();
        metric.result()
    };
    assert_eq!(result(metrics::Precision::new().class_id(0)), 0.5);
    assert!((result(metrics::Precision::new().class_id(1)) - 2.0 / 3.0).abs() < 1e-6);
    assert!((result(metrics::Precision::new()) - 0.6).abs() < 1e-6);
}

#[test]
fn what_is_ignored_does_not_count() {
    let labels = Array::new([3], vec![1i32, -1, 0]).unwrap();
    let y_pred = Array::new([3, 2], vec![0.5f32, 0.5, 1.0, 0.0, 0.25, 0.75]).unwrap();
    let loss = losses::SparseCategoricalCrossentropy::new().ignore_class(-1);
    let mut metric = Accumulator::new(loss);
    metric.update_state(&labels, &y_pred, None).unwrap();
    let expected = -(0.5f64.ln() + 0.25f64.ln()) / 2.0;
    assert!((metric.result() - expected).abs() < 1e-6);
}

#[test]
fn a_number_that_is_no_class_or_not_finite_is_never_among_the_first() {
    let y_pred = Array::new([3, 2], vec![0.5f32, 0.5, f32::NAN, 0.1, 0.2, 0.8]).unwrap();
    let labels = Array::new([3], vec![2i32, 0, 0]).unwrap();
    let mut metric = Accumulator::new(metrics::SparseTopKCategoricalAccuracy::new().k(2));
    metric.update_state(&labels, &y_pred, None).unwrap();
    assert!((metric.result() - 1.0 / 3.0).abs() < 1e-6);
}

#[test]
fn shape_mistakes_say_what_is_expected() {
    let message = |metric: &str, y_true: &Array, y_pred: &Array| {
        Accumulator::new(metric).update_state(y_true, y_pred, None).unwrap_err().to_string()
    };
    let (labels, hot) = (Array::zeros([5], DType::I32), Array::zeros([5, 3], DType::F32));
    let m = message("categorical_accuracy", &labels, &hot);
    assert!(m.contains("(5,)") && m.contains("(5, 3)") && m.contains("sparse_"), "{m}");
    let m = message("f1_score", &labels, &labels);
    assert!(m.contains("(samples, classes), not (5,)"), "{m}");
}

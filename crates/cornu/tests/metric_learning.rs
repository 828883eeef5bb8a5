//! Losses of pairs and embeddings, verification, retrieval and calibration against the papers'
//! formulas, scikit-learn, pytorch-metric-learning and Keras; and the mistakes in figures.

mod support;

use cornu::losses::{self, Loss, MultipleNegativesRanking, TripletLoss};
use cornu::prelude::*;
use cornu::similarity::{Calibration, Distance, Platt, Retrieval, Score, Target};
use cornu::similarity::{Verification, calibrate};
use serde_json::Value;
use support::*;

#[test]
fn figures_are_those_of_the_papers_and_libraries() {
    let describe = |case: &Value| (text(&case["kind"]).to_owned(), text(&case["name"]).to_owned());
    check_all("metric_learning", &[], describe, |case| match text(&case["kind"]) {
        "loss" => check_loss(case),
        "verification" => check_verification(case),
        "retrieval" => check_retrieval(case),
        "platt" => check_platt(case),
        other => Err(format!("there is no kind {other}").into()),
    });
}

fn check_loss(case: &Value) -> Check {
    let loss = build(case)?;
    let (y_true, y_pred) = (tensor(&case["y_true"]), tensor(&case["y_pred"]));
    let mean = loss.call(&y_true, &y_pred, None)?;
    let value = number(&case["value"]);
    expect_number("value", mean.item()?, value, TOLERANCE)?;
    for (library, theirs) in case["checked"].as_object().ok_or("checked")? {
        expect_number(library, mean.item()?, number(theirs), TOLERANCE)?;
    }
    // Labels in a column are the same labels.
    if y_true.rank() == 1 {
        let column = ops::expand_dims(&y_true, -1);
        expect_number("column", loss.call(&column, &y_pred, None)?.item()?, value, TOLERANCE)?;
    }
    // Weights of 1 change nothing.
    let ones = Tensor::from(vec![1.0f32; array(&case["y_pred"]).rows()]);
    let weighted = loss.call(&y_true, &y_pred, Some(&ones))?.item()?;
    expect_number("weighted", weighted, value, TOLERANCE)?;

    let gradient = gradients(&mean, &[&y_pred])?.remove(0);
    let expected = numbers(&case["gradient"]["data"]);
    let largest = expected.iter().fold(1.0f64, |most, g| most.max(g.abs()));
    let expected = expected.iter().map(|&g| (g / largest) as f32).collect::<Vec<f32>>();
    let expected = Array::new(sizes(&case["gradient"]["shape"]), expected)?;
    let scaled = (Tensor::from(gradient) / largest as f32).eval()?;
    expect_close("gradient", &scaled, &expected, TOLERANCE)
}

fn build(case: &Value) -> Outcome<Loss> {
    let c = &mut Settings::of(case, "config");
    let loss: Loss = match text(&case["loss"]) {
        "contrastive" => contrastive(c).into(),
        "triplet" => triplet(c).into(),
        "nt_xent" => {
            c.set(losses::NTXent::new(), "temperature", losses::NTXent::temperature).into()
        }
        "sup_con" => {
            c.set(losses::SupCon::new(), "temperature", losses::SupCon::temperature).into()
        }
        "multi_similarity" => multi_similarity(c).into(),
        "circle" => {
            // The expected gradient is that of the formula alone.
            let loss = losses::CircleLoss::new().normalize(false);
            let loss = c.set(loss, "gamma", losses::CircleLoss::gamma);
            c.set(loss, "margin", losses::CircleLoss::margin).into()
        }
        "ranking" => ranking(c).into(),
        "arc_face" => {
            let loss = c.set(losses::ArcFace::new(), "margin", losses::ArcFace::margin);
            c.set(loss, "scale", losses::ArcFace::scale).into()
        }
        "cos_face" => {
            let loss = c.set(losses::CosFace::new(), "margin", losses::CosFace::margin);
            c.set(loss, "scale", losses::CosFace::scale).into()
        }
        "proxy_anchor" => {
            let loss = c.set(losses::ProxyAnchor::new(), "margin", losses::ProxyAnchor::margin);
            c.set(loss, "alpha", losses::ProxyAnchor::alpha).into()
        }
        other => return Err(format!("there is no loss {other}").into()),
    };
    c.all_used()?;
    Ok(loss)
}

fn contrastive(c: &mut Settings) -> losses::ContrastiveLoss {
    type L = losses::ContrastiveLoss;
    let same = c.take("one_is_same").and_then(|v| v.as_bool()).expect("a convention");
    let convention = if same { PairLabel::OneIsSame } else { PairLabel::OneIsDifferent };
    let loss = c.set(L::new(convention), "margin", L::margin);
    c.set_bool(loss, "half", L::half)
}

fn triplet(c: &mut Settings) -> TripletLoss {
    let mining = c.take("mining").expect("a mining");
    let loss = TripletLoss::new().mining(text(&mining));
    let loss = match c.take("margin").expect("a margin") {
        Value::String(soft) if soft == "soft" => loss.soft_margin(),
        margin => loss.margin(number(&margin) as f32),
    };
    let loss = loss.distance(distance(&c.take("distance").expect("a distance")));
    c.set_bool(loss, "normalize", TripletLoss::normalize)
}

fn multi_similarity(c: &mut Settings) -> losses::MultiSimilarity {
    type L = losses::MultiSimilarity;
    let epsilon = c.take("epsilon").map(|v| number(&v) as f32);
    c.0.remove("epsilon");
    let loss = c.set(L::new().epsilon(epsilon), "alpha", L::alpha);
    let loss = c.set(loss, "beta", L::beta);
    c.set(loss, "base", L::base)
}

fn ranking(c: &mut Settings) -> MultipleNegativesRanking {
    type L = MultipleNegativesRanking;
    let cosine = c.take("cosine").and_then(|v| v.as_bool()).expect("a similarity");
    let loss = if cosine { L::new() } else { L::n_pairs() };
    let loss = c.set(loss, "scale", L::scale);
    c.set_bool(loss, "symmetric", L::symmetric)
}

fn distance(name: &Value) -> Distance {
    serde_json::from_value(name.clone()).expect("a distance")
}

fn bools(value: &Value) -> Vec<bool> {
    array(value).as_slice::<bool>().expect("bools").to_vec()
}

/// All figures but thresholds are whole numbers divided once or twice.
const EXACT: f64 = 1e-12;

fn check_verification(case: &Value) -> Check {
    let (scores, same) = (array(&case["scores"]), bools(&case["same"]));
    check_figures(case, &Verification::new(&scores, &same, Score::Similarity)?, 1.0)?;
    // As distances the same scores have the other sign, and everything else stays.
    let distances: Vec<f64> = scores.values().to_f64().iter().map(|s| -s).collect();
    check_figures(case, &Verification::new(&distances, &same, Score::Distance)?, -1.0)
}

fn check_figures(case: &Value, v: &Verification, sign: f64) -> Check {
    let figure = |name: &str, ours: f64| expect_number(name, ours, number(&case[name]), EXACT);
    figure("auc", v.auc())?;
    figure("average_precision", v.average_precision())?;
    expect_number("eer", v.equal_error_rate().rate, number(&case["equal_error_rate"]), 1e-9)?;
    figure("best_accuracy", v.best_accuracy().value)?;
    figure("best_accuracy", v.accuracy(v.best_accuracy().threshold))?;
    figure("best_f1", v.best_f1().value)?;
    figure("best_f1", v.f1(v.best_f1().threshold))?;
    for (rate, expected) in case["true_accept_rate_at"].as_object().ok_or("rates")? {
        let most: f64 = rate.parse()?;
        let at = v.true_accept_rate_at(most)?;
        expect_number(rate, at.value, number(expected), EXACT)?;
        let counts = v.counts(at.threshold);
        expect_number("recall there", counts.recall(), number(expected), EXACT)?;
        assert!(counts.false_accept_rate() <= most);
    }
    for (threshold, expected) in case["counts_at"].as_object().ok_or("counts")? {
        let counts = v.counts(sign * threshold.parse::<f64>()?);
        let ours = [counts.true_accepts as f64, counts.false_accepts as f64];
        assert_eq!(ours.as_slice(), numbers(expected), "at {threshold}");
        let all = counts.true_rejects + counts.false_rejects;
        assert_eq!(all + counts.true_accepts + counts.false_accepts, v.len());
    }
    check_roc(case, v)?;
    let folds = v.k_fold_accuracy(10)?;
    assert_eq!(folds.folds, numbers(&case["ten_folds"]["folds"]));
    expect_number("mean", folds.mean(), number(&case["ten_folds"]["mean"]), EXACT)?;
    let error = number(&case["ten_folds"]["standard_error"]);
    expect_number("standard error", folds.standard_error(), error, EXACT)
}

fn check_roc(case: &Value, v: &Verification) -> Check {
    let roc = v.roc();
    let rates =
        |of: fn(&cornu::similarity::RocPoint) -> f64| roc.iter().map(of).collect::<Vec<_>>();
    for (name, ours) in [
        ("false_accept_rate", rates(|p| p.false_accept_rate)),
        ("true_accept_rate", rates(|p| p.true_accept_rate)),
    ] {
        let expected = numbers(&case["roc"][name]);
        assert_eq!(ours.len(), expected.len(), "{name}");
        for (a, b) in ours.iter().zip(&expected) {
            expect_number(name, *a, *b, EXACT)?;
        }
    }
    Ok(())
}

fn check_retrieval(case: &Value) -> Check {
    let (queries, classes) = (array(&case["queries"]), array(&case["classes"]));
    let mut retrieval = Retrieval::new(&queries, &classes)
        .distance(distance(&case["distance"]))
        .recall_at([1, 2, 5]);
    if !case["references"].is_null() {
        let references = array(&case["references"]);
        retrieval = retrieval.references(&references, &array(&case["reference_classes"]));
    }
    let report = retrieval.run()?;
    let figure = |name: &str, ours: f64| expect_number(name, ours, number(&case[name]), EXACT);
    figure("precision_at_1", report.precision_at_1)?;
    figure("r_precision", report.r_precision)?;
    figure("map_at_r", report.map_at_r)?;
    figure("alone", report.alone as f64)?;
    assert_eq!(report.queries + report.alone, queries.rows());
    for (k, expected) in case["recall"].as_object().ok_or("recall")? {
        let ours = report.recall_at(k.parse()?).ok_or("no such k")?;
        expect_number(k, ours, number(expected), EXACT)?;
    }
    Ok(())
}

fn check_platt(case: &Value) -> Check {
    let (scores, same) = (array(&case["scores"]), bools(&case["same"]));
    let platt = Platt::fit(&scores, &same, Score::Distance)?;
    // The minimizer that the file was made with stops a little before.
    expect_number("slope", platt.slope, number(&case["slope"]), 1e-5)?;
    expect_number("offset", platt.offset, number(&case["offset"]), 1e-5)
}

/// The two documents' functions, as they stand there.
#[test]
fn the_contrastive_losses_of_the_documents() {
    let check = |named: &str, file_name: &str, loss: Loss| {
        let cases = cases("losses");
        let of: Vec<&Value> = cases.iter().filter(|c| text(&c["loss"]) == file_name).collect();
        assert_eq!(of.len(), 3, "{named}");
        for case in of {
            let (y_true, y_pred) = (tensor(&case["y_true"]), tensor(&case["y_pred"]));
            let mean = loss.call(&y_true, &y_pred, None).unwrap();
            let name = text(&case["name"]);
            expect_number(name, mean.item().unwrap(), number(&case["mean"]), 1e-6).unwrap();
            let gradient = gradients(&mean, &[&y_pred]).unwrap().remove(0);
            expect_close(name, &gradient, &array(&case["gradient"]), 1e-6).unwrap();
        }
    };
    let halved = losses::ContrastiveLoss::new(PairLabel::OneIsDifferent);
    check("siamese-contrastive", "contrastive_siamese", halved.into());
    check("the same by name", "contrastive_siamese", "contrastive_one_is_different".into());
    let whole = losses::ContrastiveLoss::new(PairLabel::OneIsSame).half(false);
    check("siamese-merge", "contrastive_merge", whole.into());
}

#[test]
fn calibrations_keep_their_promise_and_survive_files() {
    let case = &cases("metric_learning")
        .into_iter()
        .find(|c| text(&c["name"]) == "overlapping" && text(&c["kind"]) == "verification")
        .unwrap();
    let (scores, same) = (array(&case["scores"]), bools(&case["same"]));
    let of = |target| calibrate(&scores, &same, Score::Similarity, target).unwrap();
    assert_eq!(of(Target::MaxAccuracy).accuracy, number(&case["best_accuracy"]));
    assert_eq!(of(Target::MaxF1).f1, number(&case["best_f1"]));
    let strict = of(Target::FalseAcceptRate(0.1));
    assert!(strict.false_accept_rate <= 0.1);
    assert_eq!(strict.true_accept_rate, number(&case["true_accept_rate_at"]["0.1"]));
    let equal = of(Target::EqualErrorRate);
    assert!((equal.false_accept_rate - (1.0 - equal.true_accept_rate)).abs() < 0.06);

    let accepted = scores.values().to_f64().into_iter().filter(|&s| strict.is_same(s)).count();
    let (ones, zeros) = (same.iter().filter(|s| **s).count(), same.iter().filter(|s| !**s).count());
    let expected = strict.true_accept_rate * ones as f64 + strict.false_accept_rate * zeros as f64;
    assert_eq!(accepted as f64, expected.round());
    assert!(!strict.is_same(f64::NAN));

    let read: Calibration = serde_json::from_str(&serde_json::to_string(&strict).unwrap()).unwrap();
    assert_eq!((read.score, read.target), (strict.score, strict.target));
    let agree = |s: f64| read.is_same(s) == strict.is_same(s);
    assert!(scores.values().to_f64().into_iter().all(agree));
    assert!(calibrate(&scores, &same, Score::Distance, Target::FalseAcceptRate(2.0)).is_err());
}

#[test]
fn mistakes_in_retrieval_are_told() {
    let x = Array::new([3, 2], vec![0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let message =
        |x: &Array, classes: &[i32]| Retrieval::new(x, classes).run().unwrap_err().to_string();
    assert!(message(&x, &[1, 2]).contains("3 embeddings but 2 classes"));
    assert!(message(&x, &[4, 4, 4]).contains("one class"));
    assert!(message(&x, &[1, 2, 3]).contains("no embedding has another of its class"));
    let nan = Array::new([3, 1], vec![0.0f32, f32::NAN, 1.0]).unwrap();
    assert!(message(&nan, &[1, 1, 2]).contains("row 1 of the embeddings is not finite"));
    let huge = Array::new([3, 1], vec![0.0f32, 1e30, 1.0]).unwrap();
    assert!(message(&huge, &[1, 1, 2]).contains("too large to compare in float32"));
    assert!(message(&Array::zeros([3], DType::F32), &[1, 1, 2]).contains("(n, d)"));
    let zero = Retrieval::new(&x, &[1, 1, 2]).recall_at([0]).run().unwrap_err();
    assert!(zero.to_string().contains("k starts at 1"));
    let other = Array::zeros([2, 5], DType::F32);
    let error = Retrieval::new(&x, &[1, 1, 2]).references(&other, &[1, 2]).run().unwrap_err();
    assert!(error.to_string().contains("references of 5"), "{error}");
}

/// More queries than fit one block, and a k beyond all references.
#[test]
fn blocks_change_nothing() {
    let rows = 3000usize;
    let x: Vec<f32> = (0..rows).map(|i| (i * 7919 % rows) as f32).collect();
    let classes: Vec<i32> = x.iter().map(|&v| v as i32 / 2).collect();
    let x = Array::new([rows, 1], x).unwrap();
    let report = Retrieval::new(&x, &classes).recall_at([1, 2, 10_000]).run().unwrap();
    // On a line of whole numbers each has its partner beside it, and a stranger at the other side
    // that comes first if its row does.
    let first_is_partner = |v: usize| {
        let row = |v: usize| x.as_slice::<f32>().unwrap().iter().position(|&u| u == v as f32);
        let (partner, stranger) =
            if v.is_multiple_of(2) { (v + 1, v.wrapping_sub(1)) } else { (v - 1, v + 1) };
        stranger >= rows || row(partner) < row(stranger)
    };
    let expected = (0..rows).filter(|&v| first_is_partner(v)).count() as f64 / rows as f64;
    assert_eq!(report.precision_at_1, expected);
    assert_eq!(report.recall_at(2), Some(1.0));
    assert_eq!(report.recall_at(10_000), Some(1.0));
}

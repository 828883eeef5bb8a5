//! Losses of pairs and embeddings, verification, retrieval and calibration against the papers'
//! formulas, scikit-learn, pytorch-metric-learning and Keras; and what they make of edges and
//! mistakes.

mod support;

use cornu::data::{ClassBalanced, PairSampler};
use cornu::layers::CosineDense;
use cornu::losses::{self, Loss, MultipleNegativesRanking, TripletLoss};
use cornu::prelude::*;
use cornu::similarity::{Calibration, Platt, Retrieval, Score, Target, Verification, calibrate};
use cornu::similarity::{Distance, RetrievalReport};
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
    // Every sample counting twice or not at all is the same as a weight.
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

/// The names of losses of embeddings `(n, d)`.
const OF_EMBEDDINGS: [&str; 7] = [
    "triplet_batch_all",
    "triplet_batch_hard",
    "triplet_batch_semi_hard",
    "nt_xent",
    "sup_con",
    "multi_similarity",
    "circle",
];

#[test]
fn nothing_makes_a_loss_nan() {
    let batches = [
        ("equal embeddings", vec![0, 0, 1, 1], vec![1.0f32; 8]),
        ("zeros", vec![0, 0, 1, 1], vec![0.0; 8]),
        ("large", vec![0, 1, 0, 1], [1e4, -1e4, 3e3, 2e4].repeat(2)),
        ("one class", vec![5, 5, 5, 5], vec![0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
        ("strangers", vec![5, 6, 7, 8], vec![0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
    ];
    for name in OF_EMBEDDINGS {
        for (what, labels, values) in &batches {
            let labels = Tensor::from(labels.clone());
            let x = Tensor::from(Array::new([4, 2], values.clone()).unwrap());
            let loss = Loss::from(name).call(&labels, &x, None).unwrap();
            let value = loss.item().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{name} of {what}: {value}");
            let gradient = gradients(&loss, &[&x]).unwrap().remove(0);
            let finite = gradient.as_slice::<f32>().unwrap().iter().all(|g| g.is_finite());
            assert!(finite, "{name} of {what}: {gradient:?}");
        }
        // A batch of one sample, as the last of an epoch may be.
        let (label, x) = (Tensor::from([3i32]), Tensor::from([[0.5f32, 2.0]]));
        let alone = Loss::from(name).call(&label, &x, None).unwrap();
        assert_eq!(alone.item().unwrap(), 0.0, "{name}");
    }
}

#[test]
fn large_class_numbers_stay_apart() {
    // As float32 the two would be the same class.
    let labels = Tensor::from([16_777_216i32, 16_777_217]);
    let x = Tensor::from([[0.0f32], [0.1]]);
    let pair = Loss::from("triplet_batch_hard").call(&labels, &x, None).unwrap();
    assert_eq!(pair.item().unwrap(), 0.0);
    let sup_con = Loss::from("sup_con").call(&labels, &x, None).unwrap();
    assert_eq!(sup_con.item().unwrap(), 0.0);
}

#[test]
fn sample_weights_weigh_anchors() {
    let labels = Tensor::from([0i32, 0, 1]);
    let x = Tensor::from([[0.0f32], [1.0], [3.0]]);
    let loss = Loss::from(TripletLoss::new().mining("batch_hard").margin(2.5));
    // The anchors' losses are 0.5 and 1.5, and the mean is over these two.
    let weights = Tensor::from([1.0f32, 3.0, 100.0]);
    let weighted = loss.call(&labels, &x, Some(&weights)).unwrap().item().unwrap();
    assert!((weighted - (0.5 + 3.0 * 1.5) / 2.0).abs() < 1e-6);
}

#[test]
fn mistakes_in_losses_are_told() {
    let (labels, x) = (Tensor::from([0i32, 0]), Tensor::from([[0.0f32, 1.0], [1.0, 0.0]]));
    let message = |loss: Loss, labels: &Tensor, x: &Tensor| {
        loss.call(labels, x, None).unwrap_err().to_string()
    };
    let m = message(TripletLoss::new().mining("batch_semihard").into(), &labels, &x);
    assert!(m.contains("no mining named 'batch_semihard'"), "{m}");
    assert!(m.contains("did you mean 'batch_semi_hard'?"), "{m}");
    let m = message("tripletloss".into(), &labels, &x);
    assert!(m.contains("did you mean 'triplet_"), "{m}");
    let m = message("contrastive".into(), &labels, &x);
    assert!(m.contains("did you mean 'contrastive_one_is_"), "{m}");
    let hot = Tensor::from([[1.0f32, 0.0], [0.0, 1.0]]);
    let m = message("nt_xent".into(), &hot, &x);
    assert!(m.contains("one-hot rows are not taken"), "{m}");
    let images = Input::tensor([28, 28]);
    let m = message("sup_con".into(), &Input::tensor(Shape::scalar()), &images);
    assert!(m.contains("one embedding (n, d)") && m.contains("Flatten"), "{m}");
    let m = message(losses::NTXent::new().temperature(0.0).into(), &labels, &x);
    assert!(m.contains("temperature must be more than 0, not 0"), "{m}");
    let m = message(TripletLoss::new().margin(f32::NAN).into(), &labels, &x);
    assert!(m.contains("margin must be a finite number, not NaN"), "{m}");
    let m = message("n_pairs".into(), &labels, &x);
    assert!(m.contains("(n, 2, d)") && m.contains("ops::stack"), "{m}");
}

#[test]
fn configurations_tell_the_settings() {
    let config = Loss::from(TripletLoss::new().soft_margin().distance(Distance::Cosine)).config();
    let expected = serde_json::json!({
        "name": "triplet_loss",
        "reduction": "sum_over_batch_size",
        "mining": "batch_semi_hard",
        "margin": "soft",
        "distance": "cosine",
        "normalize": false,
    });
    assert_eq!(config, expected);
}

/// Points around six centres, seen through a random map: classes with numbers of their own.
fn clouds(samples: usize) -> (Array, Array) {
    utils::set_random_seed(11);
    let mut state = 12345u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let centres: Vec<f32> = (0..6 * 8).map(|_| random() * 2.0).collect();
    let mut x = Vec::new();
    let mut y = Vec::new();
    for sample in 0..samples {
        let class = sample % 6;
        x.extend(centres[class * 8..][..8].iter().map(|c| c + random() * 1.6));
        y.push(class as i32 * 1000 - 7);
    }
    (Array::new([samples, 8], x).unwrap(), Array::new([samples], y).unwrap())
}

fn embedder() -> Model {
    Sequential::new()
        .add(Input::new([8]))
        .add(Dense::new(32).activation("relu"))
        .add(Dense::new(4))
        .into()
}

fn quality(model: &Model, x: &Array, y: &Array) -> RetrievalReport {
    let embeddings = model.predict(x).run().unwrap();
    Retrieval::new(&embeddings, y).distance(Distance::Cosine).run().unwrap()
}

/// Plain compile and fit, with labels that are no numbers of outputs, make neighbours of a class.
#[test]
fn every_loss_of_embeddings_teaches() {
    let (x, y) = clouds(360);
    for name in OF_EMBEDDINGS {
        let mut model = embedder();
        model.compile("adam", name).metrics(["embedding_spread"]).build().unwrap();
        let before = quality(&model, &x, &y);
        let history = model.fit(&x, &y).batch_size(60).epochs(25).verbose(0).run().unwrap();
        let after = quality(&model, &x, &y);
        assert!(
            after.map_at_r > before.map_at_r + 0.08,
            "{name}: {} to {}",
            before.map_at_r,
            after.map_at_r
        );
        let spread = history["embedding_spread"].last().unwrap();
        assert!((0.3..1.01).contains(spread), "{name}: {spread}");
    }
}

#[test]
fn losses_with_proxies_train_by_plain_compile_and_fit() {
    let (x, _) = clouds(360);
    let classes = Array::new([360], (0..360).map(|i| i % 6).collect::<Vec<i32>>()).unwrap();
    let of = |loss: Loss| {
        let mut model = Sequential::new()
            .add(Input::new([8]))
            .add(Dense::new(32).activation("relu"))
            .add(Dense::new(4))
            .add(CosineDense::new(6));
        model.compile("adam", loss).metrics(["accuracy"]).build().unwrap();
        model.fit(&x, &classes).epochs(20).verbose(0).run().unwrap()
    };
    for loss in [
        Loss::from(losses::ArcFace::new().scale(16.0)),
        Loss::from(losses::CosFace::new().scale(16.0)),
        Loss::from("proxy_anchor"),
    ] {
        let name = loss.name().to_owned();
        let history = of(loss);
        let accuracy = history["accuracy"].last().unwrap();
        assert!(*accuracy > 0.8, "{name}: {accuracy}");
    }
}

#[test]
fn labels_of_embeddings_are_whole_numbers_and_of_classes_within_range() {
    let x = Array::zeros([2, 8], DType::F32);
    let mut model = embedder();
    model.compile("sgd", "nt_xent").build().unwrap();
    let halves = Array::new([2], vec![0.5f32, 1.0]).unwrap();
    let error = model.fit(&x, &halves).verbose(0).run().unwrap_err().to_string();
    assert!(error.contains("label 0.5") && error.contains("whole numbers"), "{error}");
    let mut model = Sequential::new().add(Input::new([8])).add(CosineDense::new(3));
    model.compile("sgd", "arc_face").build().unwrap();
    let labels = Array::new([2], vec![0i32, 3]).unwrap();
    let error = model.fit(&x, &labels).verbose(0).run().unwrap_err().to_string();
    assert!(error.contains("label 3") && error.contains("3 classes"), "{error}");
}

#[test]
fn cosines_do_not_depend_on_lengths() {
    let x = Array::new([2, 3], vec![1.0f32, -2.0, 0.5, 0.0, 0.0, 0.0]).unwrap();
    let model = Sequential::new().add(Input::new([3])).add(CosineDense::new(4));
    let longer = (Tensor::from(&x) * 7.0).eval().unwrap();
    let (a, b) = (model.predict(&x).run().unwrap(), model.predict(&longer).run().unwrap());
    for (a, b) in a.as_slice::<f32>().unwrap().iter().zip(b.as_slice::<f32>().unwrap()) {
        assert!((a - b).abs() < 1e-6 && a.abs() <= 1.0 + 1e-6);
    }
    assert_eq!(&a.as_slice::<f32>().unwrap()[4..], [0.0; 4]);
}

/// A model of two inputs whose output stacks both embeddings trains on pairs of one class alone.
#[test]
fn ranking_trains_two_towers() {
    let (x, y) = clouds(360);
    let labels = y.as_slice::<i32>().unwrap();
    // The partner of each is the next of its class.
    let partners = x.take(&(0..360).map(|i| (i + 6) % 360).collect::<Vec<_>>()).unwrap();
    assert!((0..360).all(|i| labels[i] == labels[(i + 6) % 360]));
    let (a, b) = (Input::tensor([8]), Input::tensor([8]));
    let tower = Sequential::new().add(Input::new([8])).add(Dense::new(6));
    let both = ops::stack([tower.call(&a), tower.call(&b)], 1);
    let mut model = Model::new([&a, &b], &both).unwrap();
    model.compile("adam", MultipleNegativesRanking::new().symmetric(true)).build().unwrap();
    let fit = model.fit([&x, &partners], &y).batch_size(36).epochs(15).verbose(0).run();
    let losses = fit.unwrap();
    let (first, last) = (losses["loss"][0], losses["loss"][14]);
    assert!(last < 0.8 * first, "{first} to {last}");
}

#[test]
fn samplers_feed_training() {
    let (x, y) = clouds(120);
    let mut model = embedder();
    model.compile("adam", "triplet_batch_hard").build().unwrap();
    let sampler = ClassBalanced::new(&y, 4, 5).unwrap().seed(1);
    for batch in sampler.batches(&x, &y).take(3) {
        let (x, y) = batch.unwrap();
        assert_eq!(x.len(), 20);
        assert!(model.train_on_batch(&x, &y).unwrap()["loss"].is_finite());
    }
    let sampler = PairSampler::new(&y, PairLabel::OneIsSame).unwrap().batch_size(20);
    let ([left, right], same) = sampler.batches(&x).next().unwrap().unwrap();
    assert_eq!((left.len(), right.len()), (20, 20));
    assert_eq!(same.to_array().unwrap().shape(), [20, 1]);
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
            if v % 2 == 0 { (v + 1, v.wrapping_sub(1)) } else { (v - 1, v + 1) };
        stranger >= rows || row(partner) < row(stranger)
    };
    let expected = (0..rows).filter(|&v| first_is_partner(v)).count() as f64 / rows as f64;
    assert_eq!(report.precision_at_1, expected);
    assert_eq!(report.recall_at(2), Some(1.0));
    assert_eq!(report.recall_at(10_000), Some(1.0));
}

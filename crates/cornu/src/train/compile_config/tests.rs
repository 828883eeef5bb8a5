//! What compile was given comes back from what is written of it.

use super::*;
use crate::data::PairLabel;
use crate::layers::{Dense, Input, LayerExt};
use crate::losses;
use crate::metrics::{self, Mean};
use crate::model::Sequential;
use crate::optimizers::schedules::*;
use crate::optimizers::*;
use crate::saving::{register_loss, register_metric, register_schedule};
use crate::similarity::Distance;
use crate::tensor::Tensor;

fn model() -> Model {
    Sequential::new().add(Input::new([3])).add(Dense::new(2).name("out")).into()
}

fn two_outputs() -> Model {
    let x = Input::tensor([3]);
    let [a, b] = ["a", "b"].map(|name| Dense::new(2).name(name).call(&x));
    Model::new(&x, [&a, &b]).unwrap()
}

fn configs(model: &Model) -> CompileConfigs {
    compile_config(model.trainer().unwrap())
}

/// Writes, reads, and writes again.
fn comes_back<T: FromConfig>(value: T, write: impl Fn(&T) -> Value) {
    let written = write(&value);
    let read = T::from_config(&written).unwrap_or_else(|e| panic!("{written}: {e}"));
    assert_eq!(write(&read), written);
}

#[test]
fn losses_come_back() {
    use losses::*;
    let triplets = TripletLoss::new().mining("batch_hard").soft_margin().normalize(true);
    let all: Vec<Loss> = vec![
        MeanSquaredError.into(),
        Loss::from(Huber::new().delta(0.3)).reduction(Reduction::Sum),
        Loss::from(CosineSimilarity::new().axis(1)).reduction(Reduction::None),
        BinaryCrossentropy::new().from_logits(true).label_smoothing(0.1).axis(1).into(),
        BinaryFocalCrossentropy::new().alpha(0.3).gamma(1.5).apply_class_balancing(true).into(),
        CategoricalFocalCrossentropy::new().alpha(0.3).gamma(1.5).axis(1).into(),
        SparseCategoricalCrossentropy::new().from_logits(true).ignore_class(-1).into(),
        Loss::from(CategoricalGeneralizedCrossEntropy::new().q(0.3))
            .reduction(Reduction::MeanWithSampleWeight),
        Dice::new().axis(vec![1, 2]).into(),
        Tversky::new().alpha(0.3).beta(0.7).axis(vec![1]).into(),
        CircleLoss::new().gamma(3.0).margin(0.2).into(),
        CircleLoss::new().gamma(3.0).normalize(false).into(),
        ContrastiveLoss::new(PairLabel::OneIsSame).margin(0.5).half(false).into(),
        triplets.distance(Distance::Cosine).into(),
        TripletLoss::new().margin(0.2).into(),
        NTXent::new().temperature(0.2).into(),
        SupCon::new().temperature(0.2).into(),
        MultiSimilarity::new().alpha(1.0).beta(2.0).base(0.1).epsilon(None).into(),
        MultipleNegativesRanking::n_pairs().scale(3.0).symmetric(true).into(),
        ArcFace::new().margin(0.1).scale(3.0).into(),
        CosFace::new().margin(0.1).scale(3.0).into(),
        ProxyAnchor::new().margin(0.2).alpha(3.0).into(),
        "crossentropy".into(),
    ];
    for loss in all {
        comes_back(loss, |loss| loss.to_config().unwrap());
    }
    // Which of them are Keras's, by the one that is its and ours.
    let object = |loss: CircleLoss| Loss::from(loss).to_config().unwrap();
    assert_eq!(object(CircleLoss::new().normalize(false))["module"], "keras.losses");
    assert_eq!(object(CircleLoss::new())["registered_name"], "Cornu>CircleLoss");
}

#[test]
fn metrics_come_back() {
    use metrics::*;
    let auc = AUC::new().num_thresholds(9).curve(Curve::PRGain);
    let all: Vec<MetricSpec> = vec![
        "mae".into(),
        MetricSpec::from("accuracy").name("right"),
        Accuracy.into(),
        MetricSpec::from(BinaryAccuracy::new().threshold(0.3)).name("mine"),
        TopKCategoricalAccuracy::new().k(2).into(),
        Precision::new().threshold(0.4).class_id(1).into(),
        FalseNegatives::new().threshold(0.4).into(),
        auc.summation_method(Summation::Minoring).from_logits(true).into(),
        F1Score::new().average(Average::Weighted).threshold(0.4).into(),
        FBetaScore::new().average(Average::Micro).beta(2.0).into(),
        R2Score::new().class_aggregation(Aggregation::VarianceWeightedAverage).into(),
        CosineSimilarity::new().axis(1).into(),
        RootMeanSquaredError.into(),
        LogCoshError.into(),
        EmbeddingSpread.into(),
        losses::Huber::new().delta(0.3).into(),
        losses::Dice::new().axis(vec![1]).into(),
        Mean::of("far", MeanAbsoluteError).into(),
        BinaryCrossentropy::new().from_logits(true).into(),
    ];
    for metric in all {
        comes_back(metric, |metric| metric.to_config().unwrap());
    }
}

#[test]
fn optimizers_and_schedules_come_back() {
    let schedules: Vec<LearningRate> = vec![
        0.3.into(),
        ExponentialDecay::new(0.1, 4, 0.5).staircase(true).name("a").into(),
        InverseTimeDecay::new(0.1, 4, 0.5).staircase(true).name("b").into(),
        PiecewiseConstantDecay::new([2, 5], [0.1, 0.2, 0.3]).name("c").into(),
        PolynomialDecay::new(0.1, 4).end_learning_rate(0.02).power(2.0).cycle(true).into(),
        CosineDecay::new(0.1, 4).alpha(0.1).warmup_target(0.2).warmup_steps(3).into(),
        CosineDecayRestarts::new(0.1, 4).t_mul(3.0).m_mul(0.5).alpha(0.1).into(),
    ];
    for rate in schedules {
        comes_back(rate, LearningRate::config);
    }
    let cosine = || CosineDecay::new(0.1, 4);
    let all: Vec<OptimizerSpec> = vec![
        SGD::new(0.1).momentum(0.9).nesterov(true).clipnorm(1.0).name("mine").into(),
        RMSprop::new(cosine()).rho(0.8).momentum(0.1).epsilon(0.1).centered(true).into(),
        Adam::new(0.1).beta_1(0.8).beta_2(0.7).epsilon(0.1).amsgrad(true).clipvalue(2.0).into(),
        AdamW::new(0.1).weight_decay(0.3).exclude_from_weight_decay(["bias"]).into(),
        Adadelta::new(0.1).rho(0.5).epsilon(0.1).use_ema(true).ema_momentum(0.5).into(),
        Adagrad::new(0.1).initial_accumulator_value(0.3).epsilon(0.1).loss_scale_factor(8.0).into(),
        Adamax::new(0.1).beta_1(0.8).beta_2(0.7).gradient_accumulation_steps(3).into(),
        Nadam::new(0.1).beta_1(0.8).use_ema(true).ema_overwrite_frequency(3).into(),
        Ftrl::new(0.1).learning_rate_power(-0.3).l1_regularization_strength(0.1).beta(0.2).into(),
        Lion::new(0.1).beta_1(0.8).beta_2(0.7).global_clipnorm(2.0).into(),
        Lamb::new(0.1).beta_1(0.8).beta_2(0.7).epsilon(0.1).into(),
        Adafactor::new(0.1).beta_2_decay(-0.5).clip_threshold(2.0).relative_step(false).into(),
        Muon::new(0.1).exclude_layers(["out"]).rms_rate(None).adam_weight_decay(None).into(),
        ScheduleFreeAdamW::new(0.1).warmup_steps(3).into(),
    ];
    for optimizer in all {
        comes_back(optimizer, |spec| object_of_optimizer(spec.get().unwrap().as_ref()));
    }
}

#[test]
fn what_keras_has_is_written_once() {
    let mut model = model();
    model.compile(Adam::new(0.1), "mse").metric("accuracy").weighted_metric("mae").build().unwrap();
    model.set_learning_rate(0.25).unwrap();
    let CompileConfigs { keras, exact } = configs(&model);
    assert_eq!(exact, None);
    assert_eq!(keras["optimizer"]["config"]["learning_rate"], 0.25);
    assert_eq!(keras["loss"]["class_name"], "MeanSquaredError");
    assert_eq!(keras["metrics"], json!(["accuracy"]));
    assert_eq!(keras["weighted_metrics"], json!(["mae"]));
    compile_from_config(&mut model, &keras).unwrap();
    assert_eq!(configs(&model).keras, keras);
    assert_eq!(model.learning_rate().unwrap(), 0.25);
    let h5 = configs(&model).training_config().unwrap();
    assert_eq!(h5["optimizer_config"]["class_name"], "Adam");
    compile_from_config(&mut model, &h5).unwrap();
    assert_eq!(configs(&model).keras, keras);
}

#[test]
fn several_outputs_come_back() {
    let mut model = two_outputs();
    let compile = model.compile("sgd", "mse").loss("mae").loss_weights([1.0, 0.5]);
    compile.metric_of(1, "mae").metric_of(1, "mse").weighted_metric("mae").build().unwrap();
    let keras = configs(&model).keras;
    assert_eq!(keras["metrics"], json!([[], ["mae", "mse"]]));
    assert_eq!(keras["weighted_metrics"], json!([["mae"], []]));
    assert_eq!(keras["loss_weights"], json!([1.0, 0.5]));
    compile_from_config(&mut model, &keras).unwrap();
    assert_eq!(configs(&model).keras, keras);
}

#[test]
fn what_keras_lacks_is_a_name_to_it() {
    let mut model = model();
    let triplets = losses::TripletLoss::new().margin(0.25);
    model.compile("adam", triplets).metric(metrics::EmbeddingSpread).build().unwrap();
    let both = configs(&model);
    assert_eq!(both.keras["loss"], "triplet_batch_semi_hard");
    assert_eq!(both.keras["metrics"], json!(["embedding_spread"]));
    assert_eq!(both.training_config(), None);
    let exact = both.exact.clone().unwrap();
    assert_eq!(exact["loss"]["config"]["margin"], 0.25);
    compile_from_config(&mut model, &exact).unwrap();
    assert_eq!(configs(&model), both);
}

#[test]
fn what_is_registered_comes_back_and_closures_do_not() {
    fn fourth(y: &Tensor, p: &Tensor) -> Tensor {
        (y - p).square().square()
    }
    fn slower(step: &Tensor) -> Tensor {
        0.1 / (1.0 + step)
    }
    let mut model = model();
    let sixth = |y: &Tensor, p: &Tensor| fourth(y, p) * (y - p).square();
    model.compile(SGD::new(slower), fourth).metric(Mean::new("sixth", sixth)).build().unwrap();
    let both = configs(&model);
    assert_eq!(both.keras, Value::Null, "Keras does not have the schedule");
    let exact = both.exact.clone().unwrap();
    assert_eq!(exact["loss"]["registered_name"], "Custom>fourth");
    let message = compile_from_config(&mut model, &exact).unwrap_err().to_string();
    assert!(message.contains("register_schedule(\"slower\""), "{message}");
    register_schedule("slower", |_| Ok(slower));
    let message = compile_from_config(&mut model, &exact).unwrap_err().to_string();
    assert!(message.contains("register_loss(\"Custom>fourth\""), "{message}");
    register_loss("fourth", |_| Ok(fourth));
    register_metric("sixth", move |_| Ok(Mean::new("sixth", sixth)));
    compile_from_config(&mut model, &exact).unwrap();
    assert_eq!(configs(&model), both);

    model.compile("sgd", |y: &Tensor, p: &Tensor| (y - p).abs()).build().unwrap();
    let both = configs(&model);
    assert_eq!(both.keras["loss"], "loss");
    let message = compile_from_config(&mut model, &both.exact.unwrap()).unwrap_err().to_string();
    assert!(message.contains("closure without a name"), "{message}");
}

/// As tf_keras 2.21 and Keras 3 write them.
#[test]
fn other_forms_are_read() {
    let mut model = two_outputs();
    let mean = |name: &str| {
        json!({"class_name": "MeanMetricWrapper", "config": {
            "name": name, "dtype": "float32", "fn": "mean_absolute_error"}})
    };
    let keras_2 = json!({
        "loss": {"a": "mse", "b": {"class_name": "BinaryCrossentropy", "config": {
            "reduction": "auto", "name": "binary_crossentropy", "from_logits": true,
            "fn": "binary_crossentropy"}}},
        "metrics": [[mean("a_mae")], [mean("b_mae")]],
        "weighted_metrics": [{"class_name": "MetricsList", "config": [mean("a_x")]}, null],
        "loss_weights": null,
        "optimizer_config": {"class_name": "Custom>Adam", "config": {"learning_rate": 0.5}}
    });
    compile_from_config(&mut model, &keras_2).unwrap();
    let read = configs(&model).keras;
    assert_eq!(read["loss"][1]["config"]["from_logits"], true);
    assert_eq!(read["metrics"][1][0]["config"]["name"], "mae");
    assert_eq!(read["weighted_metrics"][0][0]["config"]["name"], "x");

    let mse = json!({"module": "builtins", "class_name": "function",
        "config": "mean_squared_error", "registered_name": "function"});
    let keras_3 = json!({"optimizer": "adam", "loss": mse, "loss_weights": {"b": 0.5},
        "metrics": {"b": ["mae"]}});
    compile_from_config(&mut model, &keras_3).unwrap();
    let read = configs(&model).keras;
    assert_eq!(read["loss"][1]["class_name"], "MeanSquaredError", "one for all outputs");
    assert_eq!(read["loss_weights"], json!([1.0, 0.5]));
    assert_eq!(read["metrics"], json!([[], ["mae"]]));

    let wrong = |changed: Value| compile_from_config(&mut two_outputs(), &changed).unwrap_err();
    let message = wrong(json!({"optimizer": "adam", "loss": ["mse", null]})).to_string();
    assert!(message.contains("no loss for output 'b'"), "{message}");
    let message = wrong(json!({"optimizer": "adam", "loss": {"c": "mse"}})).to_string();
    assert!(message.contains("'c', but the model's are a, b"), "{message}");
}

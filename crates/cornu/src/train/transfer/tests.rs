//! Trainings that Keras began go on here, with what its optimizers remember.

use super::*;
use crate::config::FromConfig;
use crate::layers::{Dense, Input, LayerExt};
use crate::model::{Model, Sequential};
use crate::optimizers::{LearningRate, Nadam, OptimizerSpec, Slot};
use serde_json::{Value, json};

/// A step amplifies the last digits of small gradients: Adam's of a gradient near 0 is a whole step.
const TOLERANCE: f64 = 1e-5;

fn cases() -> Vec<Value> {
    let text = include_str!("../../../tests/fixtures/keras/optimizer_transfer.json");
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn array(value: &Value) -> Array {
    let shape = Vec::<usize>::from_config(&value["shape"]).unwrap();
    let data = Vec::<f32>::from_config(&value["data"]).unwrap();
    let dtype = if value["dtype"] == "int32" { DType::I32 } else { DType::F32 };
    Array::new(shape, data).unwrap().cast(dtype)
}

fn arrays(value: &Value) -> Vec<Array> {
    value.as_array().unwrap().iter().map(array).collect()
}

fn model(optimizer: impl Into<OptimizerSpec>) -> Model {
    let mut model: Model = Sequential::new()
        .add(Input::new([3]))
        .add(Dense::new(4).activation("tanh").name("hidden"))
        .add(Dense::new(2).name("output"))
        .into();
    model.compile(optimizer, "mse").build().unwrap();
    model
}

fn values(variables: &[Variable]) -> Vec<Array> {
    variables.iter().map(Variable::value).collect()
}

fn assign(model: &mut Model, arrays: Vec<Array>, version: Option<(u32, u32)>) -> Result<()> {
    let weights = model.weights()?;
    model.trainer_mut("this")?.assign_keras_optimizer_variables(&weights, arrays, version)
}

fn variables(model: &Model) -> Vec<Variable> {
    let weights = model.weights().unwrap();
    model.trainer().unwrap().keras_optimizer_variables(&weights)
}

fn same_but_unused(ours: &[Variable], keras: &[Array], scaled: bool) {
    let keras = if scaled { &keras[OF_LOSS_SCALE..] } else { keras };
    assert_eq!(ours.len(), keras.len());
    for (ours, keras) in ours.iter().zip(keras) {
        assert_eq!(ours.ty(), &keras.ty(), "{}", ours.path());
        if !ours.path().contains("unused") {
            assert_eq!(&ours.value(), keras, "{}", ours.path());
        }
    }
}

#[test]
fn trainings_of_keras_go_on() {
    let mut cases = cases();
    let (x, y) = (array(&cases[0]["x"]), array(&cases[0]["y"]));
    for case in cases.drain(1..) {
        let name = case["name"].as_str().unwrap();
        let mut model = model(OptimizerSpec::from_config(&case["optimizer"]).unwrap());
        model.set_weights(arrays(&case["weights"])).unwrap();
        let state = arrays(&case["variables"]);
        assign(&mut model, state.clone(), Some((3, 15))).unwrap_or_else(|e| panic!("{name}: {e}"));
        same_but_unused(&variables(&model), &state, name.starts_with("LossScale"));
        model.train_on_batch(&x, &y).unwrap();
        let ours = values(&model.weights().unwrap());
        for (i, (ours, keras)) in ours.iter().zip(arrays(&case["after"])).enumerate() {
            let pairs = ours.values().to_f64().into_iter().zip(keras.values().to_f64());
            let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < TOLERANCE, "{name}: weight {i} is off by {off}");
        }
    }
}

#[test]
fn the_state_survives_keras_s_order_to_the_bit() {
    let case = &cases()[0];
    let (x, y) = (array(&case["x"]), array(&case["y"]));
    for name in ["adam", "nadam", "adafactor", "rmsprop"] {
        let mut first = model(name);
        let steps = |model: &mut Model, count: usize| {
            for _ in 0..count {
                model.train_on_batch(&x, &y).unwrap();
            }
            values(&model.weights().unwrap())
        };
        let weights = steps(&mut first, 3);
        let state = values(&variables(&first));
        let mut second = model(name);
        second.set_weights(weights).unwrap();
        assign(&mut second, state, None).unwrap();
        assert_eq!(steps(&mut first, 2), steps(&mut second, 2), "{name}");
    }
}

#[test]
fn before_the_first_step_the_state_is_whole() {
    let model = model(Nadam::default());
    let paths: Vec<String> = variables(&model).iter().map(|v| v.path().to_owned()).collect();
    assert_eq!(paths.len(), 2 + 4 * 2 + 1);
    assert_eq!(paths[2], "optimizer/hidden/kernel/momentum");
    assert!(!model.trainer().unwrap().state.is_built(), "looking decides nothing");
}

#[test]
fn early_versions_have_another_order() {
    let early = |optimizer: OptimizerSpec| {
        let optimizer = optimizer.get().unwrap();
        let kernel = WeightSpec { path: "kernel", shape: &[2, 2] };
        let bias = WeightSpec { path: "bias", shape: &[2] };
        layout(optimizer.as_ref(), &[kernel, bias], Era::of(Some((3, 6))))
    };
    // What Keras 3.2.1, 3.6.0 and 3.9.0 have.
    let nadam = Nadam::default().use_ema(true).gradient_accumulation_steps(2);
    let slot = |weight, slot| Entry::Slot { weight, slot };
    let [average, sum] = [Entry::Average, Entry::Accumulator];
    assert_eq!(
        early(nadam.into())[2..],
        [
            average(0),
            sum(0),
            average(1),
            sum(1),
            Entry::Shared { slot: 2 },
            slot(0, 0),
            slot(0, 1),
            slot(1, 0),
            slot(1, 1)
        ]
    );
}

#[test]
fn a_file_that_says_no_version_is_read_by_its_shapes() {
    let mut nadam = model("nadam");
    let mut state = values(&variables(&nadam));
    let product = state.pop().unwrap();
    assert_eq!(product.shape(), [0usize; 0]);
    state.insert(2, Array::scalar(0.25f32));
    assign(&mut nadam, state, None).unwrap();
    assert_eq!(variables(&nadam).last().unwrap().number(), 0.25);
}

#[test]
fn a_state_that_does_not_fit_is_an_error_and_changes_nothing() {
    let mut adam = model("adam");
    let before = values(&variables(&adam));
    let message = assign(&mut adam, before[1..].to_vec(), None).unwrap_err().to_string();
    assert!(
        message.contains("9 variables of an optimizer, Adam with these weights has 10"),
        "{message}"
    );
    let mut turned = before.clone();
    turned[0] = Array::scalar(7i32);
    turned[2] = turned[2].reshape([4, 3]).unwrap();
    let message = assign(&mut adam, turned, None).unwrap_err().to_string();
    assert!(message.contains("'optimizer/hidden/kernel/momentum' has [3, 4]"), "{message}");
    assert_eq!(values(&variables(&adam)), before);
}

/// The names that tf_keras 2.21 writes, of the optimizers before and since 2.11.
#[test]
fn the_names_of_keras_2_say_what_is_what() {
    let paths = ["hidden/kernel", "hidden/bias", "output/kernel", "output/bias"];
    let shapes: [&[usize]; 4] = [&[3, 4], &[4], &[4, 2], &[2]];
    let filled =
        |shape: &[usize], x: f32| Slot::filled("", x).first_value(&Array::zeros(shape, DType::F32));
    let state = |grouped: bool, name: &dyn Fn(&str, &str) -> String, words: [&str; 2]| {
        let mut all = vec![];
        for (i, (path, shape)) in paths.iter().zip(shapes).enumerate() {
            for (k, word) in words.iter().enumerate() {
                all.push((name(word, path), filled(shape, (10 * k + i) as f32), k));
            }
        }
        if grouped {
            all.sort_by_key(|(_, _, k)| *k);
        }
        let iteration = if grouped { "Adam/iter:0" } else { "iteration:0" };
        let first = (iteration.to_owned(), Array::scalar(5i32));
        let rest = all.into_iter().map(|(name, array, _)| (name, array));
        std::iter::once(first).chain(rest).unzip::<_, _, Vec<String>, Vec<Array>>()
    };
    let since = state(false, &|word, path| format!("Adam/{word}/{path}:0"), ["m", "v"]);
    let before = state(true, &|word, path| format!("Adam/{path}/{word}:0"), ["m", "v"]);
    for (names, arrays) in [since, before] {
        let mut adam = model("adam");
        let weights = adam.weights().unwrap();
        let trainer = adam.trainer_mut("this").unwrap();
        trainer.assign_named_optimizer_variables(&weights, &names, arrays, None).unwrap();
        let values: Vec<f64> =
            variables(&adam).iter().map(|v| v.value().values().to_f64()[0]).collect();
        assert_eq!(values[0], 5.0, "{names:?}");
        assert_eq!(values[2..], [0.0, 10.0, 1.0, 11.0, 2.0, 12.0, 3.0, 13.0], "{names:?}");
    }
}

#[test]
fn what_keras_2_does_not_save_is_found_again() {
    let names: Vec<String> =
        ["iteration", "Nadam/m/k", "Nadam/v/k"].map(|n| format!("{n}:0")).into();
    let mut model: Model =
        Sequential::new().add(Input::new([2])).add(Dense::new(1).use_bias(false)).into();
    model.compile("nadam", "mse").build().unwrap();
    let arrays = vec![
        Array::scalar(2i32),
        Array::zeros([2, 1], DType::F32),
        Array::zeros([2, 1], DType::F32),
    ];
    let weights = model.weights().unwrap();
    let trainer = model.trainer_mut("this").unwrap();
    trainer.assign_named_optimizer_variables(&weights, &names, arrays, None).unwrap();
    let product = (1..=2).map(|t| 0.9 * (1.0 - 0.5 * 0.96f64.powi(t))).product::<f64>();
    assert!((variables(&model).last().unwrap().number() - product).abs() < 1e-7);
}

#[test]
fn old_settings_are_understood() {
    let old = json!({"class_name": "Custom>Adam", "config": {
        "name": "Adam", "lr": 0.0010000000474974513, "decay": 0.5, "jit_compile": false,
        "is_legacy_optimizer": false, "beta_1": 0.8999999761581421
    }});
    let adam = OptimizerSpec::from_config(&old).unwrap().get().unwrap();
    let rate = &adam.common().learning_rate;
    assert!(matches!(rate, LearningRate::Schedule(_)));
    assert_eq!(rate.at(2).unwrap() as f32, 0.0005);
    assert_eq!(adam.config()["beta_1"], 0.9);
    let stranger = json!({"class_name": "Mine", "config": {}, "registered_name": "my>Mine"});
    let message = OptimizerSpec::from_config(&stranger).unwrap_err().to_string();
    assert!(message.contains("register_optimizer(\"my>Mine\""), "{message}");
}

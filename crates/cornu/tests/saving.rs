//! Models saved and loaded: everything comes back, to the bit, in every format.

use cornu::layers::{Identity, Rescaling};
use cornu::load_model;
use cornu::optimizers::schedules::CosineDecay;
use cornu::optimizers::{Adafactor, AdamW, Nadam};
use cornu::prelude::*;
use cornu::saving::{ModelLoader, register_layer, register_loss};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn data() -> (Array, Array) {
    let x = (0..48 * 6).map(|i| ((i * 37 % 101) as f32 - 50.0) / 40.0).collect();
    let y = (0..48 * 2).map(|i| ((i * 53 % 89) as f32 - 44.0) / 60.0).collect();
    (Array::new([48, 6], x).unwrap(), Array::new([48, 2], y).unwrap())
}

fn network() -> Model {
    Sequential::new()
        .add(Input::new([6]))
        .add(Dense::new(8).activation("relu").kernel_regularizer("l2"))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.3))
        .add(Lambda::new(|x| ops::sqrt(ops::abs(&x[0]) + 0.5) * 2.0))
        .add(Dense::new(2))
        .into()
}

fn train(model: &mut Model, epochs: usize, initial_epoch: usize) {
    let (x, y) = data();
    model
        .fit(&x, &y)
        .epochs(epochs)
        .initial_epoch(initial_epoch)
        .batch_size(16)
        .verbose(0)
        .run()
        .unwrap();
}

/// `fit(10)` is `fit(5)`, save, load, `fit(5)`, to the bit, whatever the optimizer. (With moving averages
/// of the weights each `fit` ends with these, in Keras too; so there the comparison is with the same
/// two halves in memory.)
#[test]
fn training_goes_on_to_the_bit_from_a_file() {
    fn check<O: Into<cornu::optimizers::OptimizerSpec>>(what: &str, optimizer: fn() -> O) {
        let compiled = || {
            utils::set_random_seed(3);
            let mut model = network();
            model.compile(optimizer(), "mse").metric("mae").build().unwrap();
            model
        };
        let mut whole = compiled();
        train(&mut whole, 4, 0);
        let mut half = compiled();
        train(&mut half, 2, 0);
        for ending in ["h5", "keras"] {
            let folder = folder();
            let path = folder.path().join(format!("half.{ending}"));
            half.save(&path).unwrap();
            utils::set_random_seed(999);
            let mut resumed = load_model(&path).unwrap();
            assert!(resumed.not_compiled_because().is_none(), "{what}");
            if ending == "h5" {
                // The older format has no place for the random state.
                continue;
            }
            train(&mut resumed, 4, 2);
            let weights = resumed.get_weights().unwrap();
            if !what.contains("averages") {
                assert_eq!(weights, whole.get_weights().unwrap(), "{what}");
            }
            train(&mut half, 4, 2);
            assert_eq!(weights, half.get_weights().unwrap(), "{what}");
        }
    }
    check("adam", || "adam");
    check("rmsprop", || RMSprop::default().momentum(0.5).centered(true));
    check("nadam", || Nadam::new(0.001));
    check("adafactor", Adafactor::default);
    check("sgd with schedule and averages", || {
        SGD::new(CosineDecay::new(0.01, 40)).momentum(0.9).nesterov(true).use_ema(true)
    });
    check("adamw, accumulating", || AdamW::new(0.001).gradient_accumulation_steps(2));
}

#[test]
fn a_model_comes_back_with_everything() {
    let folder = folder();
    let path = folder.path().join("a/b/model.keras");
    utils::set_random_seed(1);
    let mut model = network();
    model.compile("adam", "mse").metric("mae").build().unwrap();
    train(&mut model, 1, 0);
    model.set_metadata("labels", "cat,dog").unwrap();
    model.save(&path).unwrap();
    let same = load_model(&path).unwrap();
    assert_eq!(same.metadata("labels"), Some("cat,dog"));
    assert_eq!(Model::read_metadata(&path).unwrap()["labels"], "cat,dog");
    assert_eq!(same.get_weights().unwrap(), model.get_weights().unwrap());
    assert_eq!(
        same.summary().to_string().lines().count(),
        model.summary().to_string().lines().count()
    );
    let (x, _) = data();
    let predict = |model: &Model| model.predict(&x).verbose(0).run().unwrap();
    assert_eq!(predict(&same), predict(&model));
    let again = folder.path().join("again.keras");
    same.save(&again).unwrap();
    let same_again = load_model(&again).unwrap();
    assert_eq!(same_again.config().unwrap(), same.config().unwrap());
    assert_eq!(same.config().unwrap(), model.config().unwrap());
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert_eq!(bytes(&again), bytes(&path), "the same model is the same bytes");
}

/// A siamese network: a shared tower, operations on tensors, a closure as loss.
#[test]
fn shared_towers_stay_shared() {
    fn contrastive(y: &Tensor, d: &Tensor) -> Tensor {
        (1.0 - y) / 2.0 * d.square() + y / 2.0 * (1.0 - d).maximum(0.0).square()
    }
    register_loss("saving-test-contrastive", |_| {
        Ok(Loss::custom("saving-test-contrastive", contrastive))
    });
    let tower = Sequential::new().add(Input::new([6])).add(Dense::new(4).activation("relu"));
    let (left, right) = (Input::tensor([6]), Input::tensor([6]));
    let distance = ops::norm(tower.call(&left) - tower.call(&right), Axis::new(1).keepdims());
    let mut model = Model::new([&left, &right], &distance).unwrap();
    model
        .compile("adam", Loss::custom("saving-test-contrastive", contrastive))
        .metric("binary_accuracy")
        .build()
        .unwrap();
    let (x, _) = data();
    let y = Array::new([48, 1], (0..48).map(|i| (i % 2) as f32).collect()).unwrap();
    model.fit([&x, &x.clone()], &y).verbose(0).run().unwrap();
    for name in ["pairs.keras", "pairs.h5"] {
        let folder = folder();
        let path = folder.path().join(name);
        model.save(&path).unwrap();
        let mut same = ModelLoader::default().load(&path).unwrap();
        assert_eq!(same.count_params().unwrap(), 6 * 4 + 4);
        let predict = |m: &Model| m.predict([&x, &x.clone()]).verbose(0).run().unwrap();
        assert_eq!(predict(&same), predict(&model));
        if name.ends_with(".keras") {
            let logs = |m: &mut Model| m.train_on_batch([&x, &x.clone()], &y).unwrap();
            assert_eq!(logs(&mut same), logs(&mut model));
        }
    }
}

#[test]
fn weights_go_through_every_format() {
    let folder = folder();
    utils::set_random_seed(5);
    let mut model = network();
    model.compile("adam", "mse").build().unwrap();
    train(&mut model, 1, 0);
    model.set_metadata("note", "kept").unwrap();
    for name in ["w.weights.h5", "w.h5", "w.safetensors", "w.weights.json", "w.keras"] {
        let path = folder.path().join(name);
        match name {
            "w.keras" => model.save(&path).unwrap(),
            _ => model.save_weights(&path).unwrap(),
        }
        let mut other = network();
        other.load_weights(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(other.get_weights().unwrap(), model.get_weights().unwrap(), "{name}");
        if name != "w.weights.json" {
            assert_eq!(other.metadata("note"), Some("kept"), "{name}");
        }
    }
}

#[test]
fn weights_are_found_by_name_and_misfits_left_out() {
    let folder = folder();
    let dense = |units, name: &str| Dense::new(units).name(name);
    let first = Sequential::new().add(Input::new([3])).add(dense(4, "a")).add(dense(2, "b"));
    let model = || {
        Sequential::new()
            .add(Input::new([3]))
            .add(dense(4, "a"))
            .add(dense(5, "b"))
            .add(dense(1, "c"))
    };
    for name in ["f.weights.h5", "f.h5", "f.safetensors"] {
        let path = folder.path().join(name);
        first.save_weights(&path).unwrap();
        let mut second = model();
        let error = second.load_weights(&path).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        let mut second = model();
        let before = second.get_weights().unwrap();
        let error = second.load_weights_from(&path).by_name(true).run().unwrap_err().to_string();
        assert!(error.contains("b (Dense)"), "{error}");
        assert_eq!(second.get_weights().unwrap(), before, "nothing is changed by an error");
        let skipped =
            second.load_weights_from(&path).by_name(true).skip_mismatch(true).run().unwrap();
        assert_eq!(skipped.len(), 1, "{skipped:?}");
        let after = second.get_weights().unwrap();
        assert_eq!(after[0], first.get_weights().unwrap()[0], "{name}");
        assert_eq!(after[2..], before[2..], "{name}");
    }
}

#[test]
fn json_and_clones_have_new_weights() {
    let model = network();
    let same = Model::from_json(&model.to_json().unwrap()).unwrap();
    assert_eq!(same.count_params().unwrap(), model.count_params().unwrap());
    let clone = model.clone_model().unwrap();
    assert_ne!(clone.get_weights().unwrap()[0], model.get_weights().unwrap()[0]);
    assert_eq!(clone.config().unwrap(), same.config().unwrap());
    let message = Model::from_json("{").unwrap_err().to_string();
    assert!(message.contains("cannot be read"), "{message}");
}

#[derive(Debug)]
struct Scale {
    by: f32,
}

impl Layer for Scale {
    fn kind(&self) -> &str {
        "SavingTestScale"
    }

    fn forward(&self, scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        let x = one_input(inputs)?;
        let scale = scope.weight("scale", [x.last_dim()?], "ones")?;
        Ok(x * scale * self.by)
    }

    fn config(&self) -> Value {
        json!({ "by": self.by })
    }
}

#[test]
fn layers_of_ones_own_are_registered() {
    let folder = folder();
    let path = folder.path().join("own.keras");
    let model = Sequential::new().add(Input::new([3])).add(Scale { by: 2.5 });
    model.save(&path).unwrap();
    let error = load_model(&path).unwrap_err().to_string();
    assert!(error.contains("SavingTestScale") && error.contains("register_layer"), "{error}");
    register_layer("SavingTestScale", |config| Ok(Scale { by: config.get("by")? }));
    let same = load_model(&path).unwrap();
    let x = Array::new([1, 3], vec![1.0f32, 2.0, 3.0]).unwrap();
    let y = same.predict(&x).verbose(0).run().unwrap();
    assert_eq!(y.as_slice::<f32>().unwrap(), [2.5, 5.0, 7.5]);
}

#[test]
fn what_is_not_known_of_compile_is_told_at_fit() {
    let folder = folder();
    let path = folder.path().join("closure.keras");
    let mut model = network();
    model.compile("adam", |y: &Tensor, p: &Tensor| (y - p).abs()).build().unwrap();
    model.save(&path).unwrap();
    let mut same = load_model(&path).unwrap();
    let (x, y) = data();
    assert!(same.predict(&x).verbose(0).run().is_ok());
    let error = same.fit(&x, &y).verbose(0).run().unwrap_err().to_string();
    assert!(error.contains("could not be compiled as its file says"), "{error}");
    same.compile("adam", "mse").build().unwrap();
    assert!(same.fit(&x, &y).verbose(0).run().is_ok());
}

#[test]
fn shapes_beyond_the_file_are_refused() {
    let message = |config: Value| Model::from_config(&config).unwrap_err().to_string();
    let dense = |units: Value| {
        json!({"class_name": "Sequential", "config": {"name": "s", "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "name": "x"}},
            {"class_name": "Dense", "config": {"name": "d", "units": units}}
        ]}})
    };
    assert!(message(dense(json!("many"))).contains("units"));
    assert!(message(dense(json!(-1))).contains("units"));
    let huge = message(dense(json!(1u64 << 52)));
    assert!(huge.contains('d'), "{huge}");
    assert!(message(json!({"class_name": "LSTM", "config": {}})).contains("LSTM"));
    assert!(message(json!([])).contains("class_name"));
}

fn functional(layers: Value, outputs: Value) -> Value {
    json!({"class_name": "Functional", "config": {
        "name": "f", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": outputs
    }})
}

fn entry(name: &str, class: &str, on: &[(&str, usize)]) -> Value {
    let tensor = |(layer, node): &(&str, usize)| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [layer, node, 0]}});
    let calls: Vec<Value> = on.iter().map(|t| json!({"args": [tensor(t)], "kwargs": {}})).collect();
    let config = match class {
        "InputLayer" => json!({"batch_shape": [null, 3], "name": name}),
        _ => json!({"name": name}),
    };
    json!({"module": "keras.layers", "class_name": class, "config": config, "name": name, "inbound_nodes": calls})
}

#[test]
fn graphs_that_make_no_sense_are_errors() {
    let message = |layers: Value, outputs: Value| {
        Model::from_config(&functional(layers, outputs)).unwrap_err().to_string()
    };
    let input = entry("x", "InputLayer", &[]);
    let output = json!([["b", 0, 0]]);
    let circle =
        json!([input, entry("a", "Identity", &[("b", 0)]), entry("b", "Identity", &[("a", 0)])]);
    assert!(message(circle, output.clone()).contains("circle"));
    let own = json!([input, entry("b", "Identity", &[("b", 0)])]);
    assert!(message(own, output.clone()).contains("circle"));
    let unknown = json!([input, entry("b", "Identity", &[("z", 0)])]);
    assert!(message(unknown, output.clone()).contains("no layer 'z'"));
    let call = json!([input, entry("b", "Identity", &[("x", 7)])]);
    assert!(message(call, output.clone()).contains("call 7"));
    let twice =
        json!([input, entry("b", "Identity", &[("x", 0)]), entry("b", "Identity", &[("x", 0)])]);
    assert!(message(twice, output.clone()).contains("named 'b'"));
    let end = json!([input, entry("b", "Identity", &[("x", 0)])]);
    assert!(message(end.clone(), json!([["b", 0, 5]])).contains("no result 5"));
    assert!(message(end.clone(), json!(["b"])).contains("no input or output"));
    assert!(message(end, json!([])).contains("at least one"));
    assert!(message(json!(7), output).contains("list of layers"));
}

/// A chain that is longer than the stack is deep, listed in the wrong order.
#[test]
fn long_chains_need_no_stack() {
    let count = 5000;
    let name = |i: usize| format!("layer_{i}");
    let mut layers = vec![entry("x", "InputLayer", &[])];
    for i in (0..count).rev() {
        let before = if i == 0 { "x".to_owned() } else { name(i - 1) };
        layers.push(entry(&name(i), "Identity", &[(&before, 0)]));
    }
    let config = functional(json!(layers), json!([[name(count - 1), 0, 0]]));
    let model = Model::from_config(&config).unwrap();
    assert_eq!(model.layers().len(), count + 1);
    let again = Model::from_config(&model.config().unwrap()).unwrap();
    assert_eq!(again.layers().len(), count + 1);
}

#[test]
fn names_that_say_no_format_are_refused() {
    let model =
        Sequential::new().add(Input::new([3])).add(Identity::new()).add(Rescaling::new(2.0));
    let save = |name: &str| model.save(PathBuf::from(name)).unwrap_err().to_string();
    assert!(save("model.pt").contains("ending"));
    assert!(save("model.safetensors").contains("no format to save models in"));
    let error = load_model("/nowhere/model.keras").unwrap_err().to_string();
    assert!(error.contains("/nowhere/model.keras") && error.contains("no such file"), "{error}");
}

//! Profiles: what they tell of a step, and that they leave no trace in the model.

#[path = "support/batches.rs"]
mod support;

use cornu::data::Generator;
use cornu::prelude::*;
use cornu::train::{OpProfile, Profile, Purpose, Sort};
use cornu_graph::Phase;
use serde_json::Value;
use std::fs;
use support::{SAMPLES, batches, endless, expect};

/// Samples with four features, of two classes.
fn data() -> (Array, Array) {
    let x = (0..60 * 4).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
    let y = (0..60).map(|i| (i % 2) as f32).collect();
    (Array::new([60, 4], x).unwrap(), Array::new([60, 1], y).unwrap())
}

/// Layers with weights, with state that training changes, and with randomness.
fn model() -> Model {
    utils::set_random_seed(5);
    let mut model: Model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(8).activation("relu").name("first"))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(1).activation("sigmoid").name("last"))
        .into();
    model.compile("adam", "binary_crossentropy").metric("accuracy").build().unwrap();
    model
}

fn fit(model: &mut Model) -> Vec<f64> {
    let (x, y) = data();
    let history = model.fit(&x, &y).epochs(2).batch_size(8).verbose(0).run().unwrap();
    history["loss"].to_vec()
}

fn profile(model: &mut Model, purpose: Purpose) -> Profile {
    let (x, y) = data();
    model.profile(&x, &y).purpose(purpose).batch_size(16).steps(3).run().unwrap()
}

#[test]
fn a_model_is_after_a_profile_what_it_was_before() {
    let trained = |purposes: &[Purpose]| {
        let mut model = model();
        let mut losses = vec![];
        for _ in 0..2 {
            let before = model.get_weights().unwrap();
            for &purpose in purposes {
                profile(&mut model, purpose);
                assert_eq!(model.get_weights().unwrap(), before, "{purpose:?}");
            }
            losses.extend(fit(&mut model));
        }
        // Drawn from the thread's seed: a profile draws nothing from it either.
        let next = Dense::new(3).call(Tensor::from(&data().0)).eval().unwrap();
        (losses, model.get_weights().unwrap(), next)
    };
    let all = [Purpose::Train, Purpose::Evaluate, Purpose::Predict];
    assert_eq!(trained(&all), trained(&[]));
}

#[test]
fn a_layer_can_still_be_frozen() {
    let mut model = model();
    profile(&mut model, Purpose::Train);
    model.get_layer("first").unwrap().set_trainable(false);
    let before = model.get_weights().unwrap();
    fit(&mut model);
    let after = model.get_weights().unwrap();
    assert_eq!(after[0], before[0]);
    assert_ne!(after.last(), before.last());
}

#[test]
fn every_op_has_its_place_and_its_cost() {
    let mut model = model();
    let train = profile(&mut model, Purpose::Train);
    assert_eq!((train.steps(), train.batch_size), (3, 16));
    // A product may be one with the loop after it, which adds a few operations for each result.
    let products = |profile: &Profile, layer: &str, forward: bool| {
        let is_there = |op: &&OpProfile| {
            let phase = (op.phase == Phase::Forward) == forward;
            op.layer == layer && phase && op.op.starts_with("matmul")
        };
        profile.ops.iter().filter(is_there).map(|op| op.cost.flops).collect::<Vec<_>>()
    };
    let at_least = |products: Vec<u64>, flops: u64, count: usize| {
        assert!(products.len() == count && products.iter().all(|&p| p >= flops), "{products:?}");
    };
    let (first, last) = (2 * 16 * 4 * 8, 2 * 16 * 8);
    at_least(products(&train, "first", true), first, 1);
    // The first layer's input needs no gradient.
    at_least(products(&train, "first", false), first, 1);
    at_least(products(&train, "last", false), last, 2);
    for (layer, phase) in [
        ("data", Phase::Forward),
        ("loss", Phase::Forward),
        ("metrics", Phase::Forward),
        ("first", Phase::Update),
        ("batch_normalization", Phase::Update),
    ] {
        let is_there = train.ops.iter().any(|op| op.layer.starts_with(layer) && op.phase == phase);
        assert!(is_there, "{layer} {phase:?} in\n{train}");
    }
    // Four bytes for each of 81 weights, 65 of which are trained and have two slots, and more.
    assert!(train.variable_bytes > 4 * (81 + 2 * 65), "{}", train.variable_bytes);

    for purpose in [Purpose::Evaluate, Purpose::Predict] {
        let profile = profile(&mut model, purpose);
        assert!(profile.ops.iter().all(|op| op.phase == Phase::Forward), "{purpose:?}\n{profile}");
        at_least(products(&profile, "first", true), first, 1);
        let judges = profile.ops.iter().any(|op| op.layer == "loss");
        assert_eq!(judges, purpose == Purpose::Evaluate, "{profile}");
    }
}

#[test]
fn a_prediction_needs_neither_targets_nor_compile() {
    let mut model: Model = Sequential::new().add(Input::new([4])).add(Dense::new(2)).into();
    let (x, y) = data();
    let profile = model.profile_predict(&x).steps(2).run().unwrap();
    assert_eq!((profile.purpose, profile.batch_size), (Purpose::Predict, 32));
    let error = model.profile(&x, &y).run().unwrap_err();
    expect(&error, &["profile needs a compiled model", "compile(optimizer, loss)"]);
    let error = model.profile(&x, &y).steps(0).run().unwrap_err();
    expect(&error, &["at least 1 step, not 0"]);
}

#[test]
fn batches_of_generators_are_waited_for() {
    let mut model = support::model();
    let profile = model.profile_generator(endless(8)).steps(2).run().unwrap();
    assert_eq!((profile.batch_size, profile.steps()), (8, 2));
    assert!(profile.waiting_seconds.is_some());
    assert!(profile.to_string().contains("before each step: waiting for its batch"), "{profile}");

    // The last batch of an epoch is smaller, and left out.
    assert_ne!(SAMPLES % 7, 0);
    let epochs = Generator::each_epoch(|_| batches(7));
    let profile = model.profile_generator(epochs).steps(10).run().unwrap();
    assert_eq!((profile.batch_size, profile.steps()), (7, 10));

    let error = model.profile_generator(batches(8)).steps(50).run().unwrap_err();
    expect(&error, &["the generator has not enough batches of 8 samples", "steps"]);
}

#[test]
fn the_table_fits_and_sorts() {
    let profile = profile(&mut model(), Purpose::Train);
    for columns in [72, 80, 96, 120, 200] {
        let table = profile.table().columns(columns).to_string();
        let ops = table.lines().skip(3).take(1 + profile.ops.len());
        let longest = ops.map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= columns, "{longest} of {columns}:\n{table}");
        assert_eq!(table.contains("phase    op "), columns >= 96, "{table}");
        for part in ["Training step, batch 16", "By layer", "By phase", "What to look at"] {
            assert!(table.contains(part), "{part} is missing in:\n{table}");
        }
    }
    let table = profile.table().columns(200).sort(Sort::Time).to_string();
    let slowest = profile.ops.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds)).unwrap();
    assert!(table.lines().nth(4).unwrap().contains(&slowest.op), "{table}");
}

#[test]
fn files_hold_every_op_of_every_step() {
    let profile = profile(&mut model(), Purpose::Train);
    let folder = tempfile::tempdir().unwrap();
    let (trace, figures) = (folder.path().join("trace.json"), folder.path().join("p.json"));
    profile.save_trace(&trace).unwrap();
    profile.save_json(&figures).unwrap();
    let read = |path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();

    let trace: Value = read(trace);
    let events = trace["traceEvents"].as_array().unwrap();
    let times = |event: &Value| {
        let [begin, length] = ["ts", "dur"].map(|time| event[time].as_f64().unwrap());
        (begin, begin + length)
    };
    let steps: Vec<_> = events.iter().filter(|e| e["cat"] == "step").map(times).collect();
    let ops: Vec<&Value> = events.iter().filter(|e| e["ph"] == "X" && e["cat"] != "step").collect();
    assert_eq!((steps.len(), ops.len()), (3, 3 * profile.ops.len()));
    for (index, event) in ops.iter().enumerate() {
        let op = &profile.ops[index % profile.ops.len()];
        assert_eq!(event["name"], *op.op);
        assert_eq!(event["args"]["flops"], op.cost.flops);
        let (step, (begin, end)) = (steps[index / profile.ops.len()], times(event));
        // Fractions of a microsecond, told in decimals.
        assert!(step.0 <= begin && begin <= end && end <= step.1 + 1e-6, "{event}");
    }

    let figures: Value = read(figures);
    assert_eq!(figures["purpose"], "train");
    assert_eq!(figures["ops"].as_array().unwrap().len(), profile.ops.len());
    let sum: f64 = figures["ops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|op| op["floor_seconds"].as_f64().unwrap())
        .sum();
    assert!((sum - figures["floor_seconds"].as_f64().unwrap()).abs() < 1e-9);
    let [step, ops] = ["step_seconds", "ops_seconds"].map(|name| figures[name].as_f64().unwrap());
    assert!(step > 0.0 && ops > 0.0);
}

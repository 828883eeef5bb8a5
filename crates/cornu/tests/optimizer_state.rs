//! What an optimizer keeps between the steps of a model: counters, slots, averages, sums.

use cornu::optimizers::schedules::{ExponentialDecay, LearningRateSchedule};
use cornu::optimizers::{Adafactor, Muon, Optimizer, OptimizerSpec, SGD, WeightSpec};
use cornu::prelude::*;

fn line(optimizer: impl Into<OptimizerSpec>) -> (Model, Array, Array) {
    utils::set_random_seed(3);
    let mut model: Model =
        Sequential::new().add(Input::new([2])).add(Dense::new(1).name("line")).into();
    model.compile(optimizer, "mse").build().unwrap();
    let x = Array::new([4, 2], vec![0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]).unwrap();
    let y = Array::new([4, 1], vec![1.0f32, 2.0, 0.5, -1.0]).unwrap();
    (model, x, y)
}

fn values(model: &Model) -> Vec<Array> {
    model.weights().unwrap().iter().map(|w| w.value()).collect()
}

fn paths(model: &Model) -> Vec<String> {
    model.optimizer_variables().unwrap().iter().map(|v| v.path().to_owned()).collect()
}

#[test]
fn the_variables_have_one_order_and_a_path_each() {
    let all = Adam::new(0.1).use_ema(true).gradient_accumulation_steps(2);
    let (mut model, x, y) = line(all);
    let first = ["optimizer/iteration", "optimizer/learning_rate", "random/state"];
    assert_eq!(paths(&model), first);
    model.train_on_batch(&x, &y).unwrap();
    let of_weights = [
        "optimizer/line/kernel/momentum",
        "optimizer/line/kernel/velocity",
        "optimizer/line/bias/momentum",
        "optimizer/line/bias/velocity",
        "optimizer/line/kernel/average",
        "optimizer/line/bias/average",
        "optimizer/line/kernel/gradient_accumulator",
        "optimizer/line/bias/gradient_accumulator",
    ];
    assert_eq!(paths(&model), [&first[..], &of_weights[..]].concat());
}

#[test]
fn a_plain_optimizer_keeps_nothing_that_it_does_not_need() {
    let (mut model, x, y) = line("sgd");
    model.fit(&x, &y).verbose(0).run().unwrap();
    let few = ["optimizer/iteration", "optimizer/learning_rate", "random/state"];
    assert_eq!(paths(&model), few);
    let schedule = ExponentialDecay::new(0.1, 10, 0.5);
    let (model, ..) = line(SGD::new(schedule));
    assert_eq!(paths(&model), ["optimizer/iteration", "random/state"]);
}

#[test]
fn a_plain_step_is_not_larger_than_its_rule() {
    let (mut model, x, y) = line("sgd");
    let program = model.show_program(&x, &y, 4).unwrap();
    assert!(!program.contains("select") && !program.contains("mod"), "{program}");
    let (mut model, x, y) = line(SGD::new(0.1).gradient_accumulation_steps(2));
    assert!(model.show_program(&x, &y, 4).unwrap().contains("select"));
}

#[test]
fn steps_are_counted_beyond_what_a_float_holds() {
    let (mut model, x, y) = line("adam");
    let counter = model.optimizer_variables().unwrap().remove(0);
    let many = 1 << 24;
    counter.assign(Array::scalar(many)).unwrap();
    for _ in 0..3 {
        model.train_on_batch(&x, &y).unwrap();
    }
    assert_eq!(counter.value().item().unwrap(), f64::from(many + 3));
}

#[test]
fn weights_change_only_when_an_update_is_due() {
    let (mut model, x, y) = line(SGD::new(0.01).gradient_accumulation_steps(3));
    let before = values(&model);
    model.train_on_batch(&x, &y).unwrap();
    model.train_on_batch(&x, &y).unwrap();
    assert_eq!(values(&model), before);
    model.train_on_batch(&x, &y).unwrap();
    assert_ne!(values(&model), before);
    // The mean of three equal gradients is the gradient of one step.
    let (mut plain, x, y) = line(SGD::new(0.01));
    plain.train_on_batch(&x, &y).unwrap();
    for (ours, plain) in values(&model).iter().zip(values(&plain)) {
        for (a, b) in ours.as_slice::<f32>().unwrap().iter().zip(plain.as_slice::<f32>().unwrap()) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
}

#[test]
fn averages_are_swapped_in_and_out_and_take_over_at_the_end() {
    let (mut model, x, y) = line(SGD::new(0.01).use_ema(true).ema_momentum(0.5));
    let error = model.swap_ema_weights().unwrap_err().to_string();
    assert!(error.contains("no step was made"), "{error}");
    model.train_on_batch(&x, &y).unwrap();
    let first = values(&model);
    model.train_on_batch(&x, &y).unwrap();
    let second = values(&model);
    model.swap_ema_weights().unwrap();
    let averages = values(&model);
    let of = |all: &[Array]| all[0].as_slice::<f32>().unwrap().to_vec();
    for ((a, b), mean) in of(&first).into_iter().zip(of(&second)).zip(of(&averages)) {
        assert!((f32::midpoint(a, b) - mean).abs() < 1e-6);
    }
    model.swap_ema_weights().unwrap();
    assert_eq!(values(&model), second);
    // At the end of fit weights and averages are the same.
    model.fit(&x, &y).epochs(1).verbose(0).run().unwrap();
    let end = values(&model);
    model.swap_ema_weights().unwrap();
    assert_eq!(values(&model), end);

    let (mut plain, ..) = line("sgd");
    let error = plain.swap_ema_weights().unwrap_err().to_string();
    assert!(error.contains("use_ema(true)"), "{error}");
}

#[test]
fn a_model_tells_the_rate_of_its_schedule_and_does_not_let_it_be_set() {
    let schedule = ExponentialDecay::new(0.1, 2, 0.5);
    let third = schedule.at(3).unwrap() as f32;
    let (mut model, x, y) = line(SGD::new(schedule));
    assert_eq!(model.learning_rate().unwrap(), 0.1);
    model.fit(&x, &y).epochs(3).verbose(0).run().unwrap();
    assert_eq!(model.learning_rate().unwrap(), third);
    let error = model.set_learning_rate(0.5).unwrap_err().to_string();
    assert!(error.contains("made with a schedule"), "{error}");
    let fit = model.fit(&x, &y).learning_rate_schedule(|_, rate| rate / 2.0);
    let error = fit.verbose(0).run().unwrap_err().to_string();
    assert!(error.contains("made with a schedule"), "{error}");
}

#[test]
fn weight_decay_leaves_out_what_is_excluded() {
    let ones = || {
        vec![Array::new([2, 1], vec![1.0f32; 2]).unwrap(), Array::new([1], vec![1.0f32]).unwrap()]
    };
    let step = |optimizer: SGD| {
        let (mut model, ..) = line(optimizer.weight_decay(0.5));
        model.set_weights(ones()).unwrap();
        // The output is the target, and so the gradient 0.
        let x = Array::new([1, 2], vec![1.0f32, 1.0]).unwrap();
        model.train_on_batch(&x, Array::new([1, 1], vec![3.0f32]).unwrap()).unwrap();
        values(&model)
    };
    let of = |all: &[Array], i: usize| all[i].as_slice::<f32>().unwrap()[0];
    let all = step(SGD::new(0.5));
    assert_eq!((of(&all, 0), of(&all, 1)), (0.75, 0.75));
    let kernels = step(SGD::new(0.5).exclude_from_weight_decay(["bias"]));
    assert_eq!((of(&kernels, 0), of(&kernels, 1)), (0.75, 1.0));
}

#[test]
fn slots_depend_on_the_weight() {
    let names = |optimizer: &dyn Optimizer, path: &str, shape: &[usize]| -> Vec<&'static str> {
        optimizer.slots(&WeightSpec { path, shape }).iter().map(|slot| slot.name).collect()
    };
    let muon = Muon::new(0.1).exclude_layers(["output"]);
    assert_eq!(names(&muon, "dense/kernel", &[2, 3]), ["momentum"]);
    assert_eq!(names(&muon, "output/kernel", &[2, 3]), ["momentum", "velocity"]);
    assert_eq!(names(&muon, "Embedding/embeddings", &[2, 3]), ["momentum", "velocity"]);
    assert_eq!(names(&muon, "dense/bias", &[3]), ["momentum", "velocity"]);
    let adafactor = Adafactor::default();
    assert_eq!(names(&adafactor, "", &[3]), ["velocity"]);
    let slots = adafactor.slots(&WeightSpec { path: "", shape: &[5, 2, 3] });
    let shapes: Vec<_> = slots.into_iter().map(|slot| slot.shape.unwrap()).collect();
    assert_eq!(shapes, [vec![5, 2], vec![5, 3]]);
}

#[test]
fn a_schedule_with_a_mistake_says_so_when_training_begins() {
    let (mut model, x, y) = line(SGD::new(|_: &Tensor| Tensor::from([0.1, 0.2])));
    let error = model.fit(&x, &y).verbose(0).run().unwrap_err().to_string();
    assert!(error.contains("one number for each step"), "{error}");
}

//! What training promises: repeatable, shared, stoppable, and really learning.

use cornu::optimizers::{Adam, RMSprop};
use cornu::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Points in three clouds, and the cloud of each.
fn clouds(samples: usize) -> (Array, Array) {
    let centres = [[0.0f32, 1.0], [1.0, -0.5], [-1.0, -0.5]];
    let wobble = |i: usize| ((i * 2_654_435_761) % 1000) as f32 / 1000.0 - 0.5;
    let class = |i: usize| i % 3;
    let points = (0..samples).flat_map(|i| {
        let centre = centres[class(i)];
        [centre[0] + wobble(i), centre[1] + wobble(i + 7919)]
    });
    let classes = (0..samples).map(|i| class(i) as u8).collect();
    (Array::new([samples, 2], points.collect()).unwrap(), Array::new([samples], classes).unwrap())
}

fn classifier() -> Model {
    let mut model: Model = Sequential::new()
        .add(Input::new([2]))
        .add(Dense::new(16).activation("relu"))
        .add(Dropout::new(0.1))
        .add(Dense::new(3).activation("softmax"))
        .into();
    model
        .compile(Adam::default().learning_rate(0.01), "sparse_categorical_crossentropy")
        .metric("accuracy")
        .build()
        .unwrap();
    model
}

#[test]
fn a_classifier_learns() {
    utils::set_random_seed(1);
    let (x, y) = clouds(300);
    let mut model = classifier();
    let history = model.fit(&x, &y).epochs(15).validation_split(0.2).verbose(0).run().unwrap();
    assert!(history["loss"][14] < history["loss"][0] / 2.0, "{history:?}");
    assert!(history.last("val_accuracy").unwrap() > 0.95, "{history:?}");
    let probabilities = model.predict(&x).batch_size(7).run().unwrap();
    assert_eq!(probabilities.shape(), [300, 3]);
    let classes = ops::argmax(&probabilities, -1).eval().unwrap();
    let right = classes.as_slice::<i32>().unwrap().iter().zip(y.as_slice::<u8>().unwrap());
    let right = right.filter(|(a, b)| **a == i32::from(**b)).count();
    assert!(right > 285, "{right} of 300");
    // evaluate and predict agree, whatever the batch size.
    let score = model.evaluate(&x, &y).batch_size(64).verbose(0).run().unwrap();
    assert!((score["accuracy"] - right as f64 / 300.0).abs() < 1e-6);
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let (x, y) = clouds(100);
    let train = || {
        utils::set_random_seed(42);
        let mut model = classifier();
        model.fit(&x, &y).epochs(3).verbose(0).run().unwrap();
        model.get_weights().unwrap()
    };
    assert_eq!(train(), train());
    let first = train();
    utils::set_random_seed(43);
    let mut other = classifier();
    other.fit(&x, &y).epochs(3).verbose(0).run().unwrap();
    assert_ne!(first, other.get_weights().unwrap());
}

#[test]
fn dropout_drops_in_training_only() {
    utils::set_random_seed(3);
    let x = Array::new([100, 50], vec![1.0f32; 5000]).unwrap();
    let mut model: Model = Sequential::new().add(Input::new([50])).add(Dropout::new(0.4)).into();
    assert_eq!(model.predict(&x).run().unwrap(), x);
    // The loss of the inputs against zeros is the mean of the outputs' squares:
    // 0.6 of them are (1/0.6)².
    model.compile("sgd", "mse").build().unwrap();
    let zeros = Array::zeros([100, 50], DType::F32);
    let mut losses = vec![];
    for _ in 0..3 {
        losses.push(model.train_on_batch(&x, &zeros).unwrap()["loss"]);
    }
    assert!(losses.iter().all(|l| (l - 1.0 / 0.6).abs() < 0.1), "{losses:?}");
    assert!(losses[0] != losses[1] && losses[1] != losses[2], "other numbers at every step");
}

#[test]
fn a_shared_tower_has_one_set_of_weights() {
    utils::set_random_seed(5);
    let tower = Sequential::new().add(Dense::new(8).activation("relu")).add(Dense::new(4));
    let (left, right) = (Input::tensor([6]), Input::tensor([6]));
    let distance = Lambda::new(|t| ops::norm(&t[0] - &t[1], Axis::new(1).keepdims()))
        .call([tower.call(&left), tower.call(&right)]);
    let model = Model::new([&left, &right], &distance).unwrap();
    assert_eq!(model.weights().unwrap().len(), 4);
    assert_eq!(model.count_params().unwrap(), 7 * 8 + 9 * 4);
    // The tower taken out of the model is the tower.
    let alone = model.get_model(tower.name()).unwrap();
    let x = Array::new([2, 6], (0..12).map(|i| i as f32).collect()).unwrap();
    let embeddings = alone.predict(&x).run().unwrap();
    let (a, b) = (embeddings.slice_rows(0, 1).unwrap(), embeddings.slice_rows(1, 2).unwrap());
    let by_hand = ops::norm(Tensor::from(a) - Tensor::from(b), Axis::ALL).item().unwrap();
    let inputs = [x.slice_rows(0, 1).unwrap(), x.slice_rows(1, 2).unwrap()];
    let predicted = model.predict(inputs).run().unwrap().item().unwrap();
    assert!((by_hand - predicted).abs() < 1e-5, "{by_hand} {predicted}");
    // A model called on arrays is an expression that can be evaluated.
    let called = alone.call(Tensor::from(&x)).eval().unwrap();
    assert_eq!(called.shape(), [2, 4]);
}

#[test]
fn a_pair_of_equal_images_does_no_harm() {
    utils::set_random_seed(6);
    let tower = Sequential::new().add(Dense::new(4));
    let (left, right) = (Input::tensor([3]), Input::tensor([3]));
    let distance = ops::norm(tower.call(&left) - tower.call(&right), Axis::new(1).keepdims());
    let mut model = Model::new([&left, &right], &distance).unwrap();
    model.compile("adam", |y: &Tensor, d: &Tensor| (y - d).square()).build().unwrap();
    let x = Array::new([4, 3], (0..12).map(|i| i as f32 / 12.0).collect()).unwrap();
    let y = Array::new([4, 1], vec![1u8, 0, 1, 0]).unwrap();
    let history = model.fit([&x, &x], &y).epochs(3).verbose(0).run().unwrap();
    assert!(history["loss"].iter().all(|l| l.is_finite()));
    for weight in model.get_weights().unwrap() {
        assert!(weight.as_slice::<f32>().unwrap().iter().all(|w| w.is_finite()));
    }
}

#[test]
fn a_stop_flag_keeps_what_was_trained() {
    let (x, y) = clouds(64);
    let mut model = classifier();
    let flag = Arc::new(AtomicBool::new(true));
    let history = model.fit(&x, &y).epochs(5).stop_flag(flag).verbose(0).run().unwrap();
    assert!(history.stopped);
    assert!(history.epochs.is_empty());
    assert!(model.predict(&x).run().is_ok());
}

#[test]
fn images_stay_bytes_until_they_are_used() {
    utils::set_random_seed(7);
    let bytes = Array::new([8, 4], (0..32u8).map(|i| i * 8).collect()).unwrap();
    let floats = bytes.rescale(1.0 / 255.0).to_array().unwrap();
    let model: Model = Sequential::new().add(Input::new([4])).add(Dense::new(2)).into();
    let from_bytes = model.predict(bytes.rescale(1.0 / 255.0)).run().unwrap();
    let from_floats = model.predict(&floats).run().unwrap();
    assert_eq!(from_bytes, from_floats);
}

#[test]
fn training_goes_on_where_it_was() {
    let (x, y) = clouds(60);
    let fit = |model: &mut Model, epochs: usize, initial: usize| {
        model
            .fit(&x, &y)
            .epochs(epochs)
            .initial_epoch(initial)
            .shuffle(false)
            .verbose(0)
            .run()
            .unwrap()
    };
    let build = || {
        utils::set_random_seed(9);
        let mut model: Model =
            Sequential::new().add(Input::new([2])).add(Dense::new(3).activation("softmax")).into();
        model.compile(RMSprop::default(), "sparse_categorical_crossentropy").build().unwrap();
        model
    };
    let (mut once, mut twice) = (build(), build());
    fit(&mut once, 4, 0);
    fit(&mut twice, 2, 0);
    let history = fit(&mut twice, 4, 2);
    assert_eq!(history.epochs, [2, 3]);
    assert_eq!(once.get_weights().unwrap(), twice.get_weights().unwrap());
}

#[test]
fn the_learning_rate_can_be_changed() {
    let (x, y) = clouds(30);
    let mut model = classifier();
    model.set_learning_rate(0.0).unwrap();
    let before = model.get_weights().unwrap();
    model.fit(&x, &y).verbose(0).run().unwrap();
    assert_eq!(before, model.get_weights().unwrap());
    assert_eq!(model.learning_rate().unwrap(), 0.0);
}

#[test]
fn the_program_of_a_step_can_be_read() {
    let (x, y) = clouds(64);
    let mut model = classifier();
    let text = model.show_program(&x, &y, 32).unwrap();
    for part in ["gather", "matmul", "fused over (32, 16)", "update", "dropout"] {
        assert!(text.contains(part), "no '{part}' in\n{text}");
    }
}

#[test]
fn a_layer_added_late_is_part_of_the_model() {
    let mut model = Sequential::new().add(Input::new([3])).add(Dense::new(2));
    assert!(model.summary().to_string().contains("Total params: 8"));
    model.push(Dense::new(1));
    assert!(model.summary().to_string().contains("Total params: 11"));
    let x = Array::zeros([2, 3], DType::F32);
    assert_eq!(model.predict(&x).run().unwrap().shape(), [2, 1]);
    // A model as the first layer brings its input with it.
    let outer = Sequential::new().add(model).add(Flatten);
    assert_eq!(outer.count_params().unwrap(), 11);
}

#[test]
fn frozen_layers_stay_as_they_are() {
    let (x, y) = clouds(64);
    let mut model = classifier();
    let first = model.layers()[0].clone();
    first.set_trainable(false);
    model.compile("sgd", "sparse_categorical_crossentropy").build().unwrap();
    let before: Vec<Array> = first.weights().iter().map(|w| w.value()).collect();
    model.fit(&x, &y).verbose(0).run().unwrap();
    let after: Vec<Array> = first.weights().iter().map(|w| w.value()).collect();
    assert_eq!(before, after);
    assert_eq!(model.trainable_weights().unwrap().len(), 2);
}

#[test]
fn gradients_of_repeated_and_computed_tensors() {
    let x = Tensor::from([1.0f32, 2.0]);
    let loss = ops::sum(x.square(), Axis::ALL);
    let both = cornu::gradients(&loss, &[&x, &x]).unwrap();
    assert_eq!(both[0], both[1]);
    let y = x.square();
    let product = ops::sum(&y * &x, Axis::ALL);
    let of = cornu::gradients(&product, &[&x, &y]).unwrap();
    assert_eq!(of[0].as_slice::<f32>().unwrap(), [3.0, 12.0]);
    assert_eq!(of[1].as_slice::<f32>().unwrap(), [1.0, 2.0]);
}

/// Two rows for each sample, one for all, and one for each: of one batch all that the model gives,
/// of several only what can be put together.
#[test]
fn outputs_whose_rows_are_not_the_samples() {
    let x = Input::tensor([1]);
    let twice = Concatenate::new().axis(0).call([&x, &x]);
    let total = ops::sum(&x, Axis::new(0).keepdims());
    let data = Array::new([3, 1], vec![1.0f32, 2.0, 3.0]).unwrap();
    let model = Model::new(&x, [&twice, &total, &x]).unwrap();
    let outputs = model.predict(&data).run_all().unwrap();
    assert_eq!(outputs[0].as_slice::<f32>().unwrap(), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    assert_eq!(outputs[1].as_slice::<f32>().unwrap(), [6.0]);
    assert_eq!(outputs[2], data);
    let error = model.predict(&data).batch_size(2).run_all().unwrap_err().to_string();
    assert!(error.contains("cannot be put together"), "{error}");
}

#[test]
fn each_output_has_its_metrics_weighted_or_not() {
    let x = Input::tensor([1]);
    let double = Lambda::new(|x: &[Tensor]| &x[0] * 2.0).name("double").call(&x);
    let same = Lambda::new(|x: &[Tensor]| &x[0] * 1.0).name("same").call(&x);
    let mut model = Model::new(&x, [&double, &same]).unwrap();
    let compile = model.compile("sgd", "mse").loss("mse");
    compile.weighted_metric_of(1, "mae").metric_of(0, "mae").build().unwrap();
    let column = |values: [f32; 3]| Array::new([3, 1], values.to_vec()).unwrap();
    let (data, zeros) = (column([1.0, 2.0, 6.0]), column([0.0; 3]));
    let weights = Array::new([3], vec![1.0f32, 3.0, 0.0]).unwrap();
    let logs = model.evaluate(&data, [&zeros, &zeros]).sample_weight(&weights).run().unwrap();
    assert_eq!((logs["double_mae"], logs["same_mae"]), (6.0, 7.0 / 4.0));
    let compile = model.compile("sgd", "mse").loss("mse").weighted_metric_of(2, "mae");
    assert!(compile.build().unwrap_err().to_string().contains("there is no output 2"));
}

#[test]
fn empty_dimensions_are_no_trouble() {
    let empty = Tensor::from(Array::zeros([2, 0], DType::F32));
    assert_eq!(ops::softmax(&empty, -1).eval().unwrap().shape(), [2, 0]);
    assert_eq!(ops::one_hot(Tensor::from([1i32, 2]), 0).eval().unwrap().shape(), [2, 0]);
}

#[test]
fn deep_expressions_need_no_deep_stack() {
    let one = Tensor::from(1.0f32);
    let sum = (0..20_000).fold(Tensor::from(0.0f32), |x, _| x + &one);
    assert_eq!(sum.item().unwrap(), 20_000.0);
}

#[test]
fn a_schedule_decides_the_learning_rate_of_each_epoch() {
    let (x, y) = clouds(30);
    let mut model = classifier();
    let seen = std::cell::RefCell::new(vec![]);
    let schedule = |epoch: usize, rate: f32| {
        seen.borrow_mut().push((epoch, rate));
        rate / 2.0
    };
    model.fit(&x, &y).epochs(3).learning_rate_schedule(schedule).verbose(0).run().unwrap();
    assert_eq!(*seen.borrow(), [(0, 0.01), (1, 0.005), (2, 0.0025)]);
    assert_eq!(model.learning_rate().unwrap(), 0.00125);
}

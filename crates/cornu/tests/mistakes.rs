//! What users do wrong, and what they are told: what, where, and what to do about it.

use cornu::prelude::*;
use std::fmt::Debug;

/// The message of what must be an error.
#[track_caller]
fn message<T: Debug>(result: Result<T>) -> String {
    result.expect_err("this is a mistake").to_string()
}

/// Checks that a message has all of these parts.
#[track_caller]
fn expect(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in:\n{message}");
    }
}

fn floats(shape: &[usize]) -> Array {
    let count: usize = shape.iter().product();
    Array::new(shape, (0..count).map(|i| (i % 7) as f32 / 7.0).collect()).unwrap()
}

/// 3 features to 2 outputs, compiled.
fn small_model(loss: &str) -> Model {
    let mut model: Model =
        Sequential::new().add(Input::new([3])).add(Dense::new(2).activation("softmax")).into();
    model.compile("sgd", loss).build().unwrap();
    model
}

#[test]
fn data_of_another_shape() {
    let mut model = small_model("mse");
    let line = line!() + 1;
    let text = message(model.fit(floats(&[4, 5]), floats(&[4, 2])).run());
    expect(&text, &["shape (3,)", "shape (5,)", "input_layer", "Input::new([3])"]);
    expect(&text, &[&format!("mistakes.rs:{line}")]);
    let text = message(model.predict(floats(&[4, 5])).run());
    expect(&text, &["shape (3,)", "shape (5,)"]);
    let mut image: Model =
        Sequential::new().add(Input::new([2, 3])).add(Flatten).add(Dense::new(1)).into();
    image.compile("sgd", "mse").build().unwrap();
    let text = message(image.fit(floats(&[4, 6]), floats(&[4, 1])).run());
    expect(&text, &["reshape the data", "[2, 3]"]);
}

#[test]
fn targets_of_another_shape() {
    let mut model = small_model("mse");
    let text = message(model.fit(floats(&[4, 3]), floats(&[4, 5])).run());
    expect(&text, &["(4, 5)", "(4, 2)"]);
    let text = message(model.fit(floats(&[4, 3]), floats(&[3, 2])).run());
    expect(&text, &["equally many samples", "4", "3"]);
    let text = message(model.fit(floats(&[4, 3]), [floats(&[4, 2]), floats(&[4, 2])]).run());
    expect(&text, &["1 outputs", "2 arrays"]);
}

#[test]
fn a_dense_layer_on_an_unknown_dimension() {
    let x = ops::transpose(Input::tensor([784]), None);
    let line = line!() + 1;
    let text = message(Dense::new(10).name("logits").call(&x).check().cloned());
    expect(&text, &["logits (Dense)", "(784, None)", "last dimension"]);
    expect(&text, &[&format!("mistakes.rs:{line}")]);
}

#[test]
fn shapes_that_do_not_broadcast() {
    let (a, b) = (Tensor::from([1.0f32, 2.0]), Tensor::from([1.0f32, 2.0, 3.0]));
    let line = line!() + 1;
    let sum = &a + &b;
    // The mistake travels through everything that is done with it.
    let text = message(ops::mean(sum.square() * 2.0, Axis::ALL).eval());
    expect(&text, &["(2,)", "(3,)", "do not broadcast", &format!("mistakes.rs:{line}")]);
    let text = message(ops::matmul(floats(&[2, 3]), floats(&[2, 3])).eval());
    expect(&text, &["(2, 3) and (2, 3)", "inner dimensions"]);
}

#[test]
fn a_mistake_inside_a_layer_names_the_layer_and_the_users_line() {
    let line = line!() + 4;
    let model = Sequential::new()
        .add(Input::new([3]))
        .add(Flatten)
        .add(Lambda::new(|x| &x[0] + Tensor::from([1.0f32, 2.0])));
    let text = message(model.count_params());
    expect(&text, &["lambda", "(Lambda)", "(None, 3) and (2,)", &format!("mistakes.rs:{line}")]);
}

#[test]
fn labels_outside_the_classes() {
    let mut model = small_model("sparse_categorical_crossentropy");
    let labels = Array::new([4], vec![0u8, 1, 2, 1]).unwrap();
    let text = message(model.fit(floats(&[4, 3]), &labels).run());
    expect(&text, &["label 2", "2 classes", "from 0 to 1"]);
}

#[test]
fn names_that_are_not_known() {
    let x = Input::tensor([3]);
    let text = message(Dense::new(2).activation("sofmax").call(&x).check().cloned());
    expect(&text, &["no activation named 'sofmax'", "did you mean 'softmax'?"]);
    let text = message(Dense::new(2).kernel_initializer("he_norml").call(&x).check().cloned());
    expect(&text, &["no initializer named 'he_norml'", "did you mean 'he_normal'?"]);

    let mut model = small_model("mse");
    let text = message(model.compile("sgd", "categorical_crossentrpy").build());
    expect(&text, &["no loss named", "did you mean 'categorical_crossentropy'?"]);
    let text = message(model.compile("rmsprp", "mse").build());
    expect(&text, &["no optimizer named 'rmsprp'", "did you mean 'RMSprop'?"]);
    let text = message(model.compile("sgd", "mse").metric("acuracy").build());
    expect(&text, &["no metric named 'acuracy'", "did you mean 'accuracy'?"]);
    let text = message(model.get_layer("dens"));
    expect(&text, &["no layer named 'dens'", "did you mean 'dense"]);
}

#[test]
fn fit_before_compile() {
    let mut model: Model = Sequential::new().add(Input::new([3])).add(Dense::new(2)).into();
    for text in [
        message(model.fit(floats(&[4, 3]), floats(&[4, 2])).run()),
        message(model.evaluate(floats(&[4, 3]), floats(&[4, 2])).run()),
    ] {
        expect(&text, &["compiled model", "model.compile(", "mistakes.rs:"]);
    }
}

#[test]
fn empty_data() {
    let mut model = small_model("mse");
    let text = message(model.fit(floats(&[0, 3]), floats(&[0, 2])).run());
    expect(&text, &["empty"]);
    let text = message(model.predict(floats(&[0, 3])).run());
    expect(&text, &["empty"]);
    let text = message(model.fit(Array::scalar(1.0f32), floats(&[1, 2])).run());
    expect(&text, &["first dimension of samples"]);
}

#[test]
fn a_loss_that_is_not_a_number() {
    let mut model = small_model("mse");
    let mut x = floats(&[4, 3]);
    x.as_mut_slice::<f32>().unwrap()[5] = f32::NAN;
    let text = message(model.fit(&x, floats(&[4, 2])).verbose(0).run());
    expect(&text, &["not finite", "step 1 of epoch 1", "trace_nan"]);

    // Finite data, but a logarithm of a negative number on the way.
    let mut model: Model = Sequential::new()
        .add(Input::new([3]))
        .add(Lambda::new(|x| ops::log(&x[0] - 10.0)).name("broken"))
        .add(Dense::new(2))
        .into();
    model.compile("sgd", "mse").build().unwrap();
    let (x, y) = (floats(&[4, 3]), floats(&[4, 2]));
    let text = message(model.fit(&x, &y).trace_nan(true).verbose(0).run());
    expect(&text, &["first in log of broken", "not finite"]);
    assert!(model.fit(&x, &y).allow_nan(true).verbose(0).run().is_ok());
}

#[test]
fn more_validation_than_data() {
    let mut model = small_model("mse");
    for split in [1.0, 1.5, -0.1, 0.999] {
        let (x, y) = (floats(&[4, 3]), floats(&[4, 2]));
        let text = message(model.fit(&x, &y).validation_split(split).run());
        expect(&text, &["validation_split", "4 samples"]);
    }
}

#[test]
fn weights_that_do_not_learn() {
    let x = Input::tensor([3]);
    let used = Dense::new(2).call(&x);
    // Its result is multiplied away without a gradient.
    let lost = ops::stop_gradient(Dense::new(2).name("lost").call(&x));
    let mut model = Model::new(&x, used + lost).unwrap();
    model.compile("sgd", "mse").build().unwrap();
    let text = message(model.fit(floats(&[4, 3]), floats(&[4, 2])).run());
    expect(&text, &["'lost/kernel'", "does not depend", "set_trainable(false)"]);
    for weight in model.get_layer("lost").unwrap().weights() {
        weight.set_trainable(false);
    }
    model.compile("sgd", "mse").build().unwrap();
    assert!(model.fit(floats(&[4, 3]), floats(&[4, 2])).verbose(0).run().is_ok());
}

#[test]
fn models_that_are_not_whole() {
    let (x, other) = (Input::tensor([3]), Input::new([3]).name("other").into());
    let y = Dense::new(2).call(&x + &other);
    let text = message(Model::new(&x, &y));
    expect(&text, &["'other'", "not among the model's inputs"]);
    let text = message(Model::new(&y, &y));
    expect(&text, &["must be Input tensors"]);
    let text = message(Sequential::new().add(Dense::new(2)).count_params());
    expect(&text, &["not built", "Input"]);
    let text = message(Sequential::new().add(Input::new([3])).count_params());
    expect(&text, &["no layers"]);
    let text = message(Sequential::new().add(Dense::new(2)).add(Input::new([3])).count_params());
    expect(&text, &["must be the first"]);
    let text = message(Input::tensor([3]).eval());
    expect(&text, &["depends on an Input", "predict"]);
}

#[test]
fn a_layer_shared_between_two_shapes() {
    let shared = Dense::new(2).name("shared");
    let first = shared.call(Input::tensor([3]));
    assert!(first.check().is_ok());
    let text = message(shared.call(Input::tensor([4])).check().cloned());
    expect(&text, &["shared (Dense)", "(3, 2)", "(4, 2)", "make a second layer"]);
}

#[test]
fn weights_that_do_not_fit() {
    let mut model = small_model("mse");
    let text = message(model.set_weights(vec![floats(&[3, 2])]));
    expect(&text, &["2 weights", "1 arrays"]);
    let before = model.get_weights().unwrap();
    let text = message(model.set_weights(vec![floats(&[3, 2]), floats(&[3])]));
    expect(&text, &["bias", "(2,)", "(3,)"]);
    assert_eq!(model.get_weights().unwrap(), before);
}

#[test]
fn numbers_out_of_range() {
    let x = Input::tensor([3]);
    expect(&message(Dropout::new(1.5).call(&x).check().cloned()), &["rate", "1.5"]);
    expect(&message(Dense::new(0).call(&x).check().cloned()), &["units", "at least 1"]);
    expect(&message(utils::set_threads(0)), &["at least 1"]);
    let mut model = small_model("mse");
    let (x, y) = (floats(&[4, 3]), floats(&[4, 2]));
    expect(&message(model.fit(&x, &y).batch_size(0).run()), &["batch_size", "at least 1"]);
    expect(&message(model.compile("sgd", "mse").loss("mse").build()), &["1 outputs", "2 losses"]);
}

#[test]
fn a_layer_made_inside_a_lambda() {
    // Its weights would be made anew for every program and never be saved.
    let mut model: Model = Sequential::new()
        .add(Input::new([3]))
        .add(Lambda::new(|x| Dense::new(2).name("inner").call(&x[0])))
        .into();
    model.compile("sgd", "mse").build().unwrap();
    let text = message(model.fit(floats(&[4, 3]), floats(&[4, 2])).run());
    expect(&text, &["'inner/kernel'", "belongs to no layer", "Layer::layers"]);
    let text = message(model.predict(floats(&[4, 3])).run());
    expect(&text, &["'inner/kernel'"]);
}

#[test]
fn models_that_grow_or_swallow_themselves() {
    let mut tower = Sequential::new().add(Input::new([3])).add(Dense::new(4));
    let x = Input::tensor([3]);
    let model = Model::new(&x, tower.call(&x)).unwrap();
    tower.push(Dense::new(7));
    expect(&message(tower.count_params()), &["another model uses", "mistakes.rs:"]);
    assert_eq!(model.predict(floats(&[2, 3])).run().unwrap().shape(), [2, 4]);

    let mut ring = Sequential::new().add(Input::new([3])).add(Dense::new(3));
    let itself = ring.as_layer();
    ring.push(itself);
    expect(&message(ring.count_params()), &["cannot contain itself"]);
}

#[test]
fn two_layers_of_one_name() {
    let x = Input::tensor([3]);
    let y = Dense::new(3).name("a").call(Dense::new(3).name("a").call(&x));
    expect(&message(Model::new(&x, &y)), &["named 'a'", ".name("]);
    let chain = Sequential::new().add(Dense::new(3).name("b")).add(Dense::new(3).name("b"));
    expect(&message(chain.count_params()), &["named 'b'"]);
}

#[test]
fn outputs_without_a_row_for_each_sample() {
    let x = Input::tensor([3]);
    let model = Model::new(&x, ops::mean(&x, Axis::ALL)).unwrap();
    let text = message(model.predict(floats(&[5, 3])).batch_size(2).run());
    expect(&text, &["shape ()", "one row for each sample", "batch_size"]);
    assert_eq!(model.predict(floats(&[5, 3])).run().unwrap().len(), 1);
}

#[test]
fn labels_that_are_no_classes() {
    let mut model = small_model("sparse_categorical_crossentropy");
    for bad in [f32::NAN, 0.5, -1.0] {
        let y = Array::new([4], vec![0.0, 1.0, bad, 0.0]).unwrap();
        expect(&message(model.fit(floats(&[4, 3]), &y).run()), &["label", "2 classes"]);
    }
    // Rows that are not chosen do not matter, nor does a label that the loss ignores.
    let y = Array::new([4], vec![0u8, 1, 9, 0]).unwrap();
    let (x, chosen) = (Column::new(floats(&[4, 3])), [0, 1, 3]);
    let y = Column::new(y);
    let fit = model.fit(x.select(chosen).unwrap(), y.select(chosen).unwrap());
    assert!(fit.verbose(0).run().is_ok());
    let ignoring = cornu::losses::SparseCategoricalCrossentropy::default().ignore_class(-1);
    model.compile("sgd", ignoring).build().unwrap();
    let y = Array::new([4], vec![0i32, 1, -1, 0]).unwrap();
    assert!(model.fit(floats(&[4, 3]), &y).verbose(0).run().is_ok());
}

#[test]
fn weights_of_samples_that_do_not_fit() {
    let mut model = small_model("sparse_categorical_crossentropy");
    let y = Array::new([4], vec![0u8, 1, 1, 0]).unwrap();
    let fit = model.fit(floats(&[4, 3]), &y).class_weight([(0, 2.0)]);
    let text = message(fit.sample_weight(floats(&[4, 2])).run());
    expect(&text, &["sample_weight", "(4, 2)"]);
}

#[test]
fn a_first_wrong_call_does_no_lasting_harm() {
    let mut model: Model = Sequential::new().add(Dense::new(2)).into();
    model.compile("sgd", "mse").build().unwrap();
    assert!(model.fit(floats(&[4]), floats(&[4, 2])).verbose(0).run().is_err());
    assert!(model.fit(floats(&[4, 3]), floats(&[4, 2])).verbose(0).run().is_ok());
    // A panic in a closure leaves the model compiled.
    model.compile("sgd", |_: &Tensor, _: &Tensor| -> Tensor { panic!("mine") }).build().unwrap();
    for _ in 0..2 {
        let fit = model.fit(floats(&[4, 3]), floats(&[4, 2]));
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fit.run()));
        assert_eq!(*panic.unwrap_err().downcast_ref::<&str>().unwrap(), "mine");
    }
}

#[test]
fn settings_that_make_no_sense() {
    let mut model = small_model("mse");
    for rate in [f32::NAN, -1.0, f32::INFINITY] {
        let sgd = SGD::default().learning_rate(rate);
        expect(&message(model.compile(sgd, "mse").build()), &["learning_rate"]);
        assert!(model.set_learning_rate(rate).is_err());
    }
    expect(&message(utils::set_threads(200_000)), &["at most 1024"]);
}

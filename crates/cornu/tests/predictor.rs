//! Predictors: they tell what `predict` tells, of any model, with the weights of the moment.

use cornu::prelude::*;
use cornu::{Dim, Elements};

fn classifier() -> Sequential {
    Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(8).activation("relu"))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(3).activation("softmax"))
}

fn samples(count: usize) -> Array {
    let values = (0..count * 4).map(|i| (i as f32 * 0.7).sin()).collect();
    Array::new([count, 4], values).unwrap()
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("it is an error").to_string()
}

#[test]
fn it_predicts_what_predict_does_with_the_weights_of_the_moment() {
    let mut model = classifier();
    model.compile("adam", "sparse_categorical_crossentropy").build().unwrap();
    let x = samples(6);
    let y = Array::new([6], vec![0i32, 1, 2, 0, 1, 2]).unwrap();
    let (mut all, mut one) = (model.predictor(6).unwrap(), model.predictor(1).unwrap());
    let mut before = None;
    for _ in 0..3 {
        let wanted = model.predict(&x).batch_size(6).run().unwrap();
        let wanted = wanted.as_slice::<f32>().unwrap();
        let x = x.as_slice::<f32>().unwrap();
        assert_eq!(all.run(x).unwrap(), wanted);
        assert_ne!(before.replace(wanted.to_vec()).as_deref(), Some(wanted), "nothing was trained");
        for (sample, wanted) in x.chunks(4).zip(wanted.chunks(3)) {
            let given = one.run(sample).unwrap();
            assert!(given.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6));
        }
        model.fit(samples(6), &y).verbose(0).epochs(2).run().unwrap();
    }
}

#[test]
fn it_goes_to_another_thread_while_the_model_is_trained() {
    let mut model = classifier();
    model.compile("sgd", "sparse_categorical_crossentropy").build().unwrap();
    let mut predictor = model.predictor(1).unwrap();
    let y = Array::new([6], vec![0i32, 1, 2, 0, 1, 2]).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..200 {
                let sum: f32 = predictor.run(&[0.1f32, 0.2, 0.3, 0.4]).unwrap().iter().sum();
                assert!((sum - 1.0).abs() < 1e-5);
            }
        });
        model.fit(samples(6), &y).verbose(0).epochs(50).run().unwrap();
    });
}

#[test]
fn several_inputs_and_outputs_of_several_types() {
    let (words, number) = (Input::new([2]).dtype(DType::I32), Input::tensor([3]));
    let words = Tensor::from(words);
    let known = ops::equal(&words, 1);
    let model = Model::new([&words, &number], [&known, &(&number * 2.0)]).unwrap();
    let mut predictor = model.predictor(2).unwrap();
    let shapes: Vec<&Shape> = predictor.output_types().iter().map(|ty| &ty.shape).collect();
    assert_eq!(shapes, [&Shape::from([2, 2]), &Shape::from([2, 3])]);
    assert_eq!(predictor.input_types().next().unwrap().shape.dims()[0], Dim::Known(2));

    let number = Array::new([2, 3], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let words: Elements = (&[1, 2, 3, 1]).into();
    predictor.run_all(&[words, (&number).into()]).unwrap();
    assert_eq!(predictor.output::<bool>(0).unwrap(), [true, false, false, true]);
    assert_eq!(predictor.output::<f32>(1).unwrap(), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);

    assert!(message(predictor.output::<f32>(0)).contains("output 0 of the model is bool"));
    assert!(message(predictor.output::<f32>(2)).contains("the model has 2"));
    assert!(message(predictor.run(&[1.0f32])).contains("run_all"));
    assert!(message(predictor.run_all(&[words])).contains("2 inputs, but 1 were given"));
}

/// Two images, each through the same layers.
fn twins() -> Model {
    let tower = Sequential::new()
        .add(Input::new([12, 12, 1]))
        .add(Conv2D::new(4, (3, 3)).activation("relu"))
        .add(BatchNormalization::new())
        .add(MaxPooling2D::new((2, 2)))
        .add(Flatten::new())
        .add(Dense::new(8));
    let (left, right) = (Input::tensor([12, 12, 1]), Input::tensor([12, 12, 1]));
    let (a, b) = (tower.call(&left), tower.call(&right));
    let distance = ops::sqrt(ops::sum(ops::square(&a - &b), Axis::new(-1).keepdims()));
    Model::new([&left, &right], [&distance, &a]).unwrap()
}

#[test]
fn large_batches_are_done_in_strips_and_tell_the_same() {
    let count = 1111;
    let pixels =
        |scale: usize| (0..count * 144).map(|i| (i * scale % 251) as f32 / 251.0).collect();
    let shape = [count, 12, 12, 1];
    let left: Array = Array::new(shape, pixels(7)).unwrap();
    let right: Array = Array::new(shape, pixels(13)).unwrap();
    let mut model = twins();
    let mut large = model.predictor(count).unwrap();
    for round in 0..2 {
        large.run_all(&[(&left).into(), (&right).into()]).unwrap();
        let wanted = model.predict([&left, &right]).batch_size(10).run_all().unwrap();
        let at_once = model.predict([&left, &right]).batch_size(count).run_all().unwrap();
        for (index, wanted) in wanted.iter().enumerate() {
            let given = large.output::<f32>(index).unwrap();
            assert_eq!(given, at_once[index].as_slice::<f32>().unwrap());
            assert_eq!(wanted.shape(), at_once[index].shape());
            let wanted = wanted.as_slice::<f32>().unwrap();
            let far = given.iter().zip(wanted).find(|(a, b)| (*a - *b).abs() > 1e-5);
            assert!(far.is_none() && wanted.iter().any(|x| *x != 0.0), "{round} {index} {far:?}");
        }
        let weights = model.get_weights().unwrap().into_iter();
        let doubled: Vec<Array> = weights.map(|w| ops::multiply(&w, 2.0).eval().unwrap()).collect();
        model.set_weights(doubled).unwrap();
    }
    let error =
        message(large.run_all(&[(&left).into(), right.as_slice::<f32>().unwrap()[1..].into()]));
    assert!(error.contains("is 159984 numbers, not 159983"), "{error}");
}

#[test]
fn what_needs_all_samples_sees_them_all() {
    let x = Input::tensor([4]);
    let centered = &x - ops::mean(&x, Axis::new(0).keepdims());
    let model = Model::new([&x], [&centered]).unwrap();
    let mut predictor = model.predictor(3000).unwrap();
    let given = predictor.run(samples(3000).as_slice::<f32>().unwrap()).unwrap();
    for column in 0..4 {
        let sum: f32 = given.iter().skip(column).step_by(4).sum();
        assert!(sum.abs() < 0.05, "{sum}");
    }
}

#[test]
fn mistakes_are_told() {
    let model = classifier();
    let mut predictor = model.predictor(2).unwrap();
    let error = message(predictor.run(&[0.0f32; 7]));
    assert!(error.contains("shape (2, 4), which is 8 numbers, not 7"), "{error}");
    let error = message(predictor.run(&[0u8; 8]));
    assert!(error.contains("takes float32, not uint8"), "{error}");
    let error = message(model.predictor(0));
    assert!(error.contains("at least 1") && error.contains("predictor.rs"), "{error}");
    for batch in [1 << 40, 1 << 60, usize::MAX] {
        let error = message(model.predictor(batch));
        assert!(error.contains("memory"), "{error}");
    }
    let unbuilt = Sequential::new().add(Dense::new(3));
    assert!(unbuilt.predictor(1).is_err());
}

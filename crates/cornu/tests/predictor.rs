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
    let unbuilt = Sequential::new().add(Dense::new(3));
    assert!(unbuilt.predictor(1).is_err());
}

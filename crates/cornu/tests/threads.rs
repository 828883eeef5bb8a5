//! One thread and two train to the same result. Alone in its file: the number of threads is the
//! whole program's.

use cornu::prelude::*;

#[test]
fn one_thread_and_two_train_to_the_same_accuracy() {
    let rows = 256;
    let value = |i: usize| ((i * 2_654_435_761) % 1000) as f32 / 500.0 - 1.0;
    let x = Array::new([rows, 64], (0..rows * 64).map(value).collect()).unwrap();
    let above: Vec<u8> = x
        .as_slice::<f32>()
        .unwrap()
        .chunks(64)
        .map(|row| u8::from(row[..8].iter().sum::<f32>() > 0.0))
        .collect();
    let y = Array::new([rows, 1], above).unwrap();
    let train = |threads: usize| {
        utils::set_threads(threads).unwrap();
        utils::set_random_seed(11);
        let mut model: Model = Sequential::new()
            .add(Input::new([64]))
            .add(Dense::new(128).activation("relu"))
            .add(Dense::new(1).activation("sigmoid"))
            .into();
        model.compile("adam", "binary_crossentropy").metric("accuracy").build().unwrap();
        let history = model.fit(&x, &y).epochs(25).verbose(0).run().unwrap();
        (history.last("accuracy").unwrap(), model.get_weights().unwrap())
    };
    let ((one, weights), (two, _)) = (train(1), train(2));
    assert!(one > 0.95, "{one}");
    assert!((one - two).abs() <= 0.01, "{one} and {two}");
    // And with the same number of threads, to the bit.
    assert_eq!(weights, train(1).1);
}
